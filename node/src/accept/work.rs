//! Whose move it is at a connection: its client's, or the node's, which works on a request and may say
//! nothing for long. Who gives way to others is decided in `accept.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Place, Seat};

/// What goes on at a connection.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Requests that were let in and whose answers are not over.
    requests: AtomicUsize,
    /// What waits for clients meanwhile: that more of a body comes, that something is taken.
    waits: AtomicUsize,
}

/// A request is worked on until this is dropped.
pub(crate) struct Works(Arc<Seat>);

/// The node waits for its client, or for another, until this is dropped.
pub(crate) struct Waits(Arc<Seat>);

impl Work {
    /// Whether it is the node that is waited for.
    pub(super) fn goes_on(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0 && self.waits.load(Ordering::Relaxed) == 0
    }
}

impl Place {
    /// The node works on a request of the connection: it gives way to none that comes.
    pub(crate) fn works(&self) -> Works {
        self.seat.work.requests.fetch_add(1, Ordering::Relaxed);
        Works(Arc::clone(&self.seat))
    }

    /// The node waits for a client, and does not work meanwhile.
    pub(crate) fn waits(&self) -> Waits {
        self.seat.work.waits.fetch_add(1, Ordering::Relaxed);
        Waits(Arc::clone(&self.seat))
    }
}

impl Drop for Works {
    fn drop(&mut self) {
        self.0.work.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.work.waits.fetch_sub(1, Ordering::Relaxed);
    }
}
