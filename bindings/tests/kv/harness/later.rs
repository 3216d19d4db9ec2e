//! A store that answers as another one does, but never at once.

use std::sync::Arc;

use bytes::Bytes;
use kv::{
    Change, Entry, ListPage, ListRequest, Lookup, Namespace, NamespaceInfo, Store, StoreError,
    StreamedEntry, UnixSeconds, ValueSink,
};

pub(crate) struct Later(pub(crate) Arc<dyn Store>);

fn later<T: Send + Unpin + 'static>(lookup: Lookup<T>) -> Lookup<T> {
    Lookup::Pending(Box::pin(async {
        tokio::task::yield_now().await;
        lookup.await
    }))
}

impl Store for Later {
    fn now(&self) -> UnixSeconds {
        self.0.now()
    }

    fn get(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Bytes>> {
        later(self.0.get(namespace, key))
    }

    fn get_entry(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Entry>> {
        later(self.0.get_entry(namespace, key))
    }

    fn get_many(&self, namespace: &Namespace, keys: &[String]) -> Lookup<Vec<Option<Entry>>> {
        later(self.0.get_many(namespace, keys))
    }

    fn get_stream(&self, namespace: &Namespace, key: &str) -> Lookup<Option<StreamedEntry>> {
        later(self.0.get_stream(namespace, key))
    }

    fn write(&self, namespace: &Namespace, changes: Vec<Change>) -> Lookup<()> {
        later(self.0.write(namespace, changes))
    }

    fn put_stream(
        &self,
        namespace: &Namespace,
        key: &str,
        expiration: Option<UnixSeconds>,
        metadata: Option<Arc<str>>,
    ) -> Result<Box<dyn ValueSink>, StoreError> {
        self.0.put_stream(namespace, key, expiration, metadata)
    }

    fn list(&self, namespace: &Namespace, request: &ListRequest) -> Lookup<ListPage> {
        later(self.0.list(namespace, request))
    }

    fn namespaces(&self) -> Lookup<Vec<NamespaceInfo>> {
        later(self.0.namespaces())
    }

    fn create_namespace(&self, namespace: &Namespace) -> Lookup<bool> {
        later(self.0.create_namespace(namespace))
    }

    fn delete_namespace(&self, namespace: &Namespace) -> Lookup<bool> {
        later(self.0.delete_namespace(namespace))
    }
}
