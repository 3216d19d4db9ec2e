//! What can go wrong in the store, and whose fault it is. The rules whose breaking leads here are
//! in `validate`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::limits::MAX_KEY_BYTES;

/// A request that the store refuses, in the words of Workers KV: the caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {text}")]
pub struct Refused {
    /// The HTTP status that Workers KV gives to the refusal.
    pub status: u16,
    /// What was wrong, for the author of the worker.
    pub text: String,
}

/// A name that no key can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The empty name.
    #[error("Key name cannot be empty.")]
    Empty,
    /// The name `.`.
    #[error("\".\" is not allowed as a key name.")]
    Dot,
    /// The name `..`.
    #[error("\"..\" is not allowed as a key name.")]
    DotDot,
    /// A name longer than [`MAX_KEY_BYTES`].
    #[error("UTF-8 encoded length of {bytes} exceeds key length limit of {MAX_KEY_BYTES}.")]
    TooLong {
        /// Its length in bytes of UTF-8.
        bytes: usize,
    },
}

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The request breaks a rule: the caller's fault.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store has no room for the value: the operator's to solve. Nothing was written.
    #[error("the store is full: {needed_bytes} bytes do not fit below its bound of {bound_bytes}")]
    Full {
        /// The size of what was to be written, with its share of the index.
        needed_bytes: u64,
        /// The bound that the operator set.
        bound_bytes: u64,
    },
    /// The disk has no room left but what is kept free: the operator's to solve. Nothing was
    /// written.
    #[error(
        "the disk is full: {free_bytes} bytes are free, of which {kept_free_bytes} are kept free"
    )]
    DiskFull {
        /// The bytes that are free.
        free_bytes: u64,
        /// The bytes that no write may use.
        kept_free_bytes: u64,
    },
    /// The store was closed, because another process takes the data over: the same again, on a
    /// new connection, will do.
    #[error("the store is closed, because the node restarts")]
    Closed,
    /// The engine failed: the platform's fault. The source is for the log, not for the worker.
    #[error("the store failed while it was {doing}")]
    Failed {
        /// What the engine was doing, as in "writing to kv.db".
        doing: Cow<'static, str>,
        /// The cause.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

impl Refused {
    /// A refusal with an HTTP status and its text.
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}

impl KeyError {
    /// The refusal by the store itself, which a worker meets in a bulk get. For one key the binding
    /// reports the [`KeyError`] before the store is asked.
    pub fn into_refused(self) -> Refused {
        match self {
            Self::Empty => Refused::new(400, "Key names must not be empty"),
            Self::Dot | Self::DotDot => {
                let name = if self == Self::Dot { "." } else { ".." };
                let text = format!("Illegal key name \"{name}\". Please use a different name.");
                Refused::new(400, text)
            }
            Self::TooLong { .. } => Refused::new(414, self.to_string()),
        }
    }
}

impl From<storage::Failure> for StoreError {
    fn from(failure: storage::Failure) -> Self {
        match failure {
            storage::Failure::DiskFull { free_bytes, kept_free_bytes } => {
                Self::DiskFull { free_bytes, kept_free_bytes }
            }
            storage::Failure::Closed => Self::Closed,
            storage::Failure::Failed { doing, source } => Self::Failed { doing, source },
        }
    }
}

impl StoreError {
    /// What a worker is told: never the platform's internals.
    pub fn into_refused(self) -> Refused {
        match self {
            Self::Refused(refused) => refused,
            Self::Full { .. } | Self::DiskFull { .. } => Refused::new(507, "Insufficient Storage"),
            Self::Closed => Refused::new(503, "Service Unavailable: the node restarts, try again"),
            Self::Failed { .. } => Refused::new(500, "Internal Server Error"),
        }
    }
}
