//! What time it is for the store, in whole seconds. Timers are not here: nothing in the store wakes
//! up by itself.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment in whole seconds since the UNIX epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(pub u64);

/// Tells the store the time; a test brings its own.
pub trait Clock: Send + Sync + 'static {
    /// The present second.
    fn now(&self) -> UnixSeconds;

    /// The time since some moment, by a clock that nobody can set and that never jumps.
    fn elapsed(&self) -> Duration;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicU64,
    elapsed_s: AtomicU64,
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl UnixSeconds {
    /// The moment `seconds` later, or the last one that can be told.
    #[must_use]
    pub fn saturating_add(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

/// Whether a key with this expiration is still seen at `now`: it is hidden from that second on.
pub(crate) fn is_visible(expiration: Option<UnixSeconds>, now: UnixSeconds) -> bool {
    expiration.is_none_or(|at| now < at)
}

impl Clock for SystemClock {
    fn now(&self) -> UnixSeconds {
        // A clock set before 1970 reads as 1970: nothing has expired yet.
        UnixSeconds(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()))
    }

    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn new(now: UnixSeconds) -> Self {
        Self { now: AtomicU64::new(now.0), elapsed_s: AtomicU64::new(0) }
    }

    /// Lets `seconds` go by.
    pub fn advance(&self, seconds: u64) {
        self.elapsed_s.fetch_add(seconds, Ordering::Relaxed);
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Sets the clock, as somebody sets the time of day: no time goes by.
    pub fn set(&self, now: UnixSeconds) {
        self.now.store(now.0, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixSeconds {
        UnixSeconds(self.now.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.elapsed_s.load(Ordering::Relaxed))
    }
}
