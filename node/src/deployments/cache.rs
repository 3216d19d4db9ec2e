//! How much of the deployed versions is in memory. Which of them leave it where there is too little
//! is in `cache/choice.rs`, how long those stay that were replaced in `cache/leaving.rs`. Reading them
//! is the loader's.

mod choice;
mod leaving;

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use runtime::Runtime;

use self::choice::{Candidate, leavers};
use self::leaving::{Leaves, Leaving};
use super::target::{Loaded, Target};
use crate::refusal::Served;

/// Eviction goes on until so much of the limit is free, so that it is not begun with each version.
const FREED_SHARE: u64 = 16;

/// What an owner may have of the limit before theirs leave first.
const PART: u64 = 8;

/// Versions that came into memory are listed until so many more than last time are.
const TIDY_LEN: usize = 256;

/// The versions in memory that can be read again.
pub(super) struct Cache {
    limit_bytes: u64,
    kept: Mutex<Kept>,
    leaving: Leaving,
}

#[derive(Default)]
struct Kept {
    targets: Vec<(Weak<Target>, u64)>,
    bytes: u64,
    /// How many targets there were when those that are gone were last forgotten.
    tidied_len: usize,
}

impl Cache {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, kept: Mutex::default(), leaving: Leaving::default() }
    }

    /// Takes note of a version that came into memory, and makes room if there is too little.
    pub(super) fn add(&self, runtime: &Runtime, target: &Arc<Target>, loaded: &Loaded) {
        let bytes = loaded.program.bytes;
        let mut kept = self.kept.lock();
        kept.targets.push((Arc::downgrade(target), bytes));
        kept.bytes += bytes;
        if kept.bytes <= self.limit_bytes && kept.targets.len() < kept.tidied_len * 2 + TIDY_LEN {
            return;
        }
        let room_bytes =
            if kept.bytes > self.limit_bytes { self.room_bytes() } else { self.limit_bytes };
        let evicted = kept.evict(room_bytes, self.limit_bytes / PART, target);
        drop(kept);
        for loaded in evicted {
            self.leaving.add(runtime, loaded, Leaves::Evicted);
        }
    }

    /// What eviction leaves, where it is needed.
    fn room_bytes(&self) -> u64 {
        self.limit_bytes - self.limit_bytes / FREED_SHARE
    }

    /// A version gets no new events: its isolates go when the present ones are over, and then it
    /// leaves the memory.
    pub(super) fn leave(&self, runtime: &Runtime, loaded: Arc<Loaded>) {
        self.leaving.add(runtime, loaded, Leaves::Replaced);
    }

    /// Lets go of those that nobody uses any more. Answers whether any is left.
    pub(super) fn sweep(&self, runtime: &Runtime) -> bool {
        self.leaving.sweep(runtime)
    }

    /// One that is leaving.
    pub(super) fn find_leaving(&self, served: &Served) -> Option<Arc<Loaded>> {
        self.leaving.find(served)
    }
}

impl Kept {
    /// Takes versions out of memory until no more than that many bytes are left. What has just come
    /// stays.
    fn evict(&mut self, room_bytes: u64, part_bytes: u64, fresh: &Arc<Target>) -> Vec<Arc<Loaded>> {
        let present: Vec<(Arc<Target>, Arc<Loaded>)> = self
            .targets
            .drain(..)
            .filter_map(|(target, _)| {
                let target = target.upgrade()?;
                // What was replaced has left already.
                let loaded = target.loaded().filter(|_| !target.is_retired())?;
                Some((target, loaded))
            })
            .collect();
        let candidates: Vec<Candidate<'_>> = present
            .iter()
            .map(|(target, loaded)| Candidate {
                owner: &loaded.owner,
                bytes: loaded.program.bytes,
                has_isolate: Arc::strong_count(&loaded.version) > 1,
                used_at_ms: target.used_at_ms(),
                has_just_come: Arc::ptr_eq(target, fresh),
            })
            .collect();
        let mut evicted = Vec::new();
        for place in leavers(&candidates, room_bytes, part_bytes) {
            evicted.extend(present.get(place).and_then(|(target, _)| target.evict()));
        }
        self.bytes = 0;
        for (target, loaded) in &present {
            if target.loaded().is_some() {
                self.bytes += loaded.program.bytes;
                self.targets.push((Arc::downgrade(target), loaded.program.bytes));
            }
        }
        self.tidied_len = self.targets.len();
        evicted
    }
}
