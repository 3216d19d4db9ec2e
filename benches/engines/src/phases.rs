//! What is done with an engine: it is filled, it works and is killed, it is opened again.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Failed;
use crate::data::{Numbers, VALUE_BYTES, key};
use crate::engine::Engine;
use crate::figures::{show, show_once};

/// The phases, in their order.
pub(crate) const ALL: [&str; 3] = ["load", "work", "open"];
/// What the process says when it waits to be killed.
pub(crate) const TO_BE_KILLED: &str = "(to be killed)";

const LOAD_BATCH: u64 = 5_000;
const PUTS_FOR: Duration = Duration::from_secs(4);
const READS: usize = 100_000;
const LISTS: usize = 500;
const LARGE_KEYS: u64 = 200;

/// Runs a phase.
pub(crate) fn run<E: Engine>(phase: &str, folder: &Path, keys: u64) -> Result<(), Failed> {
    let began = Instant::now();
    let mut engine = E::open(folder)?;
    show_once("open", began)?;
    let mut work = Work { engine: &mut engine, keys, numbers: Numbers::new() };
    match phase {
        "load" => work.load(),
        "work" => work.all(),
        _ => work.get("get after opening", keys),
    }
}

struct Work<'e, E> {
    engine: &'e mut E,
    keys: u64,
    numbers: Numbers,
}

impl<E: Engine> Work<'_, E> {
    fn load(&mut self) -> Result<(), Failed> {
        let began = Instant::now();
        for first in (0..self.keys).step_by(LOAD_BATCH as usize) {
            let end = (first + LOAD_BATCH).min(self.keys);
            let records: Vec<_> =
                (first..end).map(|number| self.numbers.record(number, VALUE_BYTES)).collect();
            self.engine.put(&records)?;
        }
        show_once("load", began)
    }

    fn all(&mut self) -> Result<(), Failed> {
        for batch in [1, 16, 256] {
            self.put(&format!("put, batch of {batch}"), batch, VALUE_BYTES, 0, self.keys)?;
        }
        self.get("get, 1000 keys", 1_000)?;
        self.get("get, all keys", self.keys)?;
        self.miss()?;
        self.list()?;
        for (name, bytes) in [("put, 10 KB", 10_000), ("put, 1 MB", 1_000_000)] {
            self.put(name, 1, bytes, 2 * self.keys, LARGE_KEYS)?;
        }
        // So that the last thing before the end was a put.
        self.put("put, batch of 256", 256, VALUE_BYTES, 0, self.keys)?;
        println!("{TO_BE_KILLED}");
        std::io::stdout().flush()?;
        loop {
            std::thread::park();
        }
    }

    fn put(
        &mut self,
        name: &str,
        batch: usize,
        bytes: usize,
        first: u64,
        keys: u64,
    ) -> Result<(), Failed> {
        let began = Instant::now();
        let mut times = Vec::new();
        // The time of the puts alone: making records is not what is measured.
        let mut all = Duration::ZERO;
        while began.elapsed() < PUTS_FOR {
            let records: Vec<_> = (0..batch)
                .map(|_| {
                    let number = first + self.numbers.below(keys);
                    self.numbers.record(number, bytes)
                })
                .collect();
            let began = Instant::now();
            self.engine.put(&records)?;
            times.push(began.elapsed());
            all += began.elapsed();
        }
        show(name, batch, times, all);
        Ok(())
    }

    fn get(&mut self, name: &str, keys: u64) -> Result<(), Failed> {
        let mut times = Vec::with_capacity(READS);
        let all = Instant::now();
        for _ in 0..READS {
            let key = key(self.numbers.below(keys));
            let began = Instant::now();
            let found = self.engine.get(&key)?;
            times.push(began.elapsed());
            if found.is_none_or(|value| value.len() != VALUE_BYTES) {
                return Err("a value is wrong".into());
            }
        }
        show(name, 1, times, all.elapsed());
        Ok(())
    }

    fn miss(&mut self) -> Result<(), Failed> {
        let mut times = Vec::with_capacity(READS);
        let all = Instant::now();
        for _ in 0..READS {
            // Large values are from twice the keys on.
            let key = key(self.keys + self.numbers.below(self.keys));
            let began = Instant::now();
            if self.engine.get(&key)?.is_some() {
                return Err("a key that was never put is there".into());
            }
            times.push(began.elapsed());
        }
        show("get, absent keys", 1, times, all.elapsed());
        Ok(())
    }

    fn list(&mut self) -> Result<(), Failed> {
        let mut times = Vec::with_capacity(LISTS);
        let all = Instant::now();
        for _ in 0..LISTS {
            let key = key(self.numbers.below(self.keys));
            let began = Instant::now();
            self.engine.list(&key, 1_000)?;
            times.push(began.elapsed());
        }
        show("list 1000", 1, times, all.elapsed());
        Ok(())
    }
}
