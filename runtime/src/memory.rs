//! The memory of the node: how much there is (`system`), who has it, and what is done before it is
//! used up. The largest idle isolates go first; where that is not enough, the isolates of the
//! worker that has the most, by name, and of these the ones of versions that were replaced before
//! all others. Large pieces are judged before they are given (`admission`).
//! Memory mappings, of which a process gets a limited number,
//! are guarded in the same way. Not here: the limit of one isolate (`isolate/ledger/memory.rs`).

mod admission;
mod guard;
mod height;
mod lost;
mod measure;
mod programs;
mod system;
mod trimming;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use self::height::Height;
use self::trimming::Wishes;
use crate::quarantine::Standing;
use crate::shard::ShardHandle;
use crate::version::{Residence, Version};

pub(crate) use admission::{admit, give_back};
pub(crate) use guard::spawn;
pub(crate) use lost::LostMemory;
pub use programs::ProgramMemory;
pub(crate) use system::mappings_limit;

/// Room that V8 gets beyond an isolate's limit when it is about to run out, so that it can
/// unwind: the largest object it can make has 1 GiB, and growing an array holds the old one
/// and the new (4 GiB were needed, measured). Where even this is not enough, see
/// `isolate/fatal.rs`.
const EMERGENCY_BYTES: usize = 4 << 30;

/// The least of it, however little memory the node has left.
const LEAST_EMERGENCY_BYTES: usize = 128 << 20;

/// The ceiling of the process's one runtime; zero before it is known.
static CEILING_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes that an isolate may have beyond its limit while it is being terminated: no more than half
/// of what the node has left.
pub(crate) fn emergency_bytes() -> usize {
    match CEILING_BYTES.load(Ordering::Relaxed) {
        0 => EMERGENCY_BYTES,
        ceiling => {
            let left = ceiling.saturating_sub(system::resident_bytes().unwrap_or_default());
            (left / 2).clamp(LEAST_EMERGENCY_BYTES, EMERGENCY_BYTES)
        }
    }
}

/// The memory of one isolate, as other threads see it.
#[derive(Debug, Default)]
pub(crate) struct Holding {
    bytes: AtomicUsize,
    mappings: AtomicUsize,
    expelled: AtomicBool,
}

impl Holding {
    /// Sets what the isolate has.
    pub(crate) fn set(&self, bytes: usize, mappings: usize) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.mappings.store(mappings, Ordering::Relaxed);
    }

    /// What the isolate has, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether what runs in it has to be terminated.
    pub(crate) fn is_expelled(&self) -> bool {
        self.expelled.load(Ordering::Relaxed)
    }
}

/// An isolate with a worker in it.
#[derive(Clone)]
struct Tenancy {
    version: Arc<Version>,
    residence: Arc<Residence>,
    holding: Arc<Holding>,
}

impl Tenancy {
    fn shard(&self) -> &Arc<ShardHandle> {
        &self.residence.shard
    }

    /// Whether its shard still works: else nothing can be done about it.
    fn is_live(&self) -> bool {
        self.shard().is_usable()
    }

    fn is_idle(&self) -> bool {
        self.residence.events.load(Ordering::Relaxed) == 0
    }

    /// Whether another version has the place of its one.
    fn is_replaced(&self) -> bool {
        self.version.replaced.load(Ordering::Relaxed)
    }

    fn bytes(&self) -> usize {
        self.holding.bytes()
    }

    fn mappings(&self) -> usize {
        self.holding.mappings.load(Ordering::Relaxed)
    }
}

/// Gives up what is kept only to be quick; answers whether that was much.
type GiveUp = Box<dyn Fn() -> bool + Send + Sync>;

/// The memory of a runtime.
pub(crate) struct Memory {
    ceiling_bytes: usize,
    /// Resident bytes that no isolate's account explained before a shard was given up.
    unexplained_before: AtomicUsize,
    /// What that has grown by since.
    unexplained_since: AtomicUsize,
    /// The least of it that was ever seen: what the node itself is made of.
    least_unexplained: AtomicUsize,
    /// What has come to that and is there now: clients' memory, or the node's own.
    foreign: AtomicUsize,
    /// Whether all of it together was once much more.
    height: Height,
    /// Nobody who runs is to blame for the memory in use.
    is_memory_lost: AtomicBool,
    /// The same of the mappings.
    are_mappings_lost: AtomicBool,
    /// Locked where an isolate is loaded or goes, never on the way of a request.
    tenancies: Mutex<Vec<Tenancy>>,
    /// What the programs of all workers have, in bytes.
    programs_bytes: Arc<AtomicUsize>,
    /// For memory that is not the runtime's.
    give_up: OnceLock<GiveUp>,
    /// Whether free memory may be worth giving back to the system.
    trims: Wishes,
}

