//! What the binding throws. The texts of refusals are the `queue` crate's; here they get the form that
//! the worker's compatibility date has them in.

use deno_error::JsErrorBox;
use queue::SendError;

/// What was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Send,
    SendBatch,
    Metrics,
}

/// How an answer is to be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) method: Method,
    /// Whether an error names its cause and its code (compatibility flag `queue_expose_error_codes`).
    pub(super) shows_codes: bool,
}

/// An error that a worker meets.
#[derive(Debug, thiserror::Error, deno_error::JsError)]
pub(super) enum ProducerError {
    #[class(generic)]
    #[error("Queue {} failed: {cause}", method.name())]
    Failed { method: Method, cause: String },
    #[class(generic)]
    #[error("{cause} ({code})")]
    Coded { cause: String, code: u16 },
    #[class(range)]
    #[error("There is no memory left for the message.")]
    NoMemory,
    #[class(generic)]
    #[error("The queue is not bound to this worker.")]
    NotBound,
    #[class(generic)]
    #[error("The event that sent to the queue is over.")]
    EventOver,
    /// No event's code calls; in the event's words.
    #[class(inherit)]
    #[error(transparent)]
    NoEvent(JsErrorBox),
}

impl Method {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::SendBatch => "sendBatch",
            Self::Metrics => "metrics",
        }
    }
}

impl Form {
    /// A refusal as the worker is told of it.
    pub(super) fn failed(self, error: SendError) -> ProducerError {
        let SendError { code, cause, .. } = error;
        if self.shows_codes || self.method == Method::Metrics {
            ProducerError::Coded { cause, code }
        } else {
            ProducerError::Failed { method: self.method, cause }
        }
    }
}
