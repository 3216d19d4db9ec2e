//! What goes in and out of the machine at the side of JavaScript.

use bytes::Bytes;

use super::ids::{AnswerId, Handle, QuestionId, SessionId, StreamId, StubId};
use crate::rpc::frame::{Path, RpcError, StreamMessage};

/// On what a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// What a stub leads to.
    Stub(StubId),
    /// The result of a call that was made here: pipelining.
    Promise(QuestionId),
}

/// A value that goes out. Whatever becomes of it, what `caps` names belongs to the machine from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// In V8's format.
    pub data: Bytes,
    /// What it refers to, by index.
    pub caps: Vec<Give>,
}

/// What a value that goes out refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Give {
    /// A stub, of which the giver disposes by giving it.
    Move(StubId),
    /// A stub that the giver keeps as well.
    Dup(StubId),
    /// A stream that the receiver reads, from [`Machine::open_readable`](super::Machine::open_readable).
    Readable(StreamId),
    /// A stream that the receiver writes, from [`Machine::open_writable`](super::Machine::open_writable).
    Writable(StreamId),
}

/// A value that came in. What `caps` names belongs to JavaScript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// In V8's format.
    pub data: Bytes,
    /// What it refers to, by index.
    pub caps: Vec<Got>,
}

/// What a value that came in refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// A reference.
    Stub(StubId),
    /// A stream to read.
    Readable(StreamId),
    /// A stream to write.
    Writable(StreamId),
}

/// What JavaScript has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Run a method or read a property of an object, and answer it once by [`answer`](super::Machine::answer),
    /// [`link`](super::Machine::link) or [`pass_on`](super::Machine::pass_on).
    Deliver {
        /// The call.
        answer: AnswerId,
        /// The object from which the path begins.
        target: Handle,
        /// Names of properties from there on.
        path: Path,
        /// Whether it is a call, whose arguments [`take_args`](super::Machine::take_args) gives; else it is
        /// the value of the property that is wanted.
        has_args: bool,
    },
    /// Forget an object and run its disposer: nobody holds it any more, and no call runs on it.
    Dispose {
        /// The object.
        target: Handle,
    },
    /// Settle the promise of a call that was made here.
    Settle {
        /// The call.
        question: QuestionId,
        /// What it came to.
        result: Result<Delivered, RpcError>,
    },
    /// The other end of a stream did something. `Credit` comes with the room that there is then.
    Stream {
        /// This end. One that was ended here meanwhile means nothing any more.
        stream: StreamId,
        /// What the other end did.
        message: StreamMessage,
    },
    /// A session is over.
    Closed {
        /// Which.
        session: SessionId,
        /// Why, if it did not end by itself or by the loss of its other end.
        reason: Option<RpcError>,
    },
}
