//! How many headers a worker's message may have, and how large they may be: `http`'s map ends
//! the thread beyond some ten thousands. Not here: what the headers of a client may be (the node).

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Fields of one message.
pub(crate) const MAX_COUNT: usize = 2_000;
/// Names and values of one message (the figure is that of Workers).
pub(crate) const MAX_BYTES: usize = 128 * 1024;

/// A message has more headers than it may.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub(crate) enum TooMuch {
    #[error("too many headers: {0}, where {MAX_COUNT} are allowed")]
    Count(usize),
    #[error("headers too large: {0} bytes, where {MAX_BYTES} are allowed")]
    Bytes(usize),
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
    fn lists_are_bounded_in_count_and_in_bytes() {
        assert_eq!(fields(MAX_COUNT, b"b"), Ok(()));
        assert_eq!(fields(MAX_COUNT + 1, b""), Err(TooMuch::Count(MAX_COUNT + 1)));
        assert_eq!(fields(1, &vec![b'b'; MAX_BYTES - 1]), Ok(()));
        assert_eq!(fields(1, &vec![b'b'; MAX_BYTES]), Err(TooMuch::Bytes(MAX_BYTES + 1)));
    }
}
