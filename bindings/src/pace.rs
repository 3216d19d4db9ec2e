//! How often the same thing is told: once a second, with the number of times that it was not. It takes
//! no lock, so that who tells on a shard waits for nobody. Not here: what is told, and to whom.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often one thing is told.
const EVERY: Duration = Duration::from_secs(1);

/// The pace of one thing.
#[derive(Debug, Default)]
pub struct Pace {
    /// When it may be told again, in milliseconds of the clock of [`Pace::tell`].
    next_ms: AtomicU64,
    withheld: AtomicU64,
}

impl Pace {
    /// The pace of something that was never told.
    pub const fn new() -> Self {
        Self { next_ms: AtomicU64::new(0), withheld: AtomicU64::new(0) }
    }

    /// Whether it is to be told now; if so, how many times it was not since the last time.
    pub fn tell(&self) -> Option<u64> {
        static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
        self.tell_at(BEGUN.elapsed())
    }

    /// The same at a time of any clock that begins at zero.
    pub fn tell_at(&self, now: Duration) -> Option<u64> {
        let now_ms = now.as_millis() as u64;
        let next_ms = self.next_ms.load(Ordering::Relaxed);
        let again_ms = now_ms + EVERY.as_millis() as u64;
        let swap = |from, to| {
            self.next_ms.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        if now_ms < next_ms || !swap(next_ms, again_ms) {
            self.withheld.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.withheld.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_often_is_told_once_a_second_with_the_number_of_the_rest() {
        let pace = Pace::new();
        let at = |ms| pace.tell_at(Duration::from_millis(ms));
        assert_eq!(at(0), Some(0));
        assert_eq!((at(1), at(500), at(999)), (None, None, None));
        assert_eq!(at(1000), Some(3));
        assert_eq!(at(1001), None);
        assert_eq!(at(5000), Some(1));
    }
}
