//! What a configuration says of queues: those that the worker sends to, and those whose messages it
//! is called with. Names and ranges are the crate `queue_rules`'s.

use serde::{Deserialize, Serialize};

pub use queue_rules::{
    BATCH_SIZE as QUEUE_BATCH_SIZE_RANGE, BATCH_TIMEOUT_S as QUEUE_BATCH_TIMEOUT_S_RANGE,
    CONCURRENCY as QUEUE_CONCURRENCY_RANGE, DELAY_S as QUEUE_DELAY_S_RANGE,
    NAME_RULE as QUEUE_NAME_RULE, RETRIES as QUEUE_RETRIES_RANGE,
};

/// A queue that the worker sends to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueProducer {
    /// The property of `env`.
    pub binding: String,
    /// The queue's name.
    pub queue: String,
    /// For how long a message is held back that does not say so itself, in seconds, within
    /// [`QUEUE_DELAY_S_RANGE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_delay: Option<u32>,
}

/// A queue whose messages the worker is called with. What is absent is the default of queues.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueConsumer {
    /// The queue's name.
    pub queue: String,
    /// How many messages make a batch at most, within [`QUEUE_BATCH_SIZE_RANGE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_batch_size: Option<u32>,
    /// How long the first message waits for others, in seconds, within
    /// [`QUEUE_BATCH_TIMEOUT_S_RANGE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_batch_timeout: Option<u32>,
    /// How often a message is delivered again, within [`QUEUE_RETRIES_RANGE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// The queue that gets what could not be delivered; without one, it is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_queue: Option<String>,
    /// How many batches are handled at a time, within [`QUEUE_CONCURRENCY_RANGE`]; without it, as
    /// many as the backlog asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// For how long a message is held back that is delivered again, in seconds, within
    /// [`QUEUE_DELAY_S_RANGE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_delay: Option<u32>,
}
