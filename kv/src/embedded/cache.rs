//! What is kept in memory of the tables: entries, and keys that are known to be absent. Bounded in
//! bytes, and coherent with every write of this process.
//!
//! A read that misses fills the cache with what it then finds in the tables. A write may happen
//! between the finding and the filling, so each fill brings a ticket that was drawn before the
//! tables were looked at, and is refused if a key of its slot has been written since.

use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};
use std::sync::Arc;

use equivalent::Equivalent;
use moka::sync::Cache as Entries;
use parking_lot::Mutex;

use crate::store::Entry;

/// What an entry costs beside its key, metadata and value, about.
const OVERHEAD_BYTES: usize = 160;
/// Values above this share of the cache are not kept.
const LARGEST_SHARE: u64 = 16;
/// Keys share a slot at random; a slot is locked for as long as an insert takes.
const SLOTS: usize = 1024;

/// The cache.
pub(super) struct Cache {
    entries: Entries<Key, Cached>,
    largest_bytes: usize,
    hasher: RandomState,
    /// How often a key of the slot was written.
    slots: Box<[Mutex<u64>]>,
}

/// An entry, expired or not, or that there is none.
pub(super) type Cached = Option<Arc<Entry>>;

/// The right to fill the cache with what was found after the ticket was drawn.
pub(super) struct Ticket {
    slot: usize,
    writes: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Key {
    namespace: u32,
    key: Box<str>,
}

struct KeyRef<'a> {
    namespace: u32,
    key: &'a str,
}

impl Cache {
    pub(super) fn new(capacity_bytes: u64) -> Self {
        let entries = Entries::builder().max_capacity(capacity_bytes).weigher(weigh).build();
        let largest = usize::try_from(capacity_bytes / LARGEST_SHARE).unwrap_or(usize::MAX);
        Self {
            entries,
            largest_bytes: largest,
            hasher: RandomState::new(),
            slots: (0..SLOTS).map(|_| Mutex::new(0)).collect(),
        }
    }

    /// What is known of a key, if anything is.
    pub(super) fn get(&self, namespace: u32, key: &str) -> Option<Cached> {
        self.entries.get(&KeyRef { namespace, key })
    }

    pub(super) fn draw(&self, namespace: u32, key: &str) -> Ticket {
        let slot = self.slot(namespace, key);
        Ticket { slot, writes: *self.slots[slot].lock() }
    }

    /// Keeps what was found in the tables, unless it may be old.
    pub(super) fn fill(&self, ticket: &Ticket, namespace: u32, key: &str, found: Cached) {
        if !self.keeps(&found) {
            return;
        }
        let writes = self.slots[ticket.slot].lock();
        if *writes == ticket.writes {
            self.entries.insert(Key { namespace, key: key.into() }, found);
        }
    }

    /// Takes note of a write that is in the tables.
    pub(super) fn written(&self, namespace: u32, key: &str, entry: Cached) {
        let mut writes = self.slots[self.slot(namespace, key)].lock();
        *writes += 1;
        if self.keeps(&entry) {
            self.entries.insert(Key { namespace, key: key.into() }, entry);
        } else {
            self.entries.invalidate(&KeyRef { namespace, key });
        }
    }

    /// Takes note of a write whose value is not at hand.
    pub(super) fn forget(&self, namespace: u32, key: &str) {
        let mut writes = self.slots[self.slot(namespace, key)].lock();
        *writes += 1;
        self.entries.invalidate(&KeyRef { namespace, key });
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        for slot in &self.slots {
            *slot.lock() += 1;
        }
        self.entries.invalidate_all();
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.entries.weighted_size()
    }

    fn keeps(&self, found: &Cached) -> bool {
        found.as_ref().is_none_or(|entry| entry.value.len() <= self.largest_bytes)
    }

    fn slot(&self, namespace: u32, key: &str) -> usize {
        self.hasher.hash_one(KeyRef { namespace, key }) as usize % self.slots.len()
    }
}

fn weigh(key: &Key, cached: &Cached) -> u32 {
    let content = cached.as_ref().map_or(0, |entry| {
        entry.value.len() + entry.metadata.as_ref().map_or(0, |metadata| metadata.len())
    });
    u32::try_from(OVERHEAD_BYTES + key.key.len() + content).unwrap_or(u32::MAX)
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        KeyRef { namespace: self.namespace, key: &self.key }.hash(state);
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.namespace);
        state.write(self.key.as_bytes());
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.namespace == key.namespace && self.key == &*key.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: &'static str) -> Cached {
        Some(Arc::new(Entry { value: value.into(), expiration: None, metadata: None }))
    }

    #[test]
    fn a_fill_that_a_write_overtook_is_refused() {
        let cache = Cache::new(1 << 20);
        let ticket = cache.draw(1, "k");
        cache.written(1, "k", entry("new"));
        cache.fill(&ticket, 1, "k", entry("old"));
        assert_eq!(cache.get(1, "k"), Some(entry("new")));
        let ticket = cache.draw(1, "k");
        cache.forget(1, "k");
        cache.fill(&ticket, 1, "k", entry("old"));
        assert_eq!(cache.get(1, "k"), None);
    }

    #[test]
    fn absence_is_known_and_forgotten_with_a_write() {
        let cache = Cache::new(1 << 20);
        cache.fill(&cache.draw(1, "k"), 1, "k", None);
        assert_eq!(cache.get(1, "k"), Some(None));
        assert_eq!(cache.get(2, "k"), None);
        cache.written(1, "k", entry("v"));
        assert_eq!(cache.get(1, "k"), Some(entry("v")));
    }

    #[test]
    fn large_values_are_not_kept() {
        let cache = Cache::new(16);
        cache.written(1, "k", entry("v"));
        cache.written(1, "k", entry("too large"));
        assert_eq!(cache.get(1, "k"), None);
    }
}
