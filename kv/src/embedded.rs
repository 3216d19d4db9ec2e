//! The engine that keeps its data in a folder: an ordered, transactional database file (redb), a
//! write-ahead log before it, and a cache in memory.
//!
//! A write goes to the one writer thread of the storage floor, which has a group of them on disk with
//! one sync; what that is for this store is in `engine`. A read looks into the cache on the thread
//! that asks; what is not there is read by reader threads (`readers`) from a snapshot of the tables
//! that no writer changes.

mod apply;
mod batch;
mod begun;
mod cache;
mod engine;
mod fault;
mod find;
mod group;
mod holds;
mod housekeeping;
mod job;
mod logged;
mod metrics;
mod owner;
mod pieces;
mod quota;
mod readers;
mod record;
mod room;
mod schema;
mod shared;
mod snapshot;
mod steady;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use storage::{Core, Disk, FairQueue, Folder};

use crate::clock::{Clock, SystemClock, UnixSeconds};
use crate::error::StoreError;
use crate::lookup::Lookup;
use crate::store::{
    Change, Entry, ListPage, ListRequest, Namespace, NamespaceInfo, Put, Store, StreamedEntry,
    ValueSink,
};

pub use storage::OpenError;

use self::cache::Cache;
use self::engine::Engine;
use self::find::{find, find_stream, gather, visible};
use self::holds::Holds;
use self::job::Job;
use self::metrics::Metrics;
use self::pieces::PiecesSink;
use self::quota::Bounds;
use self::room::{Carries, Read};
use self::shared::Shared;
use self::snapshot::{Snapshot, reading};

/// How an [`EmbeddedStore`] is set up.
#[derive(Clone)]
pub struct EmbeddedOptions {
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// The most bytes of keys, values and metadata that are kept in memory, about.
    pub cache_bytes: u64,
    /// The most bytes of the database's pages that are kept in memory.
    pub page_cache_bytes: usize,
    /// The length of the log, which bounds what the next start has to replay.
    pub log_bytes: u64,
    /// Writes are refused as long as the disk has less room than this, in bytes.
    pub min_free_bytes: u64,
    /// What the keys, values and metadata of one namespace may take, in bytes: a put that would
    /// make it more is refused. What is written piece by piece counts before it is complete.
    pub namespace_bytes: u64,
    /// What the values may take that one caller writes piece by piece and has not completed, in
    /// bytes.
    pub unfinished_bytes: u64,
    /// How many threads read what is not in memory.
    pub readers: usize,
}

/// A [`Store`] in a folder. What it has answered to a write with is on disk.
///
/// Dropping it writes out what is waiting and releases the folder.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    store: storage::Store<Engine>,
    readers: Mutex<Vec<JoinHandle<()>>>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            cache_bytes: 128 << 20,
            page_cache_bytes: 64 << 20,
            log_bytes: 16 << 20,
            min_free_bytes: 64 << 20,
            namespace_bytes: 10 << 30,
            unfinished_bytes: 1 << 30,
            readers: 2,
        }
    }
}

impl EmbeddedStore {
    /// Opens the store in a folder, for this process alone; an absent one is made. Whatever way the
    /// last process with it ended, it has every write that was answered.
    ///
    /// Where the disk has no room for what the log has beyond the tables, the store answers
    /// everything with [`StoreError::DiskFull`], and opens its files when there is room.
    ///
    /// # Errors
    ///
    /// When another process has the folder, or it cannot be used, or is damaged.
    pub fn open(folder: &Path, options: EmbeddedOptions) -> Result<Self, OpenError> {
        let disk = Arc::new(Folder::take(folder)?);
        Self::open_on(disk, folder, options)
    }

