//! How many shards a node may lose before it should be started anew, and when it has lost them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The budget of lost shards is one for this time.
pub(super) const WINDOW: Duration = Duration::from_secs(3600);

/// The shards that may be lost, and those that were.
#[derive(Debug)]
pub(super) struct Budget {
    shards: usize,
    lost: Mutex<VecDeque<Instant>>,
    was_used_up: AtomicBool,
}

impl Budget {
    /// Of so many shards.
    pub(super) fn new(shards: usize) -> Budget {
        Budget { shards, lost: Mutex::default(), was_used_up: AtomicBool::new(false) }
    }

    /// A shard has been lost. Answers whether that has used it up, the first time that it does.
    pub(super) fn count(&self, now: Instant) -> bool {
        let mut lost = self.lost.lock();
        while lost.front().is_some_and(|at| now.duration_since(*at) > WINDOW) {
            lost.pop_front();
        }
        lost.push_back(now);
        lost.len() >= self.shards && !self.was_used_up.swap(true, Ordering::Relaxed)
    }

    /// How long no shard has been lost; `None` where none ever was.
    pub(super) fn since_last(&self, now: Instant) -> Option<Duration> {
        self.lost.lock().back().map(|last| now.duration_since(*last))
    }

    /// Whether more were lost than may be, at any time.
    pub(super) fn was_used_up(&self) -> bool {
        self.was_used_up.load(Ordering::Relaxed)
    }

    /// Until when nothing more may be lost.
    pub(super) fn used_up_until(&self) -> Option<Instant> {
        if !self.was_used_up() {
            return None;
        }
        let lost = self.lost.lock();
        let oldest = lost.len().checked_sub(self.shards.max(1))?;
        lost.get(oldest).map(|at| *at + WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_loss_counts() {
        let budget = Budget::new(100);
        let (began, second) = (Instant::now(), Duration::from_secs(1));
        assert_eq!(budget.since_last(began), None, "nothing was lost");
        budget.count(began);
        assert_eq!(budget.since_last(began + 2 * second), Some(2 * second));
        budget.count(began + 2 * second);
        assert_eq!(budget.since_last(began + 3 * second), Some(second));
        // Also when the time of the budget is over.
        assert_eq!(budget.since_last(began + 2 * second + 2 * WINDOW), Some(2 * WINDOW));
    }
}
