//! A store that answers as another one does, but never at once.

use std::sync::Arc;

use bytes::Bytes;
use kv::{Entry, ListPage, ListRequest, Lookup, Namespace, Put, Store, UnixSeconds};

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

    fn put(&self, namespace: &Namespace, key: &str, put: Put) -> Lookup<()> {
        later(self.0.put(namespace, key, put))
    }

    fn delete(&self, namespace: &Namespace, key: &str) -> Lookup<()> {
        later(self.0.delete(namespace, key))
    }

    fn list(&self, namespace: &Namespace, request: &ListRequest) -> Lookup<ListPage> {
        later(self.0.list(namespace, request))
    }
}
