//! What is done to messages, and the bytes of it in the log. An operation says everything that matters,
//! and does nothing where it finds nothing: so it comes to the same whenever it is repeated.
//!
//! An operation is: kind (1 byte), queue (4), then, for a new message: place (16), when it came (8),
//! identity (16), content type (1), length of the body (4), body. For all others the place (16), and for one that
//! is tried again when it is due (8) and its attempts (4), for one that is on its way its attempts
//! (4), for one that goes to another queue that queue (4), its number there (8) and when it came there
//! (8). A place is the time when it is due (8) and the number (8). Numbers are little-endian.

use bytes::Bytes;
use storage::codec::{array, number, slice};

use crate::content_type::ContentType;
use crate::message::MessageId;

use super::entry::Place;

const PUT: u8 = 1;
const GONE: u8 = 2;
const AGAIN: u8 = 3;
const MARK: u8 = 4;
const MOVE: u8 = 5;

/// What an operation takes in the log beside the body, at most.
pub(super) const OVERHEAD_BYTES: usize = 50;

/// Something that is done to a message of a queue, both by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// It comes into the queue.
    Put(Put),
    /// It leaves the queue for good.
    Gone { queue: u32, place: Place },
    /// It gets a time when it is due, and so many deliveries of it have begun.
    Again { queue: u32, place: Place, due_ms: u64, attempts: u32 },
    /// So many deliveries of it have begun.
    Mark { queue: u32, place: Place, attempts: u32 },
    /// It leaves the queue for another one, as if it had just been sent there.
    Move { queue: u32, place: Place, to: u32, seq: u64, since_ms: u64 },
}

/// A message that comes into a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Put {
    pub(super) queue: u32,
    pub(super) place: Place,
    /// When it was sent.
    pub(super) since_ms: u64,
    pub(super) id: MessageId,
    pub(super) content_type: ContentType,
    pub(super) body: Bytes,
}

impl Op {
    /// The most bytes that it takes in the log.
    pub(super) fn log_bytes(&self) -> usize {
        let body_bytes = if let Self::Put(put) = self { put.body.len() } else { 0 };
        OVERHEAD_BYTES + body_bytes
    }

    /// Adds it to a batch.
    pub(super) fn encode(&self, batch: &mut Vec<u8>) {
        match self {
            Self::Put(put) => {
                encode_head(batch, PUT, put.queue, put.place);
                batch.extend(put.since_ms.to_le_bytes());
                batch.extend(put.id.get().to_le_bytes());
                batch.push(put.content_type.code());
                let length = u32::try_from(put.body.len()).expect("a body is within its limit");
                batch.extend(length.to_le_bytes());
                batch.extend(&put.body);
            }
            Self::Gone { queue, place } => encode_head(batch, GONE, *queue, *place),
            Self::Again { queue, place, due_ms, attempts } => {
                encode_head(batch, AGAIN, *queue, *place);
                batch.extend(due_ms.to_le_bytes());
                batch.extend(attempts.to_le_bytes());
            }
            Self::Mark { queue, place, attempts } => {
                encode_head(batch, MARK, *queue, *place);
                batch.extend(attempts.to_le_bytes());
            }
            Self::Move { queue, place, to, seq, since_ms } => {
                encode_head(batch, MOVE, *queue, *place);
                batch.extend(to.to_le_bytes());
                batch.extend(seq.to_le_bytes());
                batch.extend(since_ms.to_le_bytes());
            }
        }
    }
}

/// What a batch says; `None` for bytes that are no batch.
pub(super) fn decode(mut batch: &[u8]) -> Option<Vec<Op>> {
    let mut ops = Vec::new();
    while !batch.is_empty() {
        ops.push(decode_one(&mut batch)?);
    }
    Some(ops)
}

fn encode_head(batch: &mut Vec<u8>, kind: u8, queue: u32, place: Place) {
    batch.push(kind);
    batch.extend(queue.to_le_bytes());
    batch.extend(place.due_ms.to_le_bytes());
    batch.extend(place.seq.to_le_bytes());
}

fn decode_one(rest: &mut &[u8]) -> Option<Op> {
    let [kind] = *array(rest)?;
    let queue = short(rest)?;
    let place = Place { due_ms: number(rest)?, seq: number(rest)? };
    Some(match kind {
        PUT => {
            let since_ms = number(rest)?;
            let id = MessageId::new(u128::from_le_bytes(*array(rest)?));
            let [code] = *array(rest)?;
            let content_type = ContentType::from_code(code)?;
            let length = usize::try_from(short(rest)?).ok()?;
            let body = Bytes::copy_from_slice(slice(rest, length)?);
            Op::Put(Put { queue, place, since_ms, id, content_type, body })
        }
        GONE => Op::Gone { queue, place },
        AGAIN => Op::Again { queue, place, due_ms: number(rest)?, attempts: short(rest)? },
        MARK => Op::Mark { queue, place, attempts: short(rest)? },
        MOVE => {
            let to = short(rest)?;
            Op::Move { queue, place, to, seq: number(rest)?, since_ms: number(rest)? }
        }
        _ => return None,
    })
}

/// The next four bytes as a number, taken off the front.
fn short(rest: &mut &[u8]) -> Option<u32> {
    array(rest).map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn op() -> impl Strategy<Value = Op> {
        let place = any::<(u64, u64)>().prop_map(|(due_ms, seq)| Place { due_ms, seq });
        let body = proptest::collection::vec(any::<u8>(), 0..64);
        (0..5_u8, place, any::<(u32, u32, u64, u64, u128)>(), 0..4_u8, body).prop_map(
            |(kind, place, (queue, small, one, other, id), code, body)| match kind {
                0 => Op::Put(Put {
                    queue,
                    place,
                    since_ms: one,
                    id: MessageId::new(id),
                    content_type: ContentType::from_code(code).unwrap(),
                    body: body.into(),
                }),
                1 => Op::Gone { queue, place },
                2 => Op::Again { queue, place, due_ms: one, attempts: small },
                3 => Op::Mark { queue, place, attempts: small },
                _ => Op::Move { queue, place, to: small, seq: one, since_ms: other },
            },
        )
    }

    proptest! {
        #[test]
        fn a_batch_is_read_as_it_was_written(ops in proptest::collection::vec(op(), 0..8)) {
            let mut batch = Vec::new();
            ops.iter().for_each(|op| op.encode(&mut batch));
            prop_assert!(batch.len() <= ops.iter().map(Op::log_bytes).sum::<usize>());
            prop_assert_eq!(decode(&batch), Some(ops));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..64)
        ) {
            decode(&bytes);
        }
    }
}
