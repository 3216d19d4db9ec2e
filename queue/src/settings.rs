//! What a consumer's configuration says, with the defaults of Workers.

use std::time::Duration;

/// How a worker consumes a queue (`queues.consumers`). The ranges are those of `queue_rules`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerSettings {
    /// The most messages of a batch.
    pub max_batch_size: u32,
    /// How long the first message of a batch waits for others.
    pub max_batch_timeout: Duration,
    /// How often a delivery that failed is repeated.
    pub max_retries: u32,
    /// Where a message goes after that; `None`: nowhere.
    pub dead_letter_queue: Option<String>,
    /// How many batches there may be at a time; `None`: as many as are of use.
    pub max_concurrency: Option<u32>,
    /// How long a message that is retried waits, if neither it nor its batch says anything.
    pub retry_delay: Duration,
}

impl ConsumerSettings {
    /// Whether a message with so many attempts has had all its deliveries before this one. Then some of
    /// them came to no end, as the process did not: it is to be settled as failed, not handled.
    pub fn is_spent(&self, attempts: u32) -> bool {
        attempts > self.max_retries.saturating_add(1)
    }
}

impl Default for ConsumerSettings {
    fn default() -> Self {
        Self {
            max_batch_size: 10,
            max_batch_timeout: Duration::from_secs(5),
            max_retries: 3,
            dead_letter_queue: None,
            max_concurrency: None,
            retry_delay: Duration::ZERO,
        }
    }
}
