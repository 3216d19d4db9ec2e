//! The limits of the store, which are those of Workers KV
//! (<https://developers.cloudflare.com/kv/platform/limits/>). The functions that apply them are in
//! `validate`.

/// The longest key, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 512;
/// The longest value, in bytes (25 MiB).
pub const MAX_VALUE_BYTES: usize = 26_214_400;
/// The longest metadata, in bytes of JSON.
pub const MAX_METADATA_BYTES: usize = 1_024;
/// The most keys that one page of a list holds, and its default.
pub const MAX_LIST_KEYS: usize = 1_000;
/// The most keys that one bulk get asks for.
pub const MAX_BULK_KEYS: usize = 100;
/// The most bytes of values that one bulk get answers with (25 MiB).
pub const MAX_BULK_BYTES: usize = 26_214_400;
/// The shortest life of a key that expires, in seconds.
pub const MIN_EXPIRATION_TTL_S: u64 = 60;
/// The shortest time to live of a cached read, in seconds.
pub const MIN_CACHE_TTL_S: i64 = 30;
