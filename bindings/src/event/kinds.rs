//! The kinds of events: what a worker is called for, and what each comes to beside its outcome. What a
//! kind needs while its event runs is in its own module, with the ops of its script.

pub(super) mod fetch;
pub(super) mod queue;
pub(super) mod rpc;
pub(super) mod scheduled;
pub(super) mod tail;

use std::fmt;

pub use self::fetch::Fetch;
pub use self::queue::QueueBatch;
pub use self::rpc::RpcSession;
pub use self::scheduled::Scheduled;
pub use self::tail::TailBatch;

/// What a worker is called for, by the name of the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A request.
    Fetch = 0,
    /// A cron trigger that is due.
    Scheduled = 1,
    /// Messages of a queue that the worker consumes.
    Queue = 2,
    /// What other workers have done.
    Tail = 3,
    /// Calls of methods by another worker.
    Rpc = 4,
}

impl Kind {
    /// All of them, each at the place of its number, which JavaScript knows it by (`event.js`).
    pub const ALL: [Kind; 5] = [Kind::Fetch, Kind::Scheduled, Kind::Queue, Kind::Tail, Kind::Rpc];

    /// The name of the handler; calls have none of their own.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Fetch => "fetch",
            Kind::Scheduled => "scheduled",
            Kind::Queue => "queue",
            Kind::Tail => "tail",
            Kind::Rpc => "rpc",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a worker is called with.
#[derive(Debug)]
pub enum Trigger {
    /// A request.
    Fetch(Box<Fetch>),
    /// A cron trigger that is due.
    Scheduled(Scheduled),
    /// Messages of a queue.
    Queue(QueueBatch),
    /// What other workers have done.
    Tail(TailBatch),
    /// Calls of methods by another worker.
    Rpc(RpcSession),
}

impl Trigger {
    /// Which kind of event it makes.
    pub fn kind(&self) -> Kind {
        match self {
            Trigger::Fetch(_) => Kind::Fetch,
            Trigger::Scheduled(_) => Kind::Scheduled,
            Trigger::Queue(_) => Kind::Queue,
            Trigger::Tail(_) => Kind::Tail,
            Trigger::Rpc(_) => Kind::Rpc,
        }
    }
}

/// What an event comes to beside its outcome.
#[derive(Debug, Clone)]
pub enum KindResult {
    /// The response has gone its own way.
    Fetch,
    /// Of a cron trigger.
    Scheduled {
        /// Whether the worker does not want it to be tried again.
        no_retry: bool,
    },
    /// What the worker has said of the messages.
    Queue(::queue::Acks),
    /// Nobody waits for anything.
    Tail,
    /// What was called has answered its caller itself.
    Rpc,
}

/// What an event needs as one of its kind.
#[allow(clippy::large_enum_variant, reason = "nearly all events are requests")]
pub(super) enum State {
    Fetch(fetch::State),
    Scheduled(scheduled::State),
    Queue(queue::State),
    Tail(tail::State),
    Rpc(rpc::State),
}

impl State {
    pub(super) fn of(trigger: Trigger) -> State {
        match trigger {
            Trigger::Fetch(request) => State::Fetch(fetch::State::new(request)),
            Trigger::Scheduled(scheduled) => State::Scheduled(scheduled::State::new(scheduled)),
            Trigger::Queue(batch) => State::Queue(queue::State::new(batch)),
            Trigger::Tail(batch) => State::Tail(tail::State::new(batch)),
            Trigger::Rpc(session) => State::Rpc(rpc::State::new(session)),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            State::Fetch(_) => Kind::Fetch,
            State::Scheduled(_) => Kind::Scheduled,
            State::Queue(_) => Kind::Queue,
            State::Tail(_) => Kind::Tail,
            State::Rpc(_) => Kind::Rpc,
        }
    }

    pub(super) fn take_result(&self) -> KindResult {
        match self {
            State::Fetch(_) => KindResult::Fetch,
            State::Scheduled(state) => KindResult::Scheduled { no_retry: state.no_retry() },
            State::Queue(state) => KindResult::Queue(state.take_acks()),
            State::Tail(_) => KindResult::Tail,
            State::Rpc(_) => KindResult::Rpc,
        }
    }

    /// Whether whoever called is told before the event is over. True once at most.
    pub(super) fn owes_result(&self) -> bool {
        match self {
            State::Queue(state) => state.owes_result(),
            State::Rpc(state) => state.owes_result(),
            State::Fetch(_) | State::Scheduled(_) | State::Tail(_) => false,
        }
    }

    /// The handler has settled, and what its kind has come to is not to wait for `waitUntil`.
    pub(super) fn conclude_early(&self) {
        match self {
            State::Queue(state) => state.conclude_early(),
            State::Rpc(state) => state.conclude_early(),
            State::Fetch(_) | State::Scheduled(_) | State::Tail(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_stands_at_the_place_of_its_number() {
        for (number, kind) in (0u8..).zip(Kind::ALL) {
            assert_eq!(kind as u8, number, "{kind}");
        }
    }
}
