//! What the watchdog sees of a shard: whether it runs a slice, since when, and until when it
//! may. Written at each end of a slice, read from another thread.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

use deno_core::v8;
use parking_lot::Mutex;

use super::clock::ThreadClock;
use super::fatal::{Note, Stopped};

/// "No deadline is known": the watchdog looks anyway, once a tick.
pub(crate) const NO_DEADLINE: u64 = u64::MAX;

thread_local! {
    /// [`Pulse::unanswered`] of this thread's.
    static UNANSWERED: RefCell<Option<Arc<AtomicU64>>> = const { RefCell::new(None) };
}

/// The pulse of one shard.
pub(crate) struct Pulse {
    clock: ThreadClock,
    /// Odd while a slice runs.
    beat: AtomicU64,
    started_ns: AtomicU64,
    deadline_ns: AtomicU64,
    /// Since when the slice that runs has been asked for a look and has not answered, on the
    /// thread's CPU clock; 0 if it has.
    unanswered: Arc<AtomicU64>,
    isolate: Mutex<Option<v8::IsolateHandle>>,
    wake_watchdog: Box<dyn Fn() + Send + Sync>,
    stopped: Stopped,
}

/// A slice that runs now, as the watchdog sees it. Times are on the thread's CPU clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beat {
    pub(crate) number: u64,
    pub(crate) started_ns: u64,
    pub(crate) deadline_ns: u64,
    pub(crate) now_ns: u64,
}

impl Pulse {
    /// The pulse of the calling thread.
    pub(crate) fn new(wake_watchdog: Box<dyn Fn() + Send + Sync>) -> Pulse {
        let unanswered = Arc::<AtomicU64>::default();
        UNANSWERED.with(|mine| *mine.borrow_mut() = Some(unanswered.clone()));
        Pulse {
            unanswered,
            clock: ThreadClock::of_current_thread(),
            beat: AtomicU64::new(0),
            started_ns: AtomicU64::new(0),
            deadline_ns: AtomicU64::new(NO_DEADLINE),
            isolate: Mutex::new(None),
            wake_watchdog,
            stopped: Stopped::default(),
        }
    }

    /// A slice begins.
    pub(crate) fn begin(&self, isolate: &v8::IsolateHandle, now_ns: u64, deadline_ns: u64) {
        *self.isolate.lock() = Some(isolate.clone());
        self.started_ns.store(now_ns, Ordering::Relaxed);
        self.unanswered.store(0, Ordering::Relaxed);
        self.deadline_ns.store(deadline_ns, Ordering::Relaxed);
        self.beat.fetch_add(1, Ordering::Release);
        self.stopped.arm();
        (self.wake_watchdog)();
    }

    /// The slice is over.
    pub(crate) fn end(&self) {
        Stopped::disarm();
        self.beat.fetch_add(1, Ordering::Release);
    }

    /// The slice that runs now, if one does and has not ended while this looked.
    pub(crate) fn running(&self) -> Option<Beat> {
        let number = self.beat.load(Ordering::Acquire);
        if number.is_multiple_of(2) {
            return None;
        }
        let beat = Beat {
            number,
            started_ns: self.started_ns.load(Ordering::Relaxed),
            deadline_ns: self.deadline_ns.load(Ordering::Relaxed),
            now_ns: self.clock.now_ns(),
        };
        // The reader may have waited for a core between two of these: the clock is then that of a
        // later slice.
        self.is_in(number).then_some(beat)
    }

    /// Whether that slice runs: what was read before this was called is of it.
    pub(crate) fn is_in(&self, number: u64) -> bool {
        fence(Ordering::Acquire);
        self.beat.load(Ordering::Relaxed) == number
    }

    /// What runs until the guard is dropped is no slice and may end in a fatal error all the same:
    /// the making and the dropping of an isolate.
    pub(super) fn outside_of_slices(&self) -> Armed {
        self.stopped.arm();
        Armed
    }

    /// CPU time that the thread has used, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    /// Where a stop of the thread is noted.
    pub(super) fn note(&self) -> &Arc<Note> {
        self.stopped.note()
    }

    /// Whether the thread was stopped by a fatal error in the slice that runs.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// Asks the isolate that runs to look at its ledger as soon as V8 allows.
    pub(crate) fn interrupt(&self) {
        if let Some(isolate) = &*self.isolate.lock() {
            let now_ns = self.clock.now_ns().max(1);
            let _first =
                self.unanswered.compare_exchange(0, now_ns, Ordering::Relaxed, Ordering::Relaxed);
            super::interrupt::request(isolate);
        }
    }

    /// For how much CPU time the slice has not come to the look that it was asked for: it is in
    /// something that V8 does in one piece, or in an op. `None` if it has.
    pub(crate) fn deaf_for(&self) -> Option<Duration> {
        match self.unanswered.load(Ordering::Relaxed) {
            0 => None,
            since_ns => Some(Duration::from_nanos(self.clock.now_ns().saturating_sub(since_ns))),
        }
    }

    /// Whether the calling thread's slice has been asked for a look.
    pub(super) fn is_asked() -> bool {
        my_unanswered().is_some_and(|unanswered| unanswered.load(Ordering::Relaxed) != 0)
    }

    /// The calling thread's slice has come to its look.
    pub(super) fn answered() {
        if let Some(unanswered) = my_unanswered() {
            unanswered.store(0, Ordering::Relaxed);
        }
    }
}

/// [`Pulse::unanswered`] of the calling thread's.
fn my_unanswered() -> Option<Arc<AtomicU64>> {
    UNANSWERED.with(|mine| mine.borrow().clone())
}

/// Fatal errors of the thread end its shard and not the process, until this is dropped.
pub(super) struct Armed;

impl Drop for Armed {
    fn drop(&mut self) {
        Stopped::disarm();
    }
}
