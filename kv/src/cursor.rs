//! The cursor of a list: opaque to workers, and in truth the last key seen, in base64. It names a
//! place in the order of keys and not a row, so it stays valid while keys come and go.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Refused;
use crate::limits::MAX_KEY_BYTES;

/// The cursor that goes on after `last_key`.
pub fn encode_cursor(last_key: &str) -> String {
    STANDARD.encode(last_key)
}

/// The key that `cursor` goes on after.
///
/// # Errors
///
/// [`Refused`] with status 400 when the text was not made by [`encode_cursor`].
pub fn decode_cursor(cursor: &str) -> Result<String, Refused> {
    STANDARD
        .decode(cursor)
        .ok()
        .filter(|key| key.len() <= MAX_KEY_BYTES)
        .and_then(|key| String::from_utf8(key).ok())
        .ok_or_else(|| Refused::new(400, "Invalid cursor."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_back_its_key() {
        for key in ["a", "é/ü", "\u{10ffff}\u{0}", "=="] {
            assert_eq!(decode_cursor(&encode_cursor(key)), Ok(key.to_owned()));
        }
    }

    #[test]
    fn a_text_that_is_no_cursor_is_refused() {
        let too_long = STANDARD.encode("k".repeat(MAX_KEY_BYTES + 1));
        for text in ["%", "YQ", "/w==", too_long.as_str()] {
            assert_eq!(decode_cursor(text).unwrap_err().to_string(), "400 Invalid cursor.");
        }
    }
}
