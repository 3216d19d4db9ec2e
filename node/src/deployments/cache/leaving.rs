//! Versions that get no new events and still have some. They leave the memory when those are over,
//! or when so many came after them that those are ended.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use runtime::Runtime;

use super::super::owners::Owner;
use super::super::target::Loaded;
use crate::refusal::Served;

/// The stack of a version's last events is mapped a little after they are over.
const KEPT_AFTER_RETIREMENT: Duration = Duration::from_secs(2);

/// Programs of a worker that may be leaving at a time: as many as a tool deploys one after the other
/// while a request is answered. Another secret makes no other program: what it takes of memory is there
/// once.
const MAX_PROGRAMS: usize = 64;

/// Versions of a worker that may be leaving at a time, those that differ in secrets counted each.
const MAX_VERSIONS: usize = 256;

/// What of an owner's may be leaving at a time, in bytes; the last of it may have more.
const MAX_BYTES: u64 = 256 << 20;

/// The versions that are leaving, in the order in which they began to.
#[derive(Default)]
pub(super) struct Leaving(Mutex<Vec<Leaver>>);

struct Leaver {
    loaded: Arc<Loaded>,
    since: Instant,
    why: Leaves,
    /// Whether its events are ended.
    is_ended: bool,
}

/// Why a version leaves the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    /// Others need the room. It is still its worker's version, so that its events go on.
    Evicted,
    /// Another one has its routes, or its secrets are others.
    Replaced,
}

/// What a leaving version has of a program.
#[derive(Debug, Clone, Copy)]
struct Use {
    /// Names the program.
    program: usize,
    /// How many have it, leaving or not.
    holders: usize,
    why: Leaves,
}

/// What decides whether a version may stay for its events.
struct Stay<'a> {
    worker: &'a str,
    owner: &'a Owner,
    /// Names the program.
    program: usize,
    bytes: u64,
}

impl Leaving {
    /// A version gets no new events. The events of those end for which that is too many.
    pub(super) fn add(&self, runtime: &Runtime, loaded: Arc<Loaded>, why: Leaves) {
        runtime.retire(&loaded.version);
        if why == Leaves::Replaced {
            runtime.mark_replaced(&loaded.version);
        }
        let mut leavers = self.0.lock();
        leavers.push(Leaver { loaded, since: Instant::now(), why, is_ended: false });
        tell_programs(&leavers);
        let stays: Vec<Stay<'_>> = leavers.iter().map(|leaver| leaver.loaded.stay()).collect();
        let outstaying = outstaying(&stays);
        let mut ended = Vec::new();
        for (leaver, is_ended) in leavers.iter_mut().zip(outstaying) {
            if is_ended && !leaver.is_ended && leaver.why == Leaves::Replaced {
                leaver.is_ended = true;
                ended.push(Arc::clone(&leaver.loaded.version));
            }
        }
        drop(leavers);
        // Shards are told when the lock is free, for requests look here, too.
        ended.iter().for_each(|version| runtime.end(version));
    }

    /// Lets go of those that nobody uses any more. Answers whether any is left.
    pub(super) fn sweep(&self, runtime: &Runtime) -> bool {
        let mut leavers = self.0.lock();
        let (mut used, mut gone) = (Vec::new(), Vec::new());
        leavers.retain(|leaver| {
            let version = &leaver.loaded.version;
            let is_used = Arc::strong_count(&leaver.loaded) > 1 || Arc::strong_count(version) > 1;
            let is_over = !is_used && leaver.since.elapsed() >= KEPT_AFTER_RETIREMENT;
            if is_used {
                used.push((Arc::clone(version), leaver.is_ended));
            } else if is_over {
                gone.push(Arc::clone(&leaver.loaded));
            }
            !is_over
        });
        let is_left = !leavers.is_empty();
        // Another version may have one of the programs since, or no longer.
        gone.iter().for_each(|loaded| loaded.program.memory.set_replaced(false));
        tell_programs(&leavers);
        drop(leavers);
        for (version, is_ended) in used {
            // An event that was on its way may have made an isolate since.
            runtime.retire(&version);
            if is_ended {
                runtime.end(&version);
            }
        }
        // Dropped after the lock is free.
        drop(gone);
        is_left
    }

    /// One that is leaving, the last that began to.
    pub(super) fn find(&self, served: &Served) -> Option<Arc<Loaded>> {
        let leavers = self.0.lock();
        let found = leavers.iter().rev().find(|leaver| {
            leaver.loaded.served.worker == served.worker
                && leaver.loaded.served.version == served.version
        });
        found.map(|leaver| Arc::clone(&leaver.loaded))
    }
}

impl Leaver {
    fn program(&self) -> Use {
        let program = &self.loaded.program;
        let holders = Arc::strong_count(program);
        Use { program: Arc::as_ptr(program).addr(), holders, why: self.why }
    }
}

impl Loaded {
    fn stay(&self) -> Stay<'_> {
        Stay {
            worker: &self.served.worker,
            owner: &self.owner,
            program: Arc::as_ptr(&self.program).addr(),
            bytes: self.program.bytes,
        }
    }
}

/// Has those programs count to their workers that only replaced versions have.
fn tell_programs(leavers: &[Leaver]) {
    let uses: Vec<Use> = leavers.iter().map(Leaver::program).collect();
    for (leaver, is_replaced) in leavers.iter().zip(are_replaced(&uses)) {
        leaver.loaded.program.memory.set_replaced(is_replaced);
    }
}

