//! The policy: on which shard an event runs. All of it is here; the mechanism is not.
//!
//! A worker starts on a back shard. It is trusted once it has served some events in short
//! slices, and while it is trusted and busy it runs inline on the front shards, where the
//! sockets are. One long slice ends the trust for a while, longer each time.
//!
//! Behind the front, half of the shards are for workers of which nothing is known yet, and half
//! for those that have shown short slices. Whoever uses more than a share of the machine, in
//! whatever slices, runs on slow shards, which get what time all others leave. Whoever has large
//! isolates keeps away from the front and from those with short slices, which would wait for their
//! disposal; an isolate that becomes large there, and stays so, leaves.

mod bulk;
mod trust;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bindings::event::Kind;

use crate::definition::Limits;
use crate::shard::ShardHandle;
use crate::version::{Residence, Version};

pub(crate) use bulk::{Bulk, LargeSince};
pub(crate) use trust::{Distrust, Trust};

/// Events in an isolate from which on another isolate on another shard is worth making.
const EVENTS_TO_SPREAD: u32 = 24;

/// What each call may take of a front shard for nothing. Beyond it a worker has a share: with slices
/// that are just short enough it could keep the sockets of all others waiting.
const FREE_INLINE: Duration = Duration::from_micros(250);

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
    let standing = &version.standing;
    match standing.bulk.is_large() && version.trust.is_trusted(&standing.distrust) {
        true => inline_cost(cpu, events),
        false => cpu,
    }
}

/// Whether a version's slices have been short so far, and its worker's isolates small.
pub(crate) fn is_proven(version: &Version) -> bool {
    version.trust.is_proven() && !version.standing.bulk.is_large()
}

/// Whether a version that is not yet on this front shard should get an isolate on it.
pub(crate) fn should_promote(version: &Version) -> bool {
    version.trust.is_busy()
        && version.trust.is_trusted(&version.standing.distrust)
        && !version.standing.bulk.is_large()
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

/// Whether large isolates keep away from a shard.
pub(crate) fn is_for_small(shard: &ShardHandle, back_shards: usize) -> bool {
    shard.is_front() || (!shard.is_slow() && is_steady(shard, back_shards))
}

/// Of the back shards that newcomers and large isolates are on, the one with the least to do; none where
/// none of them has time.
pub(crate) fn least_of_newcomers(shards: &[Arc<ShardHandle>]) -> Option<Arc<ShardHandle>> {
    let free = shards.iter().filter(|shard| is_free(shard) && !is_steady(shard, shards.len()));
    free.min_by_key(|shard| shard.load()).cloned()
}

/// Where events of a version belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    /// Wherever there is time for them.
    Spread,
    /// All to one isolate of one shard, whatever there is time for elsewhere: that of this key, by which
    /// each finds it that comes before there is one.
    Home(u64),
}

/// Whether an event of that kind runs by a function call on the shard of the calling thread, if the version
/// is ready there. A front shard takes what somebody waits for and is short, requests and calls of other
/// workers; a back shard what it would get as a message as well: an event of a worker that has used up its share goes
/// to a slow shard, and no other does.
pub(crate) fn may_call(
    version: &Version,
    shard: &ShardHandle,
    kind: Kind,
    is_cautious: bool,
) -> bool {
    let standing = &version.standing;
    if standing.is_deaf() {
        return false;
    }
    if shard.is_front() {
        return is_for_front(kind) && !is_cautious && !standing.inline.is_heavy();
    }
    let events = || version.residence_on(shard).map(|home| home.events.load(Ordering::Relaxed));
    shard.is_usable()
        && standing.share.is_heavy() == shard.is_slow()
        && events().is_some_and(|events| events < EVENTS_TO_SPREAD)
}

/// Whether events of that kind may run on front shards, where a version has shown that its slices are short.
pub(crate) fn is_for_front(kind: Kind) -> bool {
    matches!(kind, Kind::Fetch | Kind::Rpc)
}

/// Chooses a back shard for an event (or for the warming) of a version.
pub(crate) fn choose(
    version: &Version,
    affinity: Affinity,
    shards: &[Arc<ShardHandle>],
) -> Option<Arc<ShardHandle>> {
    match affinity {
        Affinity::Spread => choose_any(version, shards),
        Affinity::Home(key) => choose_home(version, key, shards),
    }
}

