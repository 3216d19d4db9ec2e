//! Things under numbers that are given out one after the other. Not here: what they are.

use std::collections::hash_map::Entry;
use std::hash::Hash;

use rustc_hash::FxHashMap;

/// Things by their keys. A key that was taken back is not given out again for a long time, so that one
/// that is stale means nothing instead of something else.
pub(super) struct Table<K, V> {
    entries: FxHashMap<K, V>,
    next: u32,
}

impl<K: From<u32> + Copy + Eq + Hash, V> Table<K, V> {
    pub(super) fn new() -> Self {
        Self { entries: FxHashMap::default(), next: 1 }
    }

    /// Puts something in; answers its key.
    pub(super) fn add(&mut self, value: V) -> K {
        self.add_with(|_| value)
    }

    /// Puts something in that knows its own key.
    pub(super) fn add_with(&mut self, make: impl FnOnce(K) -> V) -> K {
        loop {
            let key = K::from(self.next);
            self.next = self.next.wrapping_add(1);
            if let Entry::Vacant(free) = self.entries.entry(key) {
                free.insert(make(key));
                return key;
            }
        }
    }

    pub(super) fn get(&self, key: K) -> Option<&V> {
        self.entries.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        self.entries.get_mut(&key)
    }

    pub(super) fn remove(&mut self, key: K) -> Option<V> {
        self.entries.remove(&key)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = K> {
        self.entries.keys().copied()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values()
    }

    /// All of them, in no order.
    pub(super) fn into_values(self) -> impl Iterator<Item = V> {
        self.entries.into_values()
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}
