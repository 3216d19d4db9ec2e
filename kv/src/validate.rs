//! The rules for requests, each with the exact text that Workers KV refuses with. Both the binding
//! and the engines call these; nothing else decides what is allowed.

use crate::clock::UnixSeconds;
use crate::error::{KeyError, Refused};
use crate::limits::{
    MAX_BULK_BYTES, MAX_BULK_KEYS, MAX_KEY_BYTES, MAX_LIST_KEYS, MAX_METADATA_BYTES,
    MAX_VALUE_BYTES, MIN_CACHE_TTL_S, MIN_EXPIRATION_TTL_S,
};

/// What a bulk get turns values into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkType {
    /// Text, the default.
    Text,
    /// The value that the text is JSON of.
    Json,
}

/// Checks the name of a key.
///
/// # Errors
///
/// The rule that the name breaks.
pub fn validate_key(key: &str) -> Result<(), KeyError> {
    match key {
        "" => Err(KeyError::Empty),
        "." => Err(KeyError::Dot),
        ".." => Err(KeyError::DotDot),
        _ => validate_key_bytes(key),
    }
}

/// Checks the prefix of a list, which may be any beginning of a key.
///
/// # Errors
///
/// 414 when it is longer than a key can be.
pub fn validate_prefix(prefix: &str) -> Result<(), Refused> {
    validate_key_bytes(prefix).map_err(KeyError::into_refused)
}

/// Turns the two ways to say when a key expires, both in seconds, into a moment. The relative one
/// wins.
///
/// # Errors
///
/// 400 when the moment is not at least [`MIN_EXPIRATION_TTL_S`] after `now`.
pub fn validate_expiration(
    expiration: Option<i64>,
    expiration_ttl: Option<i64>,
    now: UnixSeconds,
) -> Result<Option<UnixSeconds>, Refused> {
    if let Some(ttl) = expiration_ttl {
        return ttl_from(ttl, now).map(Some);
    }
    let Some(raw) = expiration else { return Ok(None) };
    let refuse =
        |text: &str| Err(Refused::new(400, format!("Invalid expiration of {raw}. {text}")));
    match u64::try_from(raw) {
        Ok(at) if at >= now.0.saturating_add(MIN_EXPIRATION_TTL_S) => Ok(Some(UnixSeconds(at))),
        Ok(at) if at > now.0 => refuse(&format!(
            "Expiration times must be at least {MIN_EXPIRATION_TTL_S} seconds in the future."
        )),
        _ => refuse(
            "Please specify integer greater than the current number of seconds since the UNIX epoch.",
        ),
    }
}

/// Checks the length of metadata.
///
/// # Errors
///
/// 413 beyond [`MAX_METADATA_BYTES`].
pub fn validate_metadata(json: &str) -> Result<(), Refused> {
    validate_metadata_bytes(json.len())
}

/// Checks the length of metadata, in bytes of JSON.
///
/// # Errors
///
/// 413 beyond [`MAX_METADATA_BYTES`].
pub fn validate_metadata_bytes(bytes: usize) -> Result<(), Refused> {
    at_most("Metadata length", bytes, MAX_METADATA_BYTES)
}

/// Checks the length of a value, in bytes.
///
/// # Errors
///
/// 413 beyond [`MAX_VALUE_BYTES`].
pub fn validate_value_bytes(bytes: usize) -> Result<(), Refused> {
    at_most("Value length", bytes, MAX_VALUE_BYTES)
}

/// Checks how long a read may be cached, in seconds. A node is always coherent with its own writes,
/// so the value has no effect.
///
/// # Errors
///
/// 400 below [`MIN_CACHE_TTL_S`].
pub fn validate_cache_ttl(cache_ttl: i64) -> Result<(), Refused> {
    if cache_ttl >= MIN_CACHE_TTL_S {
        return Ok(());
    }
    let text =
        format!("Invalid cache_ttl of {cache_ttl}. Cache TTL must be at least {MIN_CACHE_TTL_S}.");
    Err(Refused::new(400, text))
}

/// Checks the type and the number of keys of a bulk get. An empty type means the default.
///
/// # Errors
///
/// 400 for a type other than `"text"` and `"json"`, and for a number outside 1 to
/// [`MAX_BULK_KEYS`].
pub fn validate_bulk(kind: Option<&str>, keys: usize) -> Result<BulkType, Refused> {
    let kind = match kind {
        None | Some("" | "text") => BulkType::Text,
        Some("json") => BulkType::Json,
        Some(other) => {
            let text = format!("\"{other}\" is not a valid type. Use \"json\" or \"text\"");
            return Err(Refused::new(400, text));
        }
    };
    match keys {
        0 => Err(Refused::new(400, "You must request a minimum of 1 key")),
        1..=MAX_BULK_KEYS => Ok(kind),
        _ => Err(Refused::new(400, format!("You can request a maximum of {MAX_BULK_KEYS} keys"))),
    }
}

/// Checks how many bytes of values a bulk get answers with.
///
/// # Errors
///
/// 413 beyond [`MAX_BULK_BYTES`].
pub fn validate_bulk_bytes(total_bytes: usize) -> Result<(), Refused> {
    if total_bytes <= MAX_BULK_BYTES {
        return Ok(());
    }
    let limit_mib = MAX_BULK_BYTES / (1024 * 1024);
    Err(Refused::new(413, format!("Total size of request exceeds the limit of {limit_mib}MB")))
}

/// The number of keys for one page of a list, [`MAX_LIST_KEYS`] by default.
///
/// # Errors
///
/// 400 outside 1 to [`MAX_LIST_KEYS`].
pub fn validate_list_limit(limit: Option<i64>) -> Result<usize, Refused> {
    let Some(limit) = limit else { return Ok(MAX_LIST_KEYS) };
    let rule = match usize::try_from(limit) {
        Ok(limit @ 1..=MAX_LIST_KEYS) => return Ok(limit),
        Ok(0) | Err(_) => "greater than 0".to_owned(),
        Ok(_) => format!("less than {MAX_LIST_KEYS}"),
    };
    let text = format!("Invalid key_count_limit of {limit}. Please specify an integer {rule}.");
    Err(Refused::new(400, text))
}

fn validate_key_bytes(key: &str) -> Result<(), KeyError> {
    if key.len() > MAX_KEY_BYTES { Err(KeyError::TooLong { bytes: key.len() }) } else { Ok(()) }
}

fn ttl_from(ttl: i64, now: UnixSeconds) -> Result<UnixSeconds, Refused> {
    let rule = match u64::try_from(ttl) {
        Ok(ttl) if ttl >= MIN_EXPIRATION_TTL_S => return Ok(now.saturating_add(ttl)),
        Ok(1..) => format!("Expiration TTL must be at least {MIN_EXPIRATION_TTL_S}."),
        Ok(0) | Err(_) => "Please specify integer greater than 0.".to_owned(),
    };
    Err(Refused::new(400, format!("Invalid expiration_ttl of {ttl}. {rule}")))
}

fn at_most(what: &str, bytes: usize, limit: usize) -> Result<(), Refused> {
    if bytes <= limit {
        return Ok(());
    }
    Err(Refused::new(413, format!("{what} of {bytes} exceeds limit of {limit}.")))
}

#[cfg(test)]
mod tests;
