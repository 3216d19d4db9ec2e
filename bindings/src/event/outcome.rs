//! How an event ends, in one word. Not here: what a failure means for whoever called (the runtime).

use std::fmt;

/// How an event ended, in the names that workerd's traces use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The handler answered and everything it started has finished.
    Ok,
    /// The handler threw, rejected, or can never answer.
    Exception,
    /// The event used more CPU time than its limit.
    ExceededCpu,
    /// The isolate used more memory than its limit.
    ExceededMemory,
    /// `waitUntil` work went on for too long after the response, or the event for too long after its
    /// version was replaced.
    ExceededWallTime,
    /// The client went away before the answer.
    Canceled,
    /// No worker is known for the request.
    ScriptNotFound,
    /// The node or the worker had too many events waiting.
    LoadShed,
    /// The body of the response broke off while it was being sent.
    ResponseStreamDisconnected,
    /// The fault is the node's own.
    InternalError,
}

impl Outcome {
    /// All of them, in the order of their numbers.
    pub const ALL: [Outcome; 10] = [
        Outcome::Ok,
        Outcome::Exception,
        Outcome::ExceededCpu,
        Outcome::ExceededMemory,
        Outcome::ExceededWallTime,
        Outcome::Canceled,
        Outcome::ScriptNotFound,
        Outcome::LoadShed,
        Outcome::ResponseStreamDisconnected,
        Outcome::InternalError,
    ];

    /// The name used in headers, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Exception => "exception",
            Outcome::ExceededCpu => "exceededCpu",
            Outcome::ExceededMemory => "exceededMemory",
            Outcome::ExceededWallTime => "exceededWallTime",
            Outcome::Canceled => "canceled",
            Outcome::ScriptNotFound => "scriptNotFound",
            Outcome::LoadShed => "loadShed",
            Outcome::ResponseStreamDisconnected => "responseStreamDisconnected",
            Outcome::InternalError => "internalError",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
