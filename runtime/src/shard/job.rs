//! What is sent to a shard: an event with its way back, and the check of a version.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bindings::dispatch::Reply;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::event::Call;
use crate::isolate::Loaded;
use crate::outcome::Failure;
use crate::shard::ShardHandle;
use crate::version::{Residence, Version};

/// How an event is answered.
pub(crate) type Answer = Result<Reply, Failure>;

/// An event on its way to an isolate.
pub(crate) struct Job {
    pub(crate) version: Arc<Version>,
    pub(crate) call: Call,
    /// Unique in the process: what observers know the event by.
    pub(crate) number: u64,
    /// Where the answer goes; none while the caller may still get it as a return value.
    pub(crate) reply: Option<oneshot::Sender<Answer>>,
    /// Where it is, for those who look for it; none if it runs where it was called, or nowhere.
    pub(crate) ticket: Option<Arc<Ticket>>,
    pub(crate) submitted: Instant,
    pub(crate) cold: bool,
    /// Where it is counted while it waits for an isolate to be loaded.
    pub(crate) waits_for: Option<Arc<Residence>>,
}

impl Job {
    /// Whether the one who waits for the answer has gone.
    pub(super) fn is_canceled(&self) -> bool {
        self.reply.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    /// Whether it waits for the isolate of that residence to be loaded.
    pub(super) fn waits_for_that_of(&self, residence: &Arc<Residence>) -> bool {
        self.waits_for.as_ref().is_some_and(|it| Arc::ptr_eq(it, residence))
    }

    /// It does not wait for its isolate any more, nor runs in it.
    pub(super) fn leave(&mut self) {
        if let Some(residence) = self.waits_for.take() {
            residence.events.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// It waits for another isolate than the one that it was to run in.
    pub(super) fn wait_again(&mut self) {
        self.version.begin_to_wait();
        self.leave();
    }

    /// Answers without having run.
    pub(crate) fn refuse(self, failure: Failure) {
        if let Some(reply) = self.reply {
            let _ = reply.send(Err(failure));
        }
    }
}

/// Where an event is: it may be taken from one shard's inbox to another's.
pub(crate) struct Ticket {
    /// The event's number.
    pub(crate) number: u64,
    /// The id of the back shard it was sent to last; 0 before.
    pub(crate) shard: AtomicU64,
    /// Where it was taken to, after the shard that it was sent to first.
    place: Mutex<Option<Arc<ShardHandle>>>,
    has_moved: Notify,
}

impl Ticket {
    /// A number for an event that is called where it is and needs no ticket.
    pub(crate) fn next_number() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// A new ticket, with a number of its own.
    pub(crate) fn new() -> Arc<Ticket> {
        Arc::new(Ticket {
            number: Ticket::next_number(),
            shard: AtomicU64::new(0),
            place: Mutex::new(None),
            has_moved: Notify::new(),
        })
    }

    /// The event is about to be taken to another shard, which may answer it at once.
    pub(crate) fn move_to(&self, shard: &Arc<ShardHandle>) {
        *self.place.lock() = Some(shard.clone());
    }

    /// Tells whoever waits for the answer that it was.
    pub(crate) fn tell_moved(&self) {
        self.has_moved.notify_one();
    }

    /// The shard that the event was taken to last, if it was at all.
    pub(crate) fn moved_to(&self) -> Option<Arc<ShardHandle>> {
        self.place.lock().clone()
    }

    /// Waits until another shard has the event; answers which. For one at a time who waits.
    pub(crate) async fn moved(&self) -> Arc<ShardHandle> {
        loop {
            self.has_moved.notified().await;
            if let Some(shard) = self.moved_to() {
                return shard;
            }
        }
    }
}

/// A version to be started and thrown away.
pub(crate) struct CheckJob {
    pub(crate) version: Arc<Version>,
    pub(crate) reply: oneshot::Sender<Result<Loaded, Failure>>,
}

#[cfg(test)]
impl Job {
    /// An event of a version that nobody waits for.
    pub(crate) fn for_tests(version: &Arc<Version>) -> Job {
        use crate::event::{FetchEvent, RequestBody};

        let (head, ()) = http::Request::new(()).into_parts();
        let event = FetchEvent { head, body: RequestBody::Empty, client: None };
        let ticket = Ticket::new();
        Job {
            version: version.clone(),
            call: Call::fetch(event),
            number: ticket.number,
            reply: None,
            ticket: Some(ticket),
            submitted: Instant::now(),
            cold: false,
            waits_for: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::shard::Kind;

    #[test]
    fn that_an_event_was_moved_is_known_before_it_is_told_and_told_once() {
        let ticket = Ticket::new();
        let shards = [0, 1].map(|index| Arc::new(ShardHandle::new(index, Kind::Back)));
        let index = |shard: Option<Arc<ShardHandle>>| shard.map(|it| it.index());
        let told = || index(ticket.moved().now_or_never());
        assert_eq!((index(ticket.moved_to()), told()), (None, None));
        ticket.move_to(&shards[0]);
        assert_eq!((index(ticket.moved_to()), told()), (Some(0), None));
        ticket.tell_moved();
        assert_eq!((told(), told()), (Some(0), None));
        // Twice, before anybody looks.
        for shard in shards.iter().rev() {
            ticket.move_to(shard);
            ticket.tell_moved();
        }
        assert_eq!((told(), told()), (Some(0), None));
    }
}
