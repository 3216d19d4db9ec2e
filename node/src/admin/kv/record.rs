//! A key with all that is stored under it, as a line of JSON: the format of bulk requests, of
//! exports and imports, and the same as in the files of `wrangler kv bulk`.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kv::{Change, Put, UnixSeconds, validate_expiration};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::admin::answer::Fault;

/// What to make of expirations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expirations {
    /// A key that is put lives for a minute at least.
    Checked,
    /// A key that is brought in from elsewhere keeps the second that it had.
    Kept,
}

/// A line that brings a key in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Incoming<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    value: Cow<'a, str>,
    #[serde(default)]
    base64: bool,
    expiration: Option<i64>,
    expiration_ttl: Option<i64>,
    #[serde(borrow, default, deserialize_with = "even_null")]
    metadata: Option<&'a RawValue>,
}

/// A line that takes a key out.
#[derive(Serialize)]
struct Outgoing<'a> {
    key: &'a str,
    /// `None` for a key that is not there.
    value: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    base64: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Box<RawValue>>,
}

/// A line that names a key: a text, or an object that has it as `key` or, as in wrangler, `name`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a key, as text or in an object as \"key\"")]
enum Named {
    Plain(String),
    InObject {
        #[serde(alias = "name")]
        key: String,
    },
}

/// The key that a line names.
pub(super) fn key_of(line: &[u8]) -> Result<String, Fault> {
    let named = serde_json::from_slice(line).map_err(|error| Fault::bad_request(told(&error)))?;
    let (Named::Plain(key) | Named::InObject { key }) = named;
    super::valid_key(&key)?;
    Ok(key)
}

/// The change that a line asks for, or `None` when the key that it brings has expired.
pub(super) fn change_of(
    line: &[u8],
    expirations: Expirations,
    now: UnixSeconds,
) -> Result<Option<Change>, Fault> {
    let record: Incoming<'_> =
        serde_json::from_slice(line).map_err(|error| Fault::bad_request(told(&error)))?;
    let expiration = match (expirations, record.expiration, record.expiration_ttl) {
        (Expirations::Kept, Some(at), None) => match u64::try_from(at) {
            Ok(at) if at > now.0 => Some(UnixSeconds(at)),
            _ => return Ok(None),
        },
        (_, expiration, ttl) => validate_expiration(expiration, ttl, now)?,
    };
    let value = match record.base64 {
        false => Bytes::from(record.value.into_owned()),
        true => STANDARD
            .decode(record.value.as_bytes())
            .map_err(|error| Fault::bad_request(format!("its value is not base64: {error}")))?
            .into(),
    };
    let metadata = record.metadata.map(|json| Arc::from(one_line(json.get())));
    let put = Put { value, expiration, metadata };
    let change = Change { key: record.key.into_owned(), put: Some(put) };
    change.validate()?;
    Ok(Some(change))
}

/// Adds the line of a key, with its end.
pub(super) fn write_line(
    out: &mut Vec<u8>,
    key: &str,
    value: &[u8],
    expiration: Option<UnixSeconds>,
    metadata: Option<&str>,
) {
    let text = std::str::from_utf8(value).ok().filter(|text| is_fit_as_text(text));
    write(
        out,
        &Outgoing {
            key,
            value: Some(text.map_or_else(|| STANDARD.encode(value).into(), Cow::Borrowed)),
            base64: text.is_none(),
            expiration: expiration.map(|UnixSeconds(second)| second),
            metadata: metadata.map(metadata_json),
        },
    );
}

/// Adds the line of a key that is not there.
pub(super) fn write_missing(out: &mut Vec<u8>, key: &str) {
    let missing = Outgoing { key, value: None, base64: false, expiration: None, metadata: None };
    write(out, &missing);
}

/// Stored metadata as a part of other JSON, letter by letter, so that it comes back as it was.
pub(super) fn metadata_json(text: &str) -> Box<RawValue> {
    let json = RawValue::from_string(one_line(text));
    // The store does not parse metadata: what is none there is at least not lost.
    json.or_else(|_| to_raw_value(text)).expect("a text can be written as JSON")
}

/// JSON without line ends, which can only be between its tokens.
pub(super) fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

/// Most control characters take six bytes each in JSON; base64 takes four for three of any.
fn is_fit_as_text(text: &str) -> bool {
    let is_long = |byte: &u8| *byte < b' ' && !matches!(byte, b'\n' | b'\r' | b'\t');
    text.as_bytes().iter().filter(|byte| is_long(byte)).count() <= text.len() / 10
}

fn write(out: &mut Vec<u8>, line: &Outgoing<'_>) {
    serde_json::to_writer(&mut *out, line).expect("a vector takes every line");
    out.push(b'\n');
}

