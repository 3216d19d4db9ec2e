//! What the binding throws. The texts of refusals are the `kv` crate's; here they get the method
//! that failed and the class of the JavaScript error.

use deno_error::JsErrorBox;
use kv::{KeyError, Refused, StoreError};

use crate::pace::Pace;

/// The operations by the names that messages give them; a list reports itself as a get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    GetBulk,
    Put,
    Delete,
}

/// An error that a worker meets.
#[derive(Debug, thiserror::Error, deno_error::JsError)]
pub(super) enum KvError {
    #[class(type)]
    #[error("{0}")]
    Key(KeyError),
    #[class(generic)]
    #[error("KV {} failed: {refused}", method.name())]
    Refused { method: Method, refused: Refused },
    #[class(type)]
    #[error(
        "Unknown response type. Possible types are \"text\", \"arrayBuffer\", \"json\", and \
         \"stream\"."
    )]
    UnknownType,
    #[class(range)]
    #[error("The value is too large for a string.")]
    TooLargeForString,
    #[class(range)]
    #[error("There is no memory left for the value.")]
    NoMemory,
    #[class(generic)]
    #[error("The KV namespace is not bound to this worker.")]
    NotBound,
    #[class(generic)]
    #[error("The event that asked the KV namespace is over.")]
    EventOver,
    /// No event's code calls; in the event's words.
    #[class(inherit)]
    #[error(transparent)]
    NoEvent(JsErrorBox),
}

impl Method {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::GetBulk => "GET_BULK",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    pub(super) fn refused(self, refused: Refused) -> KvError {
        KvError::Refused { method: self, refused }
    }

    /// Only a key's length is said to be the method's failure.
    pub(super) fn bad_key(self, error: KeyError) -> KvError {
        match error {
            KeyError::TooLong { .. } => self.refused(error.into_refused()),
            KeyError::Empty | KeyError::Dot | KeyError::DotDot => KvError::Key(error),
        }
    }

    /// Tells the operator what the worker must not see; not for each call: a full or broken disk is one
    /// state, however many ask.
    pub(super) fn failed(self, error: StoreError) -> KvError {
        static FULL: Pace = Pace::new();
        static BROKEN: Pace = Pace::new();
        match &error {
            // Said by the node itself, once.
            StoreError::Refused(_) | StoreError::Closed => {}
            StoreError::Full { .. } | StoreError::DiskFull { .. } => {
                if let Some(withheld) = FULL.tell() {
                    tracing::warn!(method = self.name(), %error, withheld, "kv");
                }
            }
            StoreError::Failed { source, .. } => {
                if let Some(withheld) = BROKEN.tell() {
                    tracing::error!(method = self.name(), %error, %source, withheld, "kv");
                }
            }
        }
        self.refused(error.into_refused())
    }
}

impl From<u32> for Method {
    /// The numbers are those of `kv.js`.
    fn from(number: u32) -> Self {
        match number {
            0 => Self::Get,
            1 => Self::Put,
            _ => Self::Delete,
        }
    }
}
