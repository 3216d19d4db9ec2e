//! scrypt (RFC 7914) in pieces, so that a limit is looked at between them, and with as much of its
//! table as there is memory for: of each few rows one is kept, and the others are computed again
//! when they are asked for. Not here: how it is called (`passwords.rs`).

use hmac::{Hmac, Mac};
use salsa20::SalsaCore;
use salsa20::cipher::StreamCipherCore;
use salsa20::cipher::consts::U4;
use sha2::Sha256;

/// Words of a block of Salsa20.
const WORDS: usize = 16;
/// Bytes of a pair of blocks, of which a row has `block_size`.
const PAIR_BYTES: usize = 128;
/// Bytes of a block of PBKDF2 with SHA-256.
const HASH_BYTES: usize = 32;
/// Nanoseconds of a block of Salsa20/8, with the copying around it.
const BLOCK_NANOS: f64 = 60.0;

/// What scrypt is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Params {
    /// N: rows of the table, a power of two, 2 at least.
    pub(super) cost: u32,
    /// r: pairs of blocks in a row.
    pub(super) block_size: u32,
    /// p: how many tables are filled, one after the other.
    pub(super) parallelization: u32,
    /// Of so many rows one is kept, 1 at least.
    pub(super) stride: u32,
}

impl Params {
    /// Bytes of a row.
    fn row_bytes(&self) -> usize {
        PAIR_BYTES * self.block_size as usize
    }

    fn row_words(&self) -> usize {
        self.row_bytes() / 4
    }

    fn rows_kept(&self) -> usize {
        (self.cost as usize).div_ceil(self.stride as usize)
    }

    /// What it takes, rather less than more, in nanoseconds.
    pub(super) fn nanos(&self) -> f64 {
        let blocks = f64::from(self.block_size) * 2.0;
        let rows = f64::from(self.cost) * f64::from(self.parallelization);
        // Each row is written once, read once, and on the way to it are those that are not kept.
        let times = 2.0 + (f64::from(self.stride) - 1.0) / 2.0;
        rows * blocks * times * BLOCK_NANOS
    }

    /// How many rows are mixed in one piece of some milliseconds.
    pub(super) fn piece(&self) -> u32 {
        const BLOCKS: u32 = 20_000;
        (BLOCKS / self.block_size.saturating_mul(2).saturating_mul(self.stride)).max(1)
    }
}

/// The derivation of one key, under way.
pub(super) struct Scrypt {
    params: Params,
    password: Vec<u8>,
    /// What goes into PBKDF2 as its salt in the end: one row for each table.
    mixed: Vec<u8>,
    table: u32,
    /// How many rows of the present table have been mixed: it is filled first, and read then.
    done: u64,
    kept: Vec<u32>,
    row: Vec<u32>,
    spare: Vec<u32>,
    found: Vec<u32>,
}

impl Scrypt {
    pub(super) fn begin(params: Params, password: Vec<u8>, salt: &[u8]) -> Scrypt {
        let words = params.row_words();
        let mut mixed = vec![0; params.row_bytes() * params.parallelization as usize];
        pbkdf2_once(&password, salt, &mut mixed);
        let mut scrypt = Scrypt {
            params,
            password,
            mixed,
            table: 0,
            done: 0,
            kept: vec![0; words * params.rows_kept()],
            row: vec![0; words],
            spare: vec![0; words],
            found: vec![0; words],
        };
        scrypt.read_row();
        scrypt
    }

    pub(super) fn params(&self) -> Params {
        self.params
    }

    /// Mixes so many rows; answers whether all is done.
    pub(super) fn advance(&mut self, rows: u32) -> bool {
        for _ in 0..rows {
            if self.table == self.params.parallelization {
                return true;
            }
            if self.done < u64::from(self.params.cost) {
                self.fill()
            } else {
                self.read()
            }
            self.done += 1;
            if self.done == 2 * u64::from(self.params.cost) {
                self.write_row();
                self.table += 1;
                self.done = 0;
                self.read_row();
            }
        }
        self.table == self.params.parallelization
    }

    /// The key, once all is done.
    pub(super) fn key(self, length: usize) -> Vec<u8> {
        let mut key = vec![0; length];
        pbkdf2_once(&self.password, &self.mixed, &mut key);
        key
    }

    /// Where the row of the present table is in `mixed`.
    fn place(&self) -> std::ops::Range<usize> {
        let bytes = self.params.row_bytes();
        let start = bytes * self.table as usize;
        start..start + bytes
    }

