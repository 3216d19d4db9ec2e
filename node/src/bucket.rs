//! A bucket that fills with what is done and drains at an even pace: so many at once, and then one
//! each time that a while is over. Takes no lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// What has been done lately, of anything.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// When it is empty again, in milliseconds on a clock of its owner's.
    empty_at_ms: AtomicU64,
}

impl Bucket {
    /// Whether there is room for one more, which is then put in: `at_once` of them fill it, and one
    /// drains each `every_ms` milliseconds.
    pub(crate) fn put(&self, now_ms: u64, at_once: u64, every_ms: u64) -> bool {
        let fuller = |empty_at_ms: u64| {
            let fuller_ms = empty_at_ms.max(now_ms) + every_ms;
            (fuller_ms <= now_ms + at_once * every_ms).then_some(fuller_ms)
        };
        self.empty_at_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fuller).is_ok()
    }
}
