//! What is sent to a shard: an event with its way back, and the check of a version.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::Response;
use tokio::sync::oneshot;

use crate::event::{FetchEvent, ResponseBody};
use crate::isolate::Loaded;
use crate::outcome::Failure;
use crate::version::{Residence, Version};

/// How an event is answered.
pub(crate) type Answer = Result<Response<ResponseBody>, Failure>;

/// An event on its way to an isolate.
pub(crate) struct Job {
    pub(crate) version: Arc<Version>,
    pub(crate) event: FetchEvent,
    /// Where the answer goes; none while the caller may still get it as a return value.
    pub(crate) reply: Option<oneshot::Sender<Answer>>,
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) submitted: Instant,
    pub(crate) cold: bool,
}

impl Job {
    /// Whether the one who waits for the answer has gone.
    pub(super) fn is_canceled(&self) -> bool {
        self.reply.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    /// It waits for another isolate than the one that it was to run in.
    pub(super) fn leave(&self, residence: Option<&Residence>) {
        self.version.begin_to_wait();
        if let Some(residence) = residence {
            residence.events.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Answers without having run.
    pub(crate) fn refuse(self, failure: Failure) {
        if let Some(reply) = self.reply {
            let _ = reply.send(Err(failure));
        }
    }
}

/// Names an event before it has an id, wherever it is: it may be taken from one shard's inbox
/// to another's.
pub(crate) struct Ticket {
    /// Unique in the process.
    pub(crate) number: u64,
    /// The id of the back shard it was sent to last.
    pub(crate) shard: AtomicU64,
}

impl Ticket {
    /// A new ticket.
    pub(crate) fn new() -> Arc<Ticket> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Arc::new(Ticket { number: NEXT.fetch_add(1, Ordering::Relaxed), shard: AtomicU64::new(0) })
    }
}

/// A version to be started and thrown away.
pub(crate) struct CheckJob {
    pub(crate) version: Arc<Version>,
    pub(crate) reply: oneshot::Sender<Result<Loaded, Failure>>,
}
