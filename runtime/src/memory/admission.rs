//! Whether the node has room for a large piece of memory, judged before it is given: an isolate's
//! buffer is filled faster than the guard looks, in one piece of code that nothing stops.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::CEILING_BYTES;

/// A piece of this size is judged; smaller ones come too slowly to outrun the guard.
const LARGE_BYTES: usize = 1 << 20;
/// What is expected to be in use may be this share of the ceiling, in percent. Beyond the ceiling,
/// because what is given may never be touched, and because idle isolates are leaving by then.
const ADMIT_TO: usize = 110;
/// What was given so long ago is touched, and so resident, if it ever will be.
const TOUCHED_AFTER: Duration = Duration::from_millis(150);

/// The process's one account.
static LARGE: LargePieces = LargePieces::new();

/// Counts a piece that is about to be given. Answers whether the node has room for it: if not, it
/// is not counted.
pub(crate) fn admit(bytes: usize) -> bool {
    if bytes < LARGE_BYTES {
        return true;
    }
    let ceiling = CEILING_BYTES.load(Ordering::Relaxed);
    ceiling == 0 || LARGE.admit(bytes, ceiling / 100 * ADMIT_TO)
}

/// A piece that was admitted is given back.
pub(crate) fn give_back(bytes: usize) {
    if bytes >= LARGE_BYTES {
        LARGE.given.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What has been given and may not be resident yet.
pub(super) fn coming_bytes() -> usize {
    LARGE.coming()
}

/// Large pieces that isolates have, in bytes. Only differences count: what nobody gives back
/// (Wasm's memory, lost shards) stays in it.
struct LargePieces {
    given: AtomicUsize,
    /// The same when the oldest was given that may not have been touched yet.
    given_before: AtomicUsize,
    /// What of the process was resident at the last look.
    resident: AtomicUsize,
}

impl LargePieces {
    const fn new() -> LargePieces {
        LargePieces {
            given: AtomicUsize::new(0),
            given_before: AtomicUsize::new(0),
            resident: AtomicUsize::new(0),
        }
    }

    fn admit(&self, bytes: usize, most: usize) -> bool {
        self.given.fetch_add(bytes, Ordering::Relaxed);
        let has_room = self.resident.load(Ordering::Relaxed).saturating_add(self.coming()) <= most;
        if !has_room {
            self.given.fetch_sub(bytes, Ordering::Relaxed);
        }
        has_room
    }

    fn coming(&self) -> usize {
        let given = self.given.load(Ordering::Relaxed);
        given.saturating_sub(self.given_before.load(Ordering::Relaxed))
    }
}

/// What had been given at the looks of late.
#[derive(Default)]
pub(super) struct Looks(VecDeque<(Instant, usize)>);

impl Looks {
    /// The guard looks.
    pub(super) fn look(&mut self, resident_bytes: usize) {
        self.look_at(&LARGE, resident_bytes, Instant::now());
    }

    fn look_at(&mut self, large: &LargePieces, resident_bytes: usize, now: Instant) {
        let given = large.given.load(Ordering::Relaxed);
        // What came after the newest look that is old enough may be untouched.
        while self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= TOUCHED_AFTER) {
            self.0.pop_front();
        }
        self.0.push_back((now, given));
        // The least of them, so that what is freed meanwhile hides nothing that is given after it.
        let before = self.0.iter().map(|(_, given)| *given).min().unwrap_or(given);
        large.given_before.store(before, Ordering::Relaxed);
        large.resident.store(resident_bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 700;

    #[test]
    fn what_is_given_counts_until_it_has_been_touched() {
        let large = LargePieces::new();
        let mut looks = Looks::default();
        let began = Instant::now();
        let mut look =
            |ms, resident| looks.look_at(&large, resident, began + Duration::from_millis(ms));
        look(0, 400);
        assert!(large.admit(200, MOST));
        assert!(!large.admit(200, MOST), "the first is not resident yet");
        assert!(large.admit(100, MOST), "what was refused does not count");
        // Counted twice now, which is too much for some time, and never too little.
        look(20, 600);
        look(160, 700);
        assert_eq!(large.coming(), 300);
        look(180, 700);
        assert_eq!(large.coming(), 0);
        assert!(!large.admit(1, MOST));
    }

    #[test]
    fn what_goes_makes_room_when_it_is_gone() {
        let large = LargePieces::new();
        let mut looks = Looks::default();
        assert!(large.admit(600, MOST));
        looks.look_at(&large, 600, Instant::now());
        large.given.fetch_sub(500, Ordering::Relaxed);
        assert_eq!(large.coming(), 0);
        assert!(!large.admit(601, MOST), "the look still stands");
        looks.look_at(&large, 100, Instant::now());
        assert!(large.admit(500, MOST));
        assert_eq!(large.coming(), 500);
    }
}
