//! The last resort against V8's fatal errors (an array longer than V8 can make, the heap's
//! end inside one allocation) and against a panic below V8's frames: they abort the thread
//! that a tenant's code runs on, and by default the process with it. Here that thread is
//! stopped for ever instead, as it stands, and its shard is given up and replaced.
//!
//! Only signals that the thread raises itself while it is in a slice, or makes or drops an
//! isolate, are caught, and nothing
//! of the thread is touched again: its isolates are lost, their memory with them.

use std::cell::Cell;
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::restraint;

/// How V8 and Rust abort: `abort()`, and the processor's trap instructions.
const SIGNALS: [libc::c_int; 3] = [libc::SIGABRT, libc::SIGTRAP, libc::SIGILL];

/// How long the process stays for its last words, in nanoseconds.
const LAST_WORDS_NS: libc::c_long = 200_000_000;

thread_local! {
    /// Where a stop of this thread is noted; null outside of slices.
    static NOTE: Cell<*const Note> = const { Cell::new(null()) };
}

/// What is noted of a thread, by the handlers that run on it.
#[derive(Debug, Default)]
pub(super) struct Note {
    stopped: AtomicBool,
    /// Whether a signal of `restraint.rs` is on its way.
    pub(super) asked: AtomicBool,
}

/// Whether a thread has been stopped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stopped(Arc<Note>);

impl Stopped {
    /// Whether the thread has been stopped: it will never run again.
    pub(crate) fn get(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// A slice begins on this thread.
    pub(super) fn arm(&self) {
        NOTE.with(|note| note.set(Arc::as_ptr(&self.0)));
    }

    /// Where a stop is noted.
    pub(super) fn note(&self) -> &Arc<Note> {
        &self.0
    }

    /// The slice is over.
    pub(super) fn disarm() {
        NOTE.with(|note| note.set(null()));
    }
}

/// Installs the handlers, once in a process.
pub(crate) fn install() {
    restraint::install();
    for signal in SIGNALS {
        // SAFETY: the action is fully initialised; the handler keeps to what a handler may
        // do: it reads a thread-local that needs no initialisation, stores to an atomic, and
        // waits.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_fatal as *const () as usize;
            libc::sigfillset(&raw mut action.sa_mask);
            libc::sigaction(signal, &raw const action, null_mut());
        }
    }
}

extern "C" fn on_fatal(signal: libc::c_int) {
    let note = note();
    if note.is_null() {
        // Not a tenant's doing: the default action, when the signal is raised again on the
        // handler's return (a trap) or by `abort()` itself. What was printed last may be in a
        // pipe to another thread of this process, which writes it into the log: it gets a moment.
        let moment = libc::timespec { tv_sec: 0, tv_nsec: LAST_WORDS_NS };
        // SAFETY: the three calls are allowed in a handler; the pointer is to a local value.
        unsafe {
            libc::nanosleep(&raw const moment, null_mut());
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
        return;
    }
    stop(note);
}

/// Where a stop of the calling thread is noted; null outside of slices.
pub(super) fn note() -> *const Note {
    NOTE.with(Cell::get)
}

/// Stops the calling thread for ever. To be called in a handler that blocks all signals.
pub(super) fn stop(note: *const Note) -> ! {
    // SAFETY: the note belongs to the shard's pulse, which this thread holds for ever now.
    unsafe { (*note).stopped.store(true, Ordering::Release) };
    loop {
        // SAFETY: takes no pointer. All signals are blocked here, so it never returns.
        unsafe { libc::pause() };
    }
}
