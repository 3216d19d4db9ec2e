//! What a version's slices have shown: trust is earned by short ones and lost by one that is long. Not
//! here: how much memory its isolates have (`bulk.rs`).

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::count;
use crate::clock::now_ms;

/// A slice that takes this long for an event ends a worker's trust: while it ran, the shard's
/// sockets waited.
const LONG_SLICE: Duration = Duration::from_millis(4);

/// A slice that advances many events is long because there are many. This much is too long all the
/// same.
const LONG_FOR_MANY: Duration = Duration::from_millis(20);

/// What each of many events may take of such a slice.
const SHARE_OF_MANY: Duration = Duration::from_micros(500);

/// Events in short slices that make a worker trusted.
const EVENTS_TO_TRUST: u64 = 64;

/// Events in short slices that make a worker one of which something is known.
const EVENTS_TO_PROVE: u64 = 16;

/// Events within [`WINDOW`] that make a worker busy enough for an isolate on a front shard.
const EVENTS_TO_PROMOTE: u32 = 32;

const WINDOW: Duration = Duration::from_secs(1);

/// The first loss of trust lasts this long; doubled each time.
const DISTRUST: Duration = Duration::from_secs(5);

const DISTRUST_DOUBLINGS: u32 = 5;

/// A worker that has not lost its trust for so long begins with the first pause again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(120);

/// What is known of a version's behaviour.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    short_slices: AtomicU64,
    window_started_ms: AtomicU64,
    window_events: AtomicU32,
}

/// How a worker has lost its trust: across its versions, or a new one would begin without that.
#[derive(Debug, Default)]
pub(crate) struct Distrust {
    offences: AtomicU32,
    offended_at_ms: AtomicU64,
    until_ms: AtomicU64,
}

impl Trust {
    /// Records how long a slice kept its shard, and how many events it answered or ended. Tells
    /// whether that was too long for a shard with sockets.
    pub(crate) fn slice_took(&self, distrust: &Distrust, cpu: Duration, events: usize) -> bool {
        let allowed = SHARE_OF_MANY.saturating_mul(count(events)).clamp(LONG_SLICE, LONG_FOR_MANY);
        let is_long = cpu >= allowed;
        if is_long {
            self.offend(distrust);
        } else {
            self.short_slices.fetch_add(1, Ordering::Relaxed);
        }
        is_long
    }

    /// Ends the trust.
    pub(crate) fn offend(&self, distrust: &Distrust) {
        distrust.offend_at(now_ms());
        self.short_slices.store(0, Ordering::Relaxed);
    }

    /// Whether the worker may run where sockets wait for it, as far as that is a matter of its slices.
    pub(crate) fn is_trusted(&self, distrust: &Distrust) -> bool {
        self.short_slices.load(Ordering::Relaxed) >= EVENTS_TO_TRUST && distrust.is_over()
    }

    /// Its slices were short before this process.
    pub(crate) fn prove(&self) {
        self.short_slices.fetch_max(EVENTS_TO_PROVE, Ordering::Relaxed);
    }

    /// Whether its slices have been short so far.
    pub(super) fn is_proven(&self) -> bool {
        self.short_slices.load(Ordering::Relaxed) >= EVENTS_TO_PROVE
    }

    /// Counts an event that was not served inline; answers whether the worker is busy.
    pub(super) fn is_busy(&self) -> bool {
        let now = now_ms();
        let started = self.window_started_ms.load(Ordering::Relaxed);
        if now.saturating_sub(started) > WINDOW.as_millis() as u64 {
            self.window_started_ms.store(now, Ordering::Relaxed);
            self.window_events.store(0, Ordering::Relaxed);
        }
        self.window_events.fetch_add(1, Ordering::Relaxed) + 1 >= EVENTS_TO_PROMOTE
    }
}

impl Distrust {
    fn offend_at(&self, now_ms: u64) {
        let before_ms = self.offended_at_ms.swap(now_ms, Ordering::Relaxed);
        if now_ms.saturating_sub(before_ms) > FORGIVEN_AFTER.as_millis() as u64 {
            self.offences.store(0, Ordering::Relaxed);
        }
        let offences = self.offences.fetch_add(1, Ordering::Relaxed).min(DISTRUST_DOUBLINGS);
        let pause = DISTRUST * 2u32.pow(offences);
        self.until_ms.fetch_max(now_ms + pause.as_millis() as u64, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.offences.load(Ordering::Relaxed) == 0
            || now_ms() >= self.until_ms.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_earned_by_short_slices_and_lost_by_one_long_one() {
        let distrust = Distrust::default();
        let behave = |trust: &Trust| {
            for _ in 0..EVENTS_TO_TRUST {
                trust.slice_took(&distrust, Duration::from_micros(50), 1);
            }
        };
        let trust = Trust::default();
        assert!(!trust.is_trusted(&distrust));
        behave(&trust);
        assert!(trust.is_trusted(&distrust));
        assert!(trust.slice_took(&distrust, LONG_SLICE, 1));
        assert!(!trust.is_trusted(&distrust));
        // It has to wait, however well it behaves, and so does its next version.
        for trust in [trust, Trust::default()] {
            behave(&trust);
            assert!(!trust.is_trusted(&distrust));
        }
    }

    #[test]
    fn a_slice_for_many_events_is_not_one_events_long_slice() {
        let (trust, distrust) = (Trust::default(), Distrust::default());
        assert!(!trust.slice_took(&distrust, Duration::from_millis(8), 200));
        assert!(trust.slice_took(&distrust, Duration::from_millis(8), 10));
        assert!(trust.slice_took(&distrust, LONG_FOR_MANY, 10_000));
    }

    #[test]
    fn offences_double_the_pause_and_are_forgiven() {
        let distrust = Distrust::default();
        let pause_s = |at_s: u64| {
            distrust.offend_at(at_s * 1000);
            distrust.until_ms.load(Ordering::Relaxed) / 1000 - at_s
        };
        assert_eq!([pause_s(100), pause_s(110), pause_s(130)], [5, 10, 20]);
        assert_eq!(pause_s(130 + 121), 5);
    }

    #[test]
    fn a_worker_is_busy_after_some_events_in_a_window() {
        let trust = Trust::default();
        let busy = (0..EVENTS_TO_PROMOTE).filter(|_| trust.is_busy()).count();
        assert_eq!(busy, 1);
    }
}
