//! Why isolates are given up that could serve further events, and how often they were. Whose turn it is
//! where memory is short, `memory/guard.rs` says; what a worker is at fault for is an incident
//! (`incident.rs`).

use std::sync::atomic::{AtomicU64, Ordering};

/// Why an isolate is given up. Its events go on, and the next one gets another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eviction {
    /// It was idle, and the node short of memory or of mappings.
    Shortage,
    /// It was idle, and there were as many isolates as the node keeps.
    TooMany,
    /// It was over its own memory limit.
    OverLimit,
    /// It was idle for as long as the node keeps one that is.
    Idle,
}

/// How many were given up, for each reason.
#[derive(Debug, Default)]
pub(crate) struct Evictions([AtomicU64; Eviction::ALL.len()]);

impl Eviction {
    /// All of them, in the order of their numbers.
    pub const ALL: [Eviction; 4] =
        [Eviction::Shortage, Eviction::TooMany, Eviction::OverLimit, Eviction::Idle];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Eviction::Shortage => "shortage",
            Eviction::TooMany => "isolates",
            Eviction::OverLimit => "memoryLimit",
            Eviction::Idle => "idle",
        }
    }

    /// In words, for an event that can no longer be answered.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Eviction::Shortage => "the node needed its memory",
            Eviction::TooMany => "room was needed",
            Eviction::OverLimit => "it is over its memory limit",
            Eviction::Idle => "it was idle",
        }
    }
}

impl Evictions {
    /// Counts one. Takes no lock: it is called on the shards.
    pub(crate) fn count(&self, why: Eviction) {
        if let Some(count) = self.0.get(why as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many there were, in the order of [`Eviction::ALL`].
    pub(crate) fn counts(&self) -> [u64; Eviction::ALL.len()] {
        self.0.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_counted_by_itself() {
        let evictions = Evictions::default();
        evictions.count(Eviction::Idle);
        evictions.count(Eviction::OverLimit);
        evictions.count(Eviction::Idle);
        assert_eq!(evictions.counts(), [0, 0, 1, 2]);
        let numbers = Eviction::ALL.map(|why| why as usize);
        assert_eq!(numbers, [0, 1, 2, 3]);
    }
}
