//! The process's own clock, for what is compared between threads. Not here: how much CPU time a thread has
//! used (`isolate/clock.rs`), and what a worker takes for the time (the bindings).

use std::sync::LazyLock;
use std::time::Instant;

/// Milliseconds since this was first asked. They never go back; those of two processes have nothing to do
/// with each other.
pub(crate) fn now_ms() -> u64 {
    static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
    EPOCH.elapsed().as_millis() as u64
}
