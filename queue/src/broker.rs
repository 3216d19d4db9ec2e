//! What a producer sees: sending, and how much is waiting.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::error::SendError;
use crate::message::NewMessage;

/// How much a queue has (Workers: `metrics()`). What is being delivered counts until it is acked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// How many messages.
    pub backlog_count: u64,
    /// The bytes of their bodies.
    pub backlog_bytes: u64,
    /// When the oldest of them came into the queue, in milliseconds since the UNIX epoch.
    pub oldest_message_timestamp_ms: Option<u64>,
}

/// Who stores messages: [`Queues`](crate::Queues), or what asks another process that has them.
pub trait Broker: Send + Sync + fmt::Debug {
    /// Sends one message, or a batch of up to 100. When it resolves they are on disk: all of them, or,
    /// with an error, none. Then it answers how much the queue has. `from` is the worker that sends:
    /// senders take turns.
    ///
    /// # Errors
    ///
    /// What a worker is told, with the codes of Workers Queues.
    fn send(
        &self,
        queue: &str,
        messages: Vec<NewMessage>,
        batch_delay: Option<Duration>,
        from: &Arc<str>,
    ) -> BoxFuture<'static, Result<Metrics, SendError>>;

    /// How much a queue has.
    ///
    /// # Errors
    ///
    /// What a worker is told, with the codes of Workers Queues.
    fn metrics(&self, queue: &str) -> BoxFuture<'static, Result<Metrics, SendError>>;
}
