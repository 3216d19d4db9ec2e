//! What time it is for the store, in whole seconds. Timers are not here: nothing in the store wakes
//! up by itself.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A moment in whole seconds since the UNIX epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(pub u64);

/// Tells the store the time; a test brings its own.
pub trait Clock: Send + Sync + 'static {
    /// The present second.
    fn now(&self) -> UnixSeconds;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicU64);

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
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn new(now: UnixSeconds) -> Self {
        Self(AtomicU64::new(now.0))
    }

    /// Moves the clock `seconds` ahead.
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixSeconds {
        UnixSeconds(self.0.load(Ordering::Relaxed))
    }
}
