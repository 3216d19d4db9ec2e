//! A version that the runtime knows: its definition, where its isolates are, and what is
//! known about its behaviour.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use bindings::binding::Environment;
use bindings::event::outgoing::Outgoing;

use crate::code_cache::CodeCache;
use crate::definition::Definition;
use crate::outcome::Failure;
use crate::placement::{self, Trust};
use crate::quarantine::{Purpose, Standing};
use crate::shard::ShardHandle;

/// After a worker failed to start, the failure is answered for this long before it is tried
/// again; doubled each time.
const START_RETRY: Duration = Duration::from_millis(500);

/// The longest time before a failed start is tried again.
const START_RETRY_MAX: Duration = Duration::from_secs(30);

/// One version, shared by everything that serves it. Cheap to make: no isolate is made
/// before its first event.
pub struct Version {
    pub(crate) key: u64,
    pub(crate) definition: Arc<Definition>,
    /// What the node has granted of the environment in the definition.
    pub(crate) environment: Environment,
    pub(crate) cache: Arc<CodeCache>,
    pub(crate) trust: Trust,
    /// That of the worker, in all of its versions.
    pub(crate) standing: Arc<Standing>,
    /// Where the bodies of its answers are charged.
    pub(crate) outgoing: Outgoing,
    /// Events that wait of all workers with something in the data folder, if this is one.
    waiting_for_data: Option<Arc<AtomicUsize>>,
    /// It gets no new events.
    pub(crate) retired: AtomicBool,
    /// That is because another version has its place.
    pub(crate) replaced: AtomicBool,
    /// Whether an isolate is made for it on a steady shard.
    pub(crate) settling: AtomicBool,
    residences: ArcSwap<Vec<Arc<Residence>>>,
    /// Read for each request, by threads that must not wait for one of the lowest priority.
    failed: ArcSwapOption<FailedStart>,
}

/// An isolate of a version, as seen from other threads.
pub(crate) struct Residence {
    pub(crate) shard: Arc<ShardHandle>,
    /// Events that run in it or were sent to it.
    pub(crate) events: AtomicU32,
    /// Whether it is loaded.
    pub(crate) ready: AtomicBool,
}

struct FailedStart {
    failure: Failure,
    retry_at: Instant,
    pause: Duration,
}

impl Version {
    pub(crate) fn new(
        definition: Definition,
        environment: Environment,
        cache: Arc<CodeCache>,
        standing: Arc<Standing>,
        outgoing: Outgoing,
        waiting_for_data: &Arc<AtomicUsize>,
    ) -> Version {
        static NEXT_KEY: AtomicU64 = AtomicU64::new(1);
        let waiting_for_data = environment.needs_store().then(|| waiting_for_data.clone());
        Version {
            key: NEXT_KEY.fetch_add(1, Ordering::Relaxed),
            definition: Arc::new(definition),
            environment,
            cache,
            trust: Trust::default(),
            standing,
            outgoing,
            waiting_for_data,
            retired: AtomicBool::new(false),
            replaced: AtomicBool::new(false),
            settling: AtomicBool::new(false),
            residences: ArcSwap::default(),
            failed: ArcSwapOption::empty(),
        }
    }

    /// The worker's name.
    pub fn worker(&self) -> &Arc<str> {
        &self.definition.worker
    }

    /// The version's identifier.
    pub fn id(&self) -> &Arc<str> {
        &self.definition.version
    }

    /// What it is made of.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// An event waits from now on. Returns how many of its worker did before it, in all versions.
    pub(crate) fn begin_to_wait(&self) -> usize {
        if let Some(waiting) = &self.waiting_for_data {
            waiting.fetch_add(1, Ordering::Relaxed);
        }
        self.standing.waiting.fetch_add(1, Ordering::Relaxed)
    }

