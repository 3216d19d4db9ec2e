//! What goes into an isolate and what comes out of it: the fetch event, the bodies in both
//! directions, and the report at the end. Plain data: no V8, no sockets.

use std::sync::Arc;
use std::time::Duration;

use crate::outcome::Outcome;

pub use bindings::event::Client;
pub use bindings::event::body::{BodyError, Chunks, RequestBody, ResponseBody, WaitingBytes};

/// A `fetch` event.
#[derive(Debug)]
pub struct FetchEvent {
    /// Method, headers, and a URI that is absolute: what `request.url` shows.
    pub head: http::request::Parts,
    /// The body, if the request has one.
    pub body: RequestBody,
    /// Who has sent it, as far as that is known.
    pub client: Option<Arc<dyn Client>>,
}

/// What the log and the metrics learn when an event is over.
#[derive(Debug, Clone)]
pub struct EventReport {
    /// The worker's name.
    pub worker: Arc<str>,
    /// The version's identifier.
    pub version: Arc<str>,
    /// How it ended.
    pub outcome: Outcome,
    /// CPU time charged to the event.
    pub cpu: Duration,
    /// CPU time that it could have used.
    pub cpu_limit: Duration,
    /// From dispatch to the end, waiting included.
    pub wall: Duration,
    /// Whether an isolate had to be loaded for it.
    pub cold: bool,
    /// `Error: message` and the stack, where there was one.
    pub exception: Option<(String, String)>,
}

impl EventReport {
    /// Whether it used more than a tenth of the CPU time that it may use: whoever runs the worker
    /// wants to know before an event uses all of it.
    pub fn is_costly(&self) -> bool {
        self.cpu > self.cpu_limit / 10
    }
}
