//! What can go wrong in a queue, and whose fault it is: what a worker is told that sends, and what the
//! node is told.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use queue_rules::BadName;
use storage::{Failure, OpenError};

/// Why messages were not taken, as a worker is told: `<cause> (<code>)`, or, by the rules of an older
/// compatibility date, the cause alone (Workers documentation, Queues, Error codes).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause} ({code})")]
pub struct SendError {
    /// The code of Workers Queues.
    pub code: u16,
    /// The HTTP status that the broker of Workers Queues gives to it.
    pub status: u16,
    /// What was wrong: the text of the status.
    pub cause: String,
}

/// Why a queue did not do what the node asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueueError {
    /// Another process has the folder.
    #[error("{} is in use by {}", .path.display(), holder(*.process))]
    Held {
        /// The folder.
        path: PathBuf,
        /// The number of the process that has it, if it is known.
        process: Option<u32>,
    },
    /// The folder, or a file in it, cannot be used or is damaged.
    #[error(transparent)]
    Open(Arc<OpenError>),
    /// There is no such queue.
    #[error("there is no queue {queue:?}")]
    NotFound {
        /// What was asked for.
        queue: String,
    },
    /// What no queue can be called.
    #[error(transparent)]
    BadName(#[from] BadName),
    /// There are as many queues as there may be.
    #[error("there are {most} queues, which is all: delete one, or have the operator allow more")]
    TooMany {
        /// How many there may be.
        most: usize,
    },
    /// A setting of a queue that is out of its range.
    #[error("{what} is {least_s} to {most_s} seconds, and not {given_s}")]
    OutOfRange {
        /// The setting.
        what: &'static str,
        /// What was given, in seconds.
        given_s: u64,
        /// The least that it can be, in seconds.
        least_s: u32,
        /// The most that it can be, in seconds.
        most_s: u32,
    },
    /// The delivery was settled or given back before, or its queue is gone, or another process began
    /// it.
    #[error("nothing of the queue {queue:?} is on its way under that number")]
    UnknownLease {
        /// The queue.
        queue: String,
    },
    /// Too much waits to be written.
    #[error("too much is waiting to be written")]
    Busy,
    /// The queue, or all queues together, have as much as they may have.
    #[error("the backlog is full")]
    Full,
    /// The disk has no room left but what is kept free: the operator's to solve. Nothing was written.
    #[error(
        "the disk is full: {free_bytes} bytes are free, of which {kept_free_bytes} are kept free"
    )]
    DiskFull {
        /// The bytes that are free.
        free_bytes: u64,
        /// The bytes that no write may use.
        kept_free_bytes: u64,
    },
    /// The queues were closed, because another process takes the data over.
    #[error("the queues are closed, because the node restarts")]
    Closed,
    /// The engine failed: the platform's fault. The source is for the log, not for a worker.
    #[error("the queues failed while they were {doing}")]
    Failed {
        /// What they were doing, as in "reading".
        doing: Cow<'static, str>,
        /// The cause.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

impl SendError {
    /// QueueNotFound.
    pub const NOT_FOUND: u16 = 10104;
    /// BatchDelayInvalid.
    pub const BATCH_DELAY: u16 = 10202;
    /// MessageMetadataInvalid: its content type, or its delay.
    pub const MESSAGE_METADATA: u16 = 10203;
    /// MessageSizeOutOfBounds.
    pub const MESSAGE_SIZE: u16 = 10204;
    /// BatchSizeOutOfBounds.
    pub const BATCH_SIZE: u16 = 10205;
    /// BatchCountOutOfBounds.
    pub const BATCH_COUNT: u16 = 10206;
    /// QueueOverloaded.
    pub const OVERLOADED: u16 = 10250;
    /// QueueStorageLimitExceeded.
    pub const STORAGE_LIMIT: u16 = 10251;
    /// UnknownInternalError.
    pub const INTERNAL: u16 = 15000;

    /// An error with that code, HTTP status and text.
    pub fn new(code: u16, status: u16, cause: impl Into<String>) -> Self {
        Self { code, status, cause: cause.into() }
    }

    /// There is no such queue.
    pub fn not_found() -> Self {
        Self::new(Self::NOT_FOUND, 404, "Queue does not exist")
    }

    /// What no message can be.
    pub fn content_type(given: &str) -> Self {
        let cause = format!(
            "message content type {given} is invalid; if specified, must be one of 'text', 'json', \
             'bytes', or 'v8'"
        );
        Self::new(Self::MESSAGE_METADATA, 400, cause)
    }

    /// More than the queue takes in a second, or than waits to be written.
    pub fn overloaded() -> Self {
        Self::new(Self::OVERLOADED, 429, "Too Many Requests")
    }

    /// The queue has as much as it may have, or the disk has no room.
    pub fn storage_limit() -> Self {
        Self::new(Self::STORAGE_LIMIT, 429, "Storage Limit Exceeded")
    }

    /// Nobody takes messages at this moment: the same again, later, will do.
    pub fn unavailable(cause: impl Into<String>) -> Self {
        Self::new(Self::INTERNAL, 503, cause)
    }

    /// The platform's fault, of which a worker is told no more.
    pub fn internal() -> Self {
        Self::new(Self::INTERNAL, 500, "Unknown Internal Error")
    }
}

impl QueueError {
    pub(crate) fn not_found(queue: &str) -> Self {
        Self::NotFound { queue: queue.to_owned() }
    }

    pub(crate) fn unknown_lease(queue: &str) -> Self {
        Self::UnknownLease { queue: queue.to_owned() }
    }

    /// The HTTP status of an answer that says so.
    pub fn status(&self) -> u16 {
        match self {
            Self::NotFound { .. } => 404,
            Self::BadName(_) | Self::OutOfRange { .. } => 400,
            Self::UnknownLease { .. } => 409,
            Self::Busy | Self::TooMany { .. } | Self::Full => 429,
            Self::DiskFull { .. } => 507,
            Self::Closed => 503,
            Self::Held { .. } | Self::Open(_) | Self::Failed { .. } => 500,
        }
    }
}

impl From<OpenError> for QueueError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Held { path, process } => Self::Held { path, process },
            other => Self::Open(Arc::new(other)),
        }
    }
}

