//! What the node keeps in memory of the programs of workers beside their isolates: modules and source maps.
//! Those of versions that were replaced and still run are in their workers' accounts, for they go with
//! the last of their events; the others are the node's, which keeps as many as it likes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::quarantine::Standing;

/// Programs whose events were ended have so long to go: the isolates go first, and then the node, which
/// looks once in a second, lets go of what it has kept for two.
const SETTLE: Duration = Duration::from_millis(3500);

/// A program in memory, until this is dropped.
pub struct ProgramMemory {
    standing: Arc<Standing>,
    all: Arc<AtomicUsize>,
    bytes: usize,
    is_replaced: AtomicBool,
}

impl ProgramMemory {
    /// One of so many bytes, of that worker and among all of the node's.
    pub(super) fn new(standing: Arc<Standing>, all: &Arc<AtomicUsize>, bytes: usize) -> Self {
        all.fetch_add(bytes, Ordering::Relaxed);
        Self { standing, all: all.clone(), bytes, is_replaced: AtomicBool::new(false) }
    }

    /// Says whether only versions have it that were replaced. To be called by one thread at a time.
    pub fn set_replaced(&self, is_replaced: bool) {
        let was_replaced = self.is_replaced.swap(is_replaced, Ordering::Relaxed);
        let of_worker = &self.standing.replaced_programs_bytes;
        if is_replaced && !was_replaced {
            of_worker.fetch_add(self.bytes, Ordering::Relaxed);
        } else if was_replaced && !is_replaced {
            of_worker.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for ProgramMemory {
    fn drop(&mut self) {
        self.set_replaced(false);
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl fmt::Debug for ProgramMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgramMemory").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// Programs of versions that were ended: they are in use for a while, and count as gone.
#[derive(Default)]
pub(super) struct LeavingPrograms(Vec<Leaving>);

struct Leaving {
    /// Their worker's.
    standing: Arc<Standing>,
    /// What they had together when their events were ended.
    bytes: usize,
    until: Instant,
}

impl LeavingPrograms {
    /// The events of a worker's replaced versions were ended.
    pub(super) fn add(&mut self, standing: &Arc<Standing>, now: Instant) {
        self.0.retain(|leaving| !Arc::ptr_eq(&leaving.standing, standing));
        let bytes = replaced_bytes(standing);
        if bytes > 0 {
            self.0.push(Leaving { standing: standing.clone(), bytes, until: now + SETTLE });
        }
    }

    /// Forgets those that have gone or had their time. Answers whether there were any.
    pub(super) fn forget(&mut self, now: Instant) -> bool {
        let before = self.0.len();
        self.0.retain(|leaving| now < leaving.until && leaving.left() > 0);
        self.0.len() < before
    }

    /// What those of all workers still have, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(Leaving::left).sum()
    }

    /// What programs of replaced versions of a worker have that were not told to go, in bytes.
    pub(super) fn staying_bytes(&self, standing: &Arc<Standing>) -> usize {
        let leaving = self.0.iter().find(|leaving| Arc::ptr_eq(&leaving.standing, standing));
        replaced_bytes(standing).saturating_sub(leaving.map_or(0, Leaving::left))
    }
}

impl Leaving {
    /// What may be left of them.
    fn left(&self) -> usize {
        self.bytes.min(replaced_bytes(&self.standing))
    }
}

fn replaced_bytes(standing: &Standing) -> usize {
    standing.replaced_programs_bytes.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::Losses;

    #[test]
    fn programs_whose_events_were_ended_count_as_gone_until_they_are_or_have_had_their_time() {
        let all = Arc::default();
        let losses = Losses::new(1);
        let (one, other) = (losses.standing(&"one".into()), losses.standing(&"other".into()));
        let replaced = |standing: &Arc<Standing>, bytes| {
            let program = ProgramMemory::new(standing.clone(), &all, bytes);
            program.set_replaced(true);
            program
        };
        let (mut leaving, now) = (LeavingPrograms::default(), Instant::now());
        leaving.add(&one, now);
        assert!(!leaving.forget(now), "it has none");
        let (first, _of_other) = (replaced(&one, 5), replaced(&other, 7));
        let second = replaced(&one, 3);
        leaving.add(&one, now);
        leaving.add(&one, now);
        let _came_later = replaced(&one, 20);
        assert_eq!(leaving.bytes(), 8);
        assert_eq!((leaving.staying_bytes(&one), leaving.staying_bytes(&other)), (20, 7));
        drop((first, second));
        assert!(!leaving.forget(now + SETTLE / 2));
        assert!(leaving.forget(now + SETTLE));
        assert_eq!((leaving.bytes(), leaving.staying_bytes(&one)), (0, 20));
    }

    #[test]
    fn programs_that_have_gone_are_not_taken_for_leaving() {
        let standing = Losses::new(1).standing(&"w".into());
        let program = ProgramMemory::new(standing.clone(), &Arc::default(), 5);
        program.set_replaced(true);
        let (mut leaving, now) = (LeavingPrograms::default(), Instant::now());
        leaving.add(&standing, now);
        drop(program);
        assert_eq!((leaving.bytes(), leaving.staying_bytes(&standing)), (0, 0));
        assert!(leaving.forget(now), "there is free memory to give back");
    }
}