    /// An event that waited is started, or given up.
    pub(crate) fn end_to_wait(&self) {
        self.standing.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(waiting) = &self.waiting_for_data {
            waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether its slices have been short so far, its worker's isolates small, and that keeps within its
    /// share.
    pub(crate) fn is_proven(&self) -> bool {
        placement::is_proven(self) && !self.standing.share.is_heavy()
    }

    /// Where its isolates are.
    pub(crate) fn residences(&self) -> arc_swap::Guard<Arc<Vec<Arc<Residence>>>> {
        self.residences.load()
    }

    /// The residence on a shard; made where there is none.
    pub(crate) fn move_in(&self, shard: &Arc<ShardHandle>) -> Arc<Residence> {
        if let Some(residence) = self.residence_on(shard) {
            return residence;
        }
        let new = Arc::new(Residence {
            shard: shard.clone(),
            events: AtomicU32::new(0),
            ready: AtomicBool::new(false),
        });
        self.residences.rcu(|residences| {
            let mut residences = Vec::clone(residences);
            if !residences.iter().any(|residence| Arc::ptr_eq(&residence.shard, shard)) {
                residences.push(new.clone());
            }
            residences
        });
        self.residence_on(shard).unwrap_or(new)
    }

    /// The isolate on a shard is gone, or gets no new events.
    pub(crate) fn move_out(&self, shard: &Arc<ShardHandle>) {
        self.residences.rcu(|residences| {
            let mut residences = Vec::clone(residences);
            residences.retain(|residence| !Arc::ptr_eq(&residence.shard, shard));
            residences
        });
    }

    /// The residence on a shard, where there is one.
    pub(crate) fn residence_on(&self, shard: &ShardHandle) -> Option<Arc<Residence>> {
        let residences = self.residences.load();
        residences.iter().find(|residence| residence.shard.id() == shard.id()).cloned()
    }

    /// Why it is not started now, nor is any event run: the failure that a start has just ended
    /// with, or what its worker has done.
    pub(crate) fn recent_failure(&self) -> Option<Failure> {
        if let Some(failure) = self.standing.refusal(Purpose::Serve) {
            return Some(failure);
        }
        let failed = self.failed.load();
        failed
            .as_ref()
            .filter(|failed| Instant::now() < failed.retry_at)
            .map(|failed| failed.failure.clone())
    }

    /// Remembers that it cannot start.
    pub(crate) fn start_failed(&self, failure: Failure) {
        self.failed.rcu(|before| {
            let pause = before.as_ref().map_or(START_RETRY, |failed| failed.pause * 2);
            let pause = pause.min(START_RETRY_MAX);
            let (failure, retry_at) = (failure.clone(), Instant::now() + pause);
            Some(Arc::new(FailedStart { failure, retry_at, pause }))
        });
    }

    /// It gets no isolate for so long.
    pub(crate) fn refuse_for(&self, failure: Failure, pause: Duration) {
        let retry_at = Instant::now() + pause;
        let refused = Arc::new(FailedStart { failure, retry_at, pause: START_RETRY });
        self.failed.rcu(|before| match before {
            Some(failed) if failed.retry_at >= retry_at => before.clone(),
            _ => Some(refused.clone()),
        });
    }

    /// Forgets starts that failed; what the node refuses it for stays.
    pub(crate) fn started(&self) {
        if self.failed.load().is_none() {
            return;
        }
        let is_of_node =
            |failed: &Arc<FailedStart>| matches!(failed.failure, Failure::NodeMemory { .. });
        self.failed.rcu(|before| before.clone().filter(is_of_node));
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version")
            .field("worker", &self.definition.worker)
            .field("version", &self.definition.version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use bindings::event::outgoing::Pool;

    use super::*;
    use crate::definition::Limits;
    use crate::quarantine::Losses;

    /// A version of a worker that does nothing.
    pub(crate) fn version(losses: &Losses, id: &str) -> Version {
        let definition = Definition {
            worker: "w".into(),
            version: id.into(),
            main: String::new(),
            modules: Vec::new(),
            env: Vec::new(),
            limits: Limits::default(),
            compatibility: Default::default(),
            unsafe_eval: false,
        };
        let environment = Environment::default();
        let outgoing = Outgoing::new(Pool::new(1), Pool::new(1));
        let standing = losses.standing(&definition.worker);
        let cache = Arc::new(CodeCache::in_memory());
        Version::new(definition, environment, cache, standing, outgoing, &Arc::default())
    }

    #[test]
    fn another_version_is_no_way_past_those_who_wait() {
        let losses = Losses::new(1);
        let (one, other) = (version(&losses, "1"), version(&losses, "2"));
        assert_eq!((one.begin_to_wait(), other.begin_to_wait()), (0, 1));
        one.end_to_wait();
        assert_eq!(other.begin_to_wait(), 1);
    }

    #[test]
    fn what_takes_long_to_dispose_of_is_kept_from_those_with_short_slices_in_any_version() {
        let losses = Losses::new(1);
        let (one, other) = (version(&losses, "1"), version(&losses, "2"));
        let ms = Duration::from_millis;
        for version in [&one, &other] {
            for _ in 0..1000 {
                version.trust.slice_took(&version.standing.distrust, Duration::ZERO, 1);
            }
            assert!(version.is_proven());
        }
        assert_eq!(placement::share_cost(&one, ms(1), 4), ms(1));
        one.standing.bulk.holds(usize::MAX);
        assert!(!one.is_proven() && !other.is_proven());
        // It pays as it would on a front shard, where short calls cost nothing, until one is long.
        assert_eq!(placement::share_cost(&other, ms(1), 4), Duration::ZERO);
        other.trust.offend(&other.standing.distrust);
        assert_eq!(placement::share_cost(&other, ms(1), 4), ms(1));
    }
}
