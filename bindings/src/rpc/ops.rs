//! What the scripts of calls call, each with the number of the event whose calls it is about. One that is
//! over is not an error where nothing is asked for: a worker may go on after it. No op holds a machine while
//! JavaScript runs.

pub(super) mod answers;
pub(super) mod calls;
pub(super) mod connecting;
pub(super) mod sessions;
pub(super) mod streams;
pub(super) mod values;

use deno_core::v8;

use super::desk::Desk;
use super::frame::RpcError;
use super::machine::{Give, StreamId, StubId};

// How what a value refers to is given.
const MOVE: u32 = 0;
const DUP: u32 = 1;
const READABLE: u32 = 2;

/// What a value that is written refers to, of a list of how it is given and its number, in turn.
fn gives(list: &[u32]) -> Vec<Give> {
    let pairs = list.chunks_exact(2).map(|pair| (pair[0], pair[1]));
    let give = |(how, number)| match how {
        MOVE => Give::Move(StubId::new(number)),
        DUP => Give::Dup(StubId::new(number)),
        READABLE => Give::Readable(StreamId::new(number)),
        _ => Give::Writable(StreamId::new(number)),
    };
    pairs.map(give).collect()
}

/// An error of the worker's; with `has_data` it carries what lies written.
fn error_of(
    scope: &mut v8::PinScope<'_, '_>,
    desk: &mut Desk,
    name: &str,
    message: v8::Local<'_, v8::String>,
    has_data: bool,
) -> RpcError {
    let error = RpcError::new(name, message.to_rust_string_lossy(scope));
    if has_data { error.with_data(desk.take_written()) } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_value_refers_to_is_given_by_number() {
        let expected = [
            Give::Move(StubId::new(7)),
            Give::Dup(StubId::new(8)),
            Give::Readable(StreamId::new(9)),
            Give::Writable(StreamId::new(10)),
        ];
        assert_eq!(gives(&[0, 7, 1, 8, 2, 9, 3, 10, 0]), expected);
        assert!(gives(&[]).is_empty());
    }
}
