//! The bytes of changes in the log. How batches of them are kept is the storage floor's business, what
//! they do to the tables is in `apply`.
//!
//! A change is: namespace number (4 bytes), length of the key (2), key, kind (1); for a put then the
//! expiration (8, `u64::MAX` for none), length of the metadata (2, `u16::MAX` for none), metadata,
//! length of the value (4), value. For a value in pieces that is complete, its identity (8) and length
//! (8) follow the metadata, then the position of the first of its pieces that are here (4), the
//! length of those (4), and their bytes. Numbers are little-endian.

use std::sync::Arc;

use bytes::Bytes;
use storage::codec::{array, number, slice, text};

use crate::clock::UnixSeconds;
use crate::store::{Change, Put};

const DELETE: u8 = 0;
const PUT: u8 = 1;
const STORED: u8 = 2;
const NO_EXPIRATION: u64 = u64::MAX;
const NO_METADATA: u16 = u16::MAX;
/// What a change takes beside its key, metadata and value, at most.
const OVERHEAD_BYTES: usize = 24;
/// And what a value in pieces takes more.
const STORED_OVERHEAD_BYTES: usize = 24;

/// What a batch says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Logged {
    Change(Change),
    Stored(Stored),
}

/// A value in pieces that is complete. What was in the tables at the last checkpoint is not in the
/// log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) key: String,
    pub(super) expiration: Option<UnixSeconds>,
    pub(super) metadata: Option<Arc<str>>,
    pub(super) id: u64,
    /// The length of the value.
    pub(super) bytes: u64,
    /// The position of the first piece that is here.
    pub(super) first: u32,
    /// The pieces from there on.
    pub(super) tail: Bytes,
}

/// The most bytes that a change takes in a batch.
pub(super) fn change_bytes(change: &Change) -> usize {
    let put = change.put.as_ref();
    let content = put.map_or(0, |put| put.value.len() + length_of(put.metadata.as_deref()));
    OVERHEAD_BYTES + change.key.len() + content
}

/// The most bytes that a value takes in a batch of which so many are there.
pub(super) fn stored_bytes(key: &str, metadata: Option<&str>, tail_bytes: usize) -> usize {
    OVERHEAD_BYTES + STORED_OVERHEAD_BYTES + key.len() + length_of(metadata) + tail_bytes
}

/// Adds a change, which is within the limits, to a batch.
pub(super) fn encode(batch: &mut Vec<u8>, namespace: u32, change: &Change) {
    let Some(put) = &change.put else {
        return encode_key(batch, namespace, &change.key, DELETE);
    };
    encode_key(batch, namespace, &change.key, PUT);
    encode_beside(batch, put.expiration, put.metadata.as_deref());
    encode_value(batch, &put.value);
}

/// Adds a value in pieces that is complete.
pub(super) fn encode_stored(batch: &mut Vec<u8>, namespace: u32, stored: &Stored) {
    encode_key(batch, namespace, &stored.key, STORED);
    encode_beside(batch, stored.expiration, stored.metadata.as_deref());
    batch.extend(stored.id.to_le_bytes());
    batch.extend(stored.bytes.to_le_bytes());
    batch.extend(stored.first.to_le_bytes());
    encode_value(batch, &stored.tail);
}

/// What a batch says, each with the number of the namespace that it is of; `None` for bytes that are
/// no batch.
pub(super) fn decode(mut batch: &[u8]) -> Option<Vec<(u32, Logged)>> {
    let mut logged = Vec::new();
    while !batch.is_empty() {
        logged.push(decode_one(&mut batch)?);
    }
    Some(logged)
}

fn encode_key(batch: &mut Vec<u8>, namespace: u32, key: &str, kind: u8) {
    batch.extend(namespace.to_le_bytes());
    batch.extend(short(key.len()).to_le_bytes());
    batch.extend(key.as_bytes());
    batch.push(kind);
}

fn encode_beside(batch: &mut Vec<u8>, expiration: Option<UnixSeconds>, metadata: Option<&str>) {
    batch.extend(expiration.map_or(NO_EXPIRATION, |at| at.0).to_le_bytes());
    batch.extend(metadata.map_or(NO_METADATA, |text| short(text.len())).to_le_bytes());
    batch.extend(metadata.unwrap_or_default().as_bytes());
}

