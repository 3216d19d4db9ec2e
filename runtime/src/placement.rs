//! The policy: on which shard an event runs. All of it is here; the mechanism is not.
//!
//! A worker starts on a back shard. It is trusted once it has served some events in short
//! slices, and while it is trusted and busy it runs inline on the front shards, where the
//! sockets are. One long slice ends the trust for a while, longer each time.
//!
//! Behind the front, half of the shards are for workers of which nothing is known yet, and half
//! for those that have shown short slices. Whoever uses more than a share of the machine, in
//! whatever slices, runs on slow shards, which get what time all others leave.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::definition::Limits;
use crate::shard::ShardHandle;
use crate::version::{Residence, Version};

/// A slice that takes this long for an event ends a worker's trust: while it ran, the shard's
/// sockets waited.
const LONG_SLICE: Duration = Duration::from_millis(4);

/// A slice that advances many events is long because there are many. This much is too long all the
/// same.
const LONG_FOR_MANY: Duration = Duration::from_millis(20);

/// What each of many events may take of such a slice.
const SHARE_OF_MANY: Duration = Duration::from_micros(500);

/// Events in short slices that make a worker trusted.
const EVENTS_TO_TRUST: u64 = 64;

/// Events in short slices that make a worker one of which something is known.
const EVENTS_TO_PROVE: u64 = 16;

/// Events within [`WINDOW`] that make a worker busy enough for an isolate on a front shard.
const EVENTS_TO_PROMOTE: u32 = 32;

const WINDOW: Duration = Duration::from_secs(1);

/// An isolate with this much memory, in bytes, keeps its shard busy for milliseconds when it is
/// disposed of, in the kernel, where nothing can end it.
const LARGE_BYTES: usize = 64 << 20;

/// A worker that had such an isolate is one of those that may have another for so long.
const LARGE_FOR: Duration = Duration::from_secs(60);

/// The first loss of trust lasts this long; doubled each time.
const DISTRUST: Duration = Duration::from_secs(5);

const DISTRUST_DOUBLINGS: u32 = 5;

/// A worker that has not lost its trust for so long begins with the first pause again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(120);

/// Events in an isolate from which on another isolate on another shard is worth making.
const EVENTS_TO_SPREAD: u32 = 24;

/// What each call may take of a front shard for nothing. Beyond it a worker has a share: with slices
/// that are just short enough it could keep the sockets of all others waiting.
const FREE_INLINE: Duration = Duration::from_micros(250);

/// What is known of a version's behaviour.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    short_slices: AtomicU64,
    window_started_ms: AtomicU64,
    window_events: AtomicU32,
    /// Until when its isolates count as large; zero where none ever was.
    large_until_ms: AtomicU64,
}

/// How a worker has lost its trust: across its versions, or a new one would begin without that.
#[derive(Debug, Default)]
pub(crate) struct Distrust {
    offences: AtomicU32,
    offended_at_ms: AtomicU64,
    until_ms: AtomicU64,
}

/// Milliseconds of this process's clock.
pub(crate) fn now_ms() -> u64 {
    static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
    EPOCH.elapsed().as_millis() as u64
}

impl Trust {
    /// Records how long a slice kept its shard, and how many events it answered or ended. Tells
    /// whether that was too long for a shard with sockets.
    pub(crate) fn slice_took(&self, distrust: &Distrust, cpu: Duration, events: usize) -> bool {
        let allowed = SHARE_OF_MANY.saturating_mul(count(events)).clamp(LONG_SLICE, LONG_FOR_MANY);
        let is_long = cpu >= allowed;
        if is_long {
            self.offend(distrust);
        } else {
            self.short_slices.fetch_add(1, Ordering::Relaxed);
        }
        is_long
    }

    /// Records how much memory an isolate of it has.
    pub(crate) fn holds(&self, bytes: usize) {
        if bytes >= LARGE_BYTES {
            let until_ms = now_ms() + LARGE_FOR.as_millis() as u64;
            self.large_until_ms.store(until_ms, Ordering::Relaxed);
        }
    }

