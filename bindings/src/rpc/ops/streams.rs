//! This event's ends of streams.

use bytes::Bytes;
use deno_core::{OpState, op2, v8};

use super::error_of;
use crate::rpc::calls::with;
use crate::rpc::desk::Desk;
use crate::rpc::machine::StreamId;

/// What JavaScript is told of a stream that nobody reads any more.
const GONE: i32 = -1;

/// Opens a stream for somebody else, who reads it, or writes it. Answers the number of this end.
#[op2(fast)]
#[smi]
pub(in crate::rpc) fn op_rpc_stream_open(
    state: &mut OpState,
    #[smi] id: u32,
    is_readable: bool,
) -> u32 {
    let opened = with(state, id, |machine| match is_readable {
        true => machine.open_readable(),
        false => machine.open_writable(),
    });
    opened.map_or(0, StreamId::get)
}

/// Writes bytes. Answers how many there was room for, or that nobody reads any more.
#[op2(fast)]
#[smi]
pub(in crate::rpc) fn op_rpc_stream_write(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] stream: u32,
    #[buffer] bytes: &[u8],
) -> i32 {
    let data = Bytes::copy_from_slice(bytes);
    let written = with(state, id, |machine| machine.write(StreamId::new(stream), data));
    match written {
        Some(Ok(rest)) => {
            let taken = bytes.len() - rest.map_or(0, |rest| rest.len());
            i32::try_from(taken).unwrap_or(i32::MAX)
        }
        Some(Err(_)) | None => GONE,
    }
}

/// All is written.
#[op2(fast)]
pub(in crate::rpc) fn op_rpc_stream_end(state: &mut OpState, #[smi] id: u32, #[smi] stream: u32) {
    with(state, id, |machine| machine.end(StreamId::new(stream)));
}

/// Nothing more is written, and not because all is.
#[op2(nofast)]
pub(in crate::rpc) fn op_rpc_stream_abort(
    scope: &mut v8::PinScope<'_, '_>,
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] stream: u32,
    #[string] name: &str,
    message: v8::Local<'_, v8::String>,
) {
    let error = error_of(scope, state.borrow_mut::<Desk>(), name, message, false);
    with(state, id, |machine| machine.abort(StreamId::new(stream), error));
}

/// A piece of so many bytes has been taken.
#[op2(fast)]
pub(in crate::rpc) fn op_rpc_stream_consumed(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] stream: u32,
    #[smi] bytes: u32,
) {
    with(state, id, |machine| machine.consumed(StreamId::new(stream), bytes as usize));
}

/// All has been taken.
#[op2(fast)]
pub(in crate::rpc) fn op_rpc_stream_done(state: &mut OpState, #[smi] id: u32, #[smi] stream: u32) {
    with(state, id, |machine| machine.done(StreamId::new(stream)));
}

/// No more is wanted.
#[op2(nofast)]
pub(in crate::rpc) fn op_rpc_stream_cancel(
    scope: &mut v8::PinScope<'_, '_>,
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] stream: u32,
    #[string] name: &str,
    message: v8::Local<'_, v8::String>,
) {
    let error = error_of(scope, state.borrow_mut::<Desk>(), name, message, false);
    with(state, id, |machine| machine.cancel(StreamId::new(stream), error));
}

/// Copies the piece that has come last to where there is room for it: memory of the isolate, which is
/// counted.
#[op2(fast)]
pub(in crate::rpc) fn op_rpc_fill(state: &mut OpState, #[buffer] room: &mut [u8]) {
    let chunk = state.borrow_mut::<Desk>().take_chunk();
    if chunk.len() == room.len() {
        room.copy_from_slice(&chunk);
    }
}