/// What the process uses of the system, and what it has at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryFigures {
    /// Resident memory, in bytes.
    pub used_bytes: usize,
    /// The ceiling of the node, in bytes.
    pub ceiling_bytes: usize,
    /// Bytes that isolates with a worker in them have, as V8 and the bindings count them.
    pub isolates_bytes: usize,
    /// Bytes in shards that were given up: what their isolates had at the last look, or what of
    /// the resident memory has come since the first loss and is in no account, if that is more.
    pub lost_bytes: usize,
    /// Memory mappings.
    pub mappings: usize,
    /// Memory mappings that the system allows.
    pub mappings_limit: usize,
    /// Threads.
    pub threads: usize,
    /// Open file descriptors.
    pub descriptors: usize,
}

impl Memory {
    /// With that ceiling, or one that suits the machine.
    pub(crate) fn new(ceiling_bytes: Option<usize>) -> Memory {
        let ceiling_bytes = ceiling_bytes.unwrap_or_else(system::default_ceiling_bytes);
        CEILING_BYTES.store(ceiling_bytes, Ordering::Relaxed);
        Memory {
            ceiling_bytes,
            unexplained_before: AtomicUsize::new(0),
            unexplained_since: AtomicUsize::new(0),
            least_unexplained: AtomicUsize::new(usize::MAX),
            foreign: AtomicUsize::new(0),
            height: Height::default(),
            is_memory_lost: AtomicBool::new(false),
            are_mappings_lost: AtomicBool::new(false),
            tenancies: Mutex::default(),
            programs_bytes: Arc::default(),
            give_up: OnceLock::new(),
            trims: Wishes::default(),
        }
    }

    /// A program of a worker's is in memory from now on.
    pub(crate) fn program(&self, standing: Arc<Standing>, bytes: usize) -> ProgramMemory {
        ProgramMemory::new(standing, &self.programs_bytes, bytes)
    }

    /// Sets what is called where memory is short. The first one stays.
    pub(crate) fn when_short(&self, give_up: GiveUp) {
        let _ = self.give_up.set(give_up);
    }

    /// Memory is short. Answers whether much was given up.
    fn is_short(&self) -> bool {
        self.give_up.get().is_some_and(|give_up| give_up())
    }

    /// Has free memory given back to the system soon: by the guard's thread, for it takes long and others
    /// wait for their parts of the heap meanwhile.
    pub(crate) fn ask_for_trim(&self) {
        self.trims.ask();
    }

    /// An isolate has been disposed of.
    pub(crate) fn count_gone(&self) {
        self.trims.count_gone();
    }

    /// An isolate is about to be loaded.
    pub(crate) fn moves_in(
        &self,
        version: &Arc<Version>,
        residence: &Arc<Residence>,
        holding: &Arc<Holding>,
    ) {
        self.tenancies.lock().push(Tenancy {
            version: version.clone(),
            residence: residence.clone(),
            holding: holding.clone(),
        });
    }

    /// An isolate is gone.
    pub(crate) fn moves_out(&self, holding: &Arc<Holding>) {
        let mut tenancies = self.tenancies.lock();
        if let Some(index) = tenancies.iter().position(|one| Arc::ptr_eq(&one.holding, holding)) {
            tenancies.swap_remove(index);
        }
    }

    /// Bytes in the isolates of shards that work, and of those that were given up.
    fn isolates_bytes(&self) -> (usize, usize) {
        let tenancies = self.tenancies.lock();
        let sum = |is_live| {
            tenancies.iter().filter(|one| one.is_live() == is_live).map(Tenancy::bytes).sum()
        };
        (sum(true), sum(false))
    }

    /// Looks for memory that no account has, where `accounted_bytes` are those of workers beside their
    /// isolates and programs: what clients hold, and of lost shards what a slice was making that never came
    /// to its end. To be called while no slice is overdue for a look, since what that one is making
    /// is in no account either, and is neither.
    fn explain(&self, used_bytes: usize, accounted_bytes: usize, was_a_shard_lost: bool) {
        let programs_bytes = self.programs_bytes.load(Ordering::Relaxed);
        let accounted = self.isolates_bytes().0.saturating_add(programs_bytes);
        let accounted = accounted.saturating_add(accounted_bytes);
        let unexplained = used_bytes.saturating_sub(accounted);
        let least = self.least_unexplained.fetch_min(unexplained, Ordering::Relaxed);
        self.foreign.store(unexplained.saturating_sub(least), Ordering::Relaxed);
        if !was_a_shard_lost {
            self.unexplained_before.store(unexplained, Ordering::Relaxed);
            return;
        }
        let before = self.unexplained_before.load(Ordering::Relaxed);
        self.unexplained_since.store(unexplained.saturating_sub(before), Ordering::Relaxed);
    }