    /// Whether the worker would be trusted if its isolates were smaller.
    pub(crate) fn is_only_large(&self, distrust: &Distrust) -> bool {
        self.is_large() && self.has_short_slices(distrust)
    }

    fn has_short_slices(&self, distrust: &Distrust) -> bool {
        self.short_slices.load(Ordering::Relaxed) >= EVENTS_TO_TRUST && distrust.is_over()
    }

    fn is_large(&self) -> bool {
        let until_ms = self.large_until_ms.load(Ordering::Relaxed);
        until_ms != 0 && now_ms() < until_ms
    }

    /// Ends the trust.
    pub(crate) fn offend(&self, distrust: &Distrust) {
        distrust.offend_at(now_ms());
        self.short_slices.store(0, Ordering::Relaxed);
    }

    /// Whether the worker may run where sockets wait for it.
    pub(crate) fn is_trusted(&self, distrust: &Distrust) -> bool {
        self.has_short_slices(distrust) && !self.is_large()
    }

    /// Its slices were short before this process.
    pub(crate) fn prove(&self) {
        self.short_slices.fetch_max(EVENTS_TO_PROVE, Ordering::Relaxed);
    }

    /// Whether its slices have been short so far, and its isolates small.
    pub(crate) fn is_proven(&self) -> bool {
        self.short_slices.load(Ordering::Relaxed) >= EVENTS_TO_PROVE && !self.is_large()
    }

    /// Counts an event that was not served inline; answers whether the worker is busy.
    fn is_busy(&self) -> bool {
        let now = now_ms();
        let started = self.window_started_ms.load(Ordering::Relaxed);
        if now.saturating_sub(started) > WINDOW.as_millis() as u64 {
            self.window_started_ms.store(now, Ordering::Relaxed);
            self.window_events.store(0, Ordering::Relaxed);
        }
        self.window_events.fetch_add(1, Ordering::Relaxed) + 1 >= EVENTS_TO_PROMOTE
    }
}

