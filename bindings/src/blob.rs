//! The store behind `Blob` and `File`: deno_web keeps their bytes outside of V8's heap, so
//! they are counted here and bounded with the isolate's memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use deno_core::parking_lot::Mutex;
use deno_core::url::Url;
use deno_web::{Blob, BlobPart, BlobStoreTrait};
use futures_util::FutureExt as _;
use uuid::Uuid;

use crate::memory::Charge;

type Part = Arc<dyn BlobPart + Send + Sync>;

/// What a part takes beside its bytes, about.
const PART_BYTES: usize = 256;

/// The blobs of one isolate.
#[derive(Debug)]
pub struct QuotaBlobStore {
    parts: Mutex<HashMap<Uuid, Arc<FlatPart>>>,
    /// The part that was asked for last: what is inserted next may be a slice of it.
    asked: Mutex<Weak<FlatPart>>,
    used_bytes: Arc<AtomicUsize>,
    limit_bytes: usize,
}

/// A part: bytes that it may share with others. Never a part within a part, as deno_web's slices are:
/// with slices of slices a worker could make what cannot be dropped without an end of the stack.
#[derive(Debug)]
struct FlatPart {
    bytes: Bytes,
    _charge: Charge,
}

/// The memory of a part as deno_web makes it.
struct Memory {
    part: Part,
    _charge: Charge,
}

impl QuotaBlobStore {
    /// A store that holds at most `limit_bytes`; parts beyond that are dropped, and reading
    /// them fails.
    pub fn new(limit_bytes: usize) -> Arc<Self> {
        Arc::new(QuotaBlobStore {
            parts: Mutex::default(),
            asked: Mutex::default(),
            used_bytes: Arc::default(),
            limit_bytes,
        })
    }

    /// Bytes held by the blobs that are alive.
    pub fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// The bytes of a part; shared where it is a slice of the one that was asked for last.
    fn flatten(&self, part: Part) -> Bytes {
        let bytes = contents(&part);
        if bytes.is_empty() {
            return Bytes::new();
        }
        if let Some(asked) = self.asked.lock().upgrade() {
            let (outer, inner) = (asked.bytes.as_ptr_range(), bytes.as_ptr_range());
            if outer.start <= inner.start && inner.end <= outer.end {
                return asked.bytes.slice_ref(bytes);
            }
        }
        let charge = Charge::new(bytes.len(), &self.used_bytes);
        Bytes::from_owner(Memory { part, _charge: charge })
    }
}

/// The bytes of a part, all of which are in memory.
fn contents(part: &Part) -> &[u8] {
    part.read().now_or_never().unwrap_or_default()
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        contents(&self.part)
    }
}

#[async_trait::async_trait]
impl BlobPart for FlatPart {
    async fn read<'a>(&'a self) -> &'a [u8] {
        &self.bytes
    }

    fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl BlobStoreTrait for QuotaBlobStore {
    fn insert_part(&self, part: Part) -> Uuid {
        let id = Uuid::new_v4();
        let bytes = self.flatten(part);
        let part = FlatPart { bytes, _charge: Charge::new(PART_BYTES, &self.used_bytes) };
        if self.used_bytes() <= self.limit_bytes {
            self.parts.lock().insert(id, Arc::new(part));
        }
        id
    }

    fn get_part(&self, id: &Uuid) -> Option<Part> {
        let part = self.parts.lock().get(id).cloned()?;
        *self.asked.lock() = Arc::downgrade(&part);
        Some(part)
    }

    fn remove_part(&self, id: &Uuid) -> Option<Part> {
        self.parts.lock().remove(id).map(|part| part as Part)
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
        Arc::new(InMemoryBlobPart::from(vec![7; bytes]))
    }

    #[test]
    fn a_part_counts_until_its_last_reference_goes() {
        let store = QuotaBlobStore::new(1000);
        let id = store.insert_part(part(600));
        let held = store.get_part(&id);
        store.clear();
        assert_eq!(store.used_bytes(), 600 + PART_BYTES);
        drop(held);
        assert_eq!(store.used_bytes(), 0);
    }

    #[test]
    fn a_part_beyond_the_quota_is_not_kept() {
        let store = QuotaBlobStore::new(1000);
        let kept = store.insert_part(part(600));
        let refused = store.insert_part(part(600));
        assert!(store.get_part(&kept).is_some());
        assert!(store.get_part(&refused).is_none());
        assert_eq!(store.used_bytes(), 600 + PART_BYTES);
    }

    #[test]
    fn what_is_made_of_a_part_shares_its_bytes() {
        let store = QuotaBlobStore::new(100_000);
        let mut id = store.insert_part(part(1000));
        for copies in 1..100 {
            let whole = store.get_part(&id).unwrap();
            id = store.insert_part(whole);
            assert_eq!(store.used_bytes(), 1000 + (copies + 1) * PART_BYTES);
        }
        assert_eq!(contents(&store.get_part(&id).unwrap()), [7; 1000]);
    }
}
