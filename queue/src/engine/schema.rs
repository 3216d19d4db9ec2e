//! The tables of the database file. What is in a message's record is in `record`.

use std::sync::Arc;
use std::time::Duration;

use redb::TableDefinition;

use crate::limits::DEFAULT_RETENTION_S;

/// The format of the tables, the records and the log; a file with a higher one is not opened.
pub(super) const FORMAT: u64 = 1;

/// Among the numbers about the whole file: the number that the next queue gets.
pub(super) const META_NEXT_QUEUE: &str = "next_queue";

/// A queue's number to when it was made, in milliseconds since the UNIX epoch, its delay and its
/// retention in seconds, whether it is paused, and its name.
pub(super) const QUEUES: TableDefinition<'_, u32, (u64, u32, u32, bool, &str)> =
    TableDefinition::new("queues");
/// A queue's number to how many messages it has, the bytes of their bodies, how many of them were
/// delayed or retried, and the number that the next message gets.
pub(super) const SIZES: TableDefinition<'_, u32, (u64, u64, u64, u64)> =
    TableDefinition::new("sizes");
/// The numbers of queues that were deleted or emptied, and whose messages are being removed.
pub(super) const DROPPED: TableDefinition<'_, u32, ()> = TableDefinition::new("dropped");
/// A queue's number and a message's to its record.
pub(super) const MESSAGES: TableDefinition<'_, (u32, u64), &[u8]> =
    TableDefinition::new("messages");
/// A queue's number and a place to when the message came into the queue, how many deliveries have
/// begun, and the length of the body.
pub(super) const ORDER: TableDefinition<'_, (u32, u64, u64), (u64, u32, u32)> =
    TableDefinition::new("order");
/// A queue's number and that of a message which was delayed or retried to when it is due.
pub(super) const TIMED: TableDefinition<'_, (u32, u64), u64> = TableDefinition::new("timed");

/// What is set of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) delivery_delay_s: u32,
    pub(crate) retention_s: u32,
    pub(crate) is_paused: bool,
}

/// A queue as it stands in its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: Arc<str>,
    pub(super) created_at_ms: u64,
    pub(super) settings: Settings,
}

/// How much a queue has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) count: u64,
    pub(super) bytes: u64,
    /// How many messages were delayed or retried.
    pub(super) timed: u64,
    pub(super) next_seq: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { delivery_delay_s: 0, retention_s: DEFAULT_RETENTION_S, is_paused: false }
    }
}

impl Settings {
    pub(crate) fn delivery_delay(self) -> Duration {
        Duration::from_secs(self.delivery_delay_s.into())
    }

    pub(crate) fn retention(self) -> Duration {
        Duration::from_secs(self.retention_s.into())
    }

    /// Whether a message that came then is to be dropped now, both in milliseconds.
    pub(super) fn is_expired(self, since_ms: u64, now_ms: u64) -> bool {
        since_ms.saturating_add(u64::from(self.retention_s) * 1_000) <= now_ms
    }
}

impl Row {
    /// A queue of that name, made at that moment.
    pub(super) fn new(name: &Arc<str>, created_at_ms: u64) -> Self {
        Self { name: Arc::clone(name), created_at_ms, settings: Settings::default() }
    }

    /// As it is in the table.
    pub(super) fn to_value(&self) -> (u64, u32, u32, bool, &str) {
        let Settings { delivery_delay_s, retention_s, is_paused } = self.settings;
        (self.created_at_ms, delivery_delay_s, retention_s, is_paused, &*self.name)
    }

    pub(super) fn of_value(value: (u64, u32, u32, bool, &str)) -> Self {
        let (created_at_ms, delivery_delay_s, retention_s, is_paused, name) = value;
        let settings = Settings { delivery_delay_s, retention_s, is_paused };
        Self { name: name.into(), created_at_ms, settings }
    }
}

impl Size {
    /// As it is in the table.
    pub(super) fn to_value(self) -> (u64, u64, u64, u64) {
        (self.count, self.bytes, self.timed, self.next_seq)
    }

    pub(super) fn of_value((count, bytes, timed, next_seq): (u64, u64, u64, u64)) -> Self {
        Self { count, bytes, timed, next_seq }
    }
}
