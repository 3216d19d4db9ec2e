//! The engine that keeps everything in memory and forgets it with the process: for development,
//! for tests, and as the measure of what a durable engine must do. One namespace's keys are in
//! `keyspace`.

mod keyspace;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::RwLock;

use crate::clock::{Clock, SystemClock, UnixSeconds};
use crate::error::{KeyError, Refused, StoreError};
use crate::lookup::Lookup;
use crate::store::{Entry, ListPage, ListRequest, Namespace, Put, Store, Value};
use crate::validate::{validate_bulk_bytes, validate_key, validate_metadata, validate_value_bytes};

use keyspace::{Keyspace, record_bytes};

/// How a [`MemoryStore`] is set up.
#[derive(Clone)]
pub struct MemoryOptions {
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// The most bytes that all keys, values and metadata take together with their share of the
    /// index, or `None` for no bound.
    pub max_bytes: Option<u64>,
}

/// A [`Store`] in memory.
///
/// A namespace has its own lock, so that no tenant waits for another; the table of namespaces is
/// read without one.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    max_bytes: u64,
    used_bytes: AtomicU64,
    namespaces: ArcSwap<HashMap<Namespace, Arc<RwLock<Keyspace>>>>,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), max_bytes: None }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new(options: MemoryOptions) -> Self {
        Self {
            clock: options.clock,
            max_bytes: options.max_bytes.unwrap_or(u64::MAX),
            used_bytes: AtomicU64::new(0),
            namespaces: ArcSwap::default(),
        }
    }

    /// The bytes that keys, values and metadata take now, with their share of the index. Keys that
    /// have expired count until they are swept.
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    fn keyspace(&self, namespace: &Namespace) -> Option<Arc<RwLock<Keyspace>>> {
        self.namespaces.load().get(namespace).cloned()
    }

    fn keyspace_for_writing(&self, namespace: &Namespace) -> Arc<RwLock<Keyspace>> {
        if let Some(found) = self.keyspace(namespace) {
            return found;
        }
        let fresh = Arc::new(RwLock::new(Keyspace::default()));
        let before = self.namespaces.rcu(|namespaces| {
            let mut namespaces = HashMap::clone(namespaces);
            namespaces.entry(namespace.clone()).or_insert_with(|| fresh.clone());
            namespaces
        });
        // Another thread may have been first: then the one in the table before counts.
        before.get(namespace).cloned().unwrap_or(fresh)
    }

    fn write(&self, namespace: &Namespace, key: &str, put: Put) -> Result<(), StoreError> {
        let Put { value: Value::Bytes(value), expiration, metadata } = put;
        validate_key(key).map_err(KeyError::into_refused)?;
        validate_value_bytes(value.len())?;
        validate_metadata(metadata.as_deref().unwrap_or_default())?;
        let entry = Entry { value, expiration, metadata };
        let needed = record_bytes(key, &entry);
        if !self.reserve(needed) {
            self.sweep_all();
            if !self.reserve(needed) {
                return self.replace_in_full_store(namespace, key, entry, needed);
            }
        }
        let keyspace = self.keyspace_for_writing(namespace);
        let mut keyspace = keyspace.write();
        let freed = keyspace.sweep(self.clock.now()) + keyspace.insert(key, entry);
        self.release(freed);
        Ok(())
    }

    /// Without room for both values, the new one still fits if the one it replaces leaves enough.
    fn replace_in_full_store(
        &self,
        namespace: &Namespace,
        key: &str,
        entry: Entry,
        needed: u64,
    ) -> Result<(), StoreError> {
        let full = StoreError::Full { needed_bytes: needed, bound_bytes: self.max_bytes };
        let Some(keyspace) = self.keyspace(namespace) else { return Err(full) };
        let mut keyspace = keyspace.write();
        let freed = keyspace.bytes_under(key);
        if needed > freed && !self.reserve(needed - freed) {
            return Err(full);
        }
        keyspace.insert(key, entry);
        self.release(freed.saturating_sub(needed));
        Ok(())
    }

    fn reserve(&self, bytes: u64) -> bool {
        let add = |used: u64| used.checked_add(bytes).filter(|total| *total <= self.max_bytes);
        self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    fn release(&self, bytes: u64) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn sweep_all(&self) {
        let now = self.clock.now();
        for keyspace in self.namespaces.load().values() {
            self.release(keyspace.write().sweep(now));
        }
    }
}

impl Store for MemoryStore {
    fn now(&self) -> UnixSeconds {
        self.clock.now()
    }

    fn get(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Bytes>> {
        let Some(keyspace) = self.keyspace(namespace) else { return Lookup::done(None) };
        let keyspace = keyspace.read();
        Lookup::done(keyspace.get(key, self.clock.now()).map(|entry| entry.value.clone()))
    }

    fn get_entry(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Entry>> {
        let Some(keyspace) = self.keyspace(namespace) else { return Lookup::done(None) };
        let keyspace = keyspace.read();
        Lookup::done(keyspace.get(key, self.clock.now()).cloned())
    }

    fn get_many(&self, namespace: &Namespace, keys: &[String]) -> Lookup<Vec<Option<Entry>>> {
        let Some(keyspace) = self.keyspace(namespace) else {
            return Lookup::done(vec![None; keys.len()]);
        };
        let keyspace = keyspace.read();
        let now = self.clock.now();
        let mut total_bytes = 0_usize;
        let entries: Result<Vec<_>, Refused> = keys
            .iter()
            .map(|key| {
                let entry = keyspace.get(key, now).cloned();
                total_bytes += entry.as_ref().map_or(0, |entry| entry.value.len());
                validate_bulk_bytes(total_bytes).map(|()| entry)
            })
            .collect();
        Lookup::Ready(entries.map_err(StoreError::from))
    }

    fn put(&self, namespace: &Namespace, key: &str, put: Put) -> Lookup<()> {
        self.write(namespace, key, put).into()
    }

    fn delete(&self, namespace: &Namespace, key: &str) -> Lookup<()> {
        if let Some(keyspace) = self.keyspace(namespace) {
            self.release(keyspace.write().remove(key));
        }
        Lookup::done(())
    }

    fn list(&self, namespace: &Namespace, request: &ListRequest) -> Lookup<ListPage> {
        let Some(keyspace) = self.keyspace(namespace) else {
            return Lookup::done(ListPage::default());
        };
        let now = self.clock.now();
        // A list walks over what has expired, so that each expired key may be walked over once.
        if keyspace.read().has_expired(now) {
            self.release(keyspace.write().sweep(now));
        }
        Lookup::done(keyspace.read().list(request, now))
    }
}

#[cfg(test)]
mod tests;
