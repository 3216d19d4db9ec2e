//! The bytes of changes in the log. How batches of them are kept is in `log`, what they do to the
//! tables is in `apply`.
//!
//! A change is: namespace number (4 bytes), length of the key (2), key, kind (1); for a put then the
//! expiration (8, `u64::MAX` for none), length of the metadata (2, `u16::MAX` for none), metadata,
//! length of the value (4), value. Numbers are little-endian.

use std::sync::Arc;

use bytes::Bytes;

use crate::clock::UnixSeconds;
use crate::store::{Change, Put};

use super::codec::{array, number, slice, text};

const DELETE: u8 = 0;
const PUT: u8 = 1;
const NO_EXPIRATION: u64 = u64::MAX;
const NO_METADATA: u16 = u16::MAX;
/// What a change takes beside its key, metadata and value, at most.
const OVERHEAD_BYTES: usize = 24;

/// The most bytes that a change takes in a batch.
pub(super) fn change_bytes(change: &Change) -> usize {
    let put = change.put.as_ref();
    let content = put.map_or(0, |put| {
        put.value.len() + put.metadata.as_ref().map_or(0, |metadata| metadata.len())
    });
    OVERHEAD_BYTES + change.key.len() + content
}

/// Adds a change, which is within the limits, to a batch.
pub(super) fn encode(batch: &mut Vec<u8>, namespace: u32, change: &Change) {
    batch.extend(namespace.to_le_bytes());
    batch.extend(short(change.key.len()).to_le_bytes());
    batch.extend(change.key.as_bytes());
    let Some(put) = &change.put else { return batch.push(DELETE) };
    batch.push(PUT);
    batch.extend(put.expiration.map_or(NO_EXPIRATION, |at| at.0).to_le_bytes());
    let metadata = put.metadata.as_deref();
    batch.extend(metadata.map_or(NO_METADATA, |text| short(text.len())).to_le_bytes());
    batch.extend(metadata.unwrap_or_default().as_bytes());
    let length = u32::try_from(put.value.len()).expect("a value is within its limit");
    batch.extend(length.to_le_bytes());
    batch.extend(&put.value);
}

/// The changes of a batch, each with its namespace's number; `None` for bytes that are no batch.
pub(super) fn decode(mut batch: &[u8]) -> Option<Vec<(u32, Change)>> {
    let mut changes = Vec::new();
    while !batch.is_empty() {
        changes.push(decode_change(&mut batch)?);
    }
    Some(changes)
}

fn decode_change(rest: &mut &[u8]) -> Option<(u32, Change)> {
    let namespace = u32::from_le_bytes(*array(rest)?);
    let key_bytes = u16::from_le_bytes(*array(rest)?);
    let key = text(rest, key_bytes.into())?.to_owned();
    let [kind] = *array(rest)?;
    match kind {
        DELETE => Some((namespace, Change { key, put: None })),
        PUT => {
            let expiration = number(rest)?;
            let metadata = match u16::from_le_bytes(*array(rest)?) {
                NO_METADATA => None,
                length => Some(Arc::from(text(rest, length.into())?)),
            };
            let length = u32::from_le_bytes(*array(rest)?);
            let value = Bytes::copy_from_slice(slice(rest, length as usize)?);
            let expiration = (expiration != NO_EXPIRATION).then_some(UnixSeconds(expiration));
            Some((namespace, Change { key, put: Some(Put { value, expiration, metadata }) }))
        }
        _ => None,
    }
}

fn short(length: usize) -> u16 {
    u16::try_from(length).expect("keys and metadata are within their limits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn change() -> impl Strategy<Value = (u32, Change)> {
        let put = (
            proptest::collection::vec(any::<u8>(), 0..64),
            proptest::option::of(0..u64::MAX),
            proptest::option::of(".{0,50}"),
        )
            .prop_map(|(value, expiration, metadata)| Put {
                value: value.into(),
                expiration: expiration.map(UnixSeconds),
                metadata: metadata.map(Into::into),
            });
        (any::<u32>(), ".{0,50}", proptest::option::of(put))
            .prop_map(|(namespace, key, put)| (namespace, Change { key, put }))
    }

    proptest! {
        #[test]
        fn a_batch_is_read_as_it_was_written(
            changes in proptest::collection::vec(change(), 0..8)
        ) {
            let mut batch = Vec::new();
            for (namespace, change) in &changes {
                encode(&mut batch, *namespace, change);
            }
            let most: usize = changes.iter().map(|(_, change)| change_bytes(change)).sum();
            prop_assert!(batch.len() <= most);
            prop_assert_eq!(decode(&batch), Some(changes));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            decode(&bytes);
        }
    }
}
