//! What the machine tells, as JavaScript reads it (`calls.js`, `session.js`).

use deno_core::ToV8;

use super::calls::Calls;
use super::desk::Desk;
use super::frame::{RpcError, StreamMessage};
use super::machine::{Delivered, Effect, Got};

// The kinds of what is told.
const DELIVER: u32 = 0;
const DISPOSE: u32 = 1;
const SETTLE: u32 = 2;
const STREAM: u32 = 3;
const CLOSED: u32 = 4;
/// There is nothing to be told.
const NOTHING: u32 = 255;

// What a value refers to.
const STUB: u32 = 0;
const READABLE: u32 = 1;
const WRITABLE: u32 = 2;

// What the other end of a stream did.
const CHUNK: u32 = 0;
const END: u32 = 1;
const ABORT: u32 = 2;
const CREDIT: u32 = 3;
const CANCEL: u32 = 4;
const DONE: u32 = 5;

/// What JavaScript has to do. What a kind does not need is zero, or null.
#[derive(Default, ToV8)]
pub(super) struct Told {
    kind: u32,
    /// The call, the handle, the stream or the session.
    id: u32,
    /// The handle that is called; what a stream's other end did; 1 where the session is the event's own.
    target: u32,
    path: Option<Vec<String>>,
    has_args: bool,
    caps: Option<Vec<u32>>,
    /// The number of a value.
    data: u32,
    error: Option<ToldError>,
    /// The length of a piece of a stream.
    bytes: u32,
}

/// An error, as it is told.
#[derive(ToV8)]
pub(super) struct ToldError {
    name: String,
    message: String,
    /// The number of what it carries; zero where it has not come from another worker.
    data: u32,
}

/// A value, as it is told.
#[derive(Default, ToV8)]
pub(super) struct ToldValue {
    /// What it refers to: what each is, and its number, in turn.
    pub(super) caps: Vec<u32>,
    /// Its number.
    pub(super) data: u32,
}

impl ToldValue {
    pub(super) fn of(delivered: Delivered, desk: &mut Desk) -> ToldValue {
        let caps = delivered.caps.into_iter().flat_map(|got| match got {
            Got::Stub(stub) => [STUB, stub.get()],
            Got::Readable(stream) => [READABLE, stream.get()],
            Got::Writable(stream) => [WRITABLE, stream.get()],
        });
        ToldValue { caps: caps.collect(), data: desk.put(delivered.data) }
    }
}

impl ToldError {
    fn of(error: RpcError, desk: &mut Desk) -> ToldError {
        ToldError {
            name: error.name.to_string(),
            message: error.message.to_string(),
            data: error.data.map_or(0, |data| desk.put(data)),
        }
    }
}

impl Told {
    /// That there is nothing.
    pub(super) fn nothing() -> Told {
        Told { kind: NOTHING, ..Told::default() }
    }

    /// An effect of an event's machine.
    pub(super) fn of(effect: Effect, calls: &Calls, desk: &mut Desk) -> Told {
        match effect {
            Effect::Deliver { answer, target, path, has_args } => Told {
                kind: DELIVER,
                id: answer.get(),
                target: target.get(),
                path: Some(path),
                has_args,
                ..Told::default()
            },
            Effect::Dispose { target } => {
                Told { kind: DISPOSE, id: target.get(), ..Told::default() }
            }
            Effect::Settle { question, result } => {
                let told = Told { kind: SETTLE, id: question.get(), ..Told::default() };
                match result {
                    Ok(delivered) => {
                        let ToldValue { caps, data } = ToldValue::of(delivered, desk);
                        Told { caps: Some(caps), data, ..told }
                    }
                    Err(error) => Told { error: Some(ToldError::of(error, desk)), ..told },
                }
            }
            Effect::Stream { stream, message } => {
                let told = Told { kind: STREAM, id: stream.get(), ..Told::default() };
                streamed(told, message, desk)
            }
            Effect::Closed { session, .. } => Told {
                kind: CLOSED,
                id: session.get(),
                target: u32::from(calls.is_serving(session)),
                ..Told::default()
            },
        }
    }
}

fn streamed(told: Told, message: StreamMessage, desk: &mut Desk) -> Told {
    match message {
        StreamMessage::Chunk(chunk) => {
            let bytes = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
            desk.put_chunk(chunk);
            Told { target: CHUNK, bytes, ..told }
        }
        StreamMessage::End => Told { target: END, ..told },
        StreamMessage::Abort(error) => {
            Told { target: ABORT, error: Some(ToldError::of(error, desk)), ..told }
        }
        StreamMessage::Credit(_) => Told { target: CREDIT, ..told },
        StreamMessage::Cancel(error) => {
            Told { target: CANCEL, error: Some(ToldError::of(error, desk)), ..told }
        }
        StreamMessage::Done => Told { target: DONE, ..told },
    }
}
