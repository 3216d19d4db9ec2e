//! What all code caches have in memory together. It is bounded: the largest cache is forgotten
//! first, so that nobody's is for the sake of a larger one. One that is about to be written stays until
//! it is, unless that is far too much.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::CodeCache;

/// Forgetting goes on until so much of the limit is free, so that it is not begun with each module.
const FREED_SHARE: u64 = 16;

/// Caches that are known, from which on those that are gone are looked for.
const CACHES: usize = 1024;

/// A worker and a version.
type Name = (Arc<str>, Arc<str>);

/// The caches in memory.
#[derive(Debug)]
pub(super) struct Shelf {
    limit_bytes: u64,
    /// What all of them have.
    bytes: AtomicU64,
    /// What of that goes as soon as it is written.
    leaving_bytes: AtomicU64,
    caches: Mutex<HashMap<Name, Weak<CodeCache>>>,
}

impl Shelf {
    pub(super) fn new(limit_bytes: u64) -> Shelf {
        Shelf {
            limit_bytes,
            bytes: AtomicU64::new(0),
            leaving_bytes: AtomicU64::new(0),
            caches: Mutex::default(),
        }
    }

    /// The cache of that name; made where there is none.
    pub(super) fn of(
        &self,
        worker: &Arc<str>,
        version: &Arc<str>,
        make: impl FnOnce() -> CodeCache,
    ) -> Arc<CodeCache> {
        let name = (worker.clone(), version.clone());
        let mut caches = self.caches.lock();
        if let Some(cache) = caches.get(&name).and_then(Weak::upgrade) {
            return cache;
        }
        if caches.len() >= CACHES && caches.len().is_power_of_two() {
            caches.retain(|_, cache| cache.strong_count() > 0);
        }
        let cache = Arc::new(make());
        caches.insert(name, Arc::downgrade(&cache));
        cache
    }

    /// A cache has that many bytes more.
    pub(super) fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A cache has that many bytes fewer.
    pub(super) fn take(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// That many bytes of a cache go as soon as they are written; before, it was `before` of them.
    pub(super) fn leave(&self, bytes: u64, before: u64) {
        self.leaving_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.leaving_bytes.fetch_sub(before, Ordering::Relaxed);
    }

    /// What is too much, beside what is about to go.
    fn excess_over(&self, limit_bytes: u64) -> u64 {
        let leaving_bytes = self.leaving_bytes.load(Ordering::Relaxed);
        let staying_bytes = self.bytes.load(Ordering::Relaxed).saturating_sub(leaving_bytes);
        staying_bytes.saturating_sub(limit_bytes)
    }

    /// Whether there is half as much again as there may be: nothing can wait until it is written.
    fn is_far_beyond(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.limit_bytes + self.limit_bytes / 2
    }

    /// Has the largest caches forgotten where all together have too much. Waits for no lock, for it is
    /// called on shards: what somebody else is at is left to the next time.
    pub(super) fn make_room(&self) {
        if self.excess_over(self.limit_bytes) == 0 && !self.is_far_beyond() {
            return;
        }
        let Some(caches) = self.caches.try_lock() else { return };
        let mut present: Vec<Arc<CodeCache>> = caches.values().filter_map(Weak::upgrade).collect();
        drop(caches);
        present.sort_by_cached_key(|cache| Reverse(cache.bytes()));
        let room_bytes = self.limit_bytes - self.limit_bytes / FREED_SHARE;
        for cache in present {
            let is_far_beyond = self.is_far_beyond();
            if self.excess_over(room_bytes) == 0 && !is_far_beyond {
                return;
            }
            if is_far_beyond || !cache.leave_when_written() {
                cache.forget();
            }
        }
    }
}
