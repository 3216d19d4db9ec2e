//! Each operation, with values of several lengths. A round lasts as long as the command line says,
//! or until every key was read once where that is the point. Every answer is checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use isolane_kv::{
    EmbeddedOptions, EmbeddedStore, ListRequest, Lookup, Namespace, Put, Store, StoreError,
};

use crate::data::{self, Numbers};
use crate::figures::{self, Round};
use crate::{Failed, Options};

/// Lengths of values, with how many keys have one of that length.
const LENGTHS: [(&str, usize, u64); 3] =
    [("100 B", 100, 20_000), ("10 KB", 10_000, 5_000), ("1 MB", 1_000_000, 50)];
/// Keys that are read again and again: with values of up to 10 KB all of them are in the cache.
const HOT_KEYS: u64 = 1_000;
/// Writers put keys from this number on; 1 MB under few of them, so that the disk is not filled.
const WRITTEN: u64 = 1 << 32;
const WRITTEN_KEYS: u64 = 100_000;
const WRITTEN_LARGE_KEYS: u64 = 64;
/// Keys from this number on are never put.
const ABSENT: u64 = 1 << 40;
/// Values of so many bytes in all may wait to be put.
const MOST_WAITING: usize = 32_000_000;
const LOAD_BATCH_BYTES: usize = 1 << 20;

/// What the operations work with.
struct Bench<'a> {
    options: &'a Options,
    folder: PathBuf,
    runtime: tokio::runtime::Runtime,
    /// Absent while it is opened again.
    store: Option<Arc<EmbeddedStore>>,
    /// The next key that was never asked for and is not there.
    absent: u64,
}

/// Measures all operations.
pub(crate) fn run(folder: &Path, options: &Options) -> Result<(), Failed> {
    let mut bench = Bench {
        options,
        folder: folder.to_owned(),
        runtime: tokio::runtime::Builder::new_current_thread().build()?,
        store: None,
        absent: ABSENT,
    };
    bench.reopen()?;
    figures::header();
    for (name, bytes, keys) in LENGTHS {
        bench.load(bytes, keys)?;
        let hot = HOT_KEYS.min(keys);
        bench.operation(&format!("get hot, 1 key, {name}"), |bench| bench.get_hot(bytes, 1))?;
        bench.operation(&format!("get hot, {hot} keys, {name}"), |it| it.get_hot(bytes, hot))?;
        bench.operation(&format!("get cold, {name}"), |bench| bench.get_cold(bytes, keys))?;
        if hot == HOT_KEYS {
            bench.operation(&format!("bulk get of 100, {name}"), |bench| bench.get_many(bytes))?;
        }
    }
    bench.operation("get miss", Bench::get_miss)?;
    bench.operation("list 1000", Bench::list)?;
    for (name, bytes, _) in LENGTHS {
        // 256 values of 1 MB are more than the store lets wait.
        for writers in [1, 16, 256].into_iter().filter(|writers| bytes * writers <= MOST_WAITING) {
            let title = format!("put, {writers} at a time, {name}");
            bench.operation(&title, |bench| bench.put(bytes, writers as u64))?;
        }
    }
    Ok(())
}

