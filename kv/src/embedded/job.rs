//! What the writer is asked to do, and how it answers.

use std::sync::Arc;

use bytes::Bytes;
use storage::{Fault, Load, MAX_LOGGED_BYTES};
use tokio::sync::oneshot;

use crate::clock::UnixSeconds;
use crate::error::StoreError;
use crate::store::{Change, Namespace};

use super::batch;
use super::begun::Begun;
use super::holds::Hold;

/// What a waiting job takes in memory beside its keys, values and metadata, about.
const JOB_BYTES: usize = 512;

/// Where the answer to a job goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A request to the writer. The hold of a value that is begun goes where it can be given up, whether or
/// not anybody takes the answer.
pub(super) enum Job {
    Write { namespace: Namespace, changes: Vec<Change>, bytes: usize, reply: Reply<()> },
    BeginValue { hold: oneshot::Sender<Hold>, reply: Reply<()> },
    AddPieces { value: Arc<Begun>, first: u32, content: Bytes, reply: Reply<u32> },
    StoreValue(StoreValue),
    CreateNamespace { namespace: Namespace, reply: Reply<bool> },
    DeleteNamespace { namespace: Namespace, reply: Reply<bool> },
}

/// A request to store a value whose pieces are written.
pub(super) struct StoreValue {
    pub(super) value: Arc<Begun>,
    pub(super) expiration: Option<UnixSeconds>,
    pub(super) metadata: Option<Arc<str>>,
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

    /// What the job takes while it waits, and when its turn has come. A value that is complete may
    /// have to be written once more, into the log, or else is a reason for a checkpoint.
    pub(super) fn load(&self) -> Load {
        let written = Load::of_write(JOB_BYTES + self.bytes());
        let Self::StoreValue(stored) = self else { return written };
        let logged_bytes = stored.bytes.min(MAX_LOGGED_BYTES as u64) as usize;
        Load { cost_bytes: written.cost_bytes + logged_bytes, ..written }
    }

    /// The bytes that the job brings and adds to the disk, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Write { bytes, .. } => *bytes,
            Self::AddPieces { content, .. } => content.len(),
            Self::StoreValue(stored) => stored.value.target.key.len(),
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
            let failure = Fault::Closed.while_doing("recovering from a failure of the disk");
            return self.refuse(&failure.into());
        }
        // Who does not wait any more needs no answer.
        let _unwanted = match (self, answer) {
            (Self::Write { reply, .. }, Answer::Done) => reply.send(Ok(())).is_err(),
            (Self::StoreValue(value), Answer::Done) => value.reply.send(Ok(())).is_err(),
            (Self::BeginValue { hold: owner, reply }, Answer::Value(hold)) => {
                // Before the answer, so that whoever takes that finds it.
                drop(owner.send(hold));
                reply.send(Ok(())).is_err()
            }
            (Self::AddPieces { reply, .. }, Answer::Next(next)) => reply.send(Ok(next)).is_err(),
            (
                Self::CreateNamespace { reply, .. } | Self::DeleteNamespace { reply, .. },
                Answer::Changed(changed),
            ) => reply.send(Ok(changed)).is_err(),
            _ => unreachable!("each job has one kind of answer"),
        };
    }

    /// Answers that it was not done.
    pub(super) fn refuse(self, error: &StoreError) {
        let error = error.clone();
        let _unwanted = match self {
            Self::Write { reply, .. } => reply.send(Err(error)).is_err(),
            Self::StoreValue(value) => value.reply.send(Err(error)).is_err(),
            Self::BeginValue { reply, .. } => reply.send(Err(error)).is_err(),
            Self::AddPieces { reply, .. } => reply.send(Err(error)).is_err(),
            Self::CreateNamespace { reply, .. } | Self::DeleteNamespace { reply, .. } => {
                reply.send(Err(error)).is_err()
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::begun::Target;
    use crate::embedded::holds::Holds;

    #[test]
    fn small_jobs_keep_more_than_their_bytes() {
        let changes = vec![Change { key: "k".to_owned(), put: None }];
        let job = Job::write(Namespace::new("n"), changes, oneshot::channel().0);
        assert_eq!(job.load().kept_bytes, JOB_BYTES + job.bytes());
    }

    #[test]
    fn a_value_that_is_complete_costs_what_the_log_may_have_of_it() {
        for (bytes, expected) in [(300_000, 300_000), (20_000_000, MAX_LOGGED_BYTES)] {
            let hold = Arc::<Holds>::default().hold(1).unwrap();
            let target = Target { namespace: Namespace::new("n"), key: "k".to_owned() };
            let value = Arc::new(Begun::new(hold, Arc::new(target)));
            let (expiration, metadata) = (None, None);
            let reply = oneshot::channel().0;
            let job = Job::StoreValue(StoreValue { value, expiration, metadata, bytes, reply });
            let load = job.load();
            assert_eq!(load.kept_bytes, JOB_BYTES + 1);
            assert_eq!(load.cost_bytes, load.kept_bytes + expected);
        }
    }
}
