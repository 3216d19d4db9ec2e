//! The key-value store of a node: the `Store` trait, its engines, and the rules that every caller
//! of it obeys (limits, refusals, cursors). It knows no JavaScript, no HTTP and no event loop: what
//! a worker sees of it is in `bindings`.

#![forbid(unsafe_code)]
#![allow(
    clippy::mutable_key_type,
    reason = "a namespace is its identity, whatever is counted for its caller"
)]

mod belongings;
mod caller;
mod clock;
mod cursor;
mod embedded;
mod error;
mod limits;
mod lookup;
mod memory;
mod store;
mod stream;
mod validate;

pub use belongings::Belongings;
pub use caller::Caller;
pub use clock::{Clock, ManualClock, SystemClock, UnixSeconds};
pub use cursor::{decode_cursor, encode_cursor};
pub use embedded::{EmbeddedOptions, EmbeddedStore, OpenError};
pub use error::{KeyError, Refused, StoreError};
pub use limits::{
    MAX_BULK_BYTES, MAX_BULK_KEYS, MAX_KEY_BYTES, MAX_LIST_KEYS, MAX_METADATA_BYTES,
    MAX_VALUE_BYTES, MIN_CACHE_TTL_S, MIN_EXPIRATION_TTL_S,
};
pub use lookup::Lookup;
pub use memory::{MemoryOptions, MemoryStore};
pub use store::{
    Change, Entry, ListPage, ListRequest, ListedKey, Namespace, NamespaceInfo, Put, Store,
    StreamedEntry, ValueSink, ValueSource,
};
pub use validate::{
    BulkType, validate_bulk, validate_bulk_bytes, validate_cache_ttl, validate_expiration,
    validate_key, validate_list_limit, validate_metadata, validate_metadata_bytes, validate_prefix,
    validate_value_bytes,
};
