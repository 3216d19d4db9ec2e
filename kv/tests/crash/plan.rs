//! What is written: each write of a key has a number, and the number says what the key then holds.

pub(crate) const WRITERS: u64 = 16;
pub(crate) const KEYS_PER_WRITER: u64 = 8;
/// Numbers of a process begin at a multiple of this.
pub(crate) const ROUND: u64 = 1 << 32;

/// What a write does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    Delete,
    Put(Vec<u8>),
    Stream(Vec<u8>),
}

impl Write {
    pub(crate) fn of(key: &str, number: u64) -> Self {
        let mut draw = number
            ^ key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        let mut next = || {
            draw ^= draw << 13;
            draw ^= draw >> 7;
            draw ^= draw << 17;
            draw
        };
        for _ in 0..8 {
            next();
        }
        let (kind, length) = (next() % 64, next());
        match kind {
            0..8 => Self::Delete,
            8 => Self::Stream(content(key, number, 300_000 + length % 300_000)),
            9 => Self::Stream(content(key, number, 300_000 + length % 1_500_000)),
            10..12 => Self::Put(content(key, number, 20_000 + length % 100_000)),
            12..24 => Self::Put(content(key, number, 1_000 + length % 10_000)),
            _ => Self::Put(content(key, number, length % 200)),
        }
    }

    /// What the key holds after the write.
    pub(crate) fn value(self) -> Option<Vec<u8>> {
        match self {
            Self::Delete => None,
            Self::Put(value) | Self::Stream(value) => Some(value),
        }
    }
}

/// Bytes in which each eight say whose they are.
fn content(key: &str, number: u64, length: u64) -> Vec<u8> {
    let seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ key.len() as u64;
    (0..length.div_ceil(8))
        .flat_map(|at| (seed ^ at.wrapping_mul(0x2545_f491_4f6c_dd1d)).to_le_bytes())
        .take(length as usize)
        .collect()
}
