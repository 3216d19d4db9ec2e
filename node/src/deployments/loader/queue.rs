//! In what order versions are read that wait for it, so that nobody waits for all that another
//! has. Reading them is the loader's, the threads are in `loader/threads.rs`.
//!
//! What is *light* is read by threads of its own and the smallest first: it takes milliseconds, and
//! of each owner there is only so much. All else is *heavy*: whoever has had least lately goes
//! first, with the smallest of theirs. A thread for what is light helps with that where another one has
//! nothing to do either, as long as the owner has not had much. What an owner has had is counted in
//! bytes, CPU time included ([`cost`]): small versions that are read over and over are heavy like large
//! ones.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::super::owners::Owner;

/// What an owner has had read lately and may have read as light, in bytes: a dozen workers of
/// ordinary size.
const LIGHT_BYTES: u64 = 16 << 20;

/// Small versions of an owner that has had so much lately, in bytes, are heavy like any others. With less
/// they are read by a thread for what is light while another one is idle, too: about four seconds of CPU
/// time.
const MUCH_BYTES: u64 = 4 * LIGHT_BYTES;

/// What a millisecond of CPU time counts as, in bytes: less than is read in one of an ordinary
/// version. So an owner has about a second of CPU time that is light.
const BYTES_PER_MS: u64 = LIGHT_BYTES / 1000;

/// What an owner has had read counts half after so long.
const HALF_LIFE: Duration = Duration::from_secs(60);

/// Owners that are known, from which on those that have had nothing lately are forgotten.
const TIDY_LEN: usize = 1024;

/// The versions that wait to be read.
pub(super) struct Queue<T> {
    /// Of each owner the smallest first, and of equal ones the one that came first.
    lines: HashMap<Owner, BTreeMap<Place, T>>,
    had: HashMap<Owner, Had>,
    arrivals: u64,
    tidy_len: usize,
}

/// A size in bytes, and the number of an arrival.
type Place = (u64, u64);

/// What an owner has had read.
struct Had {
    bytes: u64,
    at: Instant,
}

/// What a thread is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Light,
    Heavy,
    /// What of it is too large ever to be light, where its owner has had little lately.
    Large,
    /// What of it is small, where its owner has had not much lately.
    Small,
}

/// A version whose turn it is.
pub(super) struct Turn<T> {
    pub(super) owner: Owner,
    /// What its owner has been charged for it.
    pub(super) bytes: u64,
    pub(super) item: T,
}

/// What a version costs its owner that was read, in bytes: what it takes in memory or, where that is
/// more, what its CPU time counts as.
pub(super) fn cost(bytes: u64, cpu: Duration) -> u64 {
    let us = u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX);
    bytes.max(us.saturating_mul(BYTES_PER_MS) / 1000)
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        let (lines, had) = (HashMap::new(), HashMap::new());
        Self { lines, had, arrivals: 0, tidy_len: TIDY_LEN }
    }

    /// Adds a version of that owner, and of that size as far as it is known.
    pub(super) fn push(&mut self, owner: Owner, bytes: u64, item: T) {
        self.arrivals += 1;
        self.lines.entry(owner).or_default().insert((bytes, self.arrivals), item);
    }

    /// The next version for a thread of that weight, where so many of those for what is light have nothing
    /// to do.
    pub(super) fn turn(&mut self, weight: Weight, idle: usize, now: Instant) -> Option<Turn<T>> {
        let own = self.take(weight, now);
        if own.is_some() || weight != Weight::Light || idle < 2 {
            return own;
        }
        // One of them is left for what is light.
        self.take(Weight::Large, now).or_else(|| self.take(Weight::Small, now))
    }

    /// The next version of that weight. Its owner is charged with its size.
    fn take(&mut self, weight: Weight, now: Instant) -> Option<Turn<T>> {
        let owner = self.next_owner(weight, now)?.clone();
        let line = self.lines.get_mut(&owner)?;
        let ((bytes, _), item) = line.pop_first()?;
        if line.is_empty() {
            self.lines.remove(&owner);
        }
        self.charge(&owner, bytes, now);
        Some(Turn { owner, bytes, item })
    }

    fn next_owner(&self, weight: Weight, now: Instant) -> Option<&Owner> {
        let firsts = self.lines.iter().filter_map(|(owner, line)| {
            let (&(bytes, arrival), _) = line.first_key_value()?;
            let had = self.had_lately(owner, now);
            let is_light = had.saturating_add(bytes) <= LIGHT_BYTES;
            let (is_such, rank) = match weight {
                Weight::Light => (is_light, 0),
                Weight::Heavy => (!is_light, had),
                Weight::Large => (bytes > LIGHT_BYTES && had <= LIGHT_BYTES, had),
                Weight::Small => (!is_light && bytes <= LIGHT_BYTES && had < MUCH_BYTES, had),
            };
            is_such.then_some(((rank, bytes, arrival), owner))
        });
        firsts.min_by_key(|(rank, _)| *rank).map(|(_, owner)| owner)
    }

    /// An owner has had so much read, in bytes.
    pub(super) fn charge(&mut self, owner: &Owner, bytes: u64, now: Instant) {
        let bytes = self.had_lately(owner, now).saturating_add(bytes);
        self.had.insert(owner.clone(), Had { bytes, at: now });
        if self.had.len() >= self.tidy_len {
            self.had.retain(|_, had| had.left(now) > 0);
            self.tidy_len = self.had.len() * 2 + TIDY_LEN;
        }
    }

    fn had_lately(&self, owner: &Owner, now: Instant) -> u64 {
        self.had.get(owner).map_or(0, |had| had.left(now))
    }
}

