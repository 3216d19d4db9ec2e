//! The thread that looks at the CPU clock of every busy shard: it asks for a look at the
//! running event's account, takes the waiting events of a shard that is busy with one
//! tenant for long, and gives up a shard whose slice V8 cannot stop. While it only looks, it waits for
//! no lock that the thread of a shard may hold, which may be one of the lowest priority: it looks
//! again soon.

mod urgent;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use self::urgent::Urgent;
use crate::fleet::Fleet;
use crate::isolate::process;
use crate::isolate::pulse::{NO_DEADLINE, Pulse};
use crate::isolate::restraint;
use crate::shard::{Running, ShardHandle};
use crate::version::Version;

/// How often a busy shard is looked at, at least.
const TICK: Duration = Duration::from_millis(1);

/// Looks without a busy shard before the thread goes to sleep: waking it costs a system call
/// on the shard's thread.
const IDLE_TICKS: u32 = 100;

/// A shard in one slice for this long is stuck: others take its waiting events.
const STUCK: Duration = Duration::from_millis(5);

/// How often those of a slow shard are looked at again: many may wait, of whom few may go.
const SLOW_RESCUE: Duration = Duration::from_millis(20);

/// A slice that has not come to a look for so much CPU time is deaf: the worker's other events wait
/// behind it.
const DEAF: Duration = Duration::from_millis(2);

/// What a slice has used since the last look counts as at most this much towards giving its shard
/// up. The clock of a thread also runs while a virtual machine does not, and code that nobody could
/// ask for a look is not code that did not come to one.
const MOST_PER_LOOK: Duration = Duration::from_millis(20);

/// More urgent than the shards: a late look is an overrun limit.
const NICE: i32 = -10;

/// Wakes the watchdog.
#[derive(Default)]
pub(crate) struct Watchdog {
    asleep: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

impl Watchdog {
    /// A slice begins somewhere, or a thread wakes that may be urgent.
    pub(crate) fn wake(&self) {
        if self.asleep.load(Ordering::SeqCst)
            && self.asleep.swap(false, Ordering::SeqCst)
            && let Some(thread) = &*self.thread.lock()
        {
            thread.unpark();
        }
    }
}

/// Starts the thread; it ends when the runtime does.
pub(crate) fn spawn(fleet: &Arc<Fleet>) -> std::io::Result<()> {
    let weak = Arc::downgrade(fleet);
    let watchdog = fleet.watchdog.clone();
    let may_be_urgent = fleet.services.config.real_time;
    let handle = std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        process::set_thread_nice(NICE);
        watch(&weak, may_be_urgent.then(Urgent::new));
    })?;
    *watchdog.thread.lock() = Some(handle.thread().clone());
    Ok(())
}

/// Whether the slice of one of the shards is overdue for a look.
pub(crate) fn is_any_deaf(shards: &[Arc<ShardHandle>]) -> bool {
    let is_overdue = |pulse: &Pulse| pulse.deaf_for().is_some_and(|time| time >= DEAF);
    let mut pulses = shards.iter().filter_map(|shard| shard.pulse());
    pulses.any(|pulse| pulse.running().is_some() && is_overdue(pulse))
}

/// What is remembered between two looks of a slice that runs.
struct Seen {
    beat: u64,
    since: Instant,
    /// What it had used of CPU time at the last look, and how much of that counts.
    used: Duration,
    witnessed: Duration,
    /// Whose slice is deaf.
    deaf: Option<Arc<Version>>,
    /// When its shard's waiting events were last taken elsewhere.
    rescued: Instant,
}

impl Seen {
    fn new(beat: u64, now: Instant) -> Seen {
        let none = Duration::ZERO;
        Seen { beat, since: now, used: none, witnessed: none, deaf: None, rescued: now }
    }

    /// Takes note of the CPU time that the slice has used so far.
    fn witness(&mut self, used: Duration) {
        self.witnessed += used.saturating_sub(self.used).min(MOST_PER_LOOK);
        self.used = self.used.max(used);
    }

    /// Takes note of whether the slice comes to its looks.
    fn listen(&mut self, shard: &Arc<ShardHandle>, version: Option<&Arc<Version>>, is_deaf: bool) {
        if !is_deaf {
            self.hears(shard);
            return;
        }
        if self.deaf.is_none() {
            self.deaf = version.cloned();
        }
        if let Some(version) = &self.deaf
            && !version.standing.is_deaf()
        {
            version.standing.set_deaf_on(shard);
        }
    }

    fn hears(&mut self, shard: &Arc<ShardHandle>) {
        if let Some(version) = self.deaf.take() {
            version.standing.unset_deaf_on(shard);
        }
    }
}

/// The slices that ran at the last look, by shard.
#[derive(Default)]
struct Slices(HashMap<usize, Seen>);

impl Slices {
    fn key(shard: &Arc<ShardHandle>) -> usize {
        Arc::as_ptr(shard).addr()
    }

    /// What is known of the slice that runs on a shard now.
    fn of(&mut self, shard: &Arc<ShardHandle>, beat: u64, now: Instant) -> &mut Seen {
        let key = Slices::key(shard);
        if self.0.get(&key).is_some_and(|seen| seen.beat != beat) {
            self.end(shard);
        }
        self.0.entry(key).or_insert_with(|| Seen::new(beat, now))
    }

