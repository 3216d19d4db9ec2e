//! Whose line is mapped next, and whose lines are mapped at all: workers take turns, and each has some
//! CPU time for its source maps. The thread that does it is in `log/mapped.rs`.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// CPU time that the maps of one worker may take at once.
const BURST: Duration = Duration::from_secs(2);

/// What it gets back of that meanwhile: a tenth of a core.
const PART_OF_A_CORE: u32 = 10;

/// Workers whose time is counted before those are forgotten that have all of it.
const SWEPT_FROM: usize = 256;

/// Things that wait, in turns between workers.
pub(super) struct Turns<T> {
    waiting: HashMap<Arc<str>, VecDeque<T>>,
    /// The workers for which something waits, each once.
    order: VecDeque<Arc<str>>,
}

/// CPU time that workers have used lately.
#[derive(Default)]
pub(super) struct Budgets(HashMap<Arc<str>, Used>);

struct Used {
    /// What is not paid off, at that time.
    time: Duration,
    at: Instant,
    /// Whether it was said that there is no more.
    is_told: bool,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), order: VecDeque::new() }
    }
}

impl<T> Turns<T> {
    /// Adds something of that worker, behind what it has waiting.
    pub(super) fn add(&mut self, worker: &Arc<str>, thing: T) {
        let own = self.waiting.entry(Arc::clone(worker)).or_default();
        if own.is_empty() {
            self.order.push_back(Arc::clone(worker));
        }
        own.push_back(thing);
    }

    /// Takes what is next.
    pub(super) fn next(&mut self) -> Option<T> {
        let worker = self.order.pop_front()?;
        let own = self.waiting.get_mut(&worker)?;
        let thing = own.pop_front();
        if own.is_empty() {
            self.waiting.remove(&worker);
        } else {
            self.order.push_back(worker);
        }
        thing
    }
}

impl Budgets {
    /// Whether the worker has time left.
    pub(super) fn has_time(&self, worker: &str, now: Instant) -> bool {
        self.0.get(worker).is_none_or(|used| used.now(now) < BURST)
    }

    /// Takes what its line has taken. Answers whether it has no more now, and this was not said yet.
    pub(super) fn charge(&mut self, worker: &Arc<str>, took: Duration, now: Instant) -> bool {
        if self.0.len() >= SWEPT_FROM {
            self.0.retain(|_, used| !used.now(now).is_zero());
        }
        let used = self.0.entry(Arc::clone(worker)).or_insert_with(|| Used::nothing(now));
        let before = used.now(now);
        if before.is_zero() {
            *used = Used::nothing(now);
        }
        used.time = before + took;
        used.at = now;
        let is_news = used.time >= BURST && !used.is_told;
        used.is_told |= is_news;
        is_news
    }
}

impl Used {
    fn nothing(now: Instant) -> Self {
        Self { time: Duration::ZERO, at: now, is_told: false }
    }

    /// What is not paid off by now.
    fn now(&self, now: Instant) -> Duration {
        self.time.saturating_sub(now.saturating_duration_since(self.at) / PART_OF_A_CORE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_take_turns_and_keep_their_own_order() {
        let (loud, quiet): (Arc<str>, Arc<str>) = ("loud".into(), "quiet".into());
        let mut turns = Turns::default();
        for number in 1..=3 {
            turns.add(&loud, number);
        }
        assert_eq!(turns.next(), Some(1));
        turns.add(&quiet, 10);
        turns.add(&quiet, 11);
        let rest: Vec<_> = std::iter::from_fn(|| turns.next()).collect();
        assert_eq!(rest, [2, 10, 3, 11]);
        assert!(turns.waiting.is_empty() && turns.order.is_empty());
    }

    #[test]
    fn who_has_used_up_the_time_gets_some_of_it_back() {
        let (slow, quick): (Arc<str>, Arc<str>) = ("slow".into(), "quick".into());
        let mut budgets = Budgets::default();
        let begin = Instant::now();
        assert!(!budgets.charge(&slow, Duration::from_secs(1), begin));
        assert!(budgets.has_time(&slow, begin));
        // It is said once, until everything is paid off.
        assert!(budgets.charge(&slow, Duration::from_secs(2), begin));
        assert!(!budgets.charge(&slow, Duration::from_secs(1), begin));
        assert!(!budgets.charge(&quick, Duration::from_millis(1), begin));
        assert!(!budgets.has_time(&slow, begin) && budgets.has_time(&quick, begin));
        let later = |s| begin + Duration::from_secs(s);
        assert!(!budgets.has_time(&slow, later(20)));
        assert!(budgets.has_time(&slow, later(21)));
        assert!(!budgets.charge(&slow, Duration::from_secs(1), later(21)));
        assert!(budgets.charge(&slow, Duration::from_secs(2), later(100)));
    }

    #[test]
    fn who_has_all_of_it_again_is_forgotten() {
        let mut budgets = Budgets::default();
        let begin = Instant::now();
        for number in 0..10 * SWEPT_FROM {
            let worker: Arc<str> = format!("w{number}").into();
            let now = begin + Duration::from_secs(number as u64);
            budgets.charge(&worker, Duration::from_millis(1), now);
        }
        assert!(budgets.0.len() <= SWEPT_FROM, "{}", budgets.0.len());
    }
}