/// Never one that is stuck while there is another.
fn choose_any(version: &Version, shards: &[Arc<ShardHandle>]) -> Option<Arc<ShardHandle>> {
    let is_proven = is_proven(version);
    let is_large = version.standing.bulk.is_large();
    let is_steady = |shard: &ShardHandle| is_steady(shard, shards.len());
    let is_back = |shard: &ShardHandle| !shard.is_front() && !shard.is_slow();
    let residences = version.residences();
    let rank = |residence: &Residence| match residence.ready.load(Ordering::Relaxed) {
        // One that is still on a steady shard may be about to leave.
        _ if is_large => u8::from(is_steady(&residence.shard)),
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
        && is_proven(version)
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

/// The one back shard where events with that key run, however long they take there.
fn choose_home(
    version: &Version,
    key: u64,
    shards: &[Arc<ShardHandle>],
) -> Option<Arc<ShardHandle>> {
    let residences = version.residences();
    let home = residences.iter().map(|residence| &residence.shard).find(|shard| shard.is_usable());
    let free = || {
        // By the key, so that two events that come at once go to one shard; and past one that is
        // stuck, at another version's breakpoint above all, which does not come back soon.
        let first = key as usize % shards.len().max(1);
        let order = shards.iter().cycle().skip(first).take(shards.len());
        order.filter(|shard| shard.is_usable()).min_by_key(|shard| shard.is_stuck())
    };
    home.or_else(free).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::Losses;
    use crate::shard::Kind as For;
    use crate::version::tests;

    #[test]
    fn short_calls_cost_nothing_of_a_front_shard_and_longer_ones_what_is_beyond() {
        let ms = Duration::from_millis;
        assert_eq!(inline_cost(Duration::from_micros(200), 1), Duration::ZERO);
        assert_eq!(inline_cost(ms(1), 4), Duration::ZERO);
        assert_eq!(inline_cost(ms(1), 0), Duration::from_micros(750));
        assert_eq!(inline_cost(ms(4), 8), ms(2));
    }

    #[test]
    fn events_of_one_key_have_one_home_and_all_others_go_where_there_is_time() {
        let shards: Vec<_> =
            (0..4).map(|index| Arc::new(ShardHandle::new(index, For::Back))).collect();
        let version = tests::version(&Losses::new(1), "1");
        let chosen = |affinity| choose(&version, affinity, &shards).map(|shard| shard.index());
        assert_eq!([5, 5, 6].map(|key| chosen(Affinity::Home(key))), [Some(1), Some(1), Some(2)]);
        // Of a version of which nothing is known.
        assert_eq!(chosen(Affinity::Spread), Some(2));
        version.move_in(&shards[3]);
        assert_eq!(chosen(Affinity::Home(5)), Some(3), "it is there already");
        assert_eq!(chosen(Affinity::Spread), Some(3));
        shards[3].close();
        assert_eq!(chosen(Affinity::Home(5)), Some(1));
    }

    #[test]
    fn a_shard_calls_what_it_would_get_as_a_message() {
        let version = tests::version(&Losses::new(1), "1");
        let (front, back) = (ShardHandle::new(0, For::Front), ShardHandle::new(0, For::Back));
        let may = |shard: &ShardHandle, kind| may_call(&version, shard, kind, false);
        assert!(may(&front, Kind::Fetch) && may(&front, Kind::Rpc) && !may(&front, Kind::Queue));
        assert!(!may_call(&version, &front, Kind::Fetch, true));
        assert!(!may(&back, Kind::Fetch), "it is not there");
        let back = Arc::new(back);
        let home = version.move_in(&back);
        assert!(may(&back, Kind::Fetch) && may(&back, Kind::Queue));
        home.events.store(EVENTS_TO_SPREAD, Ordering::Relaxed);
        assert!(!may(&back, Kind::Fetch), "others have time");
        home.events.store(0, Ordering::Relaxed);
        version.standing.share.seize();
        assert!(!may(&back, Kind::Fetch), "a slow one is its place");
        assert!(!back.make_slow() && may(&back, Kind::Fetch));
    }
}
