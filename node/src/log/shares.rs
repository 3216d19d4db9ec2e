//! Room that many share without a lock, since shards take it: each may have as much as is still free
//! (Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998).
//! Who has most is refused first, who has little finds room: of those that want all, each gets the
//! same, and as much again stays free for others. What the room is for is the caller's.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::cause::Cause;

/// Accounts. Causes that fall on the same one share it: two in so many.
const ACCOUNTS: usize = 1 << 14;

/// The room that is taken, in the caller's unit.
#[derive(Debug)]
pub(super) struct Shares {
    taken: AtomicUsize,
    by_cause: Box<[AtomicUsize]>,
}

/// Room that somebody has. It is given back with [`Shares::give_back`].
#[derive(Debug)]
pub(super) struct Taken {
    amount: usize,
    cause: Option<Cause>,
}

impl Shares {
    pub(super) fn new() -> Self {
        let by_cause = (0..ACCOUNTS).map(|_| AtomicUsize::new(0)).collect();
        Self { taken: AtomicUsize::new(0), by_cause }
    }

    /// Takes so much for that cause, if with it the cause has no more than is free of `room`.
    pub(super) fn take(&self, cause: Cause, amount: usize, room: usize) -> Option<Taken> {
        let before = self.taken.fetch_add(amount, Ordering::Relaxed);
        let own = self.account(cause).fetch_add(amount, Ordering::Relaxed) + amount;
        let taken = Taken { amount, cause: Some(cause) };
        if own > room.saturating_sub(before) {
            self.give_back(&taken);
            return None;
        }
        Some(taken)
    }

    /// Takes so much for nobody in particular, as long as there is room.
    pub(super) fn take_unshared(&self, amount: usize, room: usize) -> Option<Taken> {
        let before = self.taken.fetch_add(amount, Ordering::Relaxed);
        let taken = Taken { amount, cause: None };
        if amount > room.saturating_sub(before) {
            self.give_back(&taken);
            return None;
        }
        Some(taken)
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&self, taken: &Taken) {
        if let Some(cause) = taken.cause {
            self.account(cause).fetch_sub(taken.amount, Ordering::Release);
        }
        self.taken.fetch_sub(taken.amount, Ordering::Relaxed);
    }

    /// What is taken in all.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Whether that cause has anything.
    pub(super) fn has_any(&self, cause: Cause) -> bool {
        self.account(cause).load(Ordering::Acquire) > 0
    }

    fn account(&self, cause: Cause) -> &AtomicUsize {
        // Within the accounts by the remainder.
        &self.by_cause[cause.0 as usize % ACCOUNTS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much of a room of 600 each of so many gets that want all of it.
    fn greedy(many: u64) -> Vec<usize> {
        let shares = Shares::new();
        let mut got = vec![0; many as usize];
        for _ in 0..600 {
            for (cause, got) in (1..=many).zip(&mut got) {
                *got += usize::from(shares.take(Cause(cause), 1, 600).is_some());
            }
        }
        // Who comes late finds half as much, though nobody has given anything back.
        let late = (0..600).filter(|_| shares.take(Cause(many + 1), 1, 600).is_some()).count();
        assert!(late >= got[0] / 2, "{late} of {got:?}");
        got
    }

    #[test]
    fn who_wants_all_gets_no_more_than_is_left_for_others() {
        assert_eq!(greedy(1), [300]);
        assert_eq!(greedy(2), [200, 200]);
        assert_eq!(greedy(5), [100; 5]);
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let shares = Shares::new();
        let taken = shares.take(Cause(1), 300, 600).unwrap();
        assert!(shares.has_any(Cause(1)) && !shares.has_any(Cause(2)));
        assert!(shares.take(Cause(1), 1, 600).is_none());
        shares.give_back(&taken);
        assert!(!shares.has_any(Cause(1)));
        assert_eq!(shares.taken(), 0);
        let own = shares.take_unshared(600, 600).unwrap();
        assert!(shares.take_unshared(1, 600).is_none());
        shares.give_back(&own);
        assert_eq!(shares.taken(), 0);
    }
}
