//! The KV store of a node whose process starts before the data folder is its own: the runtime is made
//! on it, and it is opened when the process before has given the folder away. And the other end:
//! it gives the folder away while events still run.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use kv::{
    Change, Clock as _, EmbeddedStore, Entry, ListPage, ListRequest, Lookup, Namespace,
    NamespaceInfo, OpenError, Put, Store, StoreError, StreamedEntry, SystemClock, UnixSeconds,
    ValueSink,
};

use super::open_store;
use crate::config::Config;

/// A store that answers once it is open, and no more when it is closed.
#[derive(Default)]
pub struct LateStore(OnceLock<Arc<EmbeddedStore>>);

impl LateStore {
    /// Opens the store of a node. To be called once.
    ///
    /// # Errors
    /// As [`open_store`].
    pub fn open(&self, config: &Config) -> Result<Arc<EmbeddedStore>, OpenError> {
        let store = open_store(config)?;
        Ok(Arc::clone(self.0.get_or_init(|| store)))
    }

    /// Whether nothing can be written any more, before another process opens the store.
    pub fn has_lost_its_writer(&self) -> bool {
        self.0.get().is_some_and(|store| store.has_lost_its_writer())
    }

    /// Gives the folder away; blocks until that is done.
    pub fn close(&self) {
        if let Some(store) = self.0.get() {
            store.close();
        }
    }

    fn ask<T>(&self, ask: impl FnOnce(&EmbeddedStore) -> Lookup<T>) -> Lookup<T> {
        self.0.get().map_or_else(|| Lookup::failed(StoreError::Closed), |store| ask(store))
    }
}

impl Store for LateStore {
    fn now(&self) -> UnixSeconds {
        self.0.get().map_or_else(|| SystemClock.now(), |store| store.now())
    }

    fn get(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Bytes>> {
        self.ask(|store| store.get(namespace, key))
    }

    fn get_entry(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Entry>> {
        self.ask(|store| store.get_entry(namespace, key))
    }

    fn get_stream(&self, namespace: &Namespace, key: &str) -> Lookup<Option<StreamedEntry>> {
        self.ask(|store| store.get_stream(namespace, key))
    }

    fn get_many(&self, namespace: &Namespace, keys: &[String]) -> Lookup<Vec<Option<Entry>>> {
        self.ask(|store| store.get_many(namespace, keys))
    }

    fn write(&self, namespace: &Namespace, changes: Vec<Change>) -> Lookup<()> {
        self.ask(|store| store.write(namespace, changes))
    }

    fn put(&self, namespace: &Namespace, key: &str, put: Put) -> Lookup<()> {
        self.ask(|store| store.put(namespace, key, put))
    }

    fn put_stream(
        &self,
        namespace: &Namespace,
        key: &str,
        expiration: Option<UnixSeconds>,
        metadata: Option<Arc<str>>,
    ) -> Result<Box<dyn ValueSink>, StoreError> {
        let store = self.0.get().ok_or(StoreError::Closed)?;
        store.put_stream(namespace, key, expiration, metadata)
    }

    fn delete(&self, namespace: &Namespace, key: &str) -> Lookup<()> {
        self.ask(|store| store.delete(namespace, key))
    }

    fn list(&self, namespace: &Namespace, request: &ListRequest) -> Lookup<ListPage> {
        self.ask(|store| store.list(namespace, request))
    }

    fn namespaces(&self) -> Lookup<Vec<NamespaceInfo>> {
        self.ask(|store| store.namespaces())
    }

    fn create_namespace(&self, namespace: &Namespace) -> Lookup<bool> {
        self.ask(|store| store.create_namespace(namespace))
    }

    fn delete_namespace(&self, namespace: &Namespace) -> Lookup<bool> {
        self.ask(|store| store.delete_namespace(namespace))
    }
}
