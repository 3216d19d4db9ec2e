//! How often the log tells of what goes on and on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What goes on and on is logged no more often, whoever does it.
const LOG_PAUSE_S: u64 = 10;

/// How often something has happened, and when the log last told of it.
pub(super) struct Pace {
    started: Instant,
    /// In seconds since the start; 0 for never.
    logged_s: AtomicU64,
    times: AtomicU64,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), logged_s: AtomicU64::new(0), times: AtomicU64::new(0) }
    }

    /// How often it has happened.
    pub(super) fn times(&self) -> u64 {
        self.times.load(Ordering::Relaxed)
    }

    /// It happens. Answers how often it has, where the log is to tell of it.
    pub(super) fn again(&self) -> Option<u64> {
        let times = self.times.fetch_add(1, Ordering::Relaxed) + 1;
        let now_s = self.started.elapsed().as_secs() + LOG_PAUSE_S;
        let last_s = self.logged_s.load(Ordering::Relaxed);
        // Another shard may have logged one since the clock was read.
        let is_due = now_s.saturating_sub(last_s) >= LOG_PAUSE_S
            && self
                .logged_s
                .compare_exchange(last_s, now_s, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        is_due.then_some(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_and_on_is_told_once_in_a_while() {
        let pace = Pace::new();
        assert_eq!(pace.again(), Some(1));
        // No pause is over before the test is.
        pace.logged_s.store(3600, Ordering::Relaxed);
        assert_eq!(pace.again(), None);
        pace.logged_s.store(0, Ordering::Relaxed);
        assert_eq!(pace.again(), Some(3));
    }

    #[test]
    fn what_was_told_a_moment_later_is_not_told_again() {
        let pace = Pace::new();
        let later_s = 2 * LOG_PAUSE_S + pace.started.elapsed().as_secs();
        pace.logged_s.store(later_s, Ordering::Relaxed);
        assert_eq!(pace.again(), None);
        assert_eq!(pace.logged_s.load(Ordering::Relaxed), later_s);
    }
}
