//! Which shards run before everything else that wants a core: front shards and steady ones, with real-time
//! priority, while there are threads of idle priority. With an ordinary one a thread that wakes may wait for these
//! until the kernel's next look, a millisecond and more: it gives a core to whoever is owed most of it,
//! whatever the priority. Who uses much is ordinary until it has used less for a while, so that nobody is starved.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{NICE, TICK};
use crate::isolate::process::{self, Urgency};
use crate::placement;
use crate::shard::{Kind, ShardHandle};

/// What an urgent thread may use at once, and no more than its part in the long run.
const MOST: Duration = Duration::from_millis(4);

/// The part of a core, in percent, that a front shard may use without becoming ordinary.
const FRONT_PART: u32 = 50;

/// The same of a steady one, of which several may share a core.
const STEADY_PART: u32 = 25;

/// What is known of the threads that may be urgent.
pub(super) struct Urgent {
    /// By the ids of their shards.
    threads: HashMap<u64, Seen>,
    looked: Instant,
    is_wanted: bool,
    /// Whether the process may have urgent threads, once that is known: it may give up rights after it has begun.
    may_be: Option<bool>,
}

/// What is remembered of a thread between two looks.
struct Seen {
    thread: i32,
    used: Duration,
    budget: Budget,
    present: bool,
}

impl Urgent {
    pub(super) fn new() -> Self {
        Self { threads: HashMap::new(), looked: Instant::now(), is_wanted: false, may_be: None }
    }

    /// Looks at what each has used since the last look, if it is wanted that any is urgent. Answers how long to
    /// wait for the next look where any has run.
    pub(super) fn look(
        &mut self,
        shards: &[Arc<ShardHandle>],
        back: usize,
        is_wanted: bool,
    ) -> Option<Duration> {
        let is_wanted = is_wanted && *self.may_be.get_or_insert_with(process::may_be_urgent);
        if is_wanted != std::mem::replace(&mut self.is_wanted, is_wanted) {
            self.begin_or_end();
        }
        if !is_wanted {
            return None;
        }
        let now = Instant::now();
        let passed = now.duration_since(std::mem::replace(&mut self.looked, now));
        let mut has_run = false;
        for shard in shards {
            if let Some(urgency) = urgency_of(shard, back) {
                has_run |= self.look_at(shard, urgency, passed);
            } else if shard.is_slow() {
                self.leave(shard);
            }
        }
        self.threads.retain(|_, seen| std::mem::take(&mut seen.present));
        has_run.then_some(TICK)
    }

    /// The watchdog is more urgent than those whose urgency it ends, and is no more so than they.
    fn begin_or_end(&mut self) {
        let own = process::thread_id();
        if self.is_wanted {
            process::make_urgent(own, Urgency::Watchdog);
            return;
        }
        self.threads.drain().filter(|(_, seen)| seen.budget.is_urgent).for_each(|(_, seen)| {
            process::shorten_turns(seen.thread);
        });
        process::lift(own, NICE);
    }

    fn look_at(&mut self, shard: &ShardHandle, urgency: Urgency, passed: Duration) -> bool {
        let Some((pulse, thread)) = shard.pulse().zip(shard.thread()) else { return false };
        let used = Duration::from_nanos(pulse.cpu_ns());
        let new = || Seen { thread, used, budget: Budget::full(), present: true };
        let seen = self.threads.entry(shard.id()).or_insert_with(new);
        seen.present = true;
        let gained = used.saturating_sub(std::mem::replace(&mut seen.used, used));
        match seen.budget.take(gained, passed * urgency.part() / 100) {
            Some(Change::Urgent) => process::make_urgent(thread, urgency),
            Some(Change::Ordinary) => process::shorten_turns(thread),
            None => {}
        }
        !gained.is_zero()
    }

    /// One that has become slow since the last look, which may have made it urgent at that very moment.
    fn leave(&mut self, shard: &ShardHandle) {
        if let Some(seen) = self.threads.remove(&shard.id()) {
            process::make_slow(seen.thread);
        }
    }
}

/// How urgent a shard is while it uses little, if it may be.
fn urgency_of(shard: &ShardHandle, back: usize) -> Option<Urgency> {
    match shard.kind() {
        Kind::Front => Some(Urgency::Front),
        Kind::Back if placement::is_for_small(shard, back) => Some(Urgency::Steady),
        Kind::Back | Kind::Check => None,
    }
}

impl Urgency {
    fn part(self) -> u32 {
        match self {
            Urgency::Steady => STEADY_PART,
            Urgency::Front | Urgency::Watchdog => FRONT_PART,
        }
    }
}

/// What a thread may use before it becomes ordinary.
#[derive(Debug)]
struct Budget {
    left: Duration,
    is_urgent: bool,
}

/// What follows from what a thread has used.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Urgent,
    Ordinary,
}

impl Budget {
    fn full() -> Self {
        Self { left: MOST, is_urgent: false }
    }

    /// It has used so much, and may use so much more. It is urgent from when it could have all until it has
    /// nothing left.
    fn take(&mut self, used: Duration, given: Duration) -> Option<Change> {
        self.left = (self.left + given).saturating_sub(used).min(MOST);
        let change = match self.is_urgent {
            true if self.left.is_zero() => Change::Ordinary,
            false if self.left == MOST => Change::Urgent,
            _ => return None,
        };
        self.is_urgent = change == Change::Urgent;
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Duration = Duration::from_micros(1);

    /// What becomes of a thread with that part of a core that uses so many microseconds in each millisecond.
    fn after(budget: &mut Budget, ms: u32, used_us: u32) -> Vec<Change> {
        (0..ms).filter_map(|_| budget.take(used_us * US, 1000 * US * FRONT_PART / 100)).collect()
    }

    #[test]
    fn who_uses_little_becomes_urgent_and_stays_so() {
        let mut budget = Budget::full();
        assert_eq!(after(&mut budget, 10_000, 500), [Change::Urgent]);
    }

    #[test]
    fn who_uses_more_than_its_part_is_ordinary_until_it_rests() {
        let mut budget = Budget::full();
        assert_eq!(after(&mut budget, 1, 0), [Change::Urgent]);
        assert_eq!(after(&mut budget, 8, 1000), [Change::Ordinary]);
        assert_eq!(after(&mut budget, 10_000, 600), []);
        assert_eq!(after(&mut budget, 40, 300), [Change::Urgent]);
    }

    #[test]
    fn a_long_rest_gives_no_more_than_a_short_one() {
        let mut budget = Budget { left: Duration::ZERO, is_urgent: false };
        assert_eq!(budget.take(Duration::ZERO, Duration::from_secs(3600)), Some(Change::Urgent));
        assert_eq!(after(&mut budget, 7, 1000), []);
        assert_eq!(after(&mut budget, 1, 1000), [Change::Ordinary]);
    }
}
