//! What the node sees of queues: what there is, what is delivered, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use crate::broker::Metrics;
use crate::message::{Message, MessageId};

/// Messages on their way to a handler. Nobody else gets them until the delivery is settled or given
/// back, or the process ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What settles it. No other delivery of this process has the same.
    pub lease: u64,
    /// At least one.
    pub messages: Vec<Message>,
}

/// What was stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The identities that the messages have from now on, in their order.
    pub ids: Vec<MessageId>,
    /// How much the queue has with them.
    pub metrics: Metrics,
}

/// What came of a delivery. Messages that were gone by then, because their queue was emptied or they
/// had expired, count for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Messages that were handled.
    pub acked: usize,
    /// Messages that are delivered once more.
    pub retried: usize,
    /// Messages that went to the dead-letter queue.
    pub dead_lettered: usize,
    /// Messages that had failed too often, and are gone.
    pub dropped: usize,
}

/// A queue, and how much it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueInfo {
    /// Its name.
    pub name: Arc<str>,
    /// When it was made, in milliseconds since the UNIX epoch.
    pub created_at_ms: u64,
    /// How much it has.
    pub metrics: Metrics,
    /// How many of its messages wait for their time, about.
    pub delayed_count: u64,
    /// How many of its messages are on their way to a handler.
    pub in_flight_count: u64,
    /// Whether nothing of it is delivered.
    pub is_paused: bool,
    /// When a message is delivered at the earliest, from its sending, if neither it nor its batch says
    /// anything.
    pub delivery_delay: Duration,
    /// How long it keeps a message that nobody takes.
    pub retention: Duration,
}

/// What is to be set of a queue; `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// When a message is delivered at the earliest, from its sending, if neither it nor its batch says
    /// anything: whole seconds of [`DELAY_S`](crate::DELAY_S).
    pub delivery_delay: Option<Duration>,
    /// How long the queue keeps a message that nobody takes: whole seconds of
    /// [`RETENTION_S`](crate::RETENTION_S).
    pub retention: Option<Duration>,
    /// Whether nothing is delivered.
    pub paused: Option<bool>,
}