    fn read_row(&mut self) {
        let place = self.place();
        let Some(bytes) = self.mixed.get(place) else { return };
        for (word, bytes) in self.row.iter_mut().zip(bytes.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
    }

    fn write_row(&mut self) {
        let place = self.place();
        let Some(bytes) = self.mixed.get_mut(place) else { return };
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(&self.row) {
            *bytes = word.to_le_bytes();
        }
    }

    /// A step of the first half: the row is kept where it is one of those, and mixed.
    fn fill(&mut self) {
        let stride = u64::from(self.params.stride);
        if self.done.is_multiple_of(stride) {
            let words = self.params.row_words();
            let start = words * (self.done / stride) as usize;
            self.kept[start..start + words].copy_from_slice(&self.row);
        }
        self.mix();
    }

    /// A step of the second half: the row that this one names is added to it, and it is mixed.
    fn read(&mut self) {
        let Params { cost, stride, .. } = self.params;
        let words = self.params.row_words();
        // The last block begins with the number; of its 64 bits the cost has 32 at most.
        let named = self.row[words - WORDS] & (cost - 1);
        let start = words * (named / stride) as usize;
        let kept = &self.kept[start..start + words];
        if named.is_multiple_of(stride) {
            add(&mut self.row, kept);
        } else {
            self.found.copy_from_slice(kept);
            for _ in 0..named % stride {
                mix(&self.found, &mut self.spare);
                std::mem::swap(&mut self.found, &mut self.spare);
            }
            add(&mut self.row, &self.found);
        }
        self.mix();
    }

    fn mix(&mut self) {
        mix(&self.row, &mut self.spare);
        std::mem::swap(&mut self.row, &mut self.spare);
    }
}

fn add(row: &mut [u32], other: &[u32]) {
    for (word, other) in row.iter_mut().zip(other) {
        *word ^= other;
    }
}

/// scryptBlockMix (RFC 7914, section 4): blocks with even numbers come into the first half.
fn mix(row: &[u32], mixed: &mut [u32]) {
    let (blocks, _) = row.as_chunks::<WORDS>();
    let (even, odd) = mixed.split_at_mut(row.len() / 2);
    let targets = even.as_chunks_mut::<WORDS>().0.iter_mut();
    let targets = targets.zip(odd.as_chunks_mut::<WORDS>().0);
    let Some(mut block) = blocks.last().copied() else { return };
    for (pair, (even, odd)) in blocks.chunks_exact(2).zip(targets) {
        add(&mut block, &pair[0]);
        block = salsa(block);
        *even = block;
        add(&mut block, &pair[1]);
        block = salsa(block);
        *odd = block;
    }
}

/// Salsa20/8 (RFC 7914, section 3).
fn salsa(block: [u32; WORDS]) -> [u32; WORDS] {
    let mut bytes = Default::default();
    SalsaCore::<U4>::from_raw_state(block).write_keystream_block(&mut bytes);
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

/// PBKDF2 with HMAC-SHA-256 and one iteration (RFC 8018, section 5.2).
fn pbkdf2_once(password: &[u8], salt: &[u8], output: &mut [u8]) {
    let keyed = <Hmac<Sha256> as Mac>::new_from_slice(password);
    let mut keyed = keyed.expect("HMAC takes a key of any length");
    keyed.update(salt);
    for (block, number) in output.chunks_mut(HASH_BYTES).zip(1u32..) {
        let mut hmac = keyed.clone();
        hmac.update(&number.to_be_bytes());
        let hash = hmac.finalize().into_bytes();
        block.copy_from_slice(&hash[..block.len()]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn derive(params: Params, password: &[u8], salt: &[u8], piece: u32, length: usize) -> Vec<u8> {
        let mut scrypt = Scrypt::begin(params, password.to_vec(), salt);
        while !scrypt.advance(piece) {}
        scrypt.key(length)
    }

    #[test]
    fn keys_are_those_of_rfc_7914() {
        let params = |cost, block_size, parallelization| Params {
            cost,
            block_size,
            parallelization,
            stride: 1,
        };
        let cases = [
            ("", "", params(16, 1, 1), "77d6576238657b203b19ca42c18a0497"),
            ("password", "NaCl", params(1024, 8, 16), "fdbabe1c9d3472007856e7190d01e9fe"),
            (
                "pleaseletmein",
                "SodiumChloride",
                params(16384, 8, 1),
                "7023bdcb3afd7348461c06cd81fd38eb",
            ),
        ];
        for (password, salt, params, expected) in cases {
            let key = derive(params, password.as_bytes(), salt.as_bytes(), 1000, 64);
            let hex: String = key[..16].iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected, "{params:?}");
        }
    }

    #[test]
    fn what_is_not_kept_costs_time() {
        let of = |stride| Params { cost: 1 << 14, block_size: 8, parallelization: 1, stride };
        assert!(of(2).nanos() > of(1).nanos() * 1.2);
        assert_eq!(of(2).rows_kept(), 1 << 13);
        assert_eq!(of(3).rows_kept(), 5462);
    }

    proptest! {
        #[test]
        fn neither_pieces_nor_the_table_change_the_key(
            log_cost in 1u32..7,
            block_size in 1u32..5,
            parallelization in 1u32..4,
            stride in 1u32..9,
            piece in 1u32..300,
            password: Vec<u8>,
            salt: Vec<u8>,
            length in 0usize..100,
        ) {
            let params = Params { cost: 1 << log_cost, block_size, parallelization, stride };
            let key = derive(params, &password, &salt, piece, length);
            let whole = Params { stride: 1, ..params };
            prop_assert_eq!(key, derive(whole, &password, &salt, u32::MAX, length));
        }
    }
}
