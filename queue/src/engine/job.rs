//! What the writer is asked to do, and where its answers go.

use std::sync::Arc;
use std::time::Duration;

use storage::{Failure, Load};
use tokio::sync::oneshot;

use crate::delivery::{Change, Sent, Settled};
use crate::error::QueueError;
use crate::fate::Fate;
use crate::message::NewMessage;

use super::entry::Entry;
use super::line::Line;
use super::op::OVERHEAD_BYTES;

/// What a waiting job takes in memory beside what it brings, about.
const JOB_BYTES: usize = 512;
/// And what a message takes that is delivered, settled or moved.
const ENTRY_BYTES: usize = 64;

/// Where the answer to a job goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, QueueError>>;

/// Whose turn a job takes: a worker's that sends, or that of the queue which it is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    Sender(Arc<str>),
    Queue(Arc<str>),
}

/// A request to the writer.
pub(crate) enum Job {
    Send(Sending),
    Settle(Settle),
    /// A delivery has begun.
    Mark {
        line: Arc<Line>,
        lease: u64,
    },
    /// A delivery did not take place.
    Release {
        line: Arc<Line>,
        lease: u64,
    },
    Declare {
        queue: Arc<str>,
        reply: Reply<()>,
    },
    Set {
        queue: Arc<str>,
        change: Change,
        reply: Reply<()>,
    },
    Purge {
        queue: Arc<str>,
        reply: Reply<u64>,
    },
    Delete {
        queue: Arc<str>,
        reply: Reply<()>,
    },
}

/// Messages that are to be stored.
pub(crate) struct Sending {
    pub(crate) queue: Arc<str>,
    pub(crate) messages: Vec<NewMessage>,
    pub(crate) batch_delay: Option<Duration>,
    pub(crate) reply: Reply<Sent>,
}

/// A delivery that is over.
pub(crate) struct Settle {
    pub(crate) line: Arc<Line>,
    /// The number that the queue had when the delivery began.
    pub(crate) number: u32,
    pub(crate) lease: u64,
    pub(crate) judged: Vec<Judged>,
    pub(crate) dead_letter_queue: Option<Arc<str>>,
    pub(crate) reply: Reply<Settled>,
}

/// A message of which it is decided what becomes of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    pub(super) entry: Entry,
    pub(super) fate: Fate,
}

impl Sending {
    /// The bytes of the bodies.
    pub(super) fn body_bytes(&self) -> usize {
        self.messages.iter().map(|message| message.body.len()).sum()
    }
}

impl Job {
    /// What the job takes while it waits, and when its turn has come.
    pub(super) fn load(&self) -> Load {
        Load::of_write(JOB_BYTES + storage::Job::bytes(self))
    }
}

impl storage::Job for Job {
    fn bytes(&self) -> usize {
        match self {
            Self::Send(sent) => sent.body_bytes() + sent.messages.len() * OVERHEAD_BYTES,
            Self::Settle(settled) => settled.judged.len() * ENTRY_BYTES,
            _ => ENTRY_BYTES,
        }
    }

    fn adds(&self) -> bool {
        matches!(self, Self::Send(_) | Self::Declare { .. })
    }

    fn changes(&self) -> usize {
        match self {
            Self::Send(sent) => sent.messages.len(),
            Self::Settle(settled) => settled.judged.len(),
            _ => 1,
        }
    }

    fn fail(self, failure: &Failure) {
        let error = QueueError::from(failure.clone());
        self.refuse(error);
    }
}

impl Job {
    /// Answers that it was not done.
    pub(super) fn refuse(self, error: QueueError) {
        // Who does not wait any more needs no answer.
        let _unwanted = match self {
            Self::Send(sent) => sent.reply.send(Err(error)).is_err(),
            Self::Settle(settled) => {
                settled.line.state.lock().settling_failed(settled.lease);
                settled.reply.send(Err(error)).is_err()
            }
            Self::Mark { .. } => false,
            Self::Release { line, lease } => {
                line.release(lease);
                false
            }
            Self::Purge { reply, .. } => reply.send(Err(error)).is_err(),
            Self::Declare { reply, .. } | Self::Set { reply, .. } | Self::Delete { reply, .. } => {
                reply.send(Err(error)).is_err()
            }
        };
    }
}
