//! The engine that keeps everything in memory and forgets it with the process: for development,
//! for tests, and as the measure of what a durable engine must do. One namespace's keys are in
//! `keyspace`.

mod keyspace;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::RwLock;

use crate::clock::{Clock, SystemClock, UnixSeconds};
use crate::error::{Refused, StoreError};
use crate::lookup::Lookup;
use crate::store::{
    Change, Entry, ListPage, ListRequest, Namespace, NamespaceInfo, Put, Store, StreamedEntry,
    ValueSink,
};
use crate::stream::GatheringSink;
use crate::validate::validate_bulk_bytes;

use keyspace::Keyspace;

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
///
/// A clone is the same store.
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

struct Inner {
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
        let inner = Inner {
            clock: options.clock,
            max_bytes: options.max_bytes.unwrap_or(u64::MAX),
            used_bytes: AtomicU64::new(0),
            namespaces: ArcSwap::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The bytes that keys, values and metadata take now, with their share of the index. Keys that
    /// have expired count until they are swept.
    pub fn used_bytes(&self) -> u64 {
        self.inner.used_bytes.load(Ordering::Relaxed)
    }

    fn keyspace(&self, namespace: &Namespace) -> Option<Arc<RwLock<Keyspace>>> {
        self.inner.namespaces.load().get(namespace).cloned()
    }

    fn keyspace_for_writing(&self, namespace: &Namespace) -> Arc<RwLock<Keyspace>> {
        if let Some(found) = self.keyspace(namespace) {
            return found;
        }
        let fresh = Arc::new(RwLock::new(Keyspace::default()));
        let before = self.inner.namespaces.rcu(|namespaces| {
            let mut namespaces = HashMap::clone(namespaces);
            namespaces.entry(namespace.as_name()).or_insert_with(|| fresh.clone());
            namespaces
        });
        // Another thread may have been first: then the one in the table before counts.
        before.get(namespace).cloned().unwrap_or(fresh)
    }

    /// Makes the changes if they fit, or tells how many bytes they take.
    fn try_write(&self, namespace: &Namespace, changes: &[Change]) -> Result<(), u64> {
        let keyspace = if changes.iter().any(|change| change.put.is_some()) {
            self.keyspace_for_writing(namespace)
        } else {
            let Some(found) = self.keyspace(namespace) else { return Ok(()) };
            found
        };
        let mut keyspace = keyspace.write();
        self.release(keyspace.sweep(self.inner.clock.now()));
        let needed = changes.iter().map(Change::record_bytes).sum::<u64>();
        let keys: BTreeSet<_> = changes.iter().map(|change| change.key.as_str()).collect();
        let freed = keys.into_iter().map(|key| keyspace.bytes_under(key)).sum();
        let reserved = needed.saturating_sub(freed);
        if !self.reserve(reserved) {
            return Err(needed);
        }
        let (mut inserted, mut removed) = (0, 0);
        for change in changes {
            match change.put.clone() {
                None => removed += keyspace.remove(&change.key),
                Some(put) => {
                    inserted += change.record_bytes();
                    removed += keyspace.insert(&change.key, put.into());
                }
            }
        }
        self.release(reserved + removed - inserted);
        Ok(())
    }

    fn reserve(&self, bytes: u64) -> bool {
        let add =
            |used: u64| used.checked_add(bytes).filter(|total| *total <= self.inner.max_bytes);
        self.inner.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    fn release(&self, bytes: u64) {
        self.inner.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn sweep_all(&self) {
        let now = self.inner.clock.now();
        for keyspace in self.inner.namespaces.load().values() {
            self.release(keyspace.write().sweep(now));
        }
    }
}

impl Store for MemoryStore {
    fn now(&self) -> UnixSeconds {
        self.inner.clock.now()
    }

    fn get(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Bytes>> {
        let Some(keyspace) = self.keyspace(namespace) else { return Lookup::done(None) };
        let keyspace = keyspace.read();
        Lookup::done(keyspace.get(key, self.inner.clock.now()).map(|entry| entry.value.clone()))
    }

    fn get_entry(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Entry>> {
        let Some(keyspace) = self.keyspace(namespace) else { return Lookup::done(None) };
        let keyspace = keyspace.read();
        Lookup::done(keyspace.get(key, self.inner.clock.now()).cloned())
    }

    fn get_many(&self, namespace: &Namespace, keys: &[String]) -> Lookup<Vec<Option<Entry>>> {
        let Some(keyspace) = self.keyspace(namespace) else {
            return Lookup::done(vec![None; keys.len()]);
        };
        let keyspace = keyspace.read();
        let now = self.inner.clock.now();
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

    fn get_stream(&self, namespace: &Namespace, key: &str) -> Lookup<Option<StreamedEntry>> {
        self.get_entry(namespace, key).map(|entry| entry.map(StreamedEntry::whole))
    }

    fn write(&self, namespace: &Namespace, changes: Vec<Change>) -> Lookup<()> {
        if let Err(refused) = changes.iter().try_for_each(Change::validate) {
            return Lookup::failed(refused);
        }
        let written = self.try_write(namespace, &changes).or_else(|_| {
            self.sweep_all();
            self.try_write(namespace, &changes)
        });
        let bound_bytes = self.inner.max_bytes;
        written.map_err(|needed_bytes| StoreError::Full { needed_bytes, bound_bytes }).into()
    }

    fn put_stream(
        &self,
        namespace: &Namespace,
        key: &str,
        expiration: Option<UnixSeconds>,
        metadata: Option<Arc<str>>,
    ) -> Result<Box<dyn ValueSink>, StoreError> {
        let put = Put { value: Bytes::new(), expiration, metadata };
        let change = Change { key: key.to_owned(), put: Some(put) };
        change.validate()?;
        let store = self.clone();
        let namespace = namespace.clone();
        Ok(Box::new(GatheringSink::new(change, move |change| {
            store.write(&namespace, vec![change])
        })))
    }

    fn list(&self, namespace: &Namespace, request: &ListRequest) -> Lookup<ListPage> {
        let Some(keyspace) = self.keyspace(namespace) else {
            return Lookup::done(ListPage::default());
        };
        let now = self.inner.clock.now();
        // A list walks over what has expired, so that each expired key may be walked over once.
        if keyspace.read().has_expired(now) {
            self.release(keyspace.write().sweep(now));
        }
        Lookup::done(keyspace.read().list(request, now))
    }

    fn namespaces(&self) -> Lookup<Vec<NamespaceInfo>> {
        let namespaces = self.inner.namespaces.load();
        let mut found: Vec<_> = namespaces
            .iter()
            .map(|(namespace, keyspace)| {
                let (keys, bytes) = keyspace.read().size();
                NamespaceInfo { namespace: namespace.clone(), keys, bytes }
            })
            .collect();
        found.sort_by(|a, b| a.namespace.cmp(&b.namespace));
        Lookup::done(found)
    }

    fn create_namespace(&self, namespace: &Namespace) -> Lookup<bool> {
        let fresh = self.keyspace(namespace).is_none();
        self.keyspace_for_writing(namespace);
        Lookup::done(fresh)
    }

    fn delete_namespace(&self, namespace: &Namespace) -> Lookup<bool> {
        let before = self.inner.namespaces.rcu(|namespaces| {
            let mut namespaces = HashMap::clone(namespaces);
            namespaces.remove(namespace);
            namespaces
        });
        let Some(keyspace) = before.get(namespace) else { return Lookup::done(false) };
        self.release(keyspace.write().clear());
        Lookup::done(true)
    }
}

#[cfg(test)]
mod tests;
