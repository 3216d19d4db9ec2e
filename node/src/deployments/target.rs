//! What a route or a name leads to: one version of a worker, which may still have to be read from the
//! disk. Reading it is the loader's.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use bundle::SourceMaps;
use parking_lot::Mutex;
use runtime::{EnvEntry, Failure, ProgramMemory, Version};
use tokio::sync::watch;

use super::owners::Owner;
use crate::refusal::Served;

/// A version that could not be read is not tried again for so long.
const RETRY: Duration = Duration::from_secs(1);

/// A version in memory: what the runtime has of it, and its source maps.
pub(super) struct Loaded {
    pub(super) served: Served,
    pub(super) owner: Owner,
    pub(super) version: Arc<Version>,
    pub(super) program: Arc<Program>,
}

/// What of a version is the same whatever secrets its worker has, and is in memory once. Its modules
/// are, too; they are in the definitions.
pub(super) struct Program {
    pub(super) maps: SourceMaps,
    /// What of its own is in `env`.
    pub(super) env: Vec<EnvEntry>,
    /// Its modules and source maps.
    pub(super) bytes: u64,
    /// The same in the node's accounts.
    pub(super) memory: ProgramMemory,
}

/// One version of a worker, as the route table and the names have it. A version that replaces it is
/// another one.
pub(crate) struct Target {
    served: Served,
    loaded: ArcSwapOption<Loaded>,
    loading: Mutex<Loading>,
    /// Events that wait for it to be read, or for what it has replaced.
    waiting: Arc<AtomicUsize>,
    /// When it was last asked for, in milliseconds of the node's own clock; 0 for never.
    used_at_ms: AtomicU64,
    /// What it had in memory, in bytes; 0 where it has not been there.
    known_bytes: AtomicU64,
    retired: AtomicBool,
}

#[derive(Default)]
enum Loading {
    #[default]
    Idle,
    Underway(watch::Receiver<Option<LoadResult>>),
    Failed {
        failure: Failure,
        at: Instant,
    },
}

pub(super) type LoadResult = Result<Arc<Loaded>, Failure>;

/// What has to be done to have a version in memory.
pub(super) enum Begin {
    /// It is being read: wait for this.
    Wait(watch::Receiver<Option<LoadResult>>),
    /// Read it, answer here, and wait for this.
    Read(watch::Sender<Option<LoadResult>>, watch::Receiver<Option<LoadResult>>),
    /// It has just failed.
    Failed(Failure),
}

/// Counts an event among those that wait for a version.
pub(super) struct Waiter<'a>(&'a Target);

impl Target {
    /// A version that is read when it is needed.
    pub(super) fn on_disk(served: Served) -> Arc<Self> {
        Arc::new(Self::new(served, Arc::default(), 0))
    }

    /// The same version where only its secrets are others: who waits for the one waits for the other,
    /// and it was as lately asked for.
    pub(super) fn renewed(before: &Self) -> Arc<Self> {
        let waiting = Arc::clone(&before.waiting);
        let renewed = Self::new(before.served.clone(), waiting, before.used_at_ms());
        renewed.known_bytes.store(before.known_bytes(), Ordering::Relaxed);
        Arc::new(renewed)
    }

    fn new(served: Served, waiting: Arc<AtomicUsize>, used_at_ms: u64) -> Self {
        Self {
            served,
            loaded: ArcSwapOption::empty(),
            loading: Mutex::default(),
            waiting,
            used_at_ms: AtomicU64::new(used_at_ms),
            known_bytes: AtomicU64::new(0),
            retired: AtomicBool::new(false),
        }
    }

    /// A version that is in memory.
    pub(super) fn in_memory(loaded: Arc<Loaded>) -> Arc<Self> {
        let target = Self::on_disk(loaded.served.clone());
        target.came(loaded);
        target
    }

    /// Its name and version.
    pub(crate) fn served(&self) -> &Served {
        &self.served
    }

    /// The version, where it is in memory.
    pub(super) fn loaded(&self) -> Option<Arc<Loaded>> {
        self.loaded.load_full()
    }

    /// Takes note that it is asked for.
    pub(super) fn touch(&self, now_ms: u64) {
        self.used_at_ms.store(now_ms.max(1), Ordering::Relaxed);
    }

    /// Whether it was asked for within that time.
    pub(super) fn was_used_within(&self, time: Duration, now_ms: u64) -> bool {
        let used_at_ms = self.used_at_ms();
        let since_ms = u128::from(now_ms.saturating_sub(used_at_ms));
        used_at_ms > 0 && since_ms <= time.as_millis()
    }

    /// What it had in memory the last time, in bytes; 0 where it has not been there.
    pub(super) fn known_bytes(&self) -> u64 {
        self.known_bytes.load(Ordering::Relaxed)
    }

    /// When it was last asked for.
    pub(super) fn used_at_ms(&self) -> u64 {
        self.used_at_ms.load(Ordering::Relaxed)
    }

    /// Counts an event that waits for it, unless there are too many.
    pub(super) fn wait(&self, limit: usize) -> Option<Waiter<'_>> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= limit {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Waiter(self))
    }

    /// Begins to read it, unless somebody does.
    pub(super) fn begin(&self) -> Begin {
        let mut loading = self.loading.lock();
        match &*loading {
            Loading::Underway(result) => return Begin::Wait(result.clone()),
            Loading::Failed { failure, at } if at.elapsed() < RETRY => {
                return Begin::Failed(failure.clone());
            }
            Loading::Failed { .. } | Loading::Idle => {}
        }
        let (sender, receiver) = watch::channel(None);
        *loading = Loading::Underway(receiver.clone());
        Begin::Read(sender, receiver)
    }

    /// The reading is over.
    pub(super) fn finish(&self, result: &LoadResult) {
        let mut loading = self.loading.lock();
        *loading = match result {
            Ok(loaded) => {
                self.came(Arc::clone(loaded));
                Loading::Idle
            }
            Err(failure) => Loading::Failed { failure: failure.clone(), at: Instant::now() },
        };
    }

    fn came(&self, loaded: Arc<Loaded>) {
        self.known_bytes.store(loaded.program.bytes, Ordering::Relaxed);
        self.loaded.store(Some(loaded));
    }

    /// Forgets the version in memory; the next request reads it again.
    pub(super) fn evict(&self) -> Option<Arc<Loaded>> {
        self.loaded.swap(None)
    }

    /// Takes note that nothing leads here any more.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
    }

    /// Whether nothing leads here any more.
    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::SeqCst)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The route table names the owner of a route with this.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.served.worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn target() -> Arc<Target> {
        Target::on_disk(Served { worker: "shop".into(), version: "1".into() })
    }

    #[test]
    fn a_version_that_nobody_has_asked_for_was_not_used() {
        let target = target();
        assert!(!target.was_used_within(HOUR, 0));
        target.touch(0);
        assert!(target.was_used_within(HOUR, 0));
        target.touch(5000);
        assert!(target.was_used_within(HOUR, 3_605_000));
        assert!(!target.was_used_within(HOUR, 3_605_001));
    }

    #[test]
    fn another_secret_is_no_way_past_those_who_wait() {
        let before = target();
        before.touch(5000);
        let waiter = before.wait(1);
        let renewed = Target::renewed(&before);
        assert!(renewed.wait(1).is_none());
        assert!(renewed.was_used_within(HOUR, 6000));
        drop(waiter);
        assert!(renewed.wait(1).is_some());
    }
}
