//! What is kept in memory of the tables: entries, and keys that are known to be absent. Bounded in
//! bytes, and coherent with every write of this process.
//!
//! A read that misses fills the cache with what it then finds in the tables. A write may happen
//! between the finding and the filling, so each fill brings a ticket that was drawn before the
//! tables were looked at, and is refused if a key of its slot has been written since, or is being
//! written. What is being written is not in the cache: until it is, the tables answer for it, so that
//! nobody sees the old value who has seen the new one.

use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use equivalent::Equivalent;
use moka::sync::Cache as Entries;
use parking_lot::Mutex;

use crate::store::Entry;

/// What an entry costs beside its key, metadata and value, about.
const OVERHEAD_BYTES: usize = 400;
/// Values above this share of the cache are not kept.
const LARGEST_SHARE: u64 = 16;
/// Keys share a slot at random; a slot is locked for as long as an insert takes.
const SLOTS: usize = 1024;

/// The cache.
pub(super) struct Cache {
    entries: Entries<Key, Cached>,
    largest_bytes: usize,
    hasher: RandomState,
    slots: Box<[Mutex<Slot>]>,
    /// Odd while a group of writes is on its way from the tables into the cache.
    groups: AtomicU64,
}

#[derive(Default)]
struct Slot {
    /// How often a key of the slot was written.
    writes: u64,
    /// How many of its keys are being written.
    pending: usize,
}

/// A key that is written, and what it has afterwards, unless that is too large to be at hand.
pub(super) struct Written {
    pub(super) namespace: u32,
    pub(super) key: String,
    pub(super) entry: Option<Cached>,
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
            slots: (0..SLOTS).map(|_| Mutex::default()).collect(),
            groups: AtomicU64::new(0),
        }
    }

    /// What is known of a key, if anything is.
    pub(super) fn get(&self, namespace: u32, key: &str) -> Option<Cached> {
        self.entries.get(&KeyRef { namespace, key })
    }

    pub(super) fn draw(&self, namespace: u32, key: &str) -> Ticket {
        let slot = self.slot(namespace, key);
        Ticket { slot, writes: self.slots[slot].lock().writes }
    }

    /// Keeps what was found in the tables, unless it may be old.
    pub(super) fn fill(&self, ticket: &Ticket, namespace: u32, key: &str, found: Cached) {
        if !self.keeps(&found) {
            return;
        }
        let slot = self.slots[ticket.slot].lock();
        if slot.writes == ticket.writes && slot.pending == 0 {
            self.entries.insert(Key { namespace, key: key.into() }, found);
        }
    }

    /// What is known of several keys, if it is known of all, and of one moment.
    pub(super) fn get_all(&self, namespace: u32, keys: &[String]) -> Option<Vec<Cached>> {
        let before = self.groups.load(Ordering::SeqCst);
        let found = keys.iter().map(|key| self.get(namespace, key)).collect::<Option<_>>()?;
        let after = self.groups.load(Ordering::SeqCst);
        (before == after && before.is_multiple_of(2)).then_some(found)
    }

    /// Takes note of a group of writes before the tables have it.
    pub(super) fn writing(&self, group: &[Written]) {
        self.groups.fetch_add(1, Ordering::SeqCst);
        for Written { namespace, key, .. } in group {
            let mut slot = self.slots[self.slot(*namespace, key)].lock();
            slot.writes += 1;
            slot.pending += 1;
            self.entries.invalidate(&KeyRef { namespace: *namespace, key });
        }
    }

    /// Takes note that the tables have the group of writes that was noted last.
    pub(super) fn written(&self, group: Vec<Written>) {
        for Written { namespace, key, entry } in group {
            let mut slot = self.slots[self.slot(namespace, &key)].lock();
            slot.writes += 1;
            slot.pending = slot.pending.saturating_sub(1);
            match entry {
                Some(entry) if self.keeps(&entry) => {
                    self.entries.insert(Key { namespace, key: key.into() }, entry);
                }
                // A write before in the group may have put it there.
                _ => self.entries.invalidate(&KeyRef { namespace, key: &key }),
            }
        }
        self.groups.fetch_add(1, Ordering::SeqCst);
    }

    /// Forgets everything, and what was being written.
    pub(super) fn clear(&self) {
        for slot in &self.slots {
            let mut slot = slot.lock();
            slot.writes += 1;
            slot.pending = 0;
        }
        self.entries.invalidate_all();
        self.groups.fetch_add(self.groups.load(Ordering::SeqCst) % 2, Ordering::SeqCst);
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

    fn write(entry: Option<Cached>) -> Vec<Written> {
        vec![Written { namespace: 1, key: "k".to_owned(), entry }]
    }

    #[test]
    fn a_fill_that_a_write_overtook_is_refused() {
        let cache = Cache::new(1 << 20);
        for now in [Some(entry("new")), None] {
            let before = cache.draw(1, "k");
            let group = write(now.clone());
            cache.writing(&group);
            let during = cache.draw(1, "k");
            for ticket in [&before, &during] {
                cache.fill(ticket, 1, "k", entry("old"));
                assert_eq!(cache.get(1, "k"), None);
            }
            cache.written(group);
            for ticket in [&before, &during] {
                cache.fill(ticket, 1, "k", entry("old"));
            }
            assert_eq!(cache.get(1, "k"), now);
        }
    }

    #[test]
    fn several_keys_are_of_one_moment() {
        let cache = Cache::new(1 << 20);
        let keys = ["k".to_owned()];
        let group = write(Some(entry("v")));
        cache.writing(&group);
        cache.written(group);
        assert_eq!(cache.get_all(1, &keys), Some(vec![entry("v")]));
        cache.writing(&[]);
        assert_eq!(cache.get_all(1, &keys), None);
        cache.written(Vec::new());
        assert_eq!(cache.get_all(1, &keys), Some(vec![entry("v")]));
        cache.writing(&[]);
        cache.clear();
        assert_eq!(cache.get_all(1, &[]), Some(Vec::new()));
    }

    #[test]
    fn absence_is_known_and_forgotten_with_a_write() {
        let cache = Cache::new(1 << 20);
        cache.fill(&cache.draw(1, "k"), 1, "k", None);
        assert_eq!(cache.get(1, "k"), Some(None));
        assert_eq!(cache.get(2, "k"), None);
        let group = write(Some(entry("v")));
        cache.writing(&group);
        cache.written(group);
        assert_eq!(cache.get(1, "k"), Some(entry("v")));
    }

    #[test]
    fn large_values_are_not_kept() {
        let cache = Cache::new(16);
        let group = write(Some(entry("too large")));
        cache.writing(&group);
        cache.written(group);
        assert_eq!(cache.get(1, "k"), None);
    }
}
