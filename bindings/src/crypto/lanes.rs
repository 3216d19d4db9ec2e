//! Threads for Web Crypto, apart from those of the shards. A *lane* is one thread: whatever
//! deno_crypto gives to "the blocking pool" while the lane is entered runs there, one after the
//! other, so that the thread's CPU clock before and after is what it took. A *place* is a lane and
//! the right to use it: a worker has a few, the node has a ceiling, and workers take turns.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use deno_core::parking_lot::Mutex;
use deno_error::JsErrorBox;
use nix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, EnterGuard, Runtime};

use super::refused;
use crate::fetch::shares::{Bounds, Share, Shares};

/// Lanes of the node at most. They are made when they are needed; many are needed only where many
/// workers compute at a time, and then the system shares its processors between them.
const LANES: usize = 64;

/// Calls of one worker that may wait.
const WAITING: usize = 10_000;

/// How long the thread of a lane stays without work.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Lanes that nobody uses.
static IDLE: Mutex<Vec<&'static Thread>> = Mutex::new(Vec::new());

/// What each thread does first.
static PREPARE: OnceLock<fn()> = OnceLock::new();

static SHARES: LazyLock<Shares> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(2, |count| count.get());
    Shares::new(Bounds {
        what: "cryptographic operations",
        all: LANES,
        // Two, so that a short one does not wait for a long one; more where there are cores.
        per_worker: (cores / 2).max(2),
        waiting_per_worker: WAITING,
    })
});

/// Sets what each thread does first (the runtime lowers its priority). The first call counts.
pub fn prepare_threads(prepare: fn()) {
    let _ = PREPARE.set(prepare);
    // Not by the first shard that needs it: that may be kept to one core.
    LazyLock::force(&SHARES);
}

/// A place on a lane. Its end is the end of what was begun on it, not of whoever asked.
pub(super) struct Place {
    // Given back in this order.
    lane: Lane,
    _share: Share,
}

/// A lane in use.
struct Lane(&'static Thread);

/// A runtime that nobody drives: only its one blocking thread is used.
struct Thread {
    runtime: Runtime,
    is_up: Arc<AtomicBool>,
}

thread_local! {
    /// What the thread had used when its last call ended.
    static USED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// A place, where the worker may have one more at once.
pub(super) fn try_take(worker: &Arc<str>) -> Result<Option<Place>, JsErrorBox> {
    SHARES.try_take(worker).map(Place::on).transpose().map_err(refused)
}

/// A place, in the worker's turn.
pub(super) async fn take(worker: &Arc<str>, limit: Duration) -> Result<Place, JsErrorBox> {
    let share = SHARES.take(worker, limit).await.map_err(refused)?;
    Place::on(share).map_err(refused)
}

impl Place {
    fn on(share: Share) -> std::io::Result<Place> {
        let idle = IDLE.lock().pop();
        let thread = match idle {
            Some(thread) => thread,
            // At most as many as there are shares, for good.
            None => Box::leak(Box::new(Thread::new()?)),
        };
        Ok(Place { lane: Lane(thread), _share: share })
    }

    pub(super) fn runtime(&self) -> &'static Runtime {
        &self.lane.0.runtime
    }

    /// Has what is given to the blocking pool go to the lane.
    pub(super) fn enter(&self) -> EnterGuard<'static> {
        self.lane.0.runtime.enter()
    }

    /// Sees to it that the lane has its thread. Fails where the system gives none.
    pub(super) fn begin(&self) -> std::io::Result<()> {
        let Thread { runtime, is_up } = self.lane.0;
        if is_up.load(Ordering::Acquire) {
            return Ok(());
        }
        // tokio panics where it gets no thread; once there is one it stays for the next call.
        let begin = AssertUnwindSafe(|| drop(runtime.spawn_blocking(|| {})));
        catch_unwind(begin).map_err(|_| std::io::Error::other("the system gives no thread"))
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        IDLE.lock().push(self.0);
    }
}

impl Thread {
    fn new() -> std::io::Result<Thread> {
        let is_up = Arc::<AtomicBool>::default();
        let (starts, stops) = (is_up.clone(), is_up.clone());
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(1)
            .thread_keep_alive(KEEP_ALIVE)
            .thread_name("crypto")
            .on_thread_start(move || {
                starts.store(true, Ordering::Release);
                if let Some(prepare) = PREPARE.get() {
                    prepare();
                }
            })
            .on_thread_stop(move || stops.store(false, Ordering::Release))
            .build()?;
        Ok(Thread { runtime, is_up })
    }
}

/// CPU time that the calling thread, a lane's, has used since the last call of this.
pub(super) fn taken() -> Duration {
    let now = used();
    now.saturating_sub(USED.replace(now))
}

/// CPU time that the calling thread has used. A system call.
pub(crate) fn used() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}
