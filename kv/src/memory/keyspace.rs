//! The keys of one namespace in memory: ordered by their bytes, and by when they expire. Locks and
//! the bound on the whole store are in `memory`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use crate::clock::{UnixSeconds, is_visible};
use crate::store::{Change, Entry, ListPage, ListRequest, ListedKey};

/// What a key costs beside its text, value and metadata: its nodes in the two trees and their
/// share of empty slots.
const RECORD_OVERHEAD_BYTES: u64 = 192;

#[derive(Default)]
pub(super) struct Keyspace {
    entries: BTreeMap<Arc<str>, Entry>,
    expirations: BTreeSet<(UnixSeconds, Arc<str>)>,
}

impl Change {
    /// What the change adds to the bound of the store.
    pub(super) fn record_bytes(&self) -> u64 {
        let Some(put) = &self.put else { return 0 };
        content_bytes(&self.key, &put.value, put.metadata.as_deref()) + RECORD_OVERHEAD_BYTES
    }
}

fn record_bytes(key: &str, entry: &Entry) -> u64 {
    content_bytes(key, &entry.value, entry.metadata.as_deref()) + RECORD_OVERHEAD_BYTES
}

fn content_bytes(key: &str, value: &[u8], metadata: Option<&str>) -> u64 {
    (key.len() + value.len() + metadata.map_or(0, str::len)) as u64
}

impl Keyspace {
    pub(super) fn get(&self, key: &str, now: UnixSeconds) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| is_visible(entry.expiration, now))
    }

    /// What the record under a key counts for, expired or not.
    pub(super) fn bytes_under(&self, key: &str) -> u64 {
        self.entries.get(key).map_or(0, |entry| record_bytes(key, entry))
    }

    /// Stores an entry and tells how many bytes the replaced one counted for.
    pub(super) fn insert(&mut self, key: &str, entry: Entry) -> u64 {
        let freed = self.remove(key);
        let key: Arc<str> = key.into();
        if let Some(at) = entry.expiration {
            self.expirations.insert((at, key.clone()));
        }
        self.entries.insert(key, entry);
        freed
    }

    /// Removes what is under a key and tells how many bytes it counted for.
    pub(super) fn remove(&mut self, key: &str) -> u64 {
        let Some((key, entry)) = self.entries.remove_entry(key) else { return 0 };
        let freed = record_bytes(&key, &entry);
        if let Some(at) = entry.expiration {
            self.expirations.remove(&(at, key));
        }
        freed
    }

    /// How many keys there are, and the bytes of their names, values and metadata.
    pub(super) fn size(&self) -> (u64, u64) {
        let content =
            |(key, entry): (&Arc<str>, &Entry)| record_bytes(key, entry) - RECORD_OVERHEAD_BYTES;
        (self.entries.len() as u64, self.entries.iter().map(content).sum())
    }

    /// Removes everything and tells how many bytes it counted for.
    pub(super) fn clear(&mut self) -> u64 {
        self.expirations.clear();
        std::mem::take(&mut self.entries).iter().map(|(key, entry)| record_bytes(key, entry)).sum()
    }

    pub(super) fn has_expired(&self, now: UnixSeconds) -> bool {
        self.expirations.first().is_some_and(|(at, _)| *at <= now)
    }

    /// Removes all that has expired and tells how many bytes it counted for.
    pub(super) fn sweep(&mut self, now: UnixSeconds) -> u64 {
        let mut freed = 0;
        while self.has_expired(now) {
            let Some((_, key)) = self.expirations.pop_first() else { break };
            if let Some(entry) = self.entries.remove(&key) {
                freed += record_bytes(&key, &entry);
            }
        }
        freed
    }

    pub(super) fn list(&self, request: &ListRequest, now: UnixSeconds) -> ListPage {
        let prefix = request.prefix.as_str();
        let start = match request.start_after.as_deref() {
            Some(key) if key >= prefix => Bound::Excluded(key),
            _ => Bound::Included(prefix),
        };
        let mut visible = self
            .entries
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(_, entry)| is_visible(entry.expiration, now));
        let keys: Vec<ListedKey> = visible
            .by_ref()
            .take(request.limit)
            .map(|(key, entry)| ListedKey {
                name: key.to_string(),
                expiration: entry.expiration,
                metadata: entry.metadata.clone(),
            })
            .collect();
        let next = match keys.last() {
            Some(last) if visible.next().is_some() => Some(last.name.clone()),
            _ => None,
        };
        ListPage { keys, next }
    }
}
