//! What time it is for queues, in milliseconds. Timers are not here: nothing in a queue wakes up by
//! itself.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells queues the time; a test brings its own.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time of day, in milliseconds since the UNIX epoch.
    fn now_ms(&self) -> u64;

    /// The time since some moment, by a clock that nobody can set and that never jumps.
    fn elapsed(&self) -> Duration;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    now_ms: AtomicU64,
    elapsed_ms: AtomicU64,
}

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        // A clock set before 1970 reads as 1970: nothing has expired yet.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        milliseconds(since_epoch)
    }

    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

impl ManualClock {
    /// A clock that stands at `now_ms`.
    pub const fn new(now_ms: u64) -> Self {
        Self { now_ms: AtomicU64::new(now_ms), elapsed_ms: AtomicU64::new(0) }
    }

    /// Lets time go by.
    pub fn advance(&self, time: Duration) {
        self.elapsed_ms.fetch_add(milliseconds(time), Ordering::Relaxed);
        self.now_ms.fetch_add(milliseconds(time), Ordering::Relaxed);
    }

    /// Sets the clock, as somebody sets the time of day: no time goes by.
    pub fn set(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Ordering::Relaxed))
    }
}

/// A time in whole milliseconds, or the longest that can be told.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
