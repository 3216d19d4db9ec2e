//! What logs, batches and rows share in reading and checking bytes.

/// The next `N` bytes, taken off the front.
#[inline]
pub fn array<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

/// The next `length` bytes, taken off the front.
#[inline]
pub fn slice<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

/// The next `length` bytes as text, taken off the front.
#[inline]
pub fn text<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a str> {
    std::str::from_utf8(slice(rest, length)?).ok()
}

/// The next eight bytes as a number, taken off the front.
#[inline]
pub fn number(rest: &mut &[u8]) -> Option<u64> {
    array(rest).map(|bytes| u64::from_le_bytes(*bytes))
}

/// The CRC-32 of what some bytes are found under, and of the bytes.
#[inline]
pub fn checksum(key: &[u8], bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(bytes);
    hasher.finalize()
}
