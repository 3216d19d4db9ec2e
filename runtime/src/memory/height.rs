//! Whether the process once had much more memory than it has now. Most of that went back to the system, but not
//! the pages of the C library's heap in which something small is still used: with each new height there are more.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// The most that the process has had, and when it last had nearly as much. One thread measures.
#[derive(Debug, Default)]
pub(super) struct Height {
    most_bytes: AtomicUsize,
    last_ms: AtomicU64,
}

impl Height {
    /// Records what the process has, in bytes; `of_note` less than the most is no longer nearly as much.
    pub(super) fn measured(&self, bytes: usize, of_note: usize, now_ms: u64) {
        let most = self.most_bytes.fetch_max(bytes, Ordering::Relaxed);
        if bytes.saturating_add(of_note) > most {
            self.last_ms.store(now_ms, Ordering::Relaxed);
        }
    }

    /// How long it has had less: none at all where it never had much more than at the last measure.
    pub(super) fn since(&self, now_ms: u64) -> Duration {
        Duration::from_millis(now_ms.saturating_sub(self.last_ms.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn it_is_over_since_much_less_is_there() {
        let height = Height::default();
        let since_s = |mib: usize, now_s: u64| {
            height.measured(mib * MIB, 100 * MIB, now_s * 1000);
            height.since(now_s * 1000).as_secs()
        };
        assert_eq!(since_s(50, 1), 0);
        // It never was there.
        assert_eq!([since_s(10, 100), since_s(149, 200), since_s(60, 300)], [0, 0, 0]);
        assert_eq!([since_s(1000, 400), since_s(901, 500)], [0, 0]);
        assert_eq!([since_s(900, 501), since_s(200, 600)], [1, 100]);
        // It is there again, and goes beyond.
        assert_eq!([since_s(950, 700), since_s(2000, 800), since_s(1900, 900)], [0, 0, 100]);
    }
}
