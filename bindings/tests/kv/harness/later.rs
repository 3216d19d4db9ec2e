//! A store that answers as another one does, but never at once, and counts what is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use kv::{
    Change, Entry, ListPage, ListRequest, Lookup, Namespace, NamespaceInfo, Store, StoreError,
    StreamedEntry, UnixSeconds, ValueSink,
};

pub(crate) struct Later {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) under_way: Arc<UnderWay>,
}

/// How many operations are under way, and the most that ever were.
#[derive(Default)]
pub(crate) struct UnderWay {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl UnderWay {
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    fn begin(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
    }

    fn end(&self) {
        self.now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Later {
    fn later<T: Send + Unpin + 'static>(&self, lookup: Lookup<T>) -> Lookup<T> {
        let under_way = Arc::clone(&self.under_way);
        under_way.begin();
        Lookup::Pending(Box::pin(async move {
            tokio::task::yield_now().await;
            let answer = lookup.await;
            under_way.end();
            answer
        }))
    }
}

impl Store for Later {
    fn now(&self) -> UnixSeconds {
        self.store.now()
    }

    fn get(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Bytes>> {
        self.later(self.store.get(namespace, key))
    }

    fn get_entry(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Entry>> {
        self.later(self.store.get_entry(namespace, key))
    }

    fn get_many(&self, namespace: &Namespace, keys: &[String]) -> Lookup<Vec<Option<Entry>>> {
        self.later(self.store.get_many(namespace, keys))
    }

    fn get_stream(&self, namespace: &Namespace, key: &str) -> Lookup<Option<StreamedEntry>> {
        self.later(self.store.get_stream(namespace, key))
    }

    fn write(&self, namespace: &Namespace, changes: Vec<Change>) -> Lookup<()> {
        self.later(self.store.write(namespace, changes))
    }

    fn put_stream(
        &self,
        namespace: &Namespace,
        key: &str,
        expiration: Option<UnixSeconds>,
        metadata: Option<Arc<str>>,
    ) -> Result<Box<dyn ValueSink>, StoreError> {
        self.store.put_stream(namespace, key, expiration, metadata)
    }

    fn list(&self, namespace: &Namespace, request: &ListRequest) -> Lookup<ListPage> {
        self.later(self.store.list(namespace, request))
    }

    fn namespaces(&self) -> Lookup<Vec<NamespaceInfo>> {
        self.later(self.store.namespaces())
    }

    fn create_namespace(&self, namespace: &Namespace) -> Lookup<bool> {
        self.later(self.store.create_namespace(namespace))
    }

    fn delete_namespace(&self, namespace: &Namespace) -> Lookup<bool> {
        self.later(self.store.delete_namespace(namespace))
    }
}
