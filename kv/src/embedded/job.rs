//! What the writer is asked to do, and how it answers.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::clock::UnixSeconds;
use crate::error::StoreError;
use crate::store::{Change, Namespace};

use super::batch;
use super::fault::Fault;
use super::holds::Hold;

/// Where the answer to a job goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A request to the writer.
pub(super) enum Job {
    Write { namespace: Namespace, changes: Vec<Change>, bytes: usize, reply: Reply<()> },
    BeginValue { reply: Reply<Hold> },
    AddPieces { hold: Arc<Hold>, first: u32, value: Bytes, reply: Reply<u32> },
    StoreValue(StoreValue),
    CreateNamespace { namespace: Namespace, reply: Reply<bool> },
    DeleteNamespace { namespace: Namespace, reply: Reply<bool> },
}

/// A request to store a value whose pieces are written.
pub(super) struct StoreValue {
    pub(super) namespace: Namespace,
    pub(super) key: String,
    pub(super) expiration: Option<UnixSeconds>,
    pub(super) metadata: Option<Arc<str>>,
    pub(super) hold: Arc<Hold>,
    /// The length of the value.
    pub(super) bytes: u64,
    pub(super) reply: Reply<()>,
}

/// What a job is answered with, once its group is committed.
pub(super) enum Answer {
    Done,
    Changed(bool),
    Value(Hold),
    Next(u32),
    /// The pieces of the value went with a failure of the disk.
    Lost,
}

impl Job {
    pub(super) fn write(namespace: Namespace, changes: Vec<Change>, reply: Reply<()>) -> Self {
        let bytes = changes.iter().map(batch::change_bytes).sum();
        Self::Write { namespace, changes, bytes, reply }
    }

    /// The bytes that the job keeps in memory and adds to the disk, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Write { bytes, .. } => *bytes,
            Self::AddPieces { value, .. } => value.len(),
            Self::StoreValue(value) => value.key.len(),
            Self::BeginValue { .. }
            | Self::CreateNamespace { .. }
            | Self::DeleteNamespace { .. } => 0,
        }
    }

    /// Whether the job makes the tables larger.
    pub(super) fn adds(&self) -> bool {
        match self {
            Self::Write { changes, .. } => changes.iter().any(|change| change.put.is_some()),
            Self::DeleteNamespace { .. } => false,
            _ => true,
        }
    }

    /// How many changes of the tables are lost with the memory until the next checkpoint.
    pub(super) fn changes(&self) -> usize {
        match self {
            Self::Write { changes, .. } => changes.len(),
            _ => 1,
        }
    }

    pub(super) fn answer(self, answer: Answer) {
        if matches!(answer, Answer::Lost) {
            return self.fail(&Fault::Closed.while_doing("recovering from a failure of the disk"));
        }
        // Who does not wait any more needs no answer.
        let _unwanted = match (self, answer) {
            (Self::Write { reply, .. }, Answer::Done) => reply.send(Ok(())).is_err(),
            (Self::StoreValue(value), Answer::Done) => value.reply.send(Ok(())).is_err(),
            (Self::BeginValue { reply }, Answer::Value(hold)) => reply.send(Ok(hold)).is_err(),
            (Self::AddPieces { reply, .. }, Answer::Next(next)) => reply.send(Ok(next)).is_err(),
            (
                Self::CreateNamespace { reply, .. } | Self::DeleteNamespace { reply, .. },
                Answer::Changed(changed),
            ) => reply.send(Ok(changed)).is_err(),
            _ => unreachable!("each job has one kind of answer"),
        };
    }

    pub(super) fn fail(self, error: &StoreError) {
        let error = error.clone();
        let _unwanted = match self {
            Self::Write { reply, .. } => reply.send(Err(error)).is_err(),
            Self::StoreValue(value) => value.reply.send(Err(error)).is_err(),
            Self::BeginValue { reply } => reply.send(Err(error)).is_err(),
            Self::AddPieces { reply, .. } => reply.send(Err(error)).is_err(),
            Self::CreateNamespace { reply, .. } | Self::DeleteNamespace { reply, .. } => {
                reply.send(Err(error)).is_err()
            }
        };
    }
}
