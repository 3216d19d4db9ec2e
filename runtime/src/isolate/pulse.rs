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
use super::turns::{Turn, Turns};

/// "No deadline is known": the watchdog looks anyway, once a tick.
pub(crate) const NO_DEADLINE: u64 = u64::MAX;

/// A look that was asked for and does not come is asked for again after so much CPU time.
const ASK_AGAIN: Duration = Duration::from_millis(20);

thread_local! {
    /// The pulse of this thread.
    static CURRENT: RefCell<Option<Arc<Pulse>>> = const { RefCell::new(None) };
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
    unanswered: AtomicU64,
    turn: Turn,
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
    /// Starts the pulse of the calling thread, which takes its turns there if it becomes a slow one.
    pub(crate) fn start(
        wake_watchdog: Box<dyn Fn() + Send + Sync>,
        turns: Arc<Turns>,
    ) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse {
            clock: ThreadClock::of_current_thread(),
            beat: AtomicU64::new(0),
            started_ns: AtomicU64::new(0),
            deadline_ns: AtomicU64::new(NO_DEADLINE),
            unanswered: AtomicU64::new(0),
            turn: Turn::of_current_thread(turns),
            isolate: Mutex::new(None),
            wake_watchdog,
            stopped: Stopped::default(),
        });
        CURRENT.with(|current| *current.borrow_mut() = Some(pulse.clone()));
        pulse
    }

    /// The pulse of the calling thread.
    pub(super) fn current() -> Option<Arc<Pulse>> {
        CURRENT.with(|current| current.borrow().clone())
    }

    /// A slice begins.
    pub(crate) fn begin(&self, isolate: &v8::IsolateHandle, now_ns: u64, deadline_ns: u64) {
        let before = self.isolate.lock().replace(isolate.clone());
        // Not under the lock.
        drop(before);
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
        self.turn.end();
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

    /// Asks the isolate that runs to look at its ledger as soon as V8 allows. Not one that waits for
    /// its turn, and seldom one that has been asked: V8 keeps every request.
    pub(crate) fn interrupt(&self) {
        if self.is_waiting() {
            return;
        }
        // Where the thread is about to begin a slice, the next look asks.
        let Some(isolate) = self.isolate.try_lock() else { return };
        let now_ns = self.clock.now_ns().max(1);
        let asked =
            self.unanswered.compare_exchange(0, now_ns, Ordering::Relaxed, Ordering::Relaxed);
        let is_due = match asked {
            Ok(_) => true,
            Err(since_ns) => Duration::from_nanos(now_ns.saturating_sub(since_ns)) >= ASK_AGAIN,
        };
        if is_due && let Some(isolate) = &*isolate {
            super::interrupt::request(isolate);
        }
    }

    /// For how much CPU time the slice has not come to the look that it was asked for: it is in
    /// something that V8 does in one piece, or in an op. `None` if it has.
    pub(crate) fn deaf_for(&self) -> Option<Duration> {
        match self.unanswered.load(Ordering::Relaxed) {
            0 => None,
            _ if self.is_waiting() => None,
            since_ns => Some(Duration::from_nanos(self.clock.now_ns().saturating_sub(since_ns))),
        }
    }

    /// Whether the slice has been asked for a look.
    pub(super) fn is_asked(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) != 0
    }

    /// The slice has come to its look.
    pub(super) fn answered(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
    }

    /// From now on the thread takes turns with those of other slow shards.
    pub(crate) fn take_turns(&self) {
        self.turn.take_part();
    }

    /// Whether the slice waits for its turn.
    pub(crate) fn is_waiting(&self) -> bool {
        self.turn.is_awaited()
    }

    /// Waits for the slice's turn; answers whether it did. For the thread itself.
    pub(super) fn wait_for_turn(&self) -> bool {
        self.turn.wait()
    }

    /// Whether the slice goes on out of turn: others wait on the same thread for its end.
    pub(crate) fn set_hurries(&self, hurries: bool) {
        self.turn.set_hurries(hurries);
    }

    /// Whether it does.
    pub(crate) fn hurries(&self) -> bool {
        self.turn.hurries()
    }

    /// A slice that waits for its turn goes on at once: it is to end.
    pub(crate) fn skip_turns(&self) {
        self.turn.skip();
    }
}

/// Fatal errors of the thread end its shard and not the process, until this is dropped.
pub(super) struct Armed;

impl Drop for Armed {
    fn drop(&mut self) {
        Stopped::disarm();
    }
}