/// Any JSON that is there: `null` is metadata, too.
fn even_null<'de: 'a, 'a, D: Deserializer<'de>>(json: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(json).map(Some)
}

/// What is wrong with a line; the place in it is its column.
fn told(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rsplit_once(" at line ") {
        Some((what, _)) if error.column() > 0 => format!("{what} at column {}", error.column()),
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_000);

    fn kept(line: &str) -> Result<Option<Change>, String> {
        change_of(line.as_bytes(), Expirations::Kept, NOW).map_err(|fault| fault.message)
    }

    fn checked(line: &str) -> Result<Option<Change>, String> {
        change_of(line.as_bytes(), Expirations::Checked, NOW).map_err(|fault| fault.message)
    }

    #[test]
    fn a_line_gives_back_what_it_was_made_of() {
        let values: [&[u8]; 6] =
            [b"", b"text", b"\xff\x00", "\u{1}\u{2}".as_bytes(), b"a\n\"b\"\r\n", "ü🦀".as_bytes()];
        let object = r#"{"b":1.50,"a":[1e400,"\u00fc"]}"#;
        let metadata = [None, Some(object), Some("\"x\""), Some("null")];
        for value in values {
            for metadata in metadata {
                let mut line = Vec::new();
                write_line(&mut line, "k\"\n", value, Some(UnixSeconds(1_001)), metadata);
                let line = String::from_utf8(line).unwrap();
                assert_eq!(line.matches('\n').count(), 1, "{line:?}");
                let put = Put {
                    value: Bytes::from_static(value),
                    expiration: Some(UnixSeconds(1_001)),
                    metadata: metadata.map(Arc::from),
                };
                assert_eq!(kept(&line), Ok(Some(Change { key: "k\"\n".into(), put: Some(put) })));
            }
        }
    }

    #[test]
    fn base64_is_for_what_is_no_text_or_longer_as_text() {
        let base64 = |value: &[u8]| {
            let mut line = Vec::new();
            write_line(&mut line, "k", value, None, None);
            String::from_utf8(line).unwrap().contains("base64")
        };
        assert!(!base64("a tab\tand a line\n".repeat(9).as_bytes()));
        assert!(base64(&[0; 9]));
        assert!(base64(b"\xc3"));
    }

    #[test]
    fn what_has_expired_is_left_out_of_an_import_and_refused_by_a_put() {
        for second in [-1, 0, 1_000] {
            let line = format!(r#"{{"key":"k","value":"v","expiration":{second}}}"#);
            assert_eq!(kept(&line), Ok(None));
            let refused = checked(&line).unwrap_err();
            assert!(refused.starts_with(&format!("Invalid expiration of {second}. ")), "{refused}");
        }
        let soon = r#"{"key":"k","value":"v","expiration":1001}"#;
        assert!(kept(soon).unwrap().is_some());
        assert!(checked(soon).unwrap_err().contains("at least 60 seconds in the future"));
        let ttl = checked(r#"{"key":"k","value":"v","expiration_ttl":60}"#).unwrap().unwrap();
        assert_eq!(ttl.put.unwrap().expiration, Some(UnixSeconds(1_060)));
    }

    #[test]
    fn a_line_that_is_wrong_says_what_is() {
        let cases = [
            ("{", "EOF while parsing an object at column 1"),
            (r#"{"value":"v"}"#, "missing field `key` at column 13"),
            (r#"{"key":"k"}"#, "missing field `value` at column 11"),
            (r#"{"key":"k","value":null}"#, "invalid type: null, expected a string at column 23"),
            (r#"{"key":"","value":"v"}"#, "Key names must not be empty"),
            (r#"{"key":"k","value":"v","ttl":1}"#, "unknown field `ttl`, expected one of"),
            (r#"{"key":"k","value":"*","base64":true}"#, "its value is not base64: "),
        ];
        for (line, expected) in cases {
            let message = checked(line).unwrap_err();
            assert!(message.starts_with(expected), "{line} gives {message:?}");
        }
        let long = format!(r#"{{"key":"k","value":"v","metadata":"{}"}}"#, "x".repeat(1_023));
        assert_eq!(checked(&long).unwrap_err(), "Metadata length of 1025 exceeds limit of 1024.");
    }

    #[test]
    fn a_key_is_named_in_three_ways() {
        for line in [r#""a""#, r#"{"key":"a"}"#, r#"{"name":"a","value":1}"#] {
            assert_eq!(key_of(line.as_bytes()).unwrap(), "a");
        }
        for line in ["7", "{}", "\"\""] {
            assert!(key_of(line.as_bytes()).is_err(), "{line}");
        }
    }
}
