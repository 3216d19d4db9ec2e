//! Where a message stands in its queue, and what is known of it without its body.

/// Where a message stands. Those with a time of zero are ready, in the order in which they came; the
/// others follow by the time when they are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// When it is due, in milliseconds since the UNIX epoch, if it was delayed or retried, else zero.
    pub(crate) due_ms: u64,
    /// Its number in the queue.
    pub(crate) seq: u64,
}

/// A message without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) place: Place,
    /// When it came into the queue, in milliseconds since the UNIX epoch.
    pub(super) since_ms: u64,
    /// How many deliveries of it have begun, as far as that was written down.
    pub(super) attempts: u32,
    /// The length of its body.
    pub(super) bytes: u32,
}

impl Place {
    /// Before all.
    pub(super) const FIRST: Self = Self { due_ms: 0, seq: 0 };
    /// Before all that have a time.
    pub(super) const FIRST_TIMED: Self = Self { due_ms: 1, seq: 0 };
    /// Behind all.
    pub(super) const LAST: Self = Self { due_ms: u64::MAX, seq: u64::MAX };

    /// Of a message that is ready at once.
    pub(super) fn ready(seq: u64) -> Self {
        Self { due_ms: 0, seq }
    }

    /// Of a message that is due at that moment.
    pub(super) fn timed(due_ms: u64, seq: u64) -> Self {
        Self { due_ms: due_ms.max(Self::FIRST_TIMED.due_ms), seq }
    }

    /// Whether it was delayed or retried.
    pub(super) fn is_timed(self) -> bool {
        self >= Self::FIRST_TIMED
    }

    /// The first place behind this one.
    pub(super) fn next(self) -> Self {
        match self.seq.checked_add(1) {
            Some(seq) => Self { seq, ..self },
            None => Self { due_ms: self.due_ms.saturating_add(1), seq: 0 },
        }
    }

    /// Its key in the table of places.
    pub(super) fn key(self, queue: u32) -> (u32, u64, u64) {
        (queue, self.due_ms, self.seq)
    }
}

impl Entry {
    /// Since when it could be delivered, in milliseconds since the UNIX epoch.
    pub(super) fn ready_since_ms(&self) -> u64 {
        if self.place.is_timed() { self.place.due_ms } else { self.since_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ready_stands_before_what_has_a_time() {
        let mut places =
            vec![Place::timed(9, 1), Place::timed(0, 7), Place::ready(u64::MAX), Place::ready(2)];
        places.sort();
        let expected =
            [Place::ready(2), Place::ready(u64::MAX), Place::timed(1, 7), Place::timed(9, 1)];
        assert_eq!(places, expected);
        assert!(!Place::ready(u64::MAX).is_timed() && Place::timed(0, 0).is_timed());
    }

    #[test]
    fn the_next_place_is_just_behind() {
        assert_eq!(Place::ready(3).next(), Place::ready(4));
        assert_eq!(Place::timed(5, u64::MAX).next(), Place::timed(6, 0));
        assert!(Place::ready(u64::MAX).next() <= Place::FIRST_TIMED);
    }
}