impl From<Failure> for QueueError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::DiskFull { free_bytes, kept_free_bytes } => {
                Self::DiskFull { free_bytes, kept_free_bytes }
            }
            Failure::Closed => Self::Closed,
            Failure::Failed { doing, source } => Self::Failed { doing, source },
        }
    }
}

impl From<QueueError> for SendError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::NotFound { .. } | QueueError::BadName(_) => Self::not_found(),
            QueueError::Busy => Self::overloaded(),
            QueueError::Full | QueueError::DiskFull { .. } => Self::storage_limit(),
            QueueError::Closed => {
                Self::unavailable("Service Unavailable: the node restarts, try again")
            }
            QueueError::Held { .. }
            | QueueError::Open(_)
            | QueueError::TooMany { .. }
            | QueueError::OutOfRange { .. }
            | QueueError::UnknownLease { .. }
            | QueueError::Failed { .. } => Self::internal(),
        }
    }
}

fn holder(process: Option<u32>) -> String {
    match process {
        Some(process) => format!("the process {process}"),
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_told_the_cause_and_the_code() {
        assert_eq!(SendError::overloaded().to_string(), "Too Many Requests (10250)");
        assert_eq!(SendError::internal().to_string(), "Unknown Internal Error (15000)");
        assert_eq!(SendError::storage_limit().to_string(), "Storage Limit Exceeded (10251)");
        assert_eq!(
            SendError::content_type("xml").to_string(),
            "message content type xml is invalid; if specified, must be one of 'text', 'json', \
             'bytes', or 'v8' (10203)"
        );
    }

    #[test]
    fn a_worker_is_told_nothing_of_the_platform() {
        let source = Arc::new(std::io::Error::other("/secret/path"));
        let error = QueueError::Failed { doing: "writing".into(), source };
        assert_eq!(SendError::from(error), SendError::internal());
    }
}
