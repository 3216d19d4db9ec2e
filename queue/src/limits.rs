//! The limits of Workers Queues (Workers documentation, Queues, Limits), and those that an operator
//! sets. Where they are looked at is in `validate` and in the engine; names and what a consumer can say are the
//! crate `queue_rules`'s.

use std::ops::RangeInclusive;

/// The longest body of a message.
pub const MAX_MESSAGE_BYTES: usize = 128_000;
/// The most messages of one `sendBatch`.
pub const MAX_BATCH_COUNT: usize = 100;
/// What the bodies of one `sendBatch` may have: 256 KB, and 32 KB more as Workers' own local tool
/// allows for what surrounds them.
pub const MAX_BATCH_BYTES: usize = 288_000;

/// How long a queue keeps a message that nobody takes.
pub const RETENTION_S: RangeInclusive<u32> = 60..=14 * 86_400;
/// The same where nobody says anything: four days.
pub const DEFAULT_RETENTION_S: u32 = 4 * 86_400;

/// What the operator sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many messages may be sent to one queue in a second. One second's may come at once.
    pub messages_per_second: u32,
    /// What the bodies of the messages of one queue may have.
    pub queue_bytes: u64,
    /// The same for all queues together.
    pub total_bytes: u64,
    /// How many queues there may be.
    pub queues: usize,
    /// Nothing is taken in as long as the disk has less room than this.
    pub min_free_bytes: u64,
    /// The length of the log, which bounds what the next start has to replay.
    pub log_bytes: u64,
    /// The most bytes of the database's pages that are kept in memory.
    pub page_cache_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            messages_per_second: 5_000,
            queue_bytes: 25_000_000_000,
            total_bytes: 100_000_000_000,
            queues: 10_000,
            min_free_bytes: 64 << 20,
            log_bytes: 16 << 20,
            page_cache_bytes: 64 << 20,
        }
    }
}
