//! How many messages a queue takes in a second, as a virtual clock that runs ahead of the real one by
//! what was taken (the generic cell rate algorithm): a second's worth may come at once.

use std::time::Duration;

/// How far the senders of a queue have gone ahead.
#[derive(Debug, Default)]
pub(super) struct Rate {
    /// Until then what was taken would last at an even pace.
    until: Duration,
}

impl Rate {
    /// Takes `count` messages at a moment, of `per_second`; or none, where they are too many. More than
    /// a second's worth at once is taken from a queue that nobody uses.
    pub(super) fn take(&mut self, count: usize, per_second: u32, now: Duration) -> bool {
        const SECOND_NS: u128 = 1_000_000_000;
        let cost_ns = count as u128 * SECOND_NS / u128::from(per_second.max(1));
        let cost = Duration::from_nanos(u64::try_from(cost_ns).unwrap_or(u64::MAX));
        let is_unused = self.until <= now;
        let until = self.until.max(now).saturating_add(cost);
        if until > now.saturating_add(Duration::from_secs(1)) && !is_unused {
            return false;
        }
        self.until = until;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at_ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_second_s_worth_may_come_at_once_and_then_at_an_even_pace() {
        let mut rate = Rate::default();
        for _ in 0..50 {
            assert!(rate.take(100, 5_000, at_ms(10_000)));
        }
        assert!(!rate.take(1, 5_000, at_ms(10_000)));
        assert!(!rate.take(100, 5_000, at_ms(10_019)));
        assert!(rate.take(100, 5_000, at_ms(10_020)));
        assert!(!rate.take(1, 5_000, at_ms(10_020)));
        assert!(rate.take(5_000, 5_000, at_ms(11_020)));
    }

    #[test]
    fn what_was_refused_costs_nothing() {
        let mut rate = Rate::default();
        assert!(rate.take(10, 10, at_ms(0)));
        for _ in 0..1_000 {
            assert!(!rate.take(10, 10, at_ms(500)));
        }
        assert!(rate.take(5, 10, at_ms(500)));
    }

    #[test]
    fn a_batch_that_is_more_than_a_second_s_worth_passes_where_nobody_else_sends() {
        let mut rate = Rate::default();
        assert!(rate.take(100, 10, at_ms(0)));
        assert!(!rate.take(100, 10, at_ms(9_999)));
        assert!(rate.take(100, 10, at_ms(10_000)));
        assert!(Rate::default().take(100, 0, at_ms(0)));
    }
}
