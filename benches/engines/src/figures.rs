//! Rates and percentiles, and the memory of this process.

use std::time::{Duration, Instant};

use crate::Failed;

/// Shows how often a second something was done, and how long each time took.
pub(crate) fn show(what: &str, each_does: usize, mut times: Vec<Duration>, all: Duration) {
    times.sort();
    let at = |part: f64| {
        let rank = (times.len().saturating_sub(1) as f64 * part) as usize;
        times.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    let rate = (times.len() * each_does) as f64 / all.as_secs_f64();
    let (p50, p99, max) = (at(0.5), at(0.99), at(1.0));
    println!(
        "{what:<18} {rate:>10.0}/s   p50 {p50:>9.1} µs   p99 {p99:>9.1} µs   max {max:>9.1} µs"
    );
}

/// Shows how long one thing took, and the memory of this process after it.
pub(crate) fn show_once(what: &str, began: Instant) -> Result<(), Failed> {
    let milliseconds = began.elapsed().as_secs_f64() * 1e3;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("unknown");
    println!("{what:<18} {milliseconds:>10.1} ms  RSS {}", rss.trim());
    Ok(())
}
