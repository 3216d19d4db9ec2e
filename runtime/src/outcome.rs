//! Why events end without what they were for: the outcome, the error code and the HTTP status of a
//! failure, each mapped in one place. Not here: how a failure becomes a page (the node does that), and
//! which outcomes there are (the bindings).

use bindings::event::outgoing::Untaken;

pub use bindings::event::Outcome;

/// What a caller is told whose callee has nothing left that could answer it, in the words of Workers.
const HUNG: &str = "The Workers runtime canceled this request because it detected that your \
                        Worker's code had hung and would never generate a response. Refer to: \
                        https://developers.cloudflare.com/workers/observability/errors/";

/// Why an event has no answer of the worker's own.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The handler threw or rejected.
    #[error("{message}")]
    Threw {
        /// `Error: message`, one line, as the log shows it.
        message: String,
        /// V8's stack, with positions in the modules as the isolate has them.
        stack: String,
    },
    /// Nothing is pending and there is no response.
    #[error("The script will never generate a response")]
    NeverResponds,
    /// The worker's top-level code failed, so it cannot serve at all.
    #[error("worker {worker} (version {version}) cannot start: {message}")]
    CannotStart {
        /// The worker's name.
        worker: String,
        /// The version that was tried.
        version: String,
        /// What went wrong.
        message: String,
        /// V8's stack, empty where there is none.
        stack: String,
    },
    /// The top-level code used more CPU time than the start-up limit, or too much memory.
    #[error("worker {worker} (version {version}) exceeded its limits while starting: {message}")]
    StartExceeded {
        /// The worker's name.
        worker: String,
        /// The version that was tried.
        version: String,
        /// Which limit, and its value.
        message: String,
        /// Whether the limit was that of memory (else of CPU).
        memory: bool,
    },
    /// The CPU limit of the event was exceeded.
    #[error("the worker exceeded its CPU limit of {limit_ms} ms")]
    ExceededCpu {
        /// The limit, in milliseconds of CPU time.
        limit_ms: u64,
    },
    /// The memory limit of the isolate was exceeded.
    #[error("the worker exceeded its memory limit of {limit_mb} MiB")]
    ExceededMemory {
        /// The limit, in MiB.
        limit_mb: u64,
    },
    /// The node is short of memory, and the worker has the most of it.
    #[error("the node is short of memory, of which worker {worker} has the most")]
    NodeMemory {
        /// The worker's name.
        worker: String,
    },
    /// The node has no room for memory that the worker asked for, within its own limit.
    #[error("the node has no room for the memory that the worker asked for")]
    NodeFull,
    /// The client went away.
    #[error("the client went away")]
    Canceled,
    /// The request's body broke off or is malformed, and the worker did not catch that.
    #[error("the request's body broke off or is malformed")]
    BadBody,
    /// Clients do not take what was answered before, so no further answer is kept in memory.
    #[error("{limit_mb} MiB of answers of {whose} wait for clients that do not take them")]
    Untaken {
        /// The limit, in MiB.
        limit_mb: u64,
        /// Whose limit it is: the worker's or the node's.
        whose: &'static str,
    },
    /// Too many events are waiting.
    #[error("too many events are waiting for {what}")]
    LoadShed {
        /// What they wait for: the worker or the node.
        what: String,
    },
    /// The worker's code has cost the node shards, so it is not started for a while.
    #[error(
        "worker {worker} is not started for another {wait_s} s: its code has cost the node {losses} \
         shard(s), which it did not come back from"
    )]
    Quarantined {
        /// The worker's name.
        worker: String,
        /// How many shards.
        losses: u32,
        /// How long it is not started, in seconds.
        wait_s: u64,
    },
    /// The isolate was lost for a reason that is not this event's own.
    #[error("the isolate was lost: {reason}")]
    IsolateLost {
        /// What happened to it.
        reason: &'static str,
    },
    /// The node is shutting down.
    #[error("the node is shutting down")]
    ShuttingDown,
}