impl Distrust {
    fn offend_at(&self, now_ms: u64) {
        let before_ms = self.offended_at_ms.swap(now_ms, Ordering::Relaxed);
        if now_ms.saturating_sub(before_ms) > FORGIVEN_AFTER.as_millis() as u64 {
            self.offences.store(0, Ordering::Relaxed);
        }
        let offences = self.offences.fetch_add(1, Ordering::Relaxed).min(DISTRUST_DOUBLINGS);
        let pause = DISTRUST * 2u32.pow(offences);
        self.until_ms.fetch_max(now_ms + pause.as_millis() as u64, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.offences.load(Ordering::Relaxed) == 0
            || now_ms() >= self.until_ms.load(Ordering::Relaxed)
    }
}

fn count(events: usize) -> u32 {
    u32::try_from(events).unwrap_or(u32::MAX)
}

/// What a slice on a front shard takes of its worker's part of it.
pub(crate) fn inline_cost(cpu: Duration, events: usize) -> Duration {
    cpu.saturating_sub(FREE_INLINE.saturating_mul(count(events).max(1)))
}

/// What a slice on a back shard takes of its worker's share of the machine. One whose isolates are too
/// large for a front shard pays as it would there, where short calls cost nothing.
pub(crate) fn share_cost(version: &Version, cpu: Duration, events: usize) -> Duration {
    match version.trust.is_only_large(&version.standing.distrust) {
        true => inline_cost(cpu, events),
        false => cpu,
    }
}

/// Whether a version that is not yet on this front shard should get an isolate on it.
pub(crate) fn should_promote(version: &Version) -> bool {
    version.trust.is_busy()
        && version.trust.is_trusted(&version.standing.distrust)
        && !version.standing.inline.is_heavy()
        // An event that does not end keeps the sockets waiting for so long.
        && version.definition.limits.cpu <= Limits::default().cpu
}

/// Whether a shard can take an event now, or soon.
pub(crate) fn is_free(shard: &ShardHandle) -> bool {
    shard.is_usable() && !shard.is_stuck()
}

/// Whether a back shard is one for workers that have shown that their slices are short. The others
/// take those of which nothing is known yet, and are given to one whose slice does not end.
pub(crate) fn is_steady(shard: &ShardHandle, back_shards: usize) -> bool {
    shard.index() < back_shards / 2
}

/// Chooses a back shard for an event (or for the warming) of a version. Never one that is stuck
/// while there is another.
pub(crate) fn choose(version: &Version, shards: &[Arc<ShardHandle>]) -> Option<Arc<ShardHandle>> {
    let is_proven = version.trust.is_proven();
    let is_steady = |shard: &ShardHandle| is_steady(shard, shards.len());
    let is_back = |shard: &ShardHandle| !shard.is_front() && !shard.is_slow();
    let residences = version.residences();
    let rank = |residence: &Residence| match residence.ready.load(Ordering::Relaxed) {
        _ if !is_proven => 0,
        true if is_steady(&residence.shard) => 0,
        true => 1,
        false => 2,
    };
    let home = residences
        .iter()
        .filter(|residence| is_back(&residence.shard) && is_free(&residence.shard))
        .min_by_key(|home| (rank(home), home.events.load(Ordering::Relaxed)));
    if let Some(home) = home
        && home.events.load(Ordering::Relaxed) < EVENTS_TO_SPREAD
    {
        return Some(home.shard.clone());
    }
    let usable = shards.iter().filter(|shard| shard.is_usable());
    let elsewhere = usable
        .clone()
        .filter(|shard| is_free(shard) && (is_proven || !is_steady(shard)))
        .filter(|shard| !residences.iter().any(|home| Arc::ptr_eq(&home.shard, shard)))
        .min_by_key(|shard| (is_proven && !is_steady(shard), shard.load()));
    match (home, elsewhere) {
        // Another isolate is worth making only on a shard that has time for it.
        (Some(home), Some(other)) if other.load() >= home.shard.load() => Some(home.shard.clone()),
        (_, Some(other)) => Some(other.clone()),
        (Some(home), None) => Some(home.shard.clone()),
        (None, None) => {
            usable.min_by_key(|shard| (is_proven != is_steady(shard), shard.load())).cloned()
        }
    }
}

/// The steady shard on which a version is to get an isolate, where it has shown that its slices
/// are short and the shard that was chosen for it is not a steady one. Answers it once.
pub(crate) fn should_settle(
    version: &Version,
    chosen: Option<&Arc<ShardHandle>>,
    shards: &[Arc<ShardHandle>],
) -> Option<Arc<ShardHandle>> {
    let settles = chosen.is_some_and(|shard| !is_steady(shard, shards.len()))
        && version.trust.is_proven()
        && !version.settling.load(Ordering::Relaxed);
    let residences = version.residences();
    let steady = shards
        .iter()
        .filter(|shard| settles && is_free(shard) && is_steady(shard, shards.len()))
        .filter(|shard| !residences.iter().any(|home| Arc::ptr_eq(&home.shard, shard)))
        .min_by_key(|shard| shard.load())?;
    (!version.settling.swap(true, Ordering::Relaxed)).then(|| steady.clone())
}

/// Chooses a slow shard for a version whose worker has used up its share; none where another slow
/// shard is to be started, of which there are to be `most`. A worker gets half of them.
pub(crate) fn choose_slow(
    version: &Version,
    shards: &[Arc<ShardHandle>],
    most: usize,
) -> Option<Arc<ShardHandle>> {
    let residences = version.residences();
    let homes = residences.iter().filter(|home| home.shard.is_slow() && home.shard.is_usable());
    let events = |home: &&Arc<Residence>| home.events.load(Ordering::Relaxed);
    let home = homes.clone().filter(|home| is_free(&home.shard)).min_by_key(events);
    if let Some(home) = home
        && events(&home) < EVENTS_TO_SPREAD
    {
        return Some(home.shard.clone());
    }
    if homes.clone().count() < (most / 2).max(1) {
        let other = shards
            .iter()
            .filter(|shard| is_free(shard))
            .filter(|shard| !homes.clone().any(|home| Arc::ptr_eq(&home.shard, shard)))
            .min_by_key(|shard| shard.load());
        if other.is_some() || shards.len() < most {
            return other.cloned();
        }
    }
    let least = homes.min_by_key(events).map(|home| &home.shard);
    least.or_else(|| shards.iter().min_by_key(|shard| shard.load())).cloned()
}

/// Chooses the one back shard of a version that is debugged: every event of it meets the same
/// breakpoints, however long they take.
pub(crate) fn choose_home(
    version: &Version,
    shards: &[Arc<ShardHandle>],
) -> Option<Arc<ShardHandle>> {
    let residences = version.residences();
    let home = residences.iter().map(|residence| &residence.shard).find(|shard| shard.is_usable());
    let free = || {
        // By the version, so that two events that come at once go to one shard; and past one that
        // is at another version's breakpoint, which does not come back soon.
        let first = version.key as usize % shards.len().max(1);
        let order = shards.iter().cycle().skip(first).take(shards.len());
        order.filter(|shard| shard.is_usable()).min_by_key(|shard| shard.is_stuck())
    };
    home.or_else(free).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_earned_by_short_slices_and_lost_by_one_long_one() {
        let distrust = Distrust::default();
        let behave = |trust: &Trust| {
            for _ in 0..EVENTS_TO_TRUST {
                trust.slice_took(&distrust, Duration::from_micros(50), 1);
            }
        };
        let trust = Trust::default();
        assert!(!trust.is_trusted(&distrust));
        behave(&trust);
        assert!(trust.is_trusted(&distrust));
        assert!(trust.slice_took(&distrust, LONG_SLICE, 1));
        assert!(!trust.is_trusted(&distrust));
        // It has to wait, however well it behaves, and so does its next version.
        for trust in [trust, Trust::default()] {
            behave(&trust);
            assert!(!trust.is_trusted(&distrust));
        }
    }

    #[test]
    fn what_takes_long_to_dispose_of_is_kept_from_those_with_short_slices() {
        let (trust, distrust) = (Trust::default(), Distrust::default());
        for _ in 0..EVENTS_TO_TRUST {
            trust.slice_took(&distrust, Duration::from_micros(50), 1);
        }
        trust.holds(LARGE_BYTES - 1);
        assert!(trust.is_trusted(&distrust) && trust.is_proven());
        trust.holds(LARGE_BYTES);
        assert!(!trust.is_trusted(&distrust) && !trust.is_proven());
        assert!(trust.is_only_large(&distrust));
        trust.offend(&distrust);
        assert!(!trust.is_only_large(&distrust));
    }

    #[test]
    fn a_slice_for_many_events_is_not_one_events_long_slice() {
        let (trust, distrust) = (Trust::default(), Distrust::default());
        assert!(!trust.slice_took(&distrust, Duration::from_millis(8), 200));
        assert!(trust.slice_took(&distrust, Duration::from_millis(8), 10));
        assert!(trust.slice_took(&distrust, LONG_FOR_MANY, 10_000));
    }

    #[test]
    fn short_calls_cost_nothing_of_a_front_shard_and_longer_ones_what_is_beyond() {
        let ms = Duration::from_millis;
        assert_eq!(inline_cost(Duration::from_micros(200), 1), Duration::ZERO);
        assert_eq!(inline_cost(ms(1), 4), Duration::ZERO);
        assert_eq!(inline_cost(ms(1), 0), Duration::from_micros(750));
        assert_eq!(inline_cost(ms(4), 8), ms(2));
    }

    #[test]
    fn offences_double_the_pause_and_are_forgiven() {
        let distrust = Distrust::default();
        let pause_s = |at_s: u64| {
            distrust.offend_at(at_s * 1000);
            distrust.until_ms.load(Ordering::Relaxed) / 1000 - at_s
        };
        assert_eq!([pause_s(100), pause_s(110), pause_s(130)], [5, 10, 20]);
        assert_eq!(pause_s(130 + 121), 5);
    }

    #[test]
    fn a_worker_is_busy_after_some_events_in_a_window() {
        let trust = Trust::default();
        let busy = (0..EVENTS_TO_PROMOTE).filter(|_| trust.is_busy()).count();
        assert_eq!(busy, 1);
    }
}
