//! Rates, percentiles, and what the system knows of the process and its files.

use std::path::Path;
use std::time::Duration;

use crate::Failed;

/// What a round was: the time of each call, the time of all, and how many messages were in each.
pub(crate) struct Round {
    pub(crate) each: Vec<Duration>,
    pub(crate) all: Duration,
    pub(crate) in_each: usize,
}

impl Round {
    fn per_second(&self) -> f64 {
        (self.each.len() * self.in_each) as f64 / self.all.as_secs_f64()
    }
}

/// Prints the head of the table.
pub(crate) fn header() {
    println!("{:<34} {:>36} {:>11} {:>11}", "operation", "messages a second", "p50 µs", "p99 µs");
}

/// Prints the rounds of an operation as one row.
pub(crate) fn row(name: &str, rounds: &[Round]) {
    let mut rates: Vec<f64> = rounds.iter().map(Round::per_second).collect();
    rates.sort_by(f64::total_cmp);
    let mut each: Vec<Duration> = rounds.iter().flat_map(|round| &round.each).copied().collect();
    each.sort();
    let at = |part: f64| {
        let rank = (each.len().saturating_sub(1) as f64 * part) as usize;
        each.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    let rate = |rank: usize| rates.get(rank).copied().unwrap_or_default();
    let spread = format!(
        "{:.0} ({:.0} .. {:.0})",
        rate(rates.len() / 2),
        rate(0),
        rate(rates.len().saturating_sub(1))
    );
    println!("{name:<34} {spread:>36} {:>11.2} {:>11.2}", at(0.5), at(0.99));
}

/// The memory of this process that is resident, in MiB.
pub(crate) fn rss_mib() -> Result<u64, Failed> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line.and_then(|line| line.split_whitespace().next()).unwrap_or("0").parse()?;
    Ok(kib / 1024)
}

/// What the files in a folder take on disk, in MiB.
pub(crate) fn disk_mib(folder: &Path) -> Result<u64, Failed> {
    use std::os::unix::fs::MetadataExt as _;
    let mut blocks = 0;
    for entry in std::fs::read_dir(folder)? {
        blocks += entry?.metadata()?.blocks();
    }
    Ok((blocks * 512) >> 20)
}
