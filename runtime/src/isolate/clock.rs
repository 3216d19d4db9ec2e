//! Threads' CPU clocks, which any thread of the process may read.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The CPU clock of one thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadClock(ClockId);

impl ThreadClock {
    /// The clock of the calling thread.
    pub(crate) fn of_current_thread() -> ThreadClock {
        // The kernel's encoding of a thread's clock (clock_getcpuclockid(3), and
        // include/linux/posix-timers.h: CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED).
        let thread = nix::unistd::gettid().as_raw();
        ThreadClock(ClockId::from_raw((!thread << 3) | 0b110))
    }

    /// CPU time used by the thread, in nanoseconds; 0 once the thread is gone.
    pub(crate) fn now_ns(self) -> u64 {
        clock_gettime(self.0).map_or(0, |time| Duration::from(time).as_nanos() as u64)
    }
}

/// CPU time used by the calling thread, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map_or(0, |time| Duration::from(time).as_nanos() as u64)
}
