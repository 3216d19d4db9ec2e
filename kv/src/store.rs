//! The seam between those who use a key-value store and the engines that are one. No engine is
//! here, and no limit: those are in `limits` and `validate`.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;

use crate::caller::Caller;
use crate::clock::UnixSeconds;
use crate::error::{KeyError, Refused, StoreError};
use crate::lookup::Lookup;
use crate::validate::{validate_key, validate_metadata, validate_value_bytes};

/// A namespace, as somebody asks for it: keys of two namespaces never meet. It is its identity, and
/// equal to the same one that another caller asks for.
#[derive(Clone, Debug)]
pub struct Namespace {
    id: Arc<str>,
    caller: Option<Caller>,
}

/// What is stored under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The value, at most [`MAX_VALUE_BYTES`](crate::MAX_VALUE_BYTES).
    pub value: Bytes,
    /// The second from which the key is hidden, or `None` for a key that stays.
    pub expiration: Option<UnixSeconds>,
    /// JSON text, at most [`MAX_METADATA_BYTES`](crate::MAX_METADATA_BYTES); the store does not
    /// parse it.
    pub metadata: Option<Arc<str>>,
}

/// One change to a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key, of at most [`MAX_KEY_BYTES`](crate::MAX_KEY_BYTES).
    pub key: String,
    /// What to store under it in place of what was there, or `None` to remove that.
    pub put: Option<Put>,
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

/// What is found under a key, its value to be read piece by piece.
pub struct StreamedEntry {
    /// The length of the value.
    pub value_bytes: u64,
    /// The second from which the key is hidden.
    pub expiration: Option<UnixSeconds>,
    /// The JSON text that was put.
    pub metadata: Option<Arc<str>>,
    /// Gives the value, as it was when the entry was found.
    pub value: Box<dyn ValueSource>,
}

/// A namespace that exists, and how much it holds. Keys that have expired count until they are
/// swept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceInfo {
    /// The namespace.
    pub namespace: Namespace,
    /// How many keys it has.
    pub keys: u64,
    /// The bytes of its keys, values and metadata.
    pub bytes: u64,
}

/// A value that is read piece by piece. It stays what it was, whatever is put under its key
/// meanwhile.
pub trait ValueSource: Send {
    /// The next piece, never empty, or `None` after the last.
    fn read(&mut self) -> Lookup<Option<Bytes>>;
}

/// A value that is written piece by piece and stored when it is complete. Dropping it before that
/// gives it up: nothing is then stored.
pub trait ValueSink: Send {
    /// Takes the next piece. The writer waits for the answer before it goes on, so that little of
    /// the value is in memory.
    ///
    /// # Errors
    ///
    /// [`Refused`](crate::Refused) for a value that becomes too long, or of which there is no room
    /// for more, after which the sink takes nothing.
    fn write(&mut self, piece: Bytes) -> Lookup<()>;

    /// Stores the value, as [`Store::put`] does.
    ///
    /// # Errors
    ///
    /// Those of a `put`, and the same again if a [`write`](Self::write) has failed: what is stored
    /// is the whole value or nothing.
    fn finish(self: Box<Self>) -> Lookup<()>;
}

