//! What a route leads to: one version of a worker, which may still have to be read from the disk.
//! Reading it is the loader's.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use bundle::SourceMaps;
use parking_lot::Mutex;
use runtime::{Failure, Version};
use tokio::sync::watch;

use crate::refusal::Served;

/// A version that could not be read is not tried again for so long.
const RETRY: Duration = Duration::from_secs(1);

/// A version in memory: what the runtime has of it, and its source maps.
pub(super) struct Loaded {
    pub(super) served: Served,
    pub(super) version: Arc<Version>,
    pub(super) maps: SourceMaps,
    /// Its modules and source maps.
    pub(super) bytes: u64,
}

/// One version of a worker, as the route table has it. A version that replaces it is another one.
pub(crate) struct Target {
    served: Served,
    loaded: ArcSwapOption<Loaded>,
    loading: Mutex<Loading>,
    /// Requests that wait for it to be read.
    waiting: AtomicUsize,
    /// When it was last asked for, in milliseconds of the node's own clock.
    used_at_ms: AtomicU64,
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

/// Counts a request among those that wait for a version.
pub(super) struct Waiter<'a>(&'a Target);

impl Target {
    /// A version that is read when it is needed.
    pub(super) fn on_disk(served: Served) -> Arc<Self> {
        Arc::new(Self {
            served,
            loaded: ArcSwapOption::empty(),
            loading: Mutex::default(),
            waiting: AtomicUsize::new(0),
            used_at_ms: AtomicU64::new(0),
            retired: AtomicBool::new(false),
        })
    }

    /// A version that is in memory.
    pub(super) fn in_memory(loaded: Arc<Loaded>) -> Arc<Self> {
        let target = Self::on_disk(loaded.served.clone());
        target.loaded.store(Some(loaded));
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
        self.used_at_ms.store(now_ms, Ordering::Relaxed);
    }

    /// When it was last asked for.
    pub(super) fn used_at_ms(&self) -> u64 {
        self.used_at_ms.load(Ordering::Relaxed)
    }

    /// Counts a request that waits for it, unless there are too many.
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
                self.loaded.store(Some(Arc::clone(loaded)));
                Loading::Idle
            }
            Err(failure) => Loading::Failed { failure: failure.clone(), at: Instant::now() },
        };
    }

    /// Forgets the version in memory; the next request reads it again.
    pub(super) fn evict(&self) -> Option<Arc<Loaded>> {
        self.loaded.swap(None)
    }

    /// Takes note that no route leads here any more.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
    }

    /// Whether no route leads here any more.
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