    /// The slice that ran on a shard is over.
    fn end(&mut self, shard: &Arc<ShardHandle>) {
        if let Some(mut seen) = self.0.remove(&Slices::key(shard)) {
            seen.hears(shard);
            shard.set_stuck(false);
            if let Some(pulse) = shard.pulse() {
                pulse.set_hurries(false);
            }
        }
    }
}

fn watch(fleet: &Weak<Fleet>, mut urgent: Option<Urgent>) {
    let mut slices = Slices::default();
    let mut idle_ticks = 0;
    let mut restrained = Instant::now();
    loop {
        let Some(fleet) = fleet.upgrade() else { return };
        let mut pause = look_at_all(&fleet, &mut slices, urgent.as_mut());
        if restrained.elapsed() >= restraint::INTERVAL {
            restrained = Instant::now();
            fleet.restrain_runaways();
        }
        if fleet.has_runaways() {
            pause = pause.or(Some(restraint::INTERVAL));
        }
        let watchdog = fleet.watchdog.clone();
        drop(fleet);
        match pause {
            Some(pause) => {
                idle_ticks = 0;
                watchdog.asleep.store(false, Ordering::SeqCst);
                std::thread::park_timeout(pause);
            }
            None if idle_ticks < IDLE_TICKS => {
                idle_ticks += 1;
                std::thread::park_timeout(TICK);
            }
            // Who has begun until now has not woken it: once more.
            None if !watchdog.asleep.swap(true, Ordering::SeqCst) => {}
            None => {
                // The time-out is for the end of the process only.
                std::thread::park_timeout(Duration::from_secs(1));
                watchdog.asleep.store(false, Ordering::SeqCst);
                idle_ticks = 0;
            }
        }
    }
}

/// Looks at each shard; answers how long to wait where one is busy.
fn look_at_all(
    fleet: &Arc<Fleet>,
    slices: &mut Slices,
    urgent: Option<&mut Urgent>,
) -> Option<Duration> {
    let shards = fleet.all_shards();
    let back_shards = fleet.services.config.back_shards.max(1);
    let mut pause =
        urgent.and_then(|urgent| urgent.look(&shards, back_shards, fleet.has_idle_priority()));
    for shard in &shards {
        if let Some(wait) = look_at(fleet, shard, slices) {
            pause = Some(pause.map_or(wait, |pause| pause.min(wait)));
        }
    }
    pause
}

fn look_at(fleet: &Arc<Fleet>, shard: &Arc<ShardHandle>, slices: &mut Slices) -> Option<Duration> {
    let config = &fleet.services.config;
    let pulse = shard.pulse()?;
    if pulse.is_stopped() {
        fleet.abandon(shard, shard.running_version());
        slices.end(shard);
        return Some(TICK);
    }
    let (beat, version) = match shard.running_slice() {
        Running::Slice(beat, version) => (beat, version),
        Running::Unclear => return Some(TICK),
        Running::Nothing => {
            slices.end(shard);
            return None;
        }
    };
    let now = Instant::now();
    let seen = slices.of(shard, beat.number, now);
    let lasted = now.duration_since(seen.since);
    let used = Duration::from_nanos(beat.now_ns.saturating_sub(beat.started_ns));
    seen.witness(used);
    let witnessed = seen.witnessed;
    let left = match beat.deadline_ns {
        NO_DEADLINE => TICK,
        deadline => Duration::from_nanos(deadline.saturating_sub(beat.now_ns)),
    };
    if used >= TICK || lasted >= STUCK || left.is_zero() {
        pulse.interrupt();
    }
    let is_deaf = pulse.deaf_for().is_some_and(|time| time >= DEAF || lasted >= STUCK);
    // Its other events would have to wait for a start elsewhere, too.
    let is_deaf = is_deaf || (lasted >= STUCK && shard.is_loading());
    seen.listen(shard, version.as_ref(), is_deaf);
    if lasted >= STUCK {
        shard.set_stuck(true);
        if !shard.is_slow() || now.duration_since(seen.rescued) >= SLOW_RESCUE {
            seen.rescued = now;
            fleet.rescue(shard);
            let holds_up = |version: &Arc<Version>| shard.holds_up_others(beat.number, version);
            pulse.set_hurries(version.as_ref().is_some_and(holds_up));
        }
    }
    fleet.slice_goes_on(shard, version.as_ref(), used);
    let allowed = match beat.deadline_ns {
        NO_DEADLINE => {
            version.as_ref().map_or(config.max_cpu, |version| version.definition.limits.cpu)
        }
        deadline => Duration::from_nanos(deadline.saturating_sub(beat.started_ns)),
    };
    if witnessed > allowed + config.stuck_after {
        fleet.abandon(shard, version);
        slices.end(shard);
    }
    Some(left.clamp(Duration::from_micros(50), TICK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_that_nobody_saw_counts_little() {
        let ms = Duration::from_millis;
        let mut seen = Seen::new(1, Instant::now());
        for used in 1..=100 {
            seen.witness(ms(used));
        }
        assert_eq!(seen.witnessed, ms(100));
        // The machine stood still for ten seconds.
        seen.witness(ms(10_100));
        assert_eq!(seen.witnessed, ms(120));
        seen.witness(ms(10_101));
        assert_eq!(seen.witnessed, ms(121));
    }
}
