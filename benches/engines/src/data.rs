//! Keys by number, and values that do not compress.

/// A key and a value.
pub(crate) type Record = (Vec<u8>, Vec<u8>);

/// The length of most values.
pub(crate) const VALUE_BYTES: usize = 100;

/// The key of a number. Neighbouring numbers are far apart in the order of the keys.
pub(crate) fn key(number: u64) -> Vec<u8> {
    format!("ns01user:{:016x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).into_bytes()
}

/// Numbers without an order (xorshift), the same in each run.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new() -> Self {
        Self(88_172_645_463_325_252)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A record under the key of `number`.
    pub(crate) fn record(&mut self, number: u64, bytes: usize) -> Record {
        let words = std::iter::repeat_with(|| self.next().to_le_bytes());
        (key(number), words.take(bytes.div_ceil(8)).flatten().take(bytes).collect())
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
