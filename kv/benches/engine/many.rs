//! What very many keys cost: loading them, reading among them, closing and opening, in time, disk
//! and memory.

use std::path::Path;
use std::time::{Duration, Instant};

use isolane_kv::{EmbeddedOptions, EmbeddedStore, ListRequest, Namespace, Store};

use crate::Failed;
use crate::data::{self, Numbers};
use crate::figures::{disk_mib, rss_mib};

const VALUE_BYTES: usize = 100;
const BATCH_KEYS: u64 = 5_000;
/// So many batches wait at a time, so that the writer is never without one.
const BATCHES_AT_A_TIME: usize = 4;
const PROGRESS_KEYS: u64 = 1_000_000;
const PAGES: u64 = 200;
const GETS: u64 = 20_000;

/// A namespace with very many keys.
struct Many<'a> {
    folder: &'a Path,
    namespace: Namespace,
    keys: u64,
    runtime: tokio::runtime::Runtime,
}

/// Shows what `keys` keys cost in a folder.
pub(crate) fn run(folder: &Path, keys: u64) -> Result<(), Failed> {
    let namespace = Namespace::new("many");
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let many = Many { folder, namespace, keys, runtime };
    let store = many.open()?;
    let started = Instant::now();
    many.load(&store)?;
    many.show("loaded", started.elapsed())?;
    many.read(&store)?;
    let started = Instant::now();
    drop(store);
    many.show("closed", started.elapsed())?;
    let store = many.open()?;
    many.read(&store)?;
    Ok(())
}

impl Many<'_> {
    fn open(&self) -> Result<EmbeddedStore, Failed> {
        let started = Instant::now();
        let store = EmbeddedStore::open(self.folder, EmbeddedOptions::default())?;
        self.show("opened", started.elapsed())?;
        Ok(store)
    }

    fn load(&self, store: &EmbeddedStore) -> Result<(), Failed> {
        let mut waiting = std::collections::VecDeque::new();
        let started = Instant::now();
        for first in (0..self.keys).step_by(BATCH_KEYS as usize) {
            let end = (first + BATCH_KEYS).min(self.keys);
            let changes = (first..end).map(|number| data::change(number, VALUE_BYTES)).collect();
            waiting.push_back(store.write(&self.namespace, changes));
            if waiting.len() == BATCHES_AT_A_TIME
                && let Some(write) = waiting.pop_front()
            {
                self.runtime.block_on(write)?;
            }
            if end.is_multiple_of(PROGRESS_KEYS) {
                self.show(&format!("{} million", end / PROGRESS_KEYS), started.elapsed())?;
            }
        }
        for write in waiting {
            self.runtime.block_on(write)?;
        }
        Ok(())
    }

    /// Lists pages and gets keys, from all over the namespace.
    fn read(&self, store: &EmbeddedStore) -> Result<(), Failed> {
        let mut numbers = Numbers(0x2545_F491_4F6C_DD1D);
        let started = Instant::now();
        let mut listed = 0;
        for _ in 0..PAGES {
            let start_after = Some(data::key(numbers.below(self.keys)));
            let request = ListRequest { prefix: String::new(), limit: 1000, start_after };
            let page = self.runtime.block_on(store.list(&self.namespace, &request))?;
            if !page.keys.is_sorted_by(|a, b| a.name < b.name) {
                return Err("a list is not in order".into());
            }
            listed += page.keys.len();
        }
        self.show(&format!("{PAGES} lists, {listed} keys"), started.elapsed())?;
        let started = Instant::now();
        for _ in 0..GETS {
            let number = numbers.below(self.keys);
            let found = self.runtime.block_on(store.get(&self.namespace, &data::key(number)))?;
            if !found.is_some_and(|value| data::is_value(&value, number, VALUE_BYTES)) {
                return Err(format!("the value of key {number} is wrong").into());
            }
        }
        self.show(&format!("{GETS} gets"), started.elapsed())
    }

    fn show(&self, what: &str, took: Duration) -> Result<(), Failed> {
        let (disk, memory) = (disk_mib(self.folder)?, rss_mib()?);
        let took = took.as_secs_f64();
        println!("{what:<28} {took:>10.3} s   disk {disk:>6} MiB   RSS {memory:>5} MiB");
        Ok(())
    }
}
