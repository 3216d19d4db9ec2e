//! How much of the deployed versions is in memory: those that were used longest ago go first, and
//! those that were replaced once their last events are over. Reading them is the loader's.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use runtime::Runtime;

use super::target::{Loaded, Target};
use crate::refusal::Served;

/// The stack of a version's last events is mapped a little after they are over.
const KEPT_AFTER_RETIREMENT: Duration = Duration::from_secs(2);

/// Eviction goes on until so much of the limit is free, so that it is not begun with each version.
const FREED_SHARE: u64 = 16;

/// Versions that came into memory are listed until so many more than last time are.
const TIDY_LEN: usize = 256;

/// The versions in memory that can be read again.
pub(super) struct Cache {
    limit_bytes: u64,
    kept: Mutex<Kept>,
    leaving: Mutex<Vec<Leaving>>,
}

#[derive(Default)]
struct Kept {
    targets: Vec<(Weak<Target>, u64)>,
    bytes: u64,
    /// How many targets there were when those that are gone were last forgotten.
    tidied_len: usize,
}

/// A version that gets no new events.
struct Leaving {
    loaded: Arc<Loaded>,
    since: Instant,
}

impl Cache {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, kept: Mutex::default(), leaving: Mutex::default() }
    }

    /// Takes note of a version that came into memory, and makes room if there is too little.
    pub(super) fn add(&self, runtime: &Runtime, target: &Arc<Target>, bytes: u64) {
        let mut kept = self.kept.lock();
        let kept = &mut *kept;
        kept.targets.push((Arc::downgrade(target), bytes));
        kept.bytes += bytes;
        if kept.bytes <= self.limit_bytes && kept.targets.len() < kept.tidied_len * 2 + TIDY_LEN {
            return;
        }
        let room_bytes =
            if kept.bytes > self.limit_bytes { self.room_bytes() } else { self.limit_bytes };
        for loaded in kept.evict(room_bytes, target) {
            self.leave(runtime, loaded);
        }
    }

    /// What eviction leaves, where it is needed.
    fn room_bytes(&self) -> u64 {
        self.limit_bytes - self.limit_bytes / FREED_SHARE
    }

    /// A version gets no new events: its isolates go when the present ones are over, and then it
    /// leaves the memory.
    pub(super) fn leave(&self, runtime: &Runtime, loaded: Arc<Loaded>) {
        runtime.retire(&loaded.version);
        self.leaving.lock().push(Leaving { loaded, since: Instant::now() });
    }

    /// Lets go of those that nobody uses any more. Answers whether any is left.
    pub(super) fn sweep(&self, runtime: &Runtime) -> bool {
        let mut leaving = self.leaving.lock();
        let mut gone = Vec::new();
        leaving.retain(|left| {
            let is_used =
                Arc::strong_count(&left.loaded) > 1 || Arc::strong_count(&left.loaded.version) > 1;
            if is_used {
                // An event that was on its way may have made an isolate since.
                runtime.retire(&left.loaded.version);
            } else if left.since.elapsed() >= KEPT_AFTER_RETIREMENT {
                gone.push(Arc::clone(&left.loaded));
                return false;
            }
            true
        });
        let is_left = !leaving.is_empty();
        drop(leaving);
        // Dropped after the lock is free.
        drop(gone);
        is_left
    }

    /// One that is leaving.
    pub(super) fn find_leaving(&self, served: &Served) -> Option<Arc<Loaded>> {
        let leaving = self.leaving.lock();
        let found = leaving.iter().find(|left| {
            left.loaded.served.worker == served.worker
                && left.loaded.served.version == served.version
        });
        found.map(|left| Arc::clone(&left.loaded))
    }
}

impl Kept {
    /// Takes versions out of memory until no more than that many bytes are left: first those that
    /// have no isolate, then those that do, each time the one used longest ago first. What has
    /// just come stays.
    fn evict(&mut self, limit_bytes: u64, fresh: &Arc<Target>) -> Vec<Arc<Loaded>> {
        let mut targets: Vec<(Arc<Target>, u64)> = self
            .targets
            .drain(..)
            .filter_map(|(target, bytes)| Some((target.upgrade()?, bytes)))
            // What was replaced has left already, and what was read twice is counted once.
            .filter(|(target, _)| !target.is_retired() && target.loaded().is_some())
            .collect();
        let has_isolate = |target: &Target| {
            target.loaded().is_some_and(|loaded| Arc::strong_count(&loaded.version) > 1)
        };
        targets.sort_by_cached_key(|(target, _)| (has_isolate(target), target.used_at_ms()));
        self.bytes = targets.iter().map(|(_, bytes)| bytes).sum();
        let mut evicted = Vec::new();
        for (target, bytes) in targets {
            if self.bytes > limit_bytes && !Arc::ptr_eq(&target, fresh) {
                self.bytes -= bytes;
                evicted.extend(target.evict());
            } else {
                self.targets.push((Arc::downgrade(&target), bytes));
            }
        }
        self.tidied_len = self.targets.len();
        evicted
    }
}
