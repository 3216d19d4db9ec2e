//! Waiting for what happens on a node by itself: until something is there, or an event has ended.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{Lines, PATIENCE};

/// A pace, and nothing that is waited for.
const LOOKED_EACH: Duration = Duration::from_millis(20);

/// Waits until something is there. Where it is not, `look` says what there is instead.
///
/// # Panics
/// When it is not there in time.
pub(crate) fn until<T>(look: impl FnMut() -> Result<T, String>) -> T {
    until_by(Instant::now() + PATIENCE, look)
}

/// The same until a moment that is named.
pub(crate) fn until_by<T>(end: Instant, mut look: impl FnMut() -> Result<T, String>) -> T {
    loop {
        match look() {
            Ok(found) => return found,
            Err(instead) => assert!(Instant::now() < end, "it does not come in time: {instead}"),
        }
        thread::park_timeout(LOOKED_EACH);
    }
}

/// Waits for the next line of the log that says how an event of that worker and kind has ended.
///
/// # Panics
/// When there is none in time.
pub(crate) fn ended(log: &mut Lines, worker: &str, kind: &str) -> Value {
    let (end, of_worker) = (Instant::now() + PATIENCE, format!("\"worker\":\"{worker}\""));
    loop {
        let line = log.until(&of_worker);
        let event: Value = serde_json::from_str(&line).expect("a line is JSON");
        if event["target"] == "isolane::event" && event["kind"] == kind {
            return event;
        }
        assert!(Instant::now() < end, "no {kind} of {worker} ends; the last line was {line}");
    }
}
