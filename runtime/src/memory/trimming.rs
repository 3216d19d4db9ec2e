//! When free memory of the C library's heap is given back to the system: each thread has a part of that heap,
//! and keeps what is freed in it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Memory is given back no more often than this: it takes long, and others wait for their parts of the heap.
const EVERY: Duration = Duration::from_secs(1);

/// Isolates that went, and no others for so long, may have been the last for a while: what they left is given
/// back, however little it is.
const QUIET: Duration = Duration::from_secs(10);

/// What shards say.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    is_asked: AtomicBool,
    gone: AtomicUsize,
}

impl Wishes {
    /// Much has become free.
    pub(super) fn ask(&self) {
        self.is_asked.store(true, Ordering::Relaxed);
    }

    /// An isolate has gone.
    pub(super) fn count_gone(&self) {
        self.gone.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the thread that gives memory back knows.
#[derive(Debug)]
pub(super) struct Trimming {
    /// Whether something has gone since memory was last given back.
    is_due: bool,
    not_before: Instant,
    gone: usize,
    /// When what has gone is to be given back if nothing goes until then.
    quiet_at: Option<Instant>,
}

impl Trimming {
    pub(super) fn new(now: Instant) -> Self {
        Self { is_due: false, not_before: now, gone: 0, quiet_at: None }
    }

    /// Much has become free.
    pub(super) fn want(&mut self) {
        self.is_due = true;
    }

    /// Whether it is to be given back as soon as that may be.
    #[cfg(test)]
    pub(super) fn is_wanted(&self) -> bool {
        self.is_due
    }

    /// Whether memory is to be given back now. Not while more is about to go.
    pub(super) fn is_time(&mut self, wishes: &Wishes, now: Instant, is_more_to_go: bool) -> bool {
        self.is_due |= wishes.is_asked.swap(false, Ordering::Relaxed);
        let gone = wishes.gone.load(Ordering::Relaxed);
        if gone != std::mem::replace(&mut self.gone, gone) {
            self.quiet_at = Some(now + QUIET);
        }
        self.is_due |= self.quiet_at.take_if(|at| *at <= now).is_some();
        let is_time = self.is_due && !is_more_to_go && now >= self.not_before;
        if is_time {
            self.is_due = false;
            self.not_before = now + EVERY;
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_asked_for_comes_once_and_not_too_often() {
        let (wishes, now) = (Wishes::default(), Instant::now());
        let mut trimming = Trimming::new(now);
        assert!(!trimming.is_time(&wishes, now, false));
        wishes.ask();
        assert!(!trimming.is_time(&wishes, now, true), "more is about to go");
        assert!(trimming.is_time(&wishes, now, false));
        assert!(!trimming.is_time(&wishes, now + 2 * SECOND, false));
        trimming.want();
        assert!(trimming.is_time(&wishes, now + 3 * SECOND, false));
        trimming.want();
        assert!(!trimming.is_time(&wishes, now + 3 * SECOND, false));
        assert!(trimming.is_time(&wishes, now + 3 * SECOND + EVERY, false));
    }

    #[test]
    fn what_the_last_isolates_leave_is_given_back_when_no_more_go() {
        let (wishes, now) = (Wishes::default(), Instant::now());
        let mut trimming = Trimming::new(now);
        let mut given_back = Vec::new();
        for second in 0..60 {
            if second < 5 || second == 30 {
                wishes.count_gone();
            }
            if trimming.is_time(&wishes, now + second * SECOND, false) {
                given_back.push(second);
            }
        }
        assert_eq!(given_back, [14, 40]);
    }
}
