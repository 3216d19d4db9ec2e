//! In what order versions are read that wait for it, so that nobody waits for all that another
//! has. Reading them is the loader's, the threads are in `loader/threads.rs`.
//!
//! What is *light* is read by threads of its own and the smallest first: it takes milliseconds, and
//! of each owner there is only so much. All else is *heavy*: whoever has had least lately goes
//! first, with the smallest of theirs.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::super::owners::Owner;

/// What an owner has had read lately and may have read as light, in bytes: a dozen workers of
/// ordinary size.
const LIGHT_BYTES: u64 = 16 << 20;

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
}

/// A version whose turn it is.
pub(super) struct Turn<T> {
    pub(super) owner: Owner,
    /// What its owner has been charged for it.
    pub(super) bytes: u64,
    pub(super) item: T,
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

    /// The next version of that weight. Its owner is charged with its size.
    pub(super) fn take(&mut self, weight: Weight, now: Instant) -> Option<Turn<T>> {
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
            let of = if had.saturating_add(bytes) <= LIGHT_BYTES {
                (Weight::Light, 0)
            } else {
                (Weight::Heavy, had)
            };
            (of.0 == weight).then_some(((of.1, bytes, arrival), owner))
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