impl Failure {
    /// What others are told of it, a client or another worker: nothing of the worker's inside.
    pub fn told(&self) -> String {
        match self {
            Failure::Threw { .. } => "The worker threw an exception.".into(),
            Failure::NeverResponds => HUNG.into(),
            Failure::CannotStart { worker, version, .. } => {
                format!("The worker {worker} (version {version}) cannot start.")
            }
            Failure::StartExceeded { worker, version, memory, .. } => {
                let what = if *memory { "memory" } else { "CPU time" };
                format!(
                    "The worker {worker} (version {version}) cannot start: it uses too much {what}."
                )
            }
            Failure::ExceededCpu { limit_ms } => {
                format!("The worker exceeded its CPU limit of {limit_ms} ms.")
            }
            Failure::ExceededMemory { limit_mb } => {
                format!("The worker exceeded its memory limit of {limit_mb} MiB.")
            }
            Failure::NodeMemory { worker } => {
                format!("The worker {worker} uses too much of the server's memory.")
            }
            Failure::NodeFull => "The server is short of memory. Please try again.".into(),
            Failure::Canceled => "The request was canceled.".into(),
            Failure::BadBody => "The request's body broke off or is malformed.".into(),
            Failure::Untaken { .. } => {
                "Too much of the worker's answers waits for other clients. Please try again.".into()
            }
            Failure::LoadShed { .. } => "Too many requests are waiting. Please try again.".into(),
            Failure::Quarantined { worker, .. } => {
                format!(
                    "The worker {worker} is not started for a while: its code could not be stopped."
                )
            }
            Failure::IsolateLost { reason } => {
                format!("The worker was lost while it ran: {reason}.")
            }
            Failure::ShuttingDown => "The server is shutting down. Please try again.".into(),
        }
    }

    /// The failure of an answer for which there is no room.
    pub(crate) fn untaken(untaken: Untaken) -> Failure {
        let whose = if untaken.of_node { "the node" } else { "the worker" };
        Failure::Untaken { limit_mb: untaken.limit_bytes >> 20, whose }
    }

    /// The outcome of an event that ends with this failure.
    pub fn outcome(&self) -> Outcome {
        match self {
            Failure::Threw { .. } | Failure::NeverResponds | Failure::CannotStart { .. } => {
                Outcome::Exception
            }
            Failure::StartExceeded { memory: true, .. }
            | Failure::ExceededMemory { .. }
            | Failure::NodeMemory { .. } => Outcome::ExceededMemory,
            Failure::StartExceeded { memory: false, .. } | Failure::ExceededCpu { .. } => {
                Outcome::ExceededCpu
            }
            Failure::Canceled | Failure::BadBody => Outcome::Canceled,
            Failure::Untaken { .. }
            | Failure::LoadShed { .. }
            | Failure::NodeFull
            | Failure::ShuttingDown
            | Failure::Quarantined { .. } => Outcome::LoadShed,
            Failure::IsolateLost { .. } => Outcome::InternalError,
        }
    }

    /// The HTTP status of the error response.
    pub fn status(&self) -> u16 {
        match self {
            Failure::Threw { .. } | Failure::NeverResponds => 500,
            Failure::BadBody => 400,
            Failure::Canceled => 499,
            Failure::CannotStart { .. }
            | Failure::StartExceeded { .. }
            | Failure::ExceededCpu { .. }
            | Failure::ExceededMemory { .. }
            | Failure::NodeMemory { .. }
            | Failure::NodeFull
            | Failure::LoadShed { .. }
            | Failure::Quarantined { .. }
            | Failure::Untaken { .. }
            | Failure::IsolateLost { .. }
            | Failure::ShuttingDown => 503,
        }
    }

    /// The error code sent as `isolane-error`.
    pub fn code(&self) -> u16 {
        match self {
            Failure::Threw { .. } | Failure::NeverResponds | Failure::CannotStart { .. } => 1101,
            Failure::StartExceeded { .. }
            | Failure::ExceededCpu { .. }
            | Failure::ExceededMemory { .. }
            | Failure::NodeMemory { .. } => 1102,
            Failure::Canceled => 1100,
            Failure::BadBody => 1400,
            Failure::LoadShed { .. }
            | Failure::NodeFull
            | Failure::Untaken { .. }
            | Failure::ShuttingDown => 1105,
            Failure::IsolateLost { .. } => 1104,
            Failure::Quarantined { .. } => 1106,
        }
    }
}
