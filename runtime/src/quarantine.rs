//! Workers whose code cost the node a shard, by name and so across their versions: how long each
//! is not started (`standing`), and how many shards the node may lose before it should be started
//! anew (`budget`); and whose isolates were large in an earlier process, until they come. What is done
//! with a lost shard is `fleet/lost.rs`'s.

mod budget;
mod standing;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use self::budget::Budget;
use crate::placement::Bulk;
use crate::runtime::Offender;

pub(crate) use self::standing::Standing;

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
    /// Those whose isolates were large in another process, and which have had no version in memory yet.
    large_before: HashMap<Arc<str>, Bulk>,
}

impl Losses {
    /// `budget` is how many shards may be lost in an hour.
    pub(crate) fn new(budget: usize) -> Losses {
        Losses { budget: Arc::new(Budget::new(budget)), known: Mutex::default() }
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
        let standing = Arc::new(Standing::new(worker, &self.budget));
        if let Some(left) = known.large_before.remove(worker).and_then(|bulk| bulk.large_for()) {
            standing.bulk.was_large(left);
        }
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

    /// At most so many workers whose isolates count as large, and for how long they do: the longest first.
    pub(crate) fn large(&self, most: usize) -> Vec<(Arc<str>, Duration)> {
        let known = self.known.lock();
        let present = known.names.iter().filter_map(|(worker, standing)| {
            let left = standing.upgrade()?.bulk.large_for()?;
            Some((worker.clone(), left))
        });
        let before = known.large_before.iter();
        let before = before.filter_map(|(worker, bulk)| Some((worker.clone(), bulk.large_for()?)));
        let mut large: Vec<_> = present.chain(before).collect();
        large.sort_unstable_by_key(|(_, left)| Reverse(*left));
        large.truncate(most);
        large
    }

    /// A worker's isolates were large in another process, and count as such for so long.
    pub(crate) fn was_large(&self, worker: &Arc<str>, left: Duration) {
        let mut known = self.known.lock();
        match known.names.get(worker).and_then(Weak::upgrade) {
            Some(standing) => standing.bulk.was_large(left),
            None => known.large_before.entry(worker.clone()).or_default().was_large(left),
        }
    }

    /// How long no shard has been lost; `None` where none ever was.
    pub(crate) fn since_last(&self) -> Option<Duration> {
        self.budget.since_last(Instant::now())
    }

    /// Whether the budget was used up: what was lost does not come back to this process.
    pub(crate) fn were_too_many(&self) -> bool {
        self.budget.was_used_up()
    }
}

#[cfg(test)]
mod tests {
    use super::budget::WINDOW;
    use super::standing::SHORTEST;
    use super::*;
    use crate::outcome::Failure;

    const SECOND: Duration = Duration::from_secs(1);

    fn standing(losses: &Losses, worker: &str) -> Arc<Standing> {
        losses.standing(&Arc::from(worker))
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

    #[test]
    fn whose_isolates_were_large_in_one_process_is_known_to_the_next() {
        let losses = Losses::new(1);
        let workers = ["once", "long", "small"].map(|name| standing(&losses, name));
        workers[0].bulk.holds(usize::MAX);
        workers[1].bulk.stays_large();
        assert_eq!(losses.large(1).len(), 1);
        let told = losses.large(10);
        let names: Vec<&str> = told.iter().map(|(worker, _)| &**worker).collect();
        assert_eq!(names, ["long", "once"]);
        let next = Losses::new(1);
        // One has a version in memory when that is told, and the other gets one later.
        let present = standing(&next, "long");
        told.iter().for_each(|(worker, left)| next.was_large(worker, *left));
        assert!(present.bulk.is_large());
        assert_eq!(next.large(10).len(), 2, "the process after that one is told of both");
        assert!(standing(&next, "once").bulk.is_large());
        assert!(!standing(&next, "small").bulk.is_large());
        assert!(next.known.lock().large_before.is_empty());
    }
}