fn encode_value(batch: &mut Vec<u8>, value: &[u8]) {
    let length = u32::try_from(value.len()).expect("a value is within its limit");
    batch.extend(length.to_le_bytes());
    batch.extend(value);
}

fn decode_one(rest: &mut &[u8]) -> Option<(u32, Logged)> {
    let namespace = u32::from_le_bytes(*array(rest)?);
    let key_bytes = u16::from_le_bytes(*array(rest)?);
    let key = text(rest, key_bytes.into())?.to_owned();
    let [kind] = *array(rest)?;
    let logged = match kind {
        DELETE => Logged::Change(Change { key, put: None }),
        PUT => {
            let (expiration, metadata) = decode_beside(rest)?;
            let value = decode_value(rest)?;
            Logged::Change(Change { key, put: Some(Put { value, expiration, metadata }) })
        }
        STORED => {
            let (expiration, metadata) = decode_beside(rest)?;
            let (id, bytes) = (number(rest)?, number(rest)?);
            let first = u32::from_le_bytes(*array(rest)?);
            let tail = decode_value(rest)?;
            Logged::Stored(Stored { key, expiration, metadata, id, bytes, first, tail })
        }
        _ => return None,
    };
    Some((namespace, logged))
}

fn decode_beside(rest: &mut &[u8]) -> Option<(Option<UnixSeconds>, Option<Arc<str>>)> {
    let expiration = number(rest)?;
    let metadata = match u16::from_le_bytes(*array(rest)?) {
        NO_METADATA => None,
        length => Some(Arc::from(text(rest, length.into())?)),
    };
    Some(((expiration != NO_EXPIRATION).then_some(UnixSeconds(expiration)), metadata))
}

fn decode_value(rest: &mut &[u8]) -> Option<Bytes> {
    let length = u32::from_le_bytes(*array(rest)?);
    Some(Bytes::copy_from_slice(slice(rest, length as usize)?))
}

fn length_of(metadata: Option<&str>) -> usize {
    metadata.map_or(0, str::len)
}

fn short(length: usize) -> u16 {
    u16::try_from(length).expect("keys and metadata are within their limits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put() -> impl Strategy<Value = Put> {
        (
            proptest::collection::vec(any::<u8>(), 0..64),
            proptest::option::of(0..u64::MAX),
            proptest::option::of(".{0,50}"),
        )
            .prop_map(|(value, expiration, metadata)| Put {
                value: value.into(),
                expiration: expiration.map(UnixSeconds),
                metadata: metadata.map(Into::into),
            })
    }

    fn logged() -> impl Strategy<Value = (u32, Logged)> {
        let pieces = proptest::option::of(any::<(u64, u64, u32)>());
        (any::<u32>(), ".{0,50}", proptest::option::of(put()), pieces).prop_map(
            |(namespace, key, put, pieces)| {
                let logged = match (put, pieces) {
                    (Some(put), Some((id, bytes, first))) => {
                        let Put { value: tail, expiration, metadata } = put;
                        Logged::Stored(Stored { key, expiration, metadata, id, bytes, first, tail })
                    }
                    (put, _) => Logged::Change(Change { key, put }),
                };
                (namespace, logged)
            },
        )
    }

    proptest! {
        #[test]
        fn a_batch_is_read_as_it_was_written(
            logged in proptest::collection::vec(logged(), 0..8)
        ) {
            let mut batch = Vec::new();
            let mut most = 0;
            for (namespace, logged) in &logged {
                match logged {
                    Logged::Change(change) => {
                        encode(&mut batch, *namespace, change);
                        most += change_bytes(change);
                    }
                    Logged::Stored(stored) => {
                        encode_stored(&mut batch, *namespace, stored);
                        let metadata = stored.metadata.as_deref();
                        most += stored_bytes(&stored.key, metadata, stored.tail.len());
                    }
                }
            }
            prop_assert!(batch.len() <= most);
            prop_assert_eq!(decode(&batch), Some(logged));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            decode(&bytes);
        }
    }
}
