//! The takeover that is to begin, if one is, and how soon after another the node's own wishes are
//! granted.

use std::time::{Duration, Instant};

use super::pace::Pace;
use crate::serve::channel::Reason;

const MINUTE: Duration = Duration::from_secs(60);

/// Which takeover is to begin.
#[derive(Debug)]
pub(super) struct Takeovers {
    wanted: Option<Wanted>,
    wishes: Pace,
    /// A node whose store has lost its writer stores nothing until it is started anew: it does not wait
    /// for what others were lost.
    stores: Pace,
    /// The same where nothing is lost any more: a new process is as it was before, and does not soon
    /// wish for the next.
    rests: Pace,
}

/// A takeover that is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) reason: Reason,
    pub(super) at: Instant,
    /// Whether it is the node that wishes it, which it may not do again and again.
    is_wish: bool,
}

impl Takeovers {
    pub(super) fn new() -> Self {
        Self {
            wanted: None,
            wishes: Pace::new(MINUTE, 60 * MINUTE, 120 * MINUTE),
            stores: Pace::new(MINUTE, 60 * MINUTE, 120 * MINUTE),
            rests: Pace::new(10 * MINUTE, 10 * MINUTE, 10 * MINUTE),
        }
    }

    /// What follows from a wish of the node's: nothing, where a takeover is to begin by then.
    pub(super) fn wish(&mut self, reason: Reason, now: Instant) -> Option<Wanted> {
        let at = self.pace(reason).next(now);
        let is_earlier = self.wanted.is_none_or(|wanted| at < wanted.at);
        is_earlier.then_some(Wanted { reason, at, is_wish: true })
    }

    /// That is the one that is to begin.
    pub(super) fn want(&mut self, wanted: Wanted) {
        self.wanted = Some(wanted);
    }

    /// None is to begin.
    pub(super) fn forget(&mut self) {
        self.wanted = None;
    }

    /// When the next one is to begin.
    pub(super) fn next(&self) -> Option<Instant> {
        self.wanted.map(|wanted| wanted.at)
    }

    /// Why one begins now, if one does.
    pub(super) fn begin(&mut self, now: Instant) -> Option<Reason> {
        let Wanted { reason, is_wish, .. } = self.wanted.take_if(|wanted| wanted.at <= now)?;
        if is_wish {
            self.pace(reason).happens(now);
        }
        Some(reason)
    }

    /// How soon after another one such a wish is granted.
    fn pace(&mut self, reason: Reason) -> &mut Pace {
        match reason {
            Reason::Rest => &mut self.rests,
            Reason::LostStore => &mut self.stores,
            _ => &mut self.wishes,
        }
    }
}

impl Wanted {
    /// At once, as the operator wants it.
    pub(super) fn by_operator(now: Instant) -> Self {
        Self { reason: Reason::Signal, at: now, is_wish: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// When the takeovers begin of a node that wishes one each second, from the first on, in seconds.
    fn begin_at(reason: Reason, seconds: u32) -> Vec<u32> {
        let (mut takeovers, began) = (Takeovers::new(), Instant::now());
        let begins = (0..seconds).filter(|second| {
            let now = began + *second * SECOND;
            if let Some(wanted) = takeovers.wish(reason, now) {
                takeovers.want(wanted);
            }
            takeovers.begin(now).is_some()
        });
        begins.collect()
    }

    #[test]
    fn one_after_rest_comes_every_ten_minutes_at_most() {
        assert_eq!(begin_at(Reason::Rest, 3600), [0, 600, 1200, 1800, 2400, 3000]);
    }

    #[test]
    fn one_over_losses_comes_less_and_less_often_while_they_go_on() {
        let minutes = [0, 1, 3, 7, 15, 31, 63, 123];
        let begin: Vec<_> = minutes.into_iter().map(|minute| 60 * minute).collect();
        for reason in [Reason::LostShards, Reason::LostMemory, Reason::LostStore, Reason::Signal] {
            assert_eq!(begin_at(reason, 3 * 3600), begin, "{reason:?}");
        }
    }

    #[test]
    fn one_after_rest_or_over_the_store_does_not_wait_for_those_over_other_losses() {
        for (lost, other) in [
            (Reason::LostShards, Reason::Rest),
            (Reason::LostShards, Reason::LostStore),
            (Reason::LostMemory, Reason::LostStore),
            (Reason::LostStore, Reason::LostShards),
        ] {
            let (mut takeovers, mut now) = (Takeovers::new(), Instant::now());
            let first = takeovers.wish(lost, now).unwrap();
            takeovers.want(first);
            assert_eq!(takeovers.begin(now), Some(lost));
            now += SECOND;
            let later = takeovers.wish(lost, now).unwrap();
            takeovers.want(later);
            assert_eq!(takeovers.begin(now), None);
            let sooner = takeovers.wish(other, now).unwrap();
            assert_eq!((sooner.reason, sooner.at), (other, now));
            takeovers.want(sooner);
            assert_eq!(takeovers.begin(now), Some(other));
            assert_eq!(takeovers.next(), None);
        }
    }

    #[test]
    fn what_the_operator_wants_comes_at_once_and_is_no_wish() {
        let (mut takeovers, now) = (Takeovers::new(), Instant::now());
        for _ in 0..2 {
            takeovers.want(Wanted::by_operator(now));
            assert_eq!(takeovers.wish(Reason::Rest, now), None, "one is to begin already");
            assert_eq!(takeovers.begin(now), Some(Reason::Signal));
        }
        assert_eq!(takeovers.wish(Reason::LostMemory, now).map(|wanted| wanted.at), Some(now));
    }
}
