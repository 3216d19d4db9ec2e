//! Why a change was not made, and what the caller of the admin API is told.

use registry::{RegistryError, WorkerRecord};
use runtime::Outcome;
use thiserror::Error;

/// Why a change was not made. Nothing has changed then.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// What is to be changed does not exist.
    #[error("there is no {what}")]
    NotFound {
        /// What: `worker shop`, `version 1234 of worker shop`.
        what: String,
    },
    /// It contradicts what is there: a route or a name is taken, a version is active, a secret
    /// and a binding have one name.
    #[error("{message}")]
    Conflict {
        /// What contradicts what, and what to do.
        message: String,
    },
    /// A route leads to another worker, which may be one that the caller is not to know of.
    #[error("the route {pattern} is taken: it leads to worker {owner}")]
    RouteTaken {
        /// The route, in normal form.
        pattern: String,
        /// The other worker's name.
        owner: String,
    },
    /// Another worker consumes a queue, and a queue has one consumer. It may be one that the caller is
    /// not to know of.
    #[error(
        "the queue {queue} is taken: worker {owner} consumes it, and a queue has one consumer: take \
         it out of the \"queues.consumers\" of one of them, or delete {owner}"
    )]
    QueueTaken {
        /// The queue's name.
        queue: String,
        /// The other worker's name.
        owner: String,
    },
    /// The worker is not as the [`Precondition`](super::Precondition) has it.
    #[error("{}", precondition_failed(worker, current.as_ref()))]
    PreconditionFailed {
        /// The worker's name.
        worker: String,
        /// What the worker is instead; `None` where there is no active version.
        current: Option<Current>,
    },
    /// What was sent cannot be used: an archive that is none, another identifier than its
    /// content's, a name or route that is no name or route.
    #[error("{message}")]
    Invalid {
        /// What is wrong, and what was expected.
        message: String,
    },
    /// What was sent is larger than the limit.
    #[error("{message}")]
    TooLarge {
        /// What is too large, and the limit.
        message: String,
    },
    /// The caller has as much on the disk as they may have.
    #[error("{message}")]
    ShareFull {
        /// What they have and may have, and what to do.
        message: String,
    },
    /// The version was started in an isolate and failed.
    #[error("{message}")]
    StartFailed {
        /// What it failed with.
        message: String,
        /// The stack with the places of the sources, empty where there is none.
        stack: String,
        /// In the words of the log: `exception`, `exceededCpu`, `exceededMemory`.
        outcome: Outcome,
    },
    /// The node takes no deploys, now or later.
    #[error(
        "this node takes no deploys: it serves the projects that it was started with; deploy to one \
         that `isolane serve` runs"
    )]
    NoDeploys,
    /// The node cannot do it now: it has too much to do, or stops.
    #[error("{message}")]
    Unavailable {
        /// Why.
        message: String,
    },
    /// The disk failed, or is full.
    #[error(transparent)]
    Storage(RegistryError),
}

/// A worker's state as a failed [`Precondition`](super::Precondition) found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// The worker's revision.
    pub revision: u64,
    /// Who made the active version active.
    pub who: Option<String>,
    /// When, in milliseconds since the UNIX epoch.
    pub activated_at_ms: u64,
}

impl ChangeError {
    /// The status of the response.
    pub fn status(&self) -> u16 {
        match self {
            Self::Invalid { .. } => 400,
            Self::NotFound { .. } => 404,
            Self::Conflict { .. }
            | Self::RouteTaken { .. }
            | Self::QueueTaken { .. }
            | Self::NoDeploys => 409,
            Self::PreconditionFailed { .. } => 412,
            Self::TooLarge { .. } => 413,
            Self::StartFailed { .. } => 422,
            Self::Unavailable { .. } => 503,
            Self::ShareFull { .. } => 507,
            Self::Storage(error) if error.is_disk_full() => 507,
            Self::Storage(_) => 500,
        }
    }

    /// A stable word for programs: `error.code` of the admin API's answer.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::NotFound { .. } => "not_found",
            Self::Conflict { .. }
            | Self::RouteTaken { .. }
            | Self::QueueTaken { .. }
            | Self::NoDeploys => "conflict",
            Self::PreconditionFailed { .. } => "precondition_failed",
            Self::TooLarge { .. } => "too_large",
            Self::StartFailed { .. } => "start_failed",
            Self::Unavailable { .. } => "unavailable",
            Self::ShareFull { .. } => "storage_full",
            Self::Storage(error) if error.is_disk_full() => "storage_full",
            Self::Storage(_) => "internal",
        }
    }
}

impl Current {
    /// That of a worker.
    pub(super) fn of(worker: &WorkerRecord) -> Self {
        Self {
            revision: worker.revision,
            who: worker.active.who.clone(),
            activated_at_ms: worker.active.activated_at_ms,
        }
    }
}

impl From<RegistryError> for ChangeError {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Missing { what } => Self::NotFound { what },
            RegistryError::Conflict { message } => Self::Conflict { message },
            RegistryError::QueueTaken { queue, owner, .. } => Self::QueueTaken { queue, owner },
            RegistryError::Changed { worker, current } => {
                let current = current.as_deref().map(Current::of);
                Self::PreconditionFailed { worker, current }
            }
            closed @ RegistryError::Closed => Self::Unavailable { message: closed.to_string() },
            other => Self::Storage(other),
        }
    }
}

fn precondition_failed(worker: &str, current: Option<&Current>) -> String {
    match current {
        None => format!("worker {worker} has no active version"),
        Some(Current { revision, who, .. }) => {
            let who = who.as_deref().map(|who| format!(", made active by {who}"));
            let who = who.unwrap_or_default();
            format!("worker {worker} is not as expected: its revision is {revision}{who}")
        }
    }
}
