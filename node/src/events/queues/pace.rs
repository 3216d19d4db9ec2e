//! How many batches of a queue may be on their way, and when the next one may begin: a pure data structure. How
//! many messages wait is not known here.

use std::time::{Duration, Instant};

use queue::Concurrency;

/// The first wait where a worker cannot run; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The pace of the batches of one queue.
#[derive(Debug)]
pub(super) struct Pace {
    concurrency: Concurrency,
    /// What its configuration says is the most.
    most: Option<u32>,
    under_way: u32,
    refused: Option<Refused>,
}

/// Its worker could not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refused {
    until: Instant,
    pause: Duration,
}

/// How a batch has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its handler has returned.
    Well,
    /// Its handler has thrown, or was ended by a limit.
    Thrown,
    /// It has not run.
    Refused,
}

/// When another batch may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// At once.
    Now,
    /// Not before that moment.
    At(Instant),
    /// When one has ended.
    WhenOneEnds,
}

impl Pace {
    /// Of a queue whose worker has no more than so many batches at a time; `None`: as many as are of use.
    pub(super) fn new(most: Option<u32>) -> Self {
        Self { concurrency: Concurrency::new(most), most, under_way: 0, refused: None }
    }

    /// Another bound holds from now on. It stays as near as it can to what there was.
    pub(super) fn bound(&mut self, most: Option<u32>) {
        if most == self.most {
            return;
        }
        let before = self.concurrency.allowed();
        self.most = most;
        self.concurrency = Concurrency::new(most);
        for _ in self.concurrency.allowed()..before {
            self.concurrency.after_batch(false, true);
        }
    }

    /// The worker is another version, which may run where the one before did not.
    pub(super) fn renew(&mut self) {
        self.refused = None;
    }

    /// How many batches are on their way.
    pub(super) fn under_way(&self) -> u32 {
        self.under_way
    }

    /// When another batch may begin. Where the worker could not run, one at a time tries whether it can.
    pub(super) fn next(&self, now: Instant) -> Next {
        let allowed = match self.refused {
            Some(refused) if now < refused.until => return Next::At(refused.until),
            Some(_) => 1,
            None => self.concurrency.allowed(),
        };
        if self.under_way < allowed { Next::Now } else { Next::WhenOneEnds }
    }

    /// A batch has begun.
    pub(super) fn begin(&mut self) {
        self.under_way += 1;
    }

    /// A batch has ended. `is_full_batch_waiting`: there is another one to be delivered.
    pub(super) fn end(&mut self, ending: Ending, is_full_batch_waiting: bool, now: Instant) {
        self.under_way = self.under_way.saturating_sub(1);
        match ending {
            Ending::Refused => {
                // Those that were on their way with it say nothing more.
                if self.refused.is_none_or(|refused| refused.until <= now) {
                    let pause = self.refused.map_or(FIRST_PAUSE, |refused| refused.pause * 2);
                    let pause = pause.min(LONGEST_PAUSE);
                    self.refused = Some(Refused { until: now + pause, pause });
                }
            }
            Ending::Well | Ending::Thrown => {
                self.refused = None;
                let has_thrown = ending == Ending::Thrown;
                self.concurrency.after_batch(has_thrown, is_full_batch_waiting);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begins as many batches as may.
    fn begin(pace: &mut Pace, now: Instant) -> u32 {
        let before = pace.under_way();
        while pace.next(now) == Next::Now {
            pace.begin();
        }
        pace.under_way() - before
    }

    #[test]
    fn it_goes_up_while_much_waits_and_down_when_it_is_thrown() {
        let now = Instant::now();
        let mut pace = Pace::new(Some(3));
        assert_eq!(begin(&mut pace, now), 1);
        assert_eq!(pace.next(now), Next::WhenOneEnds);
        pace.end(Ending::Well, true, now);
        assert_eq!(begin(&mut pace, now), 2);
        pace.end(Ending::Well, true, now);
        assert_eq!(begin(&mut pace, now), 2);
        pace.end(Ending::Well, true, now);
        assert_eq!(begin(&mut pace, now), 1, "three are the most");
        pace.end(Ending::Thrown, true, now);
        assert_eq!(pace.next(now), Next::WhenOneEnds, "two go on, and two may");
        pace.end(Ending::Well, false, now);
        assert_eq!(begin(&mut pace, now), 1, "nothing more waits");
    }

    #[test]
    fn one_that_cannot_run_is_tried_after_longer_and_longer_waits() {
        let mut now = Instant::now();
        let mut pace = Pace::new(None);
        let mut waits = Vec::new();
        for _ in 0..8 {
            assert_eq!(begin(&mut pace, now), 1);
            pace.end(Ending::Refused, true, now);
            let Next::At(until) = pace.next(now) else { panic!("it waits") };
            waits.push((until - now).as_secs());
            now = until;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        begin(&mut pace, now);
        pace.end(Ending::Well, true, now);
        assert_eq!(begin(&mut pace, now), 2, "it goes on where it was");
    }

    #[test]
    fn of_many_that_are_refused_at_once_one_counts() {
        let now = Instant::now();
        let mut pace = Pace::new(None);
        for _ in 0..2 {
            begin(&mut pace, now);
            pace.end(Ending::Well, true, now);
        }
        assert_eq!(begin(&mut pace, now), 2, "a third one is on its way");
        (0..3).for_each(|_| pace.end(Ending::Refused, true, now));
        assert_eq!(pace.next(now), Next::At(now + FIRST_PAUSE));
        assert_eq!(pace.under_way(), 0);
        pace.renew();
        assert_eq!(begin(&mut pace, now), 3, "another version is tried at once");
    }

    #[test]
    fn another_bound_leaves_what_is_within_it() {
        let now = Instant::now();
        let mut pace = Pace::new(None);
        for _ in 0..9 {
            begin(&mut pace, now);
            pace.end(Ending::Well, true, now);
        }
        let allowed = |pace: &Pace| pace.concurrency.allowed();
        assert_eq!(allowed(&pace), 10);
        pace.bound(Some(4));
        assert_eq!(allowed(&pace), 4);
        assert_eq!(pace.next(now), Next::WhenOneEnds, "those that go on are more than that");
        pace.bound(Some(100));
        assert_eq!(allowed(&pace), 4);
    }
}