/// A key-value store in namespaces. A namespace comes into being with the first write to it.
///
/// Every operation on one key is atomic, and so is a [`write`](Self::write) of several; an operation
/// that starts after another has been answered sees it, from any thread. A key whose expiration has
/// come is hidden from that second on, whenever it is removed.
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

    /// What is under a key, its value piece by piece.
    fn get_stream(&self, namespace: &Namespace, key: &str) -> Lookup<Option<StreamedEntry>>;

    /// What is under each of `keys`, in their order, as one operation.
    ///
    /// # Errors
    ///
    /// [`Refused`](crate::Refused) when the values exceed
    /// [`MAX_BULK_BYTES`](crate::MAX_BULK_BYTES) in all; they are then not gathered.
    fn get_many(&self, namespace: &Namespace, keys: &[String]) -> Lookup<Vec<Option<Entry>>>;

    /// Makes all of these changes, in their order, or none. Once this is answered, a durable engine
    /// has them on disk.
    ///
    /// # Errors
    ///
    /// [`Refused`](crate::Refused) for a key, a value or metadata beyond the limits, and
    /// [`StoreError::Full`](crate::StoreError::Full)
    /// or [`StoreError::DiskFull`](crate::StoreError::DiskFull).
    fn write(&self, namespace: &Namespace, changes: Vec<Change>) -> Lookup<()>;

    /// Stores a value in place of what was under the key, as [`write`](Self::write) does.
    fn put(&self, namespace: &Namespace, key: &str, put: Put) -> Lookup<()> {
        self.write(namespace, vec![Change { key: key.to_owned(), put: Some(put) }])
    }

    /// Stores a value that comes piece by piece.
    ///
    /// # Errors
    ///
    /// [`Refused`](crate::Refused) for a key or metadata beyond the limits.
    fn put_stream(
        &self,
        namespace: &Namespace,
        key: &str,
        expiration: Option<UnixSeconds>,
        metadata: Option<Arc<str>>,
    ) -> Result<Box<dyn ValueSink>, StoreError>;

    /// Removes what is under a key, if anything is, as [`write`](Self::write) does.
    fn delete(&self, namespace: &Namespace, key: &str) -> Lookup<()> {
        self.write(namespace, vec![Change { key: key.to_owned(), put: None }])
    }

    /// One page of the keys of a namespace.
    fn list(&self, namespace: &Namespace, request: &ListRequest) -> Lookup<ListPage>;

    /// The namespaces that exist, ordered by their identity.
    fn namespaces(&self) -> Lookup<Vec<NamespaceInfo>>;

    /// Makes an empty namespace; `false` if there was one already, which is left as it is.
    fn create_namespace(&self, namespace: &Namespace) -> Lookup<bool>;

    /// Removes a namespace with all its keys; `false` if there was none.
    fn delete_namespace(&self, namespace: &Namespace) -> Lookup<bool>;
}

impl Namespace {
    /// The namespace with this identity, as the operator asks for it.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self { id: id.into(), caller: None }
    }

    /// The same namespace, as `caller` asks for it: an engine takes turns between callers, and bounds
    /// what each has waiting.
    #[must_use]
    pub fn asked_by(&self, caller: &Caller) -> Self {
        Self { id: Arc::clone(&self.id), caller: Some(caller.clone()) }
    }

    /// Its identity.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Who asks for it, unless it is the operator.
    pub fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// The same namespace, to be kept as the name of what is in it.
    pub(crate) fn as_name(&self) -> Self {
        Self { id: Arc::clone(&self.id), caller: None }
    }
}

impl PartialEq for Namespace {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Namespace {}

impl PartialOrd for Namespace {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Namespace {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}

impl Hash for Namespace {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

impl From<Put> for Entry {
    fn from(put: Put) -> Self {
        let Put { value, expiration, metadata } = put;
        Self { value, expiration, metadata }
    }
}

impl Put {
    /// A value that neither expires nor has metadata.
    pub fn bytes(value: impl Into<Bytes>) -> Self {
        Self { value: value.into(), expiration: None, metadata: None }
    }
}

impl Change {
    /// Checks the key, and what is to be put under it, against the limits.
    ///
    /// # Errors
    ///
    /// The rule that is broken first.
    pub fn validate(&self) -> Result<(), Refused> {
        validate_key(&self.key).map_err(KeyError::into_refused)?;
        let Some(put) = &self.put else { return Ok(()) };
        validate_value_bytes(put.value.len())?;
        validate_metadata(put.metadata.as_deref().unwrap_or_default())
    }
}

impl ListPage {
    /// Whether nothing follows this page.
    pub fn list_complete(&self) -> bool {
        self.next.is_none()
    }
}
