//! Whether the time of day can be trusted with what cannot be undone. A message is dropped as expired
//! only when the clock has gone on for some minutes as time does: a clock that was set wrong, or jumped
//! after a suspend, and is put right then has dropped nothing.

use std::time::Duration;

use crate::clock::{Clock, milliseconds};

/// For so long the time of day has to go on with the clock that nobody sets.
const STEADY_FOR: Duration = Duration::from_secs(300);
/// By how much the two may differ between two looks: the time of day is corrected little by little.
const TOLERANCE_MS: u64 = 2_000;

/// What is known of the time of day.
#[derive(Debug)]
pub(super) struct Steady {
    /// The time of day less the other clock, in milliseconds.
    offset_ms: i64,
    /// When it was seen to jump, or first looked at, by the other clock.
    since: Duration,
}

impl Steady {
    pub(super) fn new(clock: &dyn Clock) -> Self {
        let elapsed = clock.elapsed();
        Self { offset_ms: offset_ms(clock.now_ms(), elapsed), since: elapsed }
    }

    /// Looks at the clocks, and tells the time of day, in milliseconds, if they have agreed for long
    /// enough.
    pub(super) fn look(&mut self, clock: &dyn Clock) -> Option<u64> {
        let (elapsed, now_ms) = (clock.elapsed(), clock.now_ms());
        let offset_ms = offset_ms(now_ms, elapsed);
        if offset_ms.abs_diff(self.offset_ms) > TOLERANCE_MS {
            tracing::warn!(
                jumped_ms = offset_ms.saturating_sub(self.offset_ms),
                "the time of day has jumped: no message is dropped as expired until it has been \
                 steady for five minutes"
            );
            self.since = elapsed;
        }
        self.offset_ms = offset_ms;
        (elapsed.saturating_sub(self.since) >= STEADY_FOR).then_some(now_ms)
    }
}

fn offset_ms(now_ms: u64, elapsed: Duration) -> i64 {
    let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
    signed(now_ms).saturating_sub(signed(milliseconds(elapsed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const NOW_MS: u64 = 1_000_000_000;

    #[test]
    fn a_clock_is_trusted_after_some_minutes_and_not_after_a_jump() {
        let clock = ManualClock::new(NOW_MS);
        let mut steady = Steady::new(&clock);
        clock.advance(Duration::from_secs(299));
        assert_eq!(steady.look(&clock), None);
        clock.advance(Duration::from_secs(1));
        assert_eq!(steady.look(&clock), Some(NOW_MS + 300_000));
        for jumped in [NOW_MS + 86_400_000, NOW_MS] {
            clock.set(jumped);
            assert_eq!(steady.look(&clock), None);
            clock.advance(Duration::from_secs(300));
            assert_eq!(steady.look(&clock), Some(jumped + 300_000));
        }
    }
}
