//! What queues may have, as the operator sets it.

use serde::Deserialize;
use toml::Spanned;

use super::Kv;
use super::error::{ConfigError, Source};
use super::parse::number;

const MB: u64 = 1_000_000;

/// What the queues of a node may have. The defaults are the limits of Workers Queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueLimits {
    /// Messages that one queue takes in a second.
    pub messages_per_second: u32,
    /// What the bodies of the messages of one queue may have, in bytes.
    pub backlog_bytes: u64,
    /// The same of all queues together, in bytes.
    pub total_bytes: u64,
}

impl Default for QueueLimits {
    fn default() -> Self {
        let queue::Limits { messages_per_second, queue_bytes: backlog_bytes, total_bytes, .. } =
            queue::Limits::default();
        Self { messages_per_second, backlog_bytes, total_bytes }
    }
}

impl QueueLimits {
    /// The same for the queues themselves. They leave as much of the disk free as the KV store.
    pub(crate) fn with_room_of(&self, kv: &Kv) -> queue::Limits {
        queue::Limits {
            messages_per_second: self.messages_per_second,
            queue_bytes: self.backlog_bytes,
            total_bytes: self.total_bytes,
            min_free_bytes: kv.min_free_bytes,
            ..queue::Limits::default()
        }
    }
}

/// The table `queue` as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawQueue {
    messages_per_second: Option<Spanned<u64>>,
    backlog_mb: Option<Spanned<u64>>,
    total_mb: Option<Spanned<u64>>,
}

impl RawQueue {
    pub(super) fn validate(self, source: &Source<'_>) -> Result<QueueLimits, ConfigError> {
        let default = QueueLimits::default();
        let mb = |value, default: u64| {
            number(source, value, 1..=1_000_000_000, default / MB).map(|number| number * MB)
        };
        let per_second = u64::from(default.messages_per_second);
        let per_second = number(source, self.messages_per_second, 1..=1_000_000, per_second)?;
        Ok(QueueLimits {
            messages_per_second: u32::try_from(per_second).unwrap_or(u32::MAX),
            backlog_bytes: mb(self.backlog_mb, default.backlog_bytes)?,
            total_bytes: mb(self.total_mb, default.total_bytes)?,
        })
    }
}