    /// The versions of such isolates on shards that work.
    pub(crate) fn versions(
        &self,
        is_such: impl Fn(&Version, &ShardHandle) -> bool,
    ) -> Vec<Arc<Version>> {
        let tenancies = self.tenancies.lock();
        let is_such = |one: &&Tenancy| one.is_live() && is_such(&one.version, one.shard());
        tenancies.iter().filter(is_such).map(|one| one.version.clone()).collect()
    }

    /// The shards that work with an isolate of that version, also one that gets no new events.
    pub(crate) fn shards_of(&self, version: &Version) -> Vec<Arc<ShardHandle>> {
        let tenancies = self.tenancies.lock();
        let is_its = |one: &&Tenancy| one.version.key == version.key && one.is_live();
        tenancies.iter().filter(is_its).map(|one| one.shard().clone()).collect()
    }

    /// Whether an event of a worker with something in the data folder runs on a shard that works.
    pub(crate) fn needs_data(&self) -> bool {
        self.tenancies.lock().iter().any(|tenancy| {
            let needs_data = tenancy.version.environment.needs_store();
            needs_data && !tenancy.is_idle() && tenancy.is_live()
        })
    }

    /// Figures of this moment. Reads several files of `/proc`.
    pub(crate) fn figures(&self) -> MemoryFigures {
        let mut figures = MemoryFigures {
            used_bytes: system::resident_bytes().unwrap_or_default(),
            ceiling_bytes: self.ceiling_bytes,
            mappings: system::mappings().unwrap_or_default(),
            mappings_limit: mappings_limit(),
            threads: system::entries_of("/proc/self/task"),
            descriptors: system::entries_of("/proc/self/fd"),
            ..MemoryFigures::default()
        };
        let (live, lost) = self.isolates_bytes();
        figures.isolates_bytes = live + lost;
        figures.lost_bytes = self.lost_bytes();
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::Losses;

    const GIB: usize = 1 << 30;

    #[test]
    fn what_no_account_has_after_a_loss_is_lost() {
        let memory = Memory::new(Some(1000 * GIB));
        memory.explain(100 * GIB, 0, false);
        memory.explain(200 * GIB, 0, false);
        assert_eq!(memory.lost_bytes(), 0);
        memory.explain(400 * GIB, 0, true);
        assert_eq!(memory.lost_bytes(), 200 * GIB);
        // It came back.
        memory.explain(150 * GIB, 0, true);
        assert_eq!(memory.lost_bytes(), 0);
    }

    #[test]
    fn what_is_in_no_account_and_was_not_there_from_the_start_is_no_workers() {
        let memory = Memory::new(Some(1000 * GIB));
        let foreign_gib = |used: usize, accounted: usize| {
            memory.explain(used * GIB, accounted * GIB, false);
            memory.foreign.load(Ordering::Relaxed) / GIB
        };
        assert_eq!(foreign_gib(3, 0), 0);
        assert_eq!(foreign_gib(10, 2), 5);
        assert_eq!(foreign_gib(10, 9), 0);
        assert_eq!(foreign_gib(10, 0), 9, "the node itself has no more than the least");
    }

    #[test]
    fn programs_are_explained_and_those_of_replaced_versions_are_their_workers() {
        let memory = Memory::new(Some(1000 * GIB));
        let standing = Losses::new(1).standing(&"w".into());
        let of_worker = || standing.replaced_programs_bytes.load(Ordering::Relaxed) / GIB;
        let foreign = || {
            memory.explain(12 * GIB, 0, false);
            memory.foreign.load(Ordering::Relaxed) / GIB
        };
        memory.explain(GIB, 0, false);
        let programs = [2, 3, 4].map(|gib| memory.program(standing.clone(), gib * GIB));
        assert_eq!((of_worker(), foreign()), (0, 2));
        programs[0].set_replaced(true);
        programs[1].set_replaced(true);
        programs[1].set_replaced(true);
        assert_eq!(of_worker(), 5);
        // Another version has it again.
        programs[0].set_replaced(false);
        assert_eq!((of_worker(), foreign()), (3, 2));
        drop(programs);
        assert_eq!((of_worker(), foreign()), (0, 11));
    }

    #[test]
    fn what_is_kept_only_to_be_quick_is_given_up_where_memory_is_short() {
        let memory = Memory::new(Some(1000 * GIB));
        assert!(!memory.is_short());
        let left = AtomicUsize::new(2);
        let take = |left: usize| left.checked_sub(1);
        memory.when_short(Box::new(move || {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
        }));
        assert_eq!([memory.is_short(), memory.is_short(), memory.is_short()], [true, true, false]);
    }
}