/// Of which of those programs all who have them are versions that were replaced.
fn are_replaced(uses: &[Use]) -> Vec<bool> {
    let mut replaced: HashMap<usize, usize> = HashMap::new();
    for of in uses.iter().filter(|of| of.why == Leaves::Replaced) {
        *replaced.entry(of.program).or_default() += 1;
    }
    let is_replaced = |of: &Use| of.holders <= replaced.get(&of.program).copied().unwrap_or(0);
    uses.iter().map(is_replaced).collect()
}

/// Which of them stay too long, the one that came last being the last of them.
fn outstaying(stays: &[Stay<'_>]) -> Vec<bool> {
    let mut versions: HashMap<&str, usize> = HashMap::new();
    let mut programs: HashMap<&str, HashSet<usize>> = HashMap::new();
    let mut owners: HashMap<&Owner, u64> = HashMap::new();
    let mut ended = HashSet::new();
    let mut outstaying = Vec::with_capacity(stays.len());
    for stay in stays.iter().rev() {
        let versions = versions.entry(stay.worker).or_default();
        let programs = programs.entry(stay.worker).or_default();
        let held = owners.entry(stay.owner).or_default();
        *versions += 1;
        let is_last_of_owner = *held == 0;
        if programs.insert(stay.program) {
            *held = held.saturating_add(stay.bytes.max(1));
            if programs.len() > MAX_PROGRAMS || (*held > MAX_BYTES && !is_last_of_owner) {
                ended.insert(stay.program);
            }
        }
        outstaying.push(*versions > MAX_VERSIONS || ended.contains(&stay.program));
    }
    outstaying.reverse();
    outstaying
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// Of workers by number, all of one owner, with these programs of these sizes.
    fn ended(owner: &Owner, stays: &[(usize, usize, u64)]) -> Vec<usize> {
        let names = ["a", "b", "c"];
        let stays: Vec<Stay<'_>> = stays
            .iter()
            .map(|&(worker, program, bytes)| Stay { worker: names[worker], owner, program, bytes })
            .collect();
        let outstaying = outstaying(&stays);
        (0..stays.len()).filter(|place| outstaying[*place]).collect()
    }

    fn owner() -> Owner {
        Owner::Deployer("shop".into())
    }

    #[test]
    fn after_so_many_others_a_program_has_stayed_too_long() {
        let mut stays: Vec<_> = (0..MAX_PROGRAMS).map(|program| (0, program, 1)).collect();
        stays.push((1, 1000, 1));
        assert!(ended(&owner(), &stays).is_empty());
        stays.push((0, MAX_PROGRAMS, 1));
        assert_eq!(ended(&owner(), &stays), [0]);
    }

    #[test]
    fn other_secrets_are_no_other_program() {
        let mut stays = vec![(0, 7, 200 * MIB); MAX_VERSIONS];
        assert!(ended(&owner(), &stays).is_empty());
        stays.push((0, 7, 200 * MIB));
        assert_eq!(ended(&owner(), &stays), [0]);
    }

    #[test]
    fn what_of_an_owner_is_leaving_is_bounded_whatever_the_workers_are_called() {
        let stays = [(0, 0, 128 * MIB), (1, 1, 128 * MIB), (2, 2, 128 * MIB)];
        assert_eq!(ended(&owner(), &stays), [0]);
        assert!(ended(&owner(), &[(0, 0, 1 << 30)]).is_empty(), "the last one stays");
    }

    #[test]
    fn a_program_is_its_workers_where_all_who_have_it_were_replaced_and_not_merely_evicted() {
        let replaced = |program, holders| Use { program, holders, why: Leaves::Replaced };
        let evicted = |program, holders| Use { program, holders, why: Leaves::Evicted };
        assert_eq!(are_replaced(&[replaced(1, 1), evicted(2, 1)]), [true, false]);
        assert_eq!(are_replaced(&[replaced(1, 2), replaced(1, 2)]), [true, true]);
        // The version that serves has it, or one that is read again with the next request.
        assert_eq!(are_replaced(&[replaced(1, 2), replaced(2, 1)]), [false, true]);
        assert_eq!(are_replaced(&[replaced(1, 2), evicted(1, 2)]), [false, false]);
    }

    proptest! {
        #[test]
        fn what_stays_is_bounded_and_the_last_one_stays(
            stays in prop::collection::vec((0..3_usize, 0..100_usize), 1..900),
        ) {
            // A program is one worker's, and has one size.
            let stays: Vec<_> = stays
                .iter()
                .map(|&(worker, program)| (worker, worker * 1000 + program, (MIB / 16) * program as u64))
                .collect();
            let ended = ended(&owner(), &stays);
            prop_assert!(!ended.contains(&(stays.len() - 1)));
            let left = stays.iter().enumerate().filter(|(place, _)| !ended.contains(place));
            let left: Vec<_> = left.map(|(_, stay)| stay).collect();
            for worker in 0..3 {
                let of_worker = left.iter().filter(|stay| stay.0 == worker);
                prop_assert!(of_worker.clone().count() <= MAX_VERSIONS);
                let programs: HashSet<_> = of_worker.map(|stay| stay.1).collect();
                prop_assert!(programs.len() <= MAX_PROGRAMS);
            }
            let programs: HashSet<_> = left.iter().map(|stay| (stay.1, stay.2)).collect();
            let bytes: u64 = programs.iter().map(|(_, bytes)| bytes).sum();
            prop_assert!(bytes <= MAX_BYTES || programs.len() == 1);
        }
    }
}