    fn open_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        options: EmbeddedOptions,
    ) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared {
            clock: options.clock,
            core: Arc::new(Core::new()),
            namespaces: ArcSwap::default(),
            cache: Cache::new(options.cache_bytes),
            holds: Arc::<Holds>::default(),
            reads: FairQueue::new(),
            metrics: Arc::new(Metrics::new()),
        });
        let bounds = Bounds {
            namespace_bytes: options.namespace_bytes,
            unfinished_bytes: options.unfinished_bytes,
        };
        let engine = Engine::new(Arc::clone(&shared), bounds);
        let files = storage::Options {
            path: path.to_owned(),
            page_cache_bytes: options.page_cache_bytes,
            log_bytes: options.log_bytes,
            min_free_bytes: options.min_free_bytes,
        };
        let store = storage::Store::open(disk, Arc::clone(&shared.core), files, engine)?;
        // Made before the readers, so that a failure to start one ends the other threads.
        let mut store = Self { shared: Arc::clone(&shared), store, readers: Mutex::default() };
        let readers = readers::start(&shared, options.readers.max(1));
        let readers = readers.map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        store.readers.get_mut().extend(readers);
        Ok(store)
    }

    /// Writes out what is waiting and releases the folder, so that another process can take it. What
    /// is asked afterwards fails with [`StoreError::Closed`]. Blocks until that is done.
    pub fn close(&self) {
        // From now on no value is read from memory that the other process may have changed.
        self.store.stop();
        self.shared.reads.close();
        for reader in self.readers.lock().drain(..) {
            if reader.join().is_err() {
                tracing::error!("a reader thread of the KV store panicked");
            }
        }
        self.store.close();
    }

    /// Whether it takes no writes any more, through a fault of its own: it is to be closed, and opened
    /// anew.
    pub fn has_lost_its_writer(&self) -> bool {
        self.shared.core.has_lost_its_writer()
    }

    /// Adds what the store counts about itself to a registry of metrics.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.shared.metrics.register(registry);
    }

    /// The bytes that the cache takes now, about.
    pub fn cached_bytes(&self) -> u64 {
        self.shared.cache.used_bytes()
    }

    /// What is under a key, from memory or with a reader thread.
    fn lookup<T: Send + Unpin + 'static>(
        &self,
        namespace: &Namespace,
        key: &str,
        form: fn(&Entry) -> T,
    ) -> Lookup<Option<T>>
    where
        Option<T>: Carries,
    {
        let number = match self.shared.number(namespace) {
            Ok(Some(number)) => number,
            Ok(None) => return Lookup::done(None),
            Err(closed) => return Lookup::failed(closed),
        };
        if let Some(cached) = self.shared.cache.get(number, key) {
            self.shared.metrics.hit();
            return Lookup::done(visible(&cached, self.now()).map(form));
        }
        self.shared.metrics.miss();
        let keys = [key.to_owned()];
        self.shared.read_within(namespace, keys[0].len(), 0, move |shared, database, allowance| {
            Ok(match find(shared, database, number, &keys, allowance)? {
                Read::Needs(bytes) => Read::Needs(bytes),
                Read::Done(found) => {
                    let found = found.first().and_then(|entry| visible(entry, shared.clock.now()));
                    Read::Done(found.map(form))
                }
            })
        })
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl Store for EmbeddedStore {
    fn now(&self) -> UnixSeconds {
        self.shared.clock.now()
    }

    fn get(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Bytes>> {
        self.lookup(namespace, key, |entry| entry.value.clone())
    }

    fn get_entry(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Entry>> {
        self.lookup(namespace, key, Entry::clone)
    }

    fn get_stream(&self, namespace: &Namespace, key: &str) -> Lookup<Option<StreamedEntry>> {
        let number = match self.shared.number(namespace) {
            Ok(Some(number)) => number,
            Ok(None) => return Lookup::done(None),
            Err(closed) => return Lookup::failed(closed),
        };
        if let Some(cached) = self.shared.cache.get(number, key) {
            self.shared.metrics.hit();
            let entry = visible(&cached, self.now()).cloned();
            return Lookup::done(entry.map(StreamedEntry::whole));
        }
        self.shared.metrics.miss();
        let key = key.to_owned();
        let (asked, store) = (namespace.clone(), Arc::clone(&self.shared));
        self.shared.read_within(namespace, key.len(), 0, move |_, database, allowance| {
            reading(find_stream(&store, database, number, &key, &asked, allowance))
        })
    }

    fn get_many(&self, namespace: &Namespace, keys: &[String]) -> Lookup<Vec<Option<Entry>>> {
        let number = match self.shared.number(namespace) {
            Ok(Some(number)) => number,
            Ok(None) => return Lookup::done(vec![None; keys.len()]),
            Err(closed) => return Lookup::failed(closed),
        };
        if let Some(cached) = self.shared.cache.get_all(number, keys) {
            self.shared.metrics.hit();
            return gather(cached.into_iter(), self.now()).into();
        }
        self.shared.metrics.miss();
        let keys = keys.to_vec();
        let bytes = keys.iter().map(String::len).sum();
        self.shared.read_within(namespace, bytes, 0, move |shared, database, allowance| {
            Ok(match find(shared, database, number, &keys, allowance)? {
                Read::Needs(bytes) => Read::Needs(bytes),
                Read::Done(found) => Read::Done(gather(found.into_iter(), shared.clock.now())?),
            })
        })
    }

    fn write(&self, namespace: &Namespace, changes: Vec<Change>) -> Lookup<()> {
        if let Err(refused) = changes.iter().try_for_each(Change::validate) {
            return Lookup::failed(refused);
        }
        if changes.is_empty() {
            return Lookup::done(());
        }
        self.shared.send(namespace, |reply| Job::write(namespace.clone(), changes, reply))
    }

    fn put_stream(
        &self,
        namespace: &Namespace,
        key: &str,
        expiration: Option<UnixSeconds>,
        metadata: Option<Arc<str>>,
    ) -> Result<Box<dyn ValueSink>, StoreError> {
        let put = Put { value: Bytes::new(), expiration, metadata };
        let change = Change { key: key.to_owned(), put: Some(put.clone()) };
        change.validate()?;
        let shared = Arc::clone(&self.shared);
        Ok(Box::new(PiecesSink::new(shared, namespace.clone(), change.key, put)))
    }

    fn list(&self, namespace: &Namespace, request: &ListRequest) -> Lookup<ListPage> {
        let number = match self.shared.number(namespace) {
            Ok(Some(number)) => number,
            Ok(None) => return Lookup::done(ListPage::default()),
            Err(closed) => return Lookup::failed(closed),
        };
        let request = request.clone();
        let kept_bytes = request.prefix.len();
        let most_bytes = self.shared.listed_bytes(namespace, request.limit);
        self.shared.read_within(namespace, kept_bytes, most_bytes, move |shared, database, _| {
            let now = shared.clock.now();
            let page =
                Snapshot::take(database).and_then(|tables| tables.list(number, &request, now));
            reading(page.map(Read::Done))
        })
    }

    fn namespaces(&self) -> Lookup<Vec<NamespaceInfo>> {
        let names = match self.shared.names() {
            Ok(names) => names,
            Err(error) => return Lookup::failed(error),
        };
        let mut found: Vec<_> = names
            .iter()
            .map(|(namespace, state)| NamespaceInfo {
                namespace: namespace.clone(),
                keys: state.keys.load(Ordering::Relaxed),
                bytes: state.bytes.load(Ordering::Relaxed),
            })
            .collect();
        found.sort_by(|a, b| a.namespace.cmp(&b.namespace));
        Lookup::done(found)
    }

    fn create_namespace(&self, namespace: &Namespace) -> Lookup<bool> {
        let named = namespace.clone();
        self.shared.send(namespace, |reply| Job::CreateNamespace { namespace: named, reply })
    }

    fn delete_namespace(&self, namespace: &Namespace) -> Lookup<bool> {
        let named = namespace.clone();
        self.shared.send(namespace, |reply| Job::DeleteNamespace { namespace: named, reply })
    }
}
