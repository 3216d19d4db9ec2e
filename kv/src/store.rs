//! The seam between those who use a key-value store and the engines that are one. No engine is
//! here, and no limit: those are in `limits` and `validate`.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::clock::UnixSeconds;
use crate::lookup::Lookup;

/// The identity of a namespace: keys of two namespaces never meet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

/// A value on its way into the store. Engines that can write a value piece by piece add a variant
/// that carries a stream; until then a value is whole.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// The whole value.
    Bytes(Bytes),
}

/// What is stored under a key.
#[derive(Clone, Debug)]
pub struct Put {
    /// The value, at most [`MAX_VALUE_BYTES`](crate::MAX_VALUE_BYTES).
    pub value: Value,
    /// The second from which the key is hidden, or `None` for a key that stays.
    pub expiration: Option<UnixSeconds>,
    /// JSON text, at most [`MAX_METADATA_BYTES`](crate::MAX_METADATA_BYTES); the store does not
    /// parse it.
    pub metadata: Option<Arc<str>>,
}

/// What is found under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Bytes,
    /// The second from which the key is hidden.
    pub expiration: Option<UnixSeconds>,
    /// The JSON text that was put.
    pub metadata: Option<Arc<str>>,
}

/// Which keys to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRequest {
    /// Only keys that begin with this; empty for all.
    pub prefix: String,
    /// The most keys to answer with, from 1 to [`MAX_LIST_KEYS`](crate::MAX_LIST_KEYS).
    pub limit: usize,
    /// Only keys after this one, which itself need not exist.
    pub start_after: Option<String>,
}

/// One page of a list, in the order of the keys' UTF-8 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The keys, without those that have expired.
    pub keys: Vec<ListedKey>,
    /// Where the next page starts after, or `None` when this page is the last.
    pub next: Option<String>,
}

/// A key in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// The key.
    pub name: String,
    /// The second from which it is hidden.
    pub expiration: Option<UnixSeconds>,
    /// The JSON text that was put with it.
    pub metadata: Option<Arc<str>>,
}

/// A key-value store in namespaces.
///
/// Every operation is atomic, and one that starts after another has been answered sees it, from any
/// thread. A key whose expiration has come is hidden from that second on, whenever it is removed.
///
/// Calling a method starts the operation; dropping its [`Lookup`] gives up the answer, and a write
/// may then happen or not. Engines enforce the limits of this crate on what is written, except the
/// shortest life of a key, so that stored data can be imported.
pub trait Store: Send + Sync + 'static {
    /// The second that this store takes for the present when it decides what has expired.
    fn now(&self) -> UnixSeconds;

    /// The value under a key, or `None`. A value that is in memory is answered at once.
    fn get(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Bytes>>;

    /// The value under a key with its metadata and expiration, as they were put together.
    fn get_entry(&self, namespace: &Namespace, key: &str) -> Lookup<Option<Entry>>;

    /// What is under each of `keys`, in their order, at one moment: one operation.
    ///
    /// # Errors
    ///
    /// [`Refused`](crate::Refused) when the values exceed
    /// [`MAX_BULK_BYTES`](crate::MAX_BULK_BYTES) in all; they are then not gathered.
    fn get_many(&self, namespace: &Namespace, keys: &[String]) -> Lookup<Vec<Option<Entry>>>;

    /// Stores a value in place of what was under the key. Once this is answered, a durable engine
    /// has it on disk.
    ///
    /// # Errors
    ///
    /// [`Refused`](crate::Refused) for a key, a value or metadata beyond the limits, and
    /// [`StoreError::Full`](crate::StoreError::Full).
    fn put(&self, namespace: &Namespace, key: &str, put: Put) -> Lookup<()>;

    /// Removes what is under a key, if anything is. Once this is answered, a durable engine has it
    /// on disk.
    fn delete(&self, namespace: &Namespace, key: &str) -> Lookup<()>;

    /// One page of the keys of a namespace.
    fn list(&self, namespace: &Namespace, request: &ListRequest) -> Lookup<ListPage>;
}

impl Namespace {
    /// The namespace with this identity.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// Its identity.
    pub fn id(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Put {
    /// A value that neither expires nor has metadata.
    pub fn bytes(value: impl Into<Bytes>) -> Self {
        Self { value: Value::Bytes(value.into()), expiration: None, metadata: None }
    }
}

impl ListPage {
    /// Whether nothing follows this page.
    pub fn list_complete(&self) -> bool {
        self.next.is_none()
    }
}
