//! What a configuration says of queues: those that the worker sends to, and those whose messages it
//! is called with. The limits are those of Workers
//! (<https://developers.cloudflare.com/queues/platform/limits/>).

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// What `max_batch_size` of a consumer may be, in messages.
pub const QUEUE_BATCH_SIZE_RANGE: RangeInclusive<u32> = 1..=100;
/// What `max_batch_timeout` of a consumer may be, in seconds.
pub const QUEUE_BATCH_TIMEOUT_S_RANGE: RangeInclusive<u32> = 0..=60;
/// What `max_retries` of a consumer may be.
pub const QUEUE_RETRIES_RANGE: RangeInclusive<u32> = 0..=100;
/// What `max_concurrency` of a consumer may be, in batches at a time.
pub const QUEUE_CONCURRENCY_RANGE: RangeInclusive<u32> = 1..=250;
/// What `retry_delay` of a consumer and `delivery_delay` of a producer may be, in seconds.
pub const QUEUE_DELAY_S_RANGE: RangeInclusive<u32> = 0..=86_400;

/// How long the name of a queue may be, in bytes.
pub(crate) const MAX_QUEUE_NAME_BYTES: usize = 63;

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

/// Whether a queue can be called so: 1 to 63 letters, digits, hyphens and underscores.
pub(crate) fn is_queue_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_QUEUE_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_letter)
}
