//! Workers whose code cost the node a shard, by name and so across their versions: how long each
//! is not started, and how many shards the node may lose before it should be started anew. What
//! is done with a lost shard is `runtime/lost.rs`'s.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;

use crate::outcome::Failure;
use crate::runtime::Offender;
use crate::shard::ShardHandle;
use crate::share::Share;

/// After a worker's code cost a shard, it is not started for this long; doubled each time.
const SHORTEST: Duration = Duration::from_secs(2);

/// The longest time that a worker is not started.
const LONGEST: Duration = Duration::from_secs(600);

/// A worker that has cost no shard for so long begins with the shortest pause again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(3600);

/// The budget of lost shards is one for this time.
const WINDOW: Duration = Duration::from_secs(3600);
/// Without a loss for so long, losses have ended.
const CALM_AFTER: Duration = Duration::from_secs(180);

/// Names that are known, from which on those that nobody uses any more are looked for.
const NAMES: usize = 1024;

/// What a worker is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To serve events.
    Serve,
    /// To see whether it starts. What fails here is no reason to stop a version that serves.
    Check,
}

/// What a loss means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// How long the worker is not started.
    pub(crate) pause: Duration,
    /// How many shards it has cost.
    pub(crate) losses: u32,
}

/// The shards that a node has lost, and to whom.
#[derive(Debug)]
pub(crate) struct Losses {
    budget: Arc<Budget>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    names: HashMap<Arc<str>, Weak<Standing>>,
    /// Those that are remembered whether they have a version in memory or not.
    offenders: Vec<Arc<Standing>>,
}

#[derive(Debug)]
struct Budget {
    shards: usize,
    lost: Mutex<VecDeque<Instant>>,
    was_used_up: AtomicBool,
}

/// How the node stands to one worker. All versions of the worker share it.
#[derive(Debug)]
pub(crate) struct Standing {
    worker: Arc<str>,
    /// What it has used of the machine.
    pub(crate) share: Share,
    /// The shard on which its code does not come to a look.
    deaf_on: ArcSwapOption<ShardHandle>,
    is_deaf: AtomicBool,
    budget: Arc<Budget>,
    /// What nearly every event finds false, without a lock.
    has_offended: AtomicBool,
    record: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Record {
    losses: u32,
    last: Option<Instant>,
    no_serving_until: Option<Instant>,
    no_check_until: Option<Instant>,
}

impl Losses {
    /// `budget` is how many shards may be lost in an hour.
    pub(crate) fn new(budget: usize) -> Losses {
        let budget =
            Budget { shards: budget, lost: Mutex::default(), was_used_up: AtomicBool::new(false) };
        Losses { budget: Arc::new(budget), known: Mutex::default() }
    }

    /// The standing of the worker with that name.
    pub(crate) fn standing(&self, worker: &Arc<str>) -> Arc<Standing> {
        let mut known = self.known.lock();
        if let Some(standing) = known.names.get(worker).and_then(Weak::upgrade) {
            return standing;
        }
        if known.names.len() >= NAMES && known.names.len().is_power_of_two() {
            known.names.retain(|_, standing| standing.strong_count() > 0);
        }
        let standing = Arc::new(Standing {
            worker: worker.clone(),
            share: Share::default(),
            deaf_on: ArcSwapOption::empty(),
            is_deaf: AtomicBool::new(false),
            budget: self.budget.clone(),
            has_offended: AtomicBool::new(false),
            record: Mutex::default(),
        });
        known.names.insert(worker.clone(), Arc::downgrade(&standing));
        standing
    }

    /// A worker's code has cost a shard.
    pub(crate) fn convict(&self, standing: &Arc<Standing>, purpose: Purpose) -> Sentence {
        let now = Instant::now();
        let mut known = self.known.lock();
        known.offenders.retain(|offender| !offender.is_forgiven(now));
        if !known.offenders.iter().any(|offender| Arc::ptr_eq(offender, standing)) {
            known.offenders.push(standing.clone());
        }
        standing.convict(purpose, now)
    }

    /// A shard has been lost. Answers whether that has used up the budget, the first time that it
    /// does.
    pub(crate) fn count(&self) -> bool {
        self.budget.count(Instant::now())
    }

    /// Those who have cost shards, and how long each is not to be started. Where the budget is used
    /// up, each has the pause before it that its next loss would have brought.
    pub(crate) fn offenders(&self) -> Vec<Offender> {
        let now = Instant::now();
        let is_used_up = self.were_too_many();
        let known = self.known.lock();
        let known = known.offenders.iter().filter(|offender| !offender.is_forgiven(now));
        known.filter_map(|offender| offender.told_of(now, is_used_up)).collect()
    }