impl Bench<'_> {
    /// Runs the rounds of one operation.
    fn operation(
        &mut self,
        name: &str,
        round: impl Fn(&mut Self) -> Result<Round, Failed>,
    ) -> Result<(), Failed> {
        if self.options.only.as_ref().is_some_and(|only| !name.contains(only)) {
            return Ok(());
        }
        let rounds: Vec<Round> =
            (0..self.options.rounds).map(|_| round(self)).collect::<Result<_, _>>()?;
        figures::row(name, &rounds);
        Ok(())
    }

    /// Gets keys in turn, again and again, after each was got once.
    fn get_hot(&mut self, bytes: usize, keys: u64) -> Result<Round, Failed> {
        let namespace = of_length(bytes);
        let names: Vec<String> = (0..keys).map(data::key).collect();
        for (number, name) in names.iter().enumerate() {
            self.get(&namespace, bytes, number, name)?;
        }
        self.timed(usize::MAX, |bench, turn| {
            let number = turn % names.len();
            bench.get(&namespace, bytes, number, &names[number])
        })
    }

    /// Gets each key once, after the store was opened again.
    fn get_cold(&mut self, bytes: usize, keys: u64) -> Result<Round, Failed> {
        self.reopen()?;
        let namespace = of_length(bytes);
        let names: Vec<String> = (0..keys).map(data::key).collect();
        self.timed(names.len(), |bench, number| {
            bench.get(&namespace, bytes, number, &names[number])
        })
    }

    /// Gets keys that are not there, each once.
    fn get_miss(&mut self) -> Result<Round, Failed> {
        let namespace = of_length(100);
        self.timed(usize::MAX, |bench, _| {
            bench.absent += 1;
            let key = data::key(bench.absent);
            let found = bench.wait(bench.store()?.get(&namespace, &key))?;
            check(found.is_none(), "a key that was never put is there")
        })
    }

    /// Gets 100 of the hot keys at a time.
    fn get_many(&mut self, bytes: usize) -> Result<Round, Failed> {
        let namespace = of_length(bytes);
        let names: Vec<String> = (0..HOT_KEYS).map(data::key).collect();
        let groups: Vec<&[String]> = names.chunks(100).collect();
        self.timed(usize::MAX, |bench, turn| {
            let group = turn % groups.len();
            let found = bench.wait(bench.store()?.get_many(&namespace, groups[group]))?;
            let is_right = found.iter().enumerate().all(|(at, entry)| {
                let number = (group * 100 + at) as u64;
                entry.as_ref().is_some_and(|entry| data::is_value(&entry.value, number, bytes))
            });
            check(is_right && found.len() == 100, "a bulk get is wrong")
        })
    }

    /// Lists full pages from various keys on.
    fn list(&mut self) -> Result<Round, Failed> {
        let namespace = of_length(100);
        self.timed(usize::MAX, |bench, turn| {
            let start_after = Some(format!("user:{:x}", turn % 15));
            let request = ListRequest { prefix: "user:".to_owned(), limit: 1000, start_after };
            let page = bench.wait(bench.store()?.list(&namespace, &request))?;
            let is_sorted = page.keys.is_sorted_by(|a, b| a.name < b.name);
            check(page.keys.len() == 1000 && is_sorted, "a list is wrong")
        })
    }

    /// Puts, with so many writers that each wait for their put before the next.
    fn put(&mut self, bytes: usize, writers: u64) -> Result<Round, Failed> {
        let keys = if bytes > 10_000 { WRITTEN_LARGE_KEYS } else { WRITTEN_KEYS };
        // Made once, so that making it is not what is measured.
        let value = data::value(WRITTEN, bytes);
        let store = Arc::clone(self.store()?);
        let started = Instant::now();
        let ends = started + self.options.round;
        let writers: Vec<_> = (0..writers)
            .map(|writer| {
                let (store, value) = (Arc::clone(&store), value.clone());
                self.runtime.spawn(async move {
                    let namespace = of_length(bytes);
                    let mut numbers = Numbers(writer + 1);
                    let mut each = Vec::new();
                    while Instant::now() < ends {
                        let key = data::key(WRITTEN + numbers.below(keys));
                        let began = Instant::now();
                        let put = store.put(&namespace, &key, Put::bytes(value.clone()));
                        put.await?;
                        each.push(began.elapsed());
                    }
                    Ok::<_, StoreError>(each)
                })
            })
            .collect();
        let each = self.runtime.block_on(async {
            let mut each = Vec::new();
            for writer in writers {
                each.extend(writer.await??);
            }
            Ok::<_, Failed>(each)
        })?;
        let all = started.elapsed();
        let last = data::key(WRITTEN + Numbers(1).below(keys));
        let found = self.wait(store.get(&of_length(bytes), &last))?;
        check(found == Some(value), "what was put is not there")?;
        Ok(Round { each, all })
    }

    /// Puts the keys up to `keys`, with values of that length.
    fn load(&mut self, bytes: usize, keys: u64) -> Result<(), Failed> {
        let numbers: Vec<u64> = (0..keys).collect();
        for batch in numbers.chunks((LOAD_BATCH_BYTES / bytes).max(1)) {
            let changes = batch.iter().map(|&number| data::change(number, bytes)).collect();
            self.wait(self.store()?.write(&of_length(bytes), changes))?;
        }
        Ok(())
    }

    /// Does something until the round is over, at most so often.
    fn timed(
        &mut self,
        most: usize,
        once: impl Fn(&mut Self, usize) -> Result<(), Failed>,
    ) -> Result<Round, Failed> {
        let started = Instant::now();
        let ends = started + self.options.round;
        let mut each = Vec::new();
        let mut began = started;
        while began < ends && each.len() < most {
            once(self, each.len())?;
            let now = Instant::now();
            each.push(now - began);
            began = now;
        }
        Ok(Round { each, all: started.elapsed() })
    }

    fn get(
        &self,
        namespace: &Namespace,
        bytes: usize,
        number: usize,
        name: &str,
    ) -> Result<(), Failed> {
        let found = self.wait(self.store()?.get(namespace, name))?;
        let is_right = found.is_some_and(|value| data::is_value(&value, number as u64, bytes));
        check(is_right, "a value is wrong")
    }

    /// An answer that is at hand is taken without the runtime, as an isolate's thread does.
    fn wait<T>(&self, lookup: Lookup<T>) -> Result<T, StoreError> {
        match lookup {
            Lookup::Ready(result) => result,
            Lookup::Pending(pending) => self.runtime.block_on(pending),
        }
    }

    fn store(&self) -> Result<&Arc<EmbeddedStore>, Failed> {
        self.store.as_ref().ok_or_else(|| "the store is closed".into())
    }

    fn reopen(&mut self) -> Result<(), Failed> {
        self.store = None;
        self.store = Some(Arc::new(EmbeddedStore::open(&self.folder, EmbeddedOptions::default())?));
        Ok(())
    }
}

/// The namespace of the values of that length.
fn of_length(bytes: usize) -> Namespace {
    Namespace::new(bytes.to_string())
}

fn check(is_right: bool, what: &str) -> Result<(), Failed> {
    if is_right { Ok(()) } else { Err(what.into()) }
}
