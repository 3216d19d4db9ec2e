//! The bytes of a record and of the pieces of a value, with the checksums that tell a damaged one.
//!
//! A record is: flags (1 byte), expiration (8, if flagged), length of the metadata (2) and the
//! metadata (if flagged), then the value, or the identity (8) and length (8) of a value in pieces;
//! last a CRC-32 (4). A piece is its bytes and a CRC-32. The checksums are of the bytes and of the key
//! that they are under, so that nothing is taken for what is somewhere else. Numbers are
//! little-endian.

use std::sync::Arc;

use bytes::Bytes;
use storage::Damaged;
use storage::codec::{array, checksum, number, text};

use crate::clock::{UnixSeconds, is_visible};

const HAS_EXPIRATION: u8 = 1;
const HAS_METADATA: u8 = 2;
const IN_PIECES: u8 = 4;
const CRC_BYTES: usize = 4;

/// The largest value that is in its record: two such records fit a page of the database.
pub(super) const MAX_INLINE_BYTES: usize = 1_800;
/// What a page of the database, and a piece, have beside the value's bytes, rounded up.
const PAGE_OVERHEAD_BYTES: usize = 64;
const SMALLEST_PAGE_BYTES: usize = 4 << 10;
const LARGEST_PAGE_BYTES: usize = 64 << 10;
/// The largest piece.
pub(super) const MAX_PIECE_BYTES: usize = LARGEST_PAGE_BYTES - PAGE_OVERHEAD_BYTES;

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) expiration: Option<UnixSeconds>,
    pub(super) metadata: Option<&'a str>,
    pub(super) value: StoredValue<'a>,
}

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoredValue<'a> {
    Inline(&'a [u8]),
    Pieces { id: u64, bytes: u64 },
}

const DAMAGED_RECORD: Damaged = Damaged { what: "a record" };
const DAMAGED_PIECE: Damaged = Damaged { what: "a piece of a value" };

impl<'a> Record<'a> {
    /// The bytes of the record under a key.
    pub(super) fn encode(&self, key: &[u8]) -> Vec<u8> {
        let metadata_bytes = self.metadata.map_or(0, str::len);
        let inline_bytes = match self.value {
            StoredValue::Inline(value) => value.len(),
            StoredValue::Pieces { .. } => 16,
        };
        let mut bytes = Vec::with_capacity(16 + metadata_bytes + inline_bytes);
        bytes.push(0);
        let mut flags = 0;
        if let Some(at) = self.expiration {
            flags |= HAS_EXPIRATION;
            bytes.extend(at.0.to_le_bytes());
        }
        if let Some(metadata) = self.metadata {
            flags |= HAS_METADATA;
            let length = u16::try_from(metadata.len()).expect("metadata is within its limit");
            bytes.extend(length.to_le_bytes());
            bytes.extend(metadata.as_bytes());
        }
        match self.value {
            StoredValue::Inline(value) => bytes.extend(value),
            StoredValue::Pieces { id, bytes: length } => {
                flags |= IN_PIECES;
                bytes.extend(id.to_le_bytes());
                bytes.extend(length.to_le_bytes());
            }
        }
        bytes[0] = flags;
        seal(bytes, key)
    }

    pub(super) fn decode(key: &[u8], sealed: &'a [u8]) -> Result<Self, Damaged> {
        let mut rest = unseal(sealed, key).ok_or(DAMAGED_RECORD)?;
        let [flags] = *array(&mut rest).ok_or(DAMAGED_RECORD)?;
        let mut expiration = None;
        if flags & HAS_EXPIRATION != 0 {
            expiration = Some(UnixSeconds(number(&mut rest).ok_or(DAMAGED_RECORD)?));
        }
        let mut metadata = None;
        if flags & HAS_METADATA != 0 {
            let length = u16::from_le_bytes(*array(&mut rest).ok_or(DAMAGED_RECORD)?);
            metadata = Some(text(&mut rest, length.into()).ok_or(DAMAGED_RECORD)?);
        }
        let value = if flags & IN_PIECES == 0 {
            StoredValue::Inline(rest)
        } else {
            let id = number(&mut rest).ok_or(DAMAGED_RECORD)?;
            StoredValue::Pieces { id, bytes: number(&mut rest).ok_or(DAMAGED_RECORD)? }
        };
        Ok(Self { expiration, metadata, value })
    }

    /// Whether the record is visible at `now`.
    pub(super) fn is_visible(&self, now: UnixSeconds) -> bool {
        is_visible(self.expiration, now)
    }

    pub(super) fn metadata(&self) -> Option<Arc<str>> {
        self.metadata.map(Arc::from)
    }

    /// What the record counts for in the size of its namespace, with a key of that length.
    pub(super) fn counted_bytes(&self, key_bytes: usize) -> u64 {
        (key_bytes + self.metadata.map_or(0, str::len)) as u64 + self.value.bytes()
    }
}

impl StoredValue<'_> {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Inline(value) => value.len() as u64,
            Self::Pieces { bytes, .. } => *bytes,
        }
    }
}

/// The identity of a value that is not in its record, and the position of a piece in it.
pub(super) type PieceKey = (u64, u32);

/// The bytes of a piece as they are stored.
pub(super) fn encode_piece(key: PieceKey, piece: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(piece.len() + CRC_BYTES);
    bytes.extend(piece);
    seal(bytes, &piece_key_bytes(key))
}

pub(super) fn decode_piece(key: PieceKey, sealed: &[u8]) -> Result<&[u8], Damaged> {
    unseal(sealed, &piece_key_bytes(key)).ok_or(DAMAGED_PIECE)
}

fn piece_key_bytes((id, at): PieceKey) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&id.to_le_bytes());
    bytes[8..].copy_from_slice(&at.to_le_bytes());
    bytes
}

/// Cuts a value into pieces that leave little of the database's pages empty, whose sizes are powers
/// of two: 10 KB are a piece of 8 KB and one of 2 KB, not one in a page of 16 KB.
pub(super) fn pieces(mut value: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        (!value.is_empty()).then(|| value.split_to(piece_bytes(value.len())))
    })
}

fn piece_bytes(left: usize) -> usize {
    if left >= MAX_PIECE_BYTES {
        return MAX_PIECE_BYTES;
    }
    let page = (left + PAGE_OVERHEAD_BYTES).next_power_of_two().max(SMALLEST_PAGE_BYTES);
    let unused = page - PAGE_OVERHEAD_BYTES - left;
    if page == SMALLEST_PAGE_BYTES || unused <= page / 8 {
        return left;
    }
    page / 2 - PAGE_OVERHEAD_BYTES
}

fn seal(mut bytes: Vec<u8>, key: &[u8]) -> Vec<u8> {
    bytes.extend(checksum(key, &bytes).to_le_bytes());
    bytes
}

fn unseal<'a>(sealed: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let (bytes, crc) = sealed.split_last_chunk::<CRC_BYTES>()?;
    (checksum(key, bytes) == u32::from_le_bytes(*crc)).then_some(bytes)
}

#[cfg(test)]
mod tests;
