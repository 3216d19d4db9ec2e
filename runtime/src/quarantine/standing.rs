//! How a node stands to one worker: what its code has cost, how long it is not started for that, and
//! where it does not come to a look.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use bindings::event::outgoing::Pool;
use bindings::fetch::IoPayer;
use parking_lot::Mutex;

use super::budget::Budget;
use super::{Purpose, Sentence};
use crate::outcome::Failure;
use crate::placement::{Bulk, Distrust};
use crate::runtime::Offender;
use crate::shard::ShardHandle;
use crate::share::Share;

/// After a worker's code cost a shard, it is not started for this long; doubled each time.
pub(super) const SHORTEST: Duration = Duration::from_secs(2);

/// The longest time that a worker is not started.
const LONGEST: Duration = Duration::from_secs(600);

/// A worker that has cost no shard for so long begins with the shortest pause again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(3600);

/// How the node stands to one worker. All versions of the worker share it.
#[derive(Debug)]
pub(crate) struct Standing {
    worker: Arc<str>,
    /// What it has used of the machine.
    pub(crate) share: Share,
    /// What it has used of the shards that have the sockets, beyond what short calls take there.
    pub(crate) inline: Share,
    /// How often, and when, its slices have been too long for those, in any version.
    pub(crate) distrust: Distrust,
    /// Whether its isolates are large, in any version.
    pub(crate) bulk: Bulk,
    /// Events that wait to be started.
    pub(crate) waiting: AtomicUsize,
    /// What programs have in memory that only replaced versions of it still have, in bytes.
    pub(crate) replaced_programs_bytes: AtomicUsize,
    /// What waits in memory of its answers.
    outgoing: OnceLock<Arc<Pool>>,
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

impl Standing {
    pub(super) fn new(worker: &Arc<str>, budget: &Arc<Budget>) -> Standing {
        Standing {
            worker: worker.clone(),
            share: Share::default(),
            inline: Share::default(),
            distrust: Distrust::default(),
            bulk: Bulk::default(),
            waiting: AtomicUsize::new(0),
            replaced_programs_bytes: AtomicUsize::new(0),
            outgoing: OnceLock::new(),
            deaf_on: ArcSwapOption::empty(),
            is_deaf: AtomicBool::new(false),
            budget: budget.clone(),
            has_offended: AtomicBool::new(false),
            record: Mutex::default(),
        }
    }

    /// Where the bodies of its answers are charged, in all of its versions.
    pub(crate) fn outgoing(&self, limit_bytes: u64) -> Arc<Pool> {
        self.outgoing.get_or_init(|| Pool::new(limit_bytes)).clone()
    }

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

    pub(super) fn refusal_at(&self, purpose: Purpose, now: Instant) -> Option<Failure> {
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

    /// What another process is to know of it, if it may cost that shards.
    pub(super) fn told_of(&self, now: Instant, is_used_up: bool) -> Option<Offender> {
        let record = self.record.lock();
        let left = record.no_serving_until?.saturating_duration_since(now);
        let next = if is_used_up { pause_after(record.losses) } else { Duration::ZERO };
        Some(Offender { worker: self.worker.clone(), losses: record.losses, wait: left.max(next) })
    }

    /// It has cost another process shards.
    pub(super) fn beware(&self, told: &Offender, now: Instant) {
        let mut record = self.record.lock();
        record.losses = told.losses;
        record.last = Some(now);
        record.no_serving_until = Some(now + told.wait);
        record.no_check_until = record.no_serving_until;
        self.has_offended.store(true, Ordering::Relaxed);
    }

    /// It has cost a shard.
    pub(super) fn convict(&self, purpose: Purpose, now: Instant) -> Sentence {
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

    /// Whether it has cost no shard for long.
    pub(super) fn is_forgiven(&self, now: Instant) -> bool {
        self.record.lock().last.is_none_or(|last| now.duration_since(last) > FORGIVEN_AFTER)
    }
}

/// What the worker's outgoing connections take comes from its share, as what its code takes does.
impl IoPayer for Standing {
    fn charge(&self, cpu: Duration) {
        self.share.charge(cpu);
    }

    fn is_heavy(&self) -> bool {
        self.share.is_heavy()
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

    fn standing() -> Standing {
        Standing::new(&Arc::from("w"), &Arc::new(Budget::new(100)))
    }

    #[test]
    fn pauses_grow_are_bounded_and_forgiven() {
        let worker = standing();
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
    fn an_upload_that_cost_a_shard_does_not_stop_what_serves() {
        let worker = standing();
        let now = Instant::now();
        worker.convict(Purpose::Check, now);
        assert!(worker.refusal_at(Purpose::Serve, now).is_none());
        assert!(worker.refusal_at(Purpose::Check, now).is_some());
    }
}