    /// A worker cost shards of another process.
    pub(crate) fn beware_of(&self, told: &Offender) {
        let standing = self.standing(&told.worker);
        let mut known = self.known.lock();
        if !known.offenders.iter().any(|offender| Arc::ptr_eq(offender, &standing)) {
            known.offenders.push(standing.clone());
        }
        standing.beware(told, Instant::now());
    }

    /// Whether shards were lost, and none for a while.
    pub(crate) fn have_ended(&self) -> bool {
        self.budget.has_rested(Instant::now())
    }

    /// Whether the budget was used up: what was lost does not come back to this process.
    pub(crate) fn were_too_many(&self) -> bool {
        self.budget.was_used_up.load(Ordering::Relaxed)
    }
}

impl Budget {
    fn count(&self, now: Instant) -> bool {
        let mut lost = self.lost.lock();
        while lost.front().is_some_and(|at| now.duration_since(*at) > WINDOW) {
            lost.pop_front();
        }
        lost.push_back(now);
        lost.len() >= self.shards && !self.was_used_up.swap(true, Ordering::Relaxed)
    }

    fn has_rested(&self, now: Instant) -> bool {
        self.lost.lock().back().is_some_and(|last| now.duration_since(*last) >= CALM_AFTER)
    }

    /// Until when nothing more may be lost.
    fn used_up_until(&self) -> Option<Instant> {
        if !self.was_used_up.load(Ordering::Relaxed) {
            return None;
        }
        let lost = self.lost.lock();
        let oldest = lost.len().checked_sub(self.shards.max(1))?;
        lost.get(oldest).map(|at| *at + WINDOW)
    }
}

impl Standing {
    /// Whether its code is in something that V8 does in one piece, and has been for a while.
    pub(crate) fn is_deaf(&self) -> bool {
        self.is_deaf.load(Ordering::Relaxed)
    }

    /// Where that is so: what else the worker has to do waits there, so that it can cost one shard
    /// only.
    pub(crate) fn deaf_on(&self) -> Option<Arc<ShardHandle>> {
        if !self.is_deaf() {
            return None;
        }
        self.deaf_on.load_full().filter(|shard| shard.is_usable())
    }

    /// Says where that is so.
    pub(crate) fn set_deaf_on(&self, shard: &Arc<ShardHandle>) {
        self.deaf_on.store(Some(shard.clone()));
        self.is_deaf.store(true, Ordering::Relaxed);
    }

    /// Says that it is no longer so on that shard.
    pub(crate) fn unset_deaf_on(&self, shard: &Arc<ShardHandle>) {
        let on = self.deaf_on.load();
        if on.as_ref().is_some_and(|on| Arc::ptr_eq(on, shard)) {
            self.is_deaf.store(false, Ordering::Relaxed);
            self.deaf_on.store(None);
        }
    }

    /// Why the worker is not started now, if it is not.
    pub(crate) fn refusal(&self, purpose: Purpose) -> Option<Failure> {
        if !self.has_offended.load(Ordering::Relaxed) {
            return None;
        }
        self.refusal_at(purpose, Instant::now())
    }

    fn refusal_at(&self, purpose: Purpose, now: Instant) -> Option<Failure> {
        let record = self.record.lock();
        let own = match purpose {
            Purpose::Serve => record.no_serving_until,
            Purpose::Check => record.no_check_until,
        };
        // Who has never been stopped from this is not stopped by the budget, either.
        let until = own?.max(self.budget.used_up_until().unwrap_or(now));
        let left = until.checked_duration_since(now).filter(|left| !left.is_zero())?;
        Some(Failure::Quarantined {
            worker: self.worker.to_string(),
            losses: record.losses,
            wait_s: left.as_secs() + 1,
        })
    }

    fn told_of(&self, now: Instant, is_used_up: bool) -> Option<Offender> {
        let record = self.record.lock();
        let left = record.no_serving_until?.saturating_duration_since(now);
        let next = if is_used_up { pause_after(record.losses) } else { Duration::ZERO };
        Some(Offender { worker: self.worker.clone(), losses: record.losses, wait: left.max(next) })
    }

    fn beware(&self, told: &Offender, now: Instant) {
        let mut record = self.record.lock();
        record.losses = told.losses;
        record.last = Some(now);
        record.no_serving_until = Some(now + told.wait);
        record.no_check_until = record.no_serving_until;
        self.has_offended.store(true, Ordering::Relaxed);
    }

    fn convict(&self, purpose: Purpose, now: Instant) -> Sentence {
        let mut record = self.record.lock();
        if record.last.is_some_and(|last| now.duration_since(last) > FORGIVEN_AFTER) {
            *record = Record::default();
        }
        let pause = pause_after(record.losses);
        record.losses = record.losses.saturating_add(1);
        record.last = Some(now);
        let until = now + pause;
        record.no_check_until = Some(until);
        if purpose == Purpose::Serve {
            record.no_serving_until = Some(until);
        }
        self.has_offended.store(true, Ordering::Relaxed);
        Sentence { pause, losses: record.losses }
    }

