//! What the two ends of a session send each other. Not here: who sends what and when (the machine),
//! and how it gets to another thread (the transport).

mod error;
pub(super) mod number;

use bytes::Bytes;

pub use error::RpcError;
use number::numbers;

/// What a frame is counted with beside its data, in bytes.
pub(crate) const FRAME_BYTES: usize = 128;

/// What a piece of a stream is counted with beside its data, in bytes: both ends count alike, so that
/// a window of bytes bounds the number of tiny pieces, too.
pub(crate) const CHUNK_BYTES: usize = 64;

/// The names of properties from a target to what is meant. Empty: the target itself.
pub type Path = Vec<String>;

numbers! {
    /// A call, numbered by the end that makes it.
    Question;
    /// A reference that one end has given to the other, numbered by who gave it. Each giving has a number
    /// of its own, so that there is nothing to count: one release takes it back.
    Export;
    /// A stream, numbered by the end that opened it: the caller's numbers are even, the callee's odd.
    Channel;
}

/// On what a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The entrypoint of the callee.
    Root,
    /// A reference that the receiver of the frame has given.
    Export(Export),
    /// The result of another call that the receiver of the frame answers: pipelining.
    Answer(Question),
}

/// What a value refers to and cannot be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// An object of the sender's, or one to which the sender forwards.
    Stub(Export),
    /// A reference that the receiver of the frame has given and that comes home. In a result it can also be
    /// reached `via` its sender, which who has pipelined calls on the result does until these are done:
    /// the short way would overtake them.
    Own {
        /// The receiver's number of it.
        export: Export,
        /// The sender's number of the way around.
        via: Option<Export>,
    },
    /// A stream that the receiver reads.
    Readable(Channel),
    /// A stream that the receiver writes.
    Writable(Channel),
}

/// A value on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// In V8's format.
    pub data: Bytes,
    /// What it refers to, by index.
    pub caps: Vec<Cap>,
}

/// What one end of a stream tells the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamMessage {
    /// From who writes: the next bytes.
    Chunk(Bytes),
    /// From who writes: that was all. `Done` or `Cancel` follows from the other end.
    End,
    /// From who writes, the last: there will be no end.
    Abort(RpcError),
    /// From who reads: so many bytes more may be sent.
    Credit(usize),
    /// From who reads, the last: no more is wanted.
    Cancel(RpcError),
    /// From who reads, the last: all of it has been taken.
    Done,
}

impl StreamMessage {
    /// Whether the stream is over with it.
    pub(crate) fn is_last(&self) -> bool {
        matches!(self, Self::Abort(_) | Self::Cancel(_) | Self::Done)
    }

    /// Whether it comes from the end that writes.
    pub(crate) fn is_from_writer(&self) -> bool {
        matches!(self, Self::Chunk(_) | Self::End | Self::Abort(_))
    }

    /// What it is counted with, in bytes.
    pub(crate) fn cost(&self) -> usize {
        match self {
            Self::Chunk(data) => CHUNK_BYTES + data.len(),
            Self::Abort(error) | Self::Cancel(error) => CHUNK_BYTES + error.cost(),
            Self::End | Self::Credit(_) | Self::Done => CHUNK_BYTES,
        }
    }
}

/// One message of a session. Frames arrive in the order in which they were sent, each once, or the
/// session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A call, or (without arguments) a question for the value of a property.
    Call {
        /// The caller's number of it.
        question: Question,
        /// On what.
        target: Target,
        /// From there on.
        path: Path,
        /// With what.
        args: Option<Payload>,
    },
    /// The end of a call, once for each.
    Return {
        /// The receiver's number of the call.
        question: Question,
        /// What it came to.
        result: Result<Payload, RpcError>,
    },
    /// Nothing more will be pipelined on a call, and if its result has not been sent, it is not wanted.
    Finish {
        /// The sender's number of the call.
        question: Question,
    },
    /// A reference is no longer held.
    Release {
        /// The receiver's number of it.
        export: Export,
    },
    /// Something of a stream.
    Stream {
        /// Which.
        channel: Channel,
        /// What.
        message: StreamMessage,
    },
    /// The session is over: the last frame.
    Close {
        /// Why, if it did not end by itself.
        reason: Option<RpcError>,
    },
}

impl Frame {
    /// What it takes on its way, in bytes.
    pub(crate) fn cost(&self) -> usize {
        FRAME_BYTES
            + match self {
                Self::Call { path, args, .. } => {
                    path_bytes(path) + args.as_ref().map_or(0, Payload::cost)
                }
                Self::Return { result: Ok(payload), .. } => payload.cost(),
                Self::Return { result: Err(error), .. } => error.cost(),
                Self::Stream { message, .. } => message.cost(),
                Self::Close { reason } => reason.as_ref().map_or(0, RpcError::cost),
                Self::Finish { .. } | Self::Release { .. } => 0,
            }
    }
}

impl Payload {
    fn cost(&self) -> usize {
        self.data.len() + self.caps.len() * size_of::<Cap>()
    }
}

/// What the names of a path take, in bytes.
pub(crate) fn path_bytes(path: &[String]) -> usize {
    path.iter().map(|name| size_of::<String>() + name.len()).sum()
}
