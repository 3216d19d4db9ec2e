//! How long the node runs nothing inline, after code that it trusted has kept a front shard from its
//! sockets. A worker loses its own trust for that; who has many workers could go on with the next.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::now_ms;

/// A slice on a front shard that takes longer holds it up. Shorter ones cost the worker's own
/// trust alone: a garbage collection or a large page is no attack.
const HOLD_UP: Duration = Duration::from_millis(50);

/// For each millisecond beyond that, nothing runs inline for so many: front shards are held up for
/// half a hundredth of the time at most, however many workers take turns.
const PAUSE_FACTOR: u32 = 200;

/// A slice that is longer by this counts together with others. Shorter ones, of a garbage collection
/// here and there, do not add up: or many honest workers would keep each other away for good.
const HANG: Duration = Duration::from_millis(200);

/// The longest pause from now, so that a front shard that was lost does not cost hours.
const LONGEST: Duration = Duration::from_secs(600);

/// The pause of one node.
#[derive(Debug, Default)]
pub(crate) struct Caution {
    /// On the process's clock; 0 where there has been no reason.
    until_ms: AtomicU64,
}

impl Caution {
    /// A slice of a worker's kept a front shard for so long.
    pub(crate) fn held_up(&self, cpu: Duration) {
        if cpu > HOLD_UP {
            self.held_up_at(now_ms(), cpu - HOLD_UP);
        }
    }

    /// A front shard was given up: its code has kept it for longer than anything is allowed to.
    pub(crate) fn lost(&self) {
        self.held_up_at(now_ms(), LONGEST);
    }

    /// Whether no worker is to run on a front shard now.
    pub(crate) fn is_on(&self) -> bool {
        let until_ms = self.until_ms.load(Ordering::Relaxed);
        until_ms != 0 && now_ms() < until_ms
    }

    fn held_up_at(&self, now_ms: u64, beyond: Duration) {
        let pause_ms = (beyond * PAUSE_FACTOR).min(LONGEST).as_millis() as u64;
        let latest_ms = now_ms + LONGEST.as_millis() as u64;
        let longer = |until_ms: u64| {
            let longer_ms = match beyond < HANG {
                true => until_ms.max(now_ms + pause_ms),
                false => until_ms.max(now_ms) + pause_ms,
            };
            Some(latest_ms.min(longer_ms))
        };
        let _ = self.until_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, longer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_shards_are_held_up_for_a_small_part_of_the_time() {
        let caution = Caution::default();
        caution.held_up(HOLD_UP);
        assert!(!caution.is_on());
        caution.held_up(HOLD_UP + Duration::from_secs(1));
        assert!(caution.is_on());

        let caution = Caution::default();
        let until_s = || caution.until_ms.load(Ordering::Relaxed) / 1000;
        caution.held_up_at(10_000, Duration::from_secs(1));
        assert_eq!(until_s(), 10 + 200);
        // Two at once, on two shards.
        caution.held_up_at(10_000, Duration::from_secs(1));
        assert_eq!(until_s(), 10 + 400);
        caution.held_up_at(10_000, Duration::from_secs(3600));
        assert_eq!(until_s(), 10 + 600);

        let caution = Caution::default();
        let until_s = || caution.until_ms.load(Ordering::Relaxed) / 1000;
        for at_s in 10..13 {
            caution.held_up_at(at_s * 1000, Duration::from_millis(50));
        }
        assert_eq!(until_s(), 12 + 10);
    }
}
