//! What a shard is asked to do. In which order it does it is the inbox's (`inbox.rs`).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::job::{CheckJob, Job};
use crate::version::Version;

/// A future that is made and run on a shard.
pub(crate) type LocalTask = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// What a shard is asked to do.
pub(crate) enum Message {
    /// Run an event.
    Event(Box<Job>),
    /// Who waits for an event has gone away; the event is named by its number.
    Cancel { version: u64, number: u64 },
    /// Load a version ahead of its first event.
    Warm(Arc<Version>),
    /// Start a version in an isolate of its own and throw that away.
    Check(CheckJob),
    /// No more events will come for this version.
    Retire(Arc<Version>),
    /// What still runs of a version that was retired is to end.
    End { version: u64 },
    /// The node is short of memory: give a version's isolate up if it is idle, or, expelled,
    /// whatever runs in it.
    Evict { version: u64, expel: bool },
    /// The shard has become a slow one: workers that may run elsewhere leave it.
    Leave,
    /// Run a future.
    Run(LocalTask),
}

impl Message {
    /// The worker in whose turn it is done; none if it is done at once.
    pub(super) fn worker(&self) -> Option<&Arc<str>> {
        match self {
            Message::Event(job) => Some(job.version.worker()),
            Message::Check(job) => Some(job.version.worker()),
            Message::Warm(version) | Message::Retire(version) => Some(version.worker()),
            Message::Cancel { .. }
            | Message::End { .. }
            | Message::Evict { .. }
            | Message::Leave
            | Message::Run(_) => None,
        }
    }

    /// Whether another shard can do it as well.
    pub(super) fn can_move(&self) -> bool {
        matches!(self, Message::Event(_) | Message::Warm(_))
    }
}