    fn is_forgiven(&self, now: Instant) -> bool {
        self.record.lock().last.is_none_or(|last| now.duration_since(last) > FORGIVEN_AFTER)
    }
}

/// How long a worker is not started after it has cost one more shard than so many.
fn pause_after(losses: u32) -> Duration {
    SHORTEST.saturating_mul(1 << losses.min(16)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn standing(losses: &Losses, worker: &str) -> Arc<Standing> {
        losses.standing(&Arc::from(worker))
    }

    #[test]
    fn pauses_grow_are_bounded_and_forgiven() {
        let losses = Losses::new(100);
        let worker = standing(&losses, "w");
        let mut now = Instant::now();
        let pauses: Vec<u64> = (0..11)
            .map(|_| {
                now += LONGEST + SECOND;
                worker.convict(Purpose::Serve, now).pause.as_secs()
            })
            .collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        now += FORGIVEN_AFTER + SECOND;
        assert_eq!(worker.convict(Purpose::Serve, now).pause, SHORTEST);
    }

    #[test]
    fn all_versions_of_a_worker_are_stopped_and_no_other_worker() {
        let losses = Losses::new(100);
        let (one, same, other) =
            (standing(&losses, "w"), standing(&losses, "w"), standing(&losses, "x"));
        let now = Instant::now();
        one.convict(Purpose::Serve, now);
        for purpose in [Purpose::Serve, Purpose::Check] {
            assert!(matches!(
                same.refusal_at(purpose, now + SECOND),
                Some(Failure::Quarantined { losses: 1, wait_s: 2, .. })
            ));
            assert!(same.refusal_at(purpose, now + SHORTEST).is_none());
            assert!(other.refusal(purpose).is_none());
        }
    }

    #[test]
    fn an_upload_that_cost_a_shard_does_not_stop_what_serves() {
        let losses = Losses::new(100);
        let worker = standing(&losses, "w");
        let now = Instant::now();
        worker.convict(Purpose::Check, now);
        assert!(worker.refusal_at(Purpose::Serve, now).is_none());
        assert!(worker.refusal_at(Purpose::Check, now).is_some());
    }

    #[test]
    fn an_offender_is_remembered_when_none_of_its_versions_is_in_memory() {
        let losses = Losses::new(100);
        losses.convict(&standing(&losses, "w"), Purpose::Serve);
        assert!(standing(&losses, "w").refusal(Purpose::Serve).is_some());
    }

    #[test]
    fn a_used_up_budget_stops_those_who_used_it() {
        let losses = Losses::new(2);
        let (offender, other) = (standing(&losses, "w"), standing(&losses, "x"));
        let now = Instant::now();
        offender.convict(Purpose::Serve, now);
        assert!(!losses.budget.count(now) && !losses.were_too_many());
        assert!(losses.budget.count(now) && losses.were_too_many());
        assert!(!losses.budget.count(now), "it is said once");
        let later = now + WINDOW - SECOND;
        assert!(offender.refusal_at(Purpose::Serve, later).is_some());
        assert!(offender.refusal_at(Purpose::Serve, now + WINDOW).is_none());
        assert!(other.refusal(Purpose::Serve).is_none());
    }

    #[test]
    fn losses_have_ended_when_none_has_come_for_a_while() {
        let losses = Losses::new(100);
        let began = Instant::now();
        assert!(!losses.budget.has_rested(began + CALM_AFTER), "nothing was lost");
        losses.budget.count(began);
        let later = began + CALM_AFTER / 2;
        losses.budget.count(later);
        assert!(!losses.budget.has_rested(began + CALM_AFTER), "another one was lost meanwhile");
        assert!(losses.budget.has_rested(later + CALM_AFTER));
    }

    #[test]
    fn who_cost_one_process_shards_is_known_to_the_next() {
        let losses = Losses::new(2);
        let worker = standing(&losses, "w");
        losses.convict(&worker, Purpose::Serve);
        losses.count();
        let told = losses.offenders();
        assert_eq!((told.len(), told[0].losses), (1, 1));
        assert!(told[0].wait <= 2 * SECOND);
        // With the budget used up, it waits for as long as if it had offended once more.
        losses.count();
        let told = losses.offenders();
        assert_eq!(told[0].wait, 4 * SECOND);
        let next = Losses::new(2);
        let again = standing(&next, "w");
        assert!(again.refusal(Purpose::Serve).is_none());
        next.beware_of(&told[0]);
        assert!(again.refusal(Purpose::Serve).is_some());
        let sentence = next.convict(&again, Purpose::Serve);
        assert_eq!((sentence.losses, sentence.pause), (2, 4 * SECOND));
    }
}
