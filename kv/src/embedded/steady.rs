//! Whether the time of day can be trusted with what cannot be undone. A key is hidden as soon as its
//! expiration has come; it is removed only when the clock has gone on for some minutes as time does:
//! a clock that was set wrong, or jumped after a suspend, and is put right then has removed nothing.

use std::time::Duration;

use crate::clock::{Clock, UnixSeconds};

/// For so long the time of day has to go on with the clock that nobody sets.
const STEADY_FOR: Duration = Duration::from_secs(300);
/// By how much the two may differ between two looks: both are read in whole seconds, and the time of
/// day is corrected little by little.
const TOLERANCE_S: u64 = 2;

/// What is known of the time of day.
pub(super) struct Steady {
    /// The time of day less the other clock, in seconds.
    offset_s: i64,
    /// When it was seen to jump, or first looked at, by the other clock.
    since: Duration,
}

impl Steady {
    pub(super) fn new(clock: &dyn Clock) -> Self {
        let elapsed = clock.elapsed();
        Self { offset_s: offset_s(clock.now(), elapsed), since: elapsed }
    }

    /// Looks at the clocks, and tells the time of day if they have agreed for long enough.
    pub(super) fn look(&mut self, clock: &dyn Clock) -> Option<UnixSeconds> {
        let (elapsed, now) = (clock.elapsed(), clock.now());
        let offset_s = offset_s(now, elapsed);
        if offset_s.abs_diff(self.offset_s) > TOLERANCE_S {
            tracing::warn!(
                jumped_s = offset_s.saturating_sub(self.offset_s),
                "the time of day has jumped: no expired key is removed until it has been steady \
                 for five minutes"
            );
            self.since = elapsed;
        }
        self.offset_s = offset_s;
        (elapsed.saturating_sub(self.since) >= STEADY_FOR).then_some(now)
    }
}

fn offset_s(now: UnixSeconds, elapsed: Duration) -> i64 {
    let signed = |seconds| i64::try_from(seconds).unwrap_or(i64::MAX);
    signed(now.0).saturating_sub(signed(elapsed.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const NOW: u64 = 1_000_000;

    #[test]
    fn a_clock_is_trusted_after_some_minutes_and_not_after_a_jump() {
        let clock = ManualClock::new(UnixSeconds(NOW));
        let mut steady = Steady::new(&clock);
        clock.advance(299);
        assert_eq!(steady.look(&clock), None);
        clock.advance(1);
        assert_eq!(steady.look(&clock), Some(UnixSeconds(NOW + 300)));
        for jumped in [NOW + 86_400, NOW] {
            clock.set(UnixSeconds(jumped));
            assert_eq!(steady.look(&clock), None);
            clock.advance(299);
            assert_eq!(steady.look(&clock), None);
            clock.advance(1);
            assert_eq!(steady.look(&clock), Some(UnixSeconds(jumped + 300)));
        }
    }

    #[test]
    fn a_clock_that_is_corrected_little_by_little_is_trusted() {
        let clock = ManualClock::new(UnixSeconds(NOW));
        let mut steady = Steady::new(&clock);
        for _ in 0..300 {
            clock.advance(1);
            clock.set(UnixSeconds(clock.now().0 + 1));
            steady.look(&clock);
        }
        assert!(steady.look(&clock).is_some());
    }
}
