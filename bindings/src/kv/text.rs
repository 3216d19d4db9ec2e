//! Texts that a worker gives: none is copied that is longer than the store takes. (A `String` that
//! deno_core makes of an argument is copied whatever its length, and leaves a buffer of that length
//! with the thread.)

use std::sync::Arc;

use deno_core::v8;
use kv::{KeyError, MAX_KEY_BYTES, Refused};

use super::error::{KvError, Method};

/// A cursor is a key in base64, which makes four characters of three bytes.
const MAX_CURSOR_BYTES: usize = MAX_KEY_BYTES.div_ceil(3) * 4;
/// No type of a bulk get has a name so long.
const MAX_KIND_BYTES: usize = 512;

/// The text of a key.
pub(super) fn key(
    scope: &v8::PinScope<'_, '_>,
    text: v8::Local<'_, v8::String>,
) -> Result<String, KeyError> {
    let bytes = text.utf8_length(scope);
    if bytes > MAX_KEY_BYTES {
        return Err(KeyError::TooLong { bytes });
    }
    let key = text.to_rust_string_lossy(scope);
    kv::validate_key(&key).map(|()| key)
}

/// The beginning of keys to list; empty for what is no text.
pub(super) fn prefix(
    scope: &v8::PinScope<'_, '_>,
    value: v8::Local<'_, v8::Value>,
) -> Result<String, Refused> {
    let Some(text) = text(value) else { return Ok(String::new()) };
    let bytes = text.utf8_length(scope);
    if bytes > MAX_KEY_BYTES {
        return Err(KeyError::TooLong { bytes }.into_refused());
    }
    Ok(text.to_rust_string_lossy(scope))
}

/// The key that a list goes on after; none for an empty cursor.
pub(super) fn cursor(
    scope: &v8::PinScope<'_, '_>,
    value: v8::Local<'_, v8::Value>,
) -> Result<Option<String>, Refused> {
    let Some(text) = text(value).filter(|text| text.length() > 0) else { return Ok(None) };
    if text.utf8_length(scope) > MAX_CURSOR_BYTES {
        return Err(Refused::new(400, "Invalid cursor."));
    }
    kv::decode_cursor(&text.to_rust_string_lossy(scope)).map(Some)
}

/// Metadata as JSON; none for what is no text.
pub(super) fn metadata(
    scope: &v8::PinScope<'_, '_>,
    value: v8::Local<'_, v8::Value>,
) -> Result<Option<Arc<str>>, KvError> {
    let Some(text) = text(value) else { return Ok(None) };
    let valid = kv::validate_metadata_bytes(text.utf8_length(scope));
    valid.map_err(|refused| Method::Put.refused(refused))?;
    Ok(Some(text.to_rust_string_lossy(scope).into()))
}

/// The type that a bulk get asks for, to be said in a message if it is none.
pub(super) fn kind(
    scope: &v8::PinScope<'_, '_>,
    value: v8::Local<'_, v8::Value>,
) -> Option<String> {
    let text = text(value)?;
    match text.utf8_length(scope) {
        0..=MAX_KIND_BYTES => Some(text.to_rust_string_lossy(scope)),
        bytes => Some(format!("a text of {bytes} bytes")),
    }
}

fn text<'s>(value: v8::Local<'s, v8::Value>) -> Option<v8::Local<'s, v8::String>> {
    v8::Local::<v8::String>::try_from(value).ok()
}
