//! Headers between JavaScript and HTTP: how their bytes are read as text, and how many headers a
//! worker's message may have: `http`'s map ends the thread beyond some ten thousands. Not here: what
//! the headers of a client may be (the node).

use std::convert::Infallible;

use deno_core::convert::{ByteString, FromV8, ToV8};
use deno_core::v8;
use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Fields of one message.
pub(crate) const MAX_COUNT: usize = 2_000;
/// Names and values of one message (the figure is that of Workers).
pub(crate) const MAX_BYTES: usize = 128 * 1024;

/// The value of a header as JavaScript gets it. As on Workers it is UTF-8, other than by the Fetch
/// standard, which takes each byte for a character; what is no UTF-8 is read so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeaderText {
    /// Each byte is a character.
    Bytes(ByteString),
    /// UTF-8 beyond ASCII.
    Text(String),
}

impl HeaderText {
    /// Reads the bytes of a value.
    pub(crate) fn of(bytes: &[u8]) -> HeaderText {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.is_ascii() => HeaderText::Text(text.to_owned()),
            _ => HeaderText::Bytes(bytes.into()),
        }
    }
}

impl<'s> ToV8<'s> for HeaderText {
    type Error = Infallible;

    fn to_v8(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, Infallible> {
        match self {
            HeaderText::Bytes(bytes) => bytes.to_v8(scope),
            HeaderText::Text(text) => text.to_v8(scope),
        }
    }
}

/// The names and values of a message's headers.
pub(crate) fn texts(map: &HeaderMap) -> Vec<(ByteString, HeaderText)> {
    map.iter()
        .map(|(name, value)| (name.as_str().into(), HeaderText::of(value.as_bytes())))
        .collect()
}

/// The headers of a worker's request, read from deno_fetch's list of names and values: no text of
/// them is copied where all together are too much, for a long one may stand there many times.
pub(crate) struct Listed(pub(crate) Result<Vec<(String, String)>, TooMuch>);

impl<'s> FromV8<'s> for Listed {
    type Error = Infallible;

    fn from_v8(
        scope: &mut v8::PinScope<'s, '_>,
        value: v8::Local<'s, v8::Value>,
    ) -> Result<Listed, Infallible> {
        Ok(Listed(listed(scope, value)))
    }
}

fn listed<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
) -> Result<Vec<(String, String)>, TooMuch> {
    let Ok(list) = v8::Local::<v8::Array>::try_from(value) else { return Err(TooMuch::Odd) };
    let count = list.length() as usize;
    if count > MAX_COUNT {
        return Err(TooMuch::Count(count));
    }
    let mut fields = Vec::with_capacity(count);
    let mut characters = 0;
    for index in 0..list.length() {
        let field = pair(scope, list, index).ok_or(TooMuch::Odd)?;
        characters += field.0.length() + field.1.length();
        fields.push(field);
    }
    if characters > MAX_BYTES {
        return Err(TooMuch::Bytes(characters));
    }
    let text = |text: v8::Local<'s, v8::String>| text.to_rust_string_lossy(scope);
    Ok(fields.into_iter().map(|(name, value)| (text(name), text(value))).collect())
}

type Text<'s> = v8::Local<'s, v8::String>;

fn pair<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    list: v8::Local<'s, v8::Array>,
    index: u32,
) -> Option<(Text<'s>, Text<'s>)> {
    let field = v8::Local::<v8::Array>::try_from(list.get_index(scope, index)?).ok()?;
    let text = |index| Text::try_from(field.get_index(scope, index)?).ok();
    Some((text(0)?, text(1)?))
}

/// A message has more headers than it may.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub(crate) enum TooMuch {
    #[error("too many headers: {0}, where {MAX_COUNT} are allowed")]
    Count(usize),
    #[error("headers too large: {0} bytes, where {MAX_BYTES} are allowed")]
    Bytes(usize),
    #[error("headers that are no texts")]
    Odd,
}

/// Checks the count and the bytes of a list of headers before anything is made of it.
///
/// # Errors
/// What the list has too much of.
pub(crate) fn check<'a>(
    fields: impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<(), TooMuch> {
    let count = fields.len();
    if count > MAX_COUNT {
        return Err(TooMuch::Count(count));
    }
    let bytes = fields.map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MAX_BYTES {
        return Err(TooMuch::Bytes(bytes));
    }
    Ok(())
}

/// Adds a header to a map whose fields have been counted.
///
/// # Errors
/// The map is full, which `http` knows better than the count.
pub(crate) fn append(
    map: &mut HeaderMap,
    name: HeaderName,
    value: HeaderValue,
) -> Result<(), TooMuch> {
    let count = map.len();
    map.try_append(name, value).map(|_| ()).map_err(|_| TooMuch::Count(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(count: usize, value: &[u8]) -> Result<(), TooMuch> {
        check(vec![(b"a".as_slice(), value); count].into_iter())
    }

    #[test]
    fn values_are_utf_8_or_else_latin_1() {
        for text in ["日本", "é", "\u{1f600}"] {
            assert_eq!(HeaderText::of(text.as_bytes()), HeaderText::Text(text.to_owned()));
        }
        for bytes in [b"plain".as_slice(), b"", b"caf\xe9", b"\xc3"] {
            assert_eq!(HeaderText::of(bytes), HeaderText::Bytes(bytes.into()));
        }
    }

    #[test]
    fn lists_are_bounded_in_count_and_in_bytes() {
        assert_eq!(fields(MAX_COUNT, b"b"), Ok(()));
        assert_eq!(fields(MAX_COUNT + 1, b""), Err(TooMuch::Count(MAX_COUNT + 1)));
        assert_eq!(fields(1, &vec![b'b'; MAX_BYTES - 1]), Ok(()));
        assert_eq!(fields(1, &vec![b'b'; MAX_BYTES]), Err(TooMuch::Bytes(MAX_BYTES + 1)));
    }
}
