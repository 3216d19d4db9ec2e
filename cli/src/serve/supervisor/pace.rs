//! How soon after another something may happen again: pauses that grow, and are forgotten after a
//! time without it.

use std::time::{Duration, Instant};

/// The pauses between what happens again and again.
#[derive(Debug)]
pub(super) struct Pace {
    first: Duration,
    longest: Duration,
    /// After so long it begins with the first pause again.
    forgotten_after: Duration,
    pause: Duration,
    last: Option<Instant>,
}

impl Pace {
    pub(super) fn new(first: Duration, longest: Duration, forgotten_after: Duration) -> Self {
        Self { first, longest, forgotten_after, pause: first, last: None }
    }

    /// When it may happen next, which is at once where it has not happened for long.
    pub(super) fn next(&self, now: Instant) -> Instant {
        match self.last {
            Some(last) if !self.is_forgotten(now) => now.max(last + self.pause),
            _ => now,
        }
    }

    /// It happens now; answers how long the pause after it is.
    pub(super) fn happens(&mut self, now: Instant) -> Duration {
        self.pause = match self.last {
            Some(_) if !self.is_forgotten(now) => (self.pause * 2).min(self.longest),
            _ => self.first,
        };
        self.last = Some(now);
        self.pause
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        self.last.is_none_or(|last| now.duration_since(last) > self.forgotten_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_are_forgotten() {
        let second = Duration::from_secs(1);
        let mut pace = Pace::new(second, 30 * second, 60 * second);
        let mut now = Instant::now();
        assert_eq!(pace.next(now), now);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let pause = pace.happens(now);
            assert_eq!(pace.next(now), now + pause);
            pauses.push(pause.as_secs());
            now += pause;
            assert_eq!(pace.next(now), now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        now += 61 * second;
        assert_eq!(pace.next(now), now);
        assert_eq!(pace.happens(now), second);
    }
}
