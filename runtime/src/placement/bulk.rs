//! How much memory a worker's isolates have, as far as that decides where they are. Not here: the limit
//! of an isolate, and the node's memory.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::now_ms;

/// An isolate with this much memory, in bytes, keeps its shard busy for milliseconds when it is
/// disposed of, in the kernel, where nothing can end it.
const LARGE_BYTES: usize = 64 << 20;

/// An isolate that is found large at all of its measures for so long stays large. What one measure alone
/// counts may be garbage.
const LONG: Duration = Duration::from_secs(5);

/// A worker that had an isolate which was found large is one of those that may have another for so long.
const LARGE_FOR: Duration = Duration::from_secs(60);

/// The same where it has stayed large. Each time that such a worker came back, its isolate would leave
/// again, and somebody would wait for a start.
const STAYS_LARGE_FOR: Duration = Duration::from_secs(600);

fn is_large(bytes: usize) -> bool {
    bytes >= LARGE_BYTES
}

/// Since when one isolate is large, by its measures. For its thread only.
#[derive(Debug, Default)]
pub(crate) struct LargeSince {
    /// When the first of those found it large that have not found it small since.
    first_ms: Cell<Option<u64>>,
    is_long: Cell<bool>,
}

impl LargeSince {
    /// Records a measure, in bytes. They come when there is a reason, not at a pace.
    pub(crate) fn measured(&self, bytes: usize) {
        if is_large(bytes) {
            self.large_at(now_ms());
        } else {
            self.first_ms.set(None);
            self.is_long.set(false);
        }
    }

    /// Whether two measures that are some seconds apart, and those in between, have found it large.
    pub(crate) fn is_long(&self) -> bool {
        self.is_long.get()
    }

    fn large_at(&self, now_ms: u64) {
        let first_ms = self.first_ms.get().unwrap_or(now_ms);
        self.first_ms.set(Some(first_ms));
        self.is_long.set(now_ms.saturating_sub(first_ms) >= LONG.as_millis() as u64);
    }
}

/// Whether a worker is one with large isolates: across its versions, or each would have to move anew.
#[derive(Debug, Default)]
pub(crate) struct Bulk {
    /// Until when they count as large; zero where none ever was.
    large_until_ms: AtomicU64,
}

impl Bulk {
    /// Records how much memory an isolate of it has, in bytes.
    pub(crate) fn holds(&self, bytes: usize) {
        if is_large(bytes) {
            self.large_at(now_ms(), LARGE_FOR);
        }
    }

    /// An isolate of it was not only found large, but stays so.
    pub(crate) fn stays_large(&self) {
        self.large_at(now_ms(), STAYS_LARGE_FOR);
    }

    /// It was so in another process, and counts as such for so long, but no longer than it would here.
    pub(crate) fn was_large(&self, left: Duration) {
        self.large_at(now_ms(), left.min(STAYS_LARGE_FOR));
    }

    /// For how long its isolates still count as large, if they do.
    pub(crate) fn large_for(&self) -> Option<Duration> {
        self.large_for_at(now_ms())
    }

    fn large_for_at(&self, now_ms: u64) -> Option<Duration> {
        let left_ms = self.large_until_ms.load(Ordering::Relaxed).checked_sub(now_ms)?;
        (left_ms > 0).then(|| Duration::from_millis(left_ms))
    }

    /// Whether its isolates count as large.
    pub(crate) fn is_large(&self) -> bool {
        // Nearly every event finds it zero, and asks no clock.
        self.large_until_ms.load(Ordering::Relaxed) != 0 && self.is_large_at(now_ms())
    }

    fn is_large_at(&self, now_ms: u64) -> bool {
        now_ms < self.large_until_ms.load(Ordering::Relaxed)
    }

    fn large_at(&self, now_ms: u64, lasts: Duration) {
        let until_ms = now_ms + lasts.as_millis() as u64;
        self.large_until_ms.fetch_max(until_ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_MS: u64 = 1000;

    #[test]
    fn an_isolate_is_large_from_a_size_on() {
        let bulk = Bulk::default();
        bulk.holds(LARGE_BYTES - 1);
        assert!(!bulk.is_large());
        bulk.holds(LARGE_BYTES);
        assert!(bulk.is_large());
    }

    #[test]
    fn one_measure_does_not_tell_that_an_isolate_stays_large() {
        let since = LargeSince::default();
        since.measured(LARGE_BYTES);
        assert!(!since.is_long());
        // Nor do many within a moment.
        let first_ms = since.first_ms.get().unwrap();
        since.large_at(first_ms + 4 * SECOND_MS);
        assert!(!since.is_long());
        since.large_at(first_ms + 5 * SECOND_MS);
        assert!(since.is_long());
        // It was garbage, and it begins anew.
        since.measured(LARGE_BYTES - 1);
        assert!(!since.is_long());
        since.large_at(first_ms + 60 * SECOND_MS);
        assert!(!since.is_long());
        since.large_at(first_ms + 90 * SECOND_MS);
        assert!(since.is_long());
    }

    #[test]
    fn what_was_large_may_be_small_again_after_a_minute_and_what_stayed_large_after_ten() {
        let bulk = Bulk::default();
        bulk.large_at(SECOND_MS, LARGE_FOR);
        assert!(bulk.is_large_at(60 * SECOND_MS) && !bulk.is_large_at(61 * SECOND_MS));
        bulk.large_at(2 * SECOND_MS, STAYS_LARGE_FOR);
        assert!(bulk.is_large_at(601 * SECOND_MS) && !bulk.is_large_at(602 * SECOND_MS));
        // What one measure says does not shorten it, nor make it longer.
        bulk.large_at(100 * SECOND_MS, LARGE_FOR);
        assert!(bulk.is_large_at(601 * SECOND_MS) && !bulk.is_large_at(602 * SECOND_MS));
    }

    #[test]
    fn what_was_large_in_another_process_is_so_for_as_long_as_it_would_have_been_there() {
        let bulk = Bulk::default();
        assert_eq!(bulk.large_for(), None);
        bulk.large_at(SECOND_MS, STAYS_LARGE_FOR);
        let left = bulk.large_for_at(101 * SECOND_MS);
        assert_eq!(left, Some(Duration::from_secs(500)));
        assert_eq!(bulk.large_for_at(601 * SECOND_MS), None);
        let (next, other) = (Bulk::default(), Bulk::default());
        next.was_large(left.unwrap());
        assert!(next.is_large() && next.large_for().is_some_and(|it| Some(it) <= left));
        other.was_large(Duration::MAX);
        assert!(other.large_for().is_some_and(|it| it <= STAYS_LARGE_FOR));
    }
}
