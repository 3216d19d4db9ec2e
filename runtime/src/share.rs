//! How much of the machine somebody may use before others go first: a bucket of CPU time that
//! drains at a fixed rate. A worker has one, across its versions; so has each back shard, for what
//! workers with a full one do there. Not here: what follows from it (`placement.rs`).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::now_ms;

/// One part in so many of a core is what may be used for ever.
const CORES_PART: u64 = 5;

/// What may be used at once beyond that, as CPU time.
const BURST: Duration = Duration::from_millis(100);

/// Whoever has used more goes last for at least this long.
const PAUSE: Duration = Duration::from_secs(5);

/// And for at most this long after the end of it.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// The bucket of one worker or shard.
#[derive(Debug, Default)]
pub(crate) struct Share {
    /// When it is empty on the process's clock, in microseconds: slices are shorter than a
    /// millisecond.
    empty_at_us: AtomicU64,
    heavy: AtomicBool,
}

impl Share {
    /// Charges CPU time; answers whether that made it full.
    pub(crate) fn charge(&self, cpu: Duration) -> bool {
        self.charge_at(now_us(), cpu)
    }

    /// Whether a slice that goes on has used more than is left.
    pub(crate) fn is_exceeded_by(&self, cpu: Duration) -> bool {
        let now_us = now_us();
        let empty_at_us = self.empty_at_us.load(Ordering::Relaxed).max(now_us);
        empty_at_us - now_us + drained_in_us(cpu) >= drained_in_us(BURST)
    }

    /// Whether its owner has used more than its share lately: others go first.
    pub(crate) fn is_heavy(&self) -> bool {
        self.heavy.load(Ordering::Relaxed) && self.is_heavy_at(now_us())
    }

    /// Says that its owner has used more than its share.
    pub(crate) fn seize(&self) {
        self.seize_at(now_us());
    }

    fn charge_at(&self, now_us: u64, cpu: Duration) -> bool {
        let latest_us = now_us + LONGEST_PAUSE.as_micros() as u64;
        let charged =
            |empty_at_us: u64| Some(latest_us.min(empty_at_us.max(now_us) + drained_in_us(cpu)));
        let before_us = self
            .empty_at_us
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, charged)
            .unwrap_or_default();
        let full_us = now_us + drained_in_us(BURST);
        let is_full = before_us.max(now_us) + drained_in_us(cpu) >= full_us;
        if is_full && !self.heavy.load(Ordering::Relaxed) {
            self.seize_at(now_us);
            return true;
        }
        false
    }

    fn seize_at(&self, now_us: u64) {
        let until_us = now_us + PAUSE.as_micros() as u64;
        self.empty_at_us.fetch_max(until_us, Ordering::Relaxed);
        self.heavy.store(true, Ordering::Relaxed);
    }

    fn is_heavy_at(&self, now_us: u64) -> bool {
        if now_us < self.empty_at_us.load(Ordering::Relaxed) {
            return true;
        }
        self.heavy.store(false, Ordering::Relaxed);
        false
    }
}

fn drained_in_us(cpu: Duration) -> u64 {
    cpu.as_micros() as u64 * CORES_PART
}

fn now_us() -> u64 {
    now_ms() * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;

    #[test]
    fn a_fifth_of_a_core_may_be_used_for_ever() {
        let share = Share::default();
        for hundredth in 1..10_000 {
            assert!(!share.charge_at(hundredth * 100_000, Duration::from_millis(20)));
        }
    }

    #[test]
    fn whoever_uses_more_goes_last_until_it_has_paused() {
        let share = Share::default();
        let full = (1..200).find(|ms| share.charge_at(ms * 1000, Duration::from_millis(1)));
        assert_eq!(full, Some(125), "100 ms, and what drains meanwhile");
        assert!(share.is_heavy_at(SECOND_US));
        assert!(share.is_heavy_at(5 * SECOND_US));
        assert!(!share.is_heavy_at(6 * SECOND_US));
    }

    #[test]
    fn the_pause_has_an_end_however_much_was_used() {
        let share = Share::default();
        for second in 1..100 {
            share.charge_at(second * SECOND_US, Duration::from_secs(4));
        }
        assert!(!share.is_heavy_at(120 * SECOND_US));
    }
}
