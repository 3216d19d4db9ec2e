//! Threads' CPU clocks, which any thread of the process may read.

use std::cell::Cell;
use std::time::{Duration, Instant};

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

/// How long the wall clock stands in for the CPU clock after a reading of it, in nanoseconds. A
/// reading is a system call, which costs a microsecond: as much as all else that is done around
/// a short slice.
const SPAN_NS: u64 = 250_000;

thread_local! {
    static READING: Reading = const { Reading::new() };
}

/// What was last read of a thread's clock.
struct Reading {
    cpu_ns: Cell<u64>,
    /// When; `None` where the thread has slept since.
    at: Cell<Option<Instant>>,
    last_ns: Cell<u64>,
}

impl Reading {
    const fn new() -> Self {
        Self { cpu_ns: Cell::new(0), at: Cell::new(None), last_ns: Cell::new(0) }
    }

    fn now_ns(&self) -> u64 {
        let now = Instant::now();
        let since_ns = self.at.get().map(|at| now.duration_since(at).as_nanos() as u64);
        let cpu_ns = match since_ns {
            Some(since_ns) if since_ns < SPAN_NS => self.cpu_ns.get() + since_ns,
            _ => {
                let read_ns = read_ns();
                self.cpu_ns.set(read_ns);
                self.at.set(Some(now));
                read_ns
            }
        };
        let now_ns = cpu_ns.max(self.last_ns.get());
        self.last_ns.set(now_ns);
        now_ns
    }
}

/// CPU time used by the calling thread, in nanoseconds. It never goes back, is never too little,
/// and too much only by what the thread was kept from running since the last reading of its clock:
/// at most [`SPAN_NS`]. What was too much is not counted again.
pub(crate) fn thread_cpu_ns() -> u64 {
    READING.with(Reading::now_ns)
}

/// The calling thread is about to sleep: the wall clock goes on, its own does not.
pub(crate) fn thread_sleeps() {
    READING.with(|reading| reading.at.set(None));
}

fn read_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map_or(0, |time| Duration::from(time).as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(time: Duration) {
        let began = read_ns();
        while read_ns() - began < time.as_nanos() as u64 {}
    }

    #[test]
    fn it_is_never_less_than_the_threads_clock_nor_goes_back() {
        let mut last_ns = 0;
        for _ in 0..20_000 {
            let least_ns = read_ns();
            let now_ns = thread_cpu_ns();
            assert!(now_ns >= least_ns, "{now_ns} for {least_ns}");
            assert!(now_ns >= last_ns, "{now_ns} after {last_ns}");
            last_ns = now_ns;
        }
    }

    #[test]
    fn what_was_too_much_is_not_counted_again() {
        let (began_ns, truly_began_ns) = (thread_cpu_ns(), read_ns());
        for _ in 0..50 {
            let _reading = thread_cpu_ns();
            std::thread::park_timeout(Duration::from_micros(100));
            work(Duration::from_micros(300));
        }
        let counted_ns = thread_cpu_ns() - began_ns;
        let used_ns = read_ns() - truly_began_ns;
        assert!(counted_ns <= used_ns + SPAN_NS, "{counted_ns} for {used_ns}");
    }

    #[test]
    fn sleep_is_not_counted_where_it_is_told() {
        let began_ns = thread_cpu_ns();
        let used_ns = read_ns();
        thread_sleeps();
        std::thread::park_timeout(Duration::from_micros(200));
        let counted_ns = thread_cpu_ns() - began_ns;
        let used_ns = read_ns() - used_ns;
        assert!(counted_ns <= used_ns + SPAN_NS / 2, "{counted_ns} for {used_ns}");
    }
}
