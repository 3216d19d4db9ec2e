//! The bytes of a message on disk, with the checksum that tells a damaged one.
//!
//! A record is: identity (16 bytes), when the message was sent (8), when it came into the queue (8),
//! both in milliseconds since the UNIX epoch, content type (1), the body, and a CRC-32 (4) of all that
//! and of the key that it is under, so that nothing is taken for what is somewhere else. Numbers are
//! little-endian.

use storage::Damaged;
use storage::codec::{array, checksum, number};

use crate::content_type::ContentType;
use crate::message::MessageId;

const HEAD_BYTES: usize = 33;
const CRC_BYTES: usize = 4;
/// Where the moment stands when the message came into the queue.
const SINCE_AT: usize = 24;

const DAMAGED: Damaged = Damaged { what: "a message" };

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) id: MessageId,
    /// When it was sent.
    pub(super) timestamp_ms: u64,
    /// When it came into this queue.
    pub(super) since_ms: u64,
    pub(super) content_type: ContentType,
    pub(super) body: &'a [u8],
}

impl<'a> Record<'a> {
    /// The bytes of the record of that message.
    pub(super) fn encode(&self, key: (u32, u64)) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.body.len() + CRC_BYTES);
        bytes.extend(self.id.get().to_le_bytes());
        bytes.extend(self.timestamp_ms.to_le_bytes());
        bytes.extend(self.since_ms.to_le_bytes());
        bytes.push(self.content_type.code());
        bytes.extend(self.body);
        let crc = checksum(&key_bytes(key), &bytes);
        bytes.extend(crc.to_le_bytes());
        bytes
    }

    pub(super) fn decode(key: (u32, u64), sealed: &'a [u8]) -> Result<Self, Damaged> {
        let (bytes, crc) = sealed.split_last_chunk::<CRC_BYTES>().ok_or(DAMAGED)?;
        if checksum(&key_bytes(key), bytes) != u32::from_le_bytes(*crc) {
            return Err(DAMAGED);
        }
        let mut rest = bytes;
        let id = MessageId::new(u128::from_le_bytes(*array(&mut rest).ok_or(DAMAGED)?));
        let timestamp_ms = number(&mut rest).ok_or(DAMAGED)?;
        let since_ms = number(&mut rest).ok_or(DAMAGED)?;
        let [code] = *array(&mut rest).ok_or(DAMAGED)?;
        let content_type = ContentType::from_code(code).ok_or(DAMAGED)?;
        Ok(Self { id, timestamp_ms, since_ms, content_type, body: rest })
    }
}

/// When the message of a record came into its queue, whatever else the record is.
pub(super) fn since_ms(sealed: &[u8]) -> Result<u64, Damaged> {
    let mut rest = sealed.get(SINCE_AT..).ok_or(DAMAGED)?;
    number(&mut rest).ok_or(DAMAGED)
}

fn key_bytes((queue, seq): (u32, u64)) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&queue.to_le_bytes());
    bytes[4..].copy_from_slice(&seq.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: (u32, u64) = (7, 1 << 40);

    fn record(body: &[u8]) -> Record<'_> {
        let content_type = ContentType::Json;
        Record { id: MessageId::new(1 << 100), timestamp_ms: 5, since_ms: 6, content_type, body }
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(
            body in proptest::collection::vec(any::<u8>(), 0..300)
        ) {
            let bytes = record(&body).encode(KEY);
            prop_assert_eq!(Record::decode(KEY, &bytes), Ok(record(&body)));
            prop_assert_eq!(since_ms(&bytes), Ok(6));
        }

        #[test]
        fn one_wrong_byte_is_found(at in 0..100_usize, wrong in 1..=255_u8) {
            let mut bytes = record(&[3; 63]).encode(KEY);
            bytes[at] ^= wrong;
            prop_assert_eq!(Record::decode(KEY, &bytes), Err(DAMAGED));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..64)
        ) {
            let _ = (Record::decode(KEY, &bytes), since_ms(&bytes));
        }
    }

    #[test]
    fn a_record_in_another_place_is_damage() {
        let bytes = record(b"body").encode(KEY);
        assert_eq!(Record::decode((7, 2), &bytes), Err(DAMAGED));
        assert_eq!(Record::decode((8, KEY.1), &bytes), Err(DAMAGED));
    }
}
