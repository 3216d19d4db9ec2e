//! The store behind `Blob` and `File`: deno_web keeps their bytes outside of V8's heap, so
//! they are counted here and bounded with the isolate's memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use deno_core::parking_lot::Mutex;
use deno_core::url::Url;
use deno_web::{Blob, BlobPart, BlobStoreTrait};
use uuid::Uuid;

type Part = Arc<dyn BlobPart + Send + Sync>;

/// The blobs of one isolate.
#[derive(Debug)]
pub struct QuotaBlobStore {
    parts: Mutex<HashMap<Uuid, Part>>,
    used_bytes: Arc<AtomicUsize>,
    limit_bytes: usize,
}

/// A part that gives its bytes back to the quota when the last reference to it goes.
#[derive(Debug)]
struct CountedPart {
    part: Part,
    used_bytes: Arc<AtomicUsize>,
}

impl QuotaBlobStore {
    /// A store that holds at most `limit_bytes`; parts beyond that are dropped, and reading
    /// them fails.
    pub fn new(limit_bytes: usize) -> Arc<Self> {
        Arc::new(QuotaBlobStore {
            parts: Mutex::default(),
            used_bytes: Arc::default(),
            limit_bytes,
        })
    }

    /// Bytes held by the blobs that are alive.
    pub fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }
}

impl Drop for CountedPart {
    fn drop(&mut self) {
        self.used_bytes.fetch_sub(self.part.size(), Ordering::Relaxed);
    }
}

#[async_trait::async_trait]
impl BlobPart for CountedPart {
    async fn read<'a>(&'a self) -> &'a [u8] {
        self.part.read().await
    }

    fn size(&self) -> usize {
        self.part.size()
    }
}

impl BlobStoreTrait for QuotaBlobStore {
    fn insert_part(&self, part: Part) -> Uuid {
        let id = Uuid::new_v4();
        let used = self.used_bytes.fetch_add(part.size(), Ordering::Relaxed) + part.size();
        let part = CountedPart { part, used_bytes: self.used_bytes.clone() };
        if used <= self.limit_bytes {
            self.parts.lock().insert(id, Arc::new(part));
        }
        id
    }

    fn get_part(&self, id: &Uuid) -> Option<Part> {
        self.parts.lock().get(id).cloned()
    }

    fn remove_part(&self, id: &Uuid) -> Option<Part> {
        self.parts.lock().remove(id)
    }

    /// Blob URLs are not part of a worker's API.
    fn get_object_url(&self, _url: Url) -> Option<Arc<Blob>> {
        None
    }

    fn insert_object_url(&self, _blob: Blob, _location: Option<Url>) -> Url {
        Url::parse("blob:null/unsupported").expect("a literal that is a URL")
    }

    fn remove_object_url(&self, _url: &Url) {}

    fn clear(&self) {
        self.parts.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deno_web::InMemoryBlobPart;

    fn part(bytes: usize) -> Part {
        Arc::new(InMemoryBlobPart::from(vec![0; bytes]))
    }

    #[test]
    fn a_part_counts_until_its_last_reference_goes() {
        let store = QuotaBlobStore::new(100);
        let id = store.insert_part(part(60));
        let held = store.get_part(&id);
        store.remove_part(&id);
        assert_eq!(store.used_bytes(), 60);
        drop(held);
        assert_eq!(store.used_bytes(), 0);
    }

    #[test]
    fn a_part_beyond_the_quota_is_not_kept() {
        let store = QuotaBlobStore::new(100);
        let kept = store.insert_part(part(60));
        let refused = store.insert_part(part(60));
        assert!(store.get_part(&kept).is_some());
        assert!(store.get_part(&refused).is_none());
        assert_eq!(store.used_bytes(), 60);
    }
}
