//! Keys and values by number: the same number always gives the same.

use bytes::Bytes;
use isolane_kv::{Change, Put};

/// The key of a number. Neighbouring numbers are far apart in the order of the keys.
pub(crate) fn key(number: u64) -> String {
    format!("user:{:016x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// A value of that length, which begins with its number.
pub(crate) fn value(number: u64, bytes: usize) -> Bytes {
    // Exactly as large as it is said to be: the store keeps what it is given.
    let mut value = vec![b'v'; bytes];
    for (to, from) in value.iter_mut().zip(number.to_le_bytes()) {
        *to = from;
    }
    value.into()
}

/// Whether a value is that of the number.
pub(crate) fn is_value(value: &[u8], number: u64, bytes: usize) -> bool {
    value.len() == bytes && value.starts_with(&number.to_le_bytes())
}

/// Puts that value under that key.
pub(crate) fn change(number: u64, bytes: usize) -> Change {
    Change { key: key(number), put: Some(Put::bytes(value(number, bytes))) }
}

/// Numbers in an order without an order (xorshift).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