impl Had {
    /// What still counts of it: half after each [`HALF_LIFE`], and a part of that half between.
    fn left(&self, now: Instant) -> u64 {
        let elapsed_ms = now.saturating_duration_since(self.at).as_millis();
        let half_ms = HALF_LIFE.as_millis();
        let halves = u32::try_from(elapsed_ms / half_ms).unwrap_or(u32::MAX);
        let left = self.bytes.checked_shr(halves).unwrap_or(0);
        let gone = u128::from(left / 2) * (elapsed_ms % half_ms) / half_ms;
        left - u64::try_from(gone).unwrap_or(left)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn owner(name: &str) -> Owner {
        Owner::Worker(name.into())
    }

    fn names(queue: &mut Queue<String>, weight: Weight, now: Instant) -> Vec<String> {
        std::iter::from_fn(|| Some(queue.take(weight, now)?.item)).collect()
    }

    #[test]
    fn a_small_version_does_not_wait_for_large_ones() {
        let (mut queue, now) = (Queue::new(), Instant::now());
        for number in 0..100 {
            queue.push(owner(&format!("shop-{number}")), 64 * MIB, "large".to_owned());
        }
        queue.push(owner("blog"), 12 * MIB, "middling".to_owned());
        queue.push(owner("quiet"), MIB, "small".to_owned());
        assert_eq!(names(&mut queue, Weight::Light, now), ["small", "middling"]);
        assert_eq!(names(&mut queue, Weight::Heavy, now).len(), 100);
    }

    #[test]
    fn who_has_had_much_lately_is_heavy_until_some_time_has_passed() {
        let (mut queue, now) = (Queue::new(), Instant::now());
        queue.charge(&owner("busy"), 64 * MIB, now);
        queue.push(owner("busy"), MIB, "busy".to_owned());
        assert!(queue.take(Weight::Light, now).is_none());
        assert!(queue.take(Weight::Light, now + HALF_LIFE).is_none());
        let later = now + HALF_LIFE * 3;
        assert_eq!(names(&mut queue, Weight::Light, later), ["busy"]);
        assert!(queue.take(Weight::Heavy, later).is_none());
    }

    #[test]
    fn small_versions_that_are_read_over_and_over_are_heavy_for_the_time_that_takes() {
        let (mut queue, now) = (Queue::new(), Instant::now());
        let small = cost(1024, Duration::from_millis(5));
        assert_eq!(small, 5 * BYTES_PER_MS);
        assert_eq!(cost(MIB, Duration::from_millis(5)), MIB, "it is read faster than that");
        let mut light = 0;
        loop {
            queue.push(owner("busy"), 1024, "busy".to_owned());
            let Some(turn) = queue.take(Weight::Light, now) else { break };
            queue.charge(&turn.owner, small - turn.bytes, now);
            light += 1;
        }
        assert_eq!(light, 200, "a second of CPU time");
        queue.push(owner("large"), 64 * MIB, "large".to_owned());
        queue.push(owner("quiet"), 1024, "quiet".to_owned());
        assert_eq!(names(&mut queue, Weight::Light, now), ["quiet"]);
        // A thread that has nothing light to do helps those that have had little.
        assert_eq!(names(&mut queue, Weight::Large, now), ["large"]);
        assert_eq!(names(&mut queue, Weight::Heavy, now), ["busy"]);
    }

    #[test]
    fn idle_threads_help_an_owner_of_many_small_versions_as_far_as_that_is_not_too_much() {
        let (mut queue, now) = (Queue::new(), Instant::now());
        queue.charge(&owner("many"), LIGHT_BYTES, now);
        for number in 0..100 {
            queue.push(owner("many"), MIB, format!("many {number}"));
        }
        queue.push(owner("large"), 64 * MIB, "large".to_owned());
        let mut next = |weight, idle| Some(queue.turn(weight, idle, now)?.item);
        assert_eq!(next(Weight::Light, 1), None, "the last one is left for what is light");
        assert_eq!(next(Weight::Light, 2).as_deref(), Some("large"));
        let small: Vec<_> = std::iter::from_fn(|| next(Weight::Light, 2)).collect();
        assert_eq!(small.len() as u64 * MIB, MUCH_BYTES - LIGHT_BYTES);
        assert_eq!(next(Weight::Heavy, 0).as_deref(), Some("many 48"));
        queue.push(owner("quiet"), MIB, "quiet".to_owned());
        assert_eq!(queue.turn(Weight::Light, 2, now).unwrap().item, "quiet");
    }

    #[test]
    fn owners_take_turns_by_what_they_have_had() {
        let (mut queue, now) = (Queue::new(), Instant::now());
        for number in 0..4 {
            queue.push(owner("many"), 64 * MIB + number, format!("many {number}"));
        }
        queue.push(owner("few"), 96 * MIB, "few 0".to_owned());
        queue.push(owner("few"), 97 * MIB, "few 1".to_owned());
        let order = ["many 0", "few 0", "many 1", "few 1", "many 2", "many 3"];
        assert_eq!(names(&mut queue, Weight::Heavy, now), order);
    }

    proptest! {
        /// Whatever waits: light ones come in the order of their sizes, heavy ones are of whoever has
        /// had least, and each has its turn once.
        #[test]
        fn each_has_its_turn(
            waiting in prop::collection::vec((0..5_u8, 0..40 * MIB), 0..60),
            had in prop::collection::vec(0..64 * MIB, 5),
        ) {
            let (mut queue, now) = (Queue::new(), Instant::now());
            let name = |number: usize| owner(&number.to_string());
            for (number, bytes) in had.iter().enumerate() {
                queue.charge(&name(number), *bytes, now);
            }
            for (index, (number, bytes)) in waiting.iter().enumerate() {
                queue.push(name(usize::from(*number)), *bytes, index);
            }
            let mut taken = Vec::new();
            let mut last_light = 0;
            loop {
                let had: HashMap<Owner, u64> = queue.lines.keys()
                    .map(|owner| (owner.clone(), queue.had_lately(owner, now)))
                    .collect();
                if let Some(turn) = queue.take(Weight::Light, now) {
                    prop_assert!(had[&turn.owner] + turn.bytes <= LIGHT_BYTES);
                    prop_assert!(turn.bytes >= last_light);
                    last_light = turn.bytes;
                    taken.push(turn.item);
                } else if let Some(turn) = queue.take(Weight::Heavy, now) {
                    prop_assert_eq!(had.values().min(), had.get(&turn.owner));
                    taken.push(turn.item);
                } else {
                    break;
                }
            }
            taken.sort_unstable();
            prop_assert_eq!(taken, (0..waiting.len()).collect::<Vec<_>>());
            prop_assert!(queue.lines.is_empty());
        }
    }
}
