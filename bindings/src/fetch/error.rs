//! Why a request of a worker failed, in words that name the host which the worker named and
//! nothing that it did not know. Not here: what a refused body of a response says
//! (`response_body.rs`).

use std::error::Error;
use std::time::Duration;

use deno_core::error::ResourceError;
use deno_error::JsErrorBox;

use super::pieces::Broken;
use super::shares::Shortage;
use crate::dispatch::CallError;

/// Why no connection came about. `host` is the host of the URL, with its port if it has one.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error(
        "{host}: address not allowed; workers reach public addresses only, unless the node's \
         configuration allows more"
    )]
    NotAllowed { host: String },
    #[error("{host}: the name could not be resolved ({reason})")]
    Dns { host: String, reason: String },
    #[error("{host}: could not connect ({reason})")]
    Refused { host: String, reason: String },
    #[error("{host}: TLS failed ({reason})")]
    Tls { host: String, reason: String },
    #[error("{host}: time-out while {doing}, after {} s", after.as_secs())]
    TimedOut { host: String, doing: &'static str, after: Duration },
    #[error("{host}: {shortage}")]
    Busy { host: String, shortage: Shortage },
}

/// Why a `fetch()` failed. All of them are `TypeError`s to the worker, as the Fetch standard
/// says of network errors, but for those that carry a class of their own.
#[derive(Debug, thiserror::Error, deno_error::JsError)]
#[class(type)]
pub(crate) enum FetchError {
    #[error("fetch failed: {0}")]
    Connect(ConnectError),
    #[error("fetch failed: {host}: {reason}")]
    Exchange { host: String, reason: String },
    #[error("fetch failed: {host}: the body of the request failed ({reason})")]
    Upload { host: String, reason: String },
    #[error("fetch failed: {host}: the event that asked has ended")]
    EventEnded { host: String },
    #[error("fetch failed: {host}: the request was cancelled")]
    Cancelled { host: String },
    #[error("fetch failed: nothing here may use the network")]
    NoNetwork,
    #[error("fetch failed: URL scheme '{0}' is not supported; use http, https, data or blob")]
    Scheme(String),
    #[error("fetch failed: no Blob has this URL, or it was revoked")]
    BlobNotFound,
    #[error(
        "fetch failed: the worker has no memory for one more request that waits: make fewer at a \
         time, or see limits.memory_mb"
    )]
    NoMemory,
    #[error("fetch failed: HTTP clients of one's own are not supported")]
    OwnClient,
    #[error("fetch failed: {what} is not valid ({reason})")]
    Invalid { what: &'static str, reason: String },
    /// Why another worker does not answer.
    #[class(generic)]
    #[error(transparent)]
    Service(CallError),
    /// What another worker threw: its class and its message, of which `services.js` makes an error.
    #[class("IsolaneRemoteError")]
    #[error("{0}")]
    Remote(String),
    #[class(inherit)]
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// The event's limit spoke; its words and its class are the limit's own.
    #[class(inherit)]
    #[error(transparent)]
    Limit(JsErrorBox),
}

impl FetchError {
    /// The client's error in our words. What it wraps was made by our own connector or our
    /// own body, or else by HTTP itself.
    pub(crate) fn from_client(host: &str, error: &hyper_util::client::legacy::Error) -> Self {
        if let Some(connect) = find::<ConnectError>(error) {
            return FetchError::Connect(connect.clone());
        }
        let host = host.to_owned();
        match find::<Broken>(error) {
            Some(broken) => FetchError::Upload { host, reason: broken.to_string() },
            None => FetchError::Exchange { host, reason: innermost(error) },
        }
    }

    pub(crate) fn invalid(what: &'static str, reason: impl ToString) -> Self {
        FetchError::Invalid { what, reason: reason.to_string() }
    }
}

/// The first error of type `E` among an error and what caused it.
pub(crate) fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|e| e.downcast_ref())
}

/// What the last cause in the chain says: the layers above only say that something failed.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.last().map(ToString::to_string).unwrap_or_default()
}
