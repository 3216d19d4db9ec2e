//! What the store counts about itself, for an operator.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Counts, and how long things take.
pub(super) struct Metrics {
    hits: Counter,
    misses: Counter,
    changes: Counter,
    group_changes: Histogram,
    commit: Histogram,
    checkpoint: Histogram,
    read: Histogram,
    swept: Counter,
    log_bytes: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let seconds = || Histogram::new(exponential_buckets(20e-6, 2.0, 18));
        Self {
            hits: Counter::default(),
            misses: Counter::default(),
            changes: Counter::default(),
            group_changes: Histogram::new(exponential_buckets(1.0, 2.0, 13)),
            commit: seconds(),
            checkpoint: seconds(),
            read: seconds(),
            swept: Counter::default(),
            log_bytes: Gauge::default(),
        }
    }

    /// Adds them to a registry. Their names begin with that registry's prefix.
    pub(super) fn register(&self, registry: &mut Registry) {
        let seconds = || Unit::Seconds;
        registry.register("cache_hits", "Reads answered from memory", self.hits.clone());
        registry.register("cache_misses", "Reads that looked into the tables", self.misses.clone());
        registry.register("changes", "Puts and deletes committed", self.changes.clone());
        let help = "Changes committed with one sync of the disk";
        registry.register("commit_changes", help, self.group_changes.clone());
        let help = "Time from taking a group of writes to its being on disk and visible";
        registry.register_with_unit("commit", help, seconds(), self.commit.clone());
        let help = "Time for bringing the log into the tables for good";
        registry.register_with_unit("checkpoint", help, seconds(), self.checkpoint.clone());
        let help = "Time from asking for what is not in memory to having it";
        registry.register_with_unit("read", help, seconds(), self.read.clone());
        registry.register("swept_keys", "Expired keys removed", self.swept.clone());
        let help = "Bytes of the log that a restart would have to replay";
        registry.register("log_bytes", help, self.log_bytes.clone());
    }

    pub(super) fn hit(&self) {
        self.hits.inc();
    }

    pub(super) fn miss(&self) {
        self.misses.inc();
    }

    pub(super) fn read(&self, time: Duration) {
        self.read.observe(time.as_secs_f64());
    }

    pub(super) fn committed(&self, changes: usize, time: Duration) {
        tracing::trace!(changes, micros = time.as_micros() as u64, "committed");
        if changes > 0 {
            self.changes.inc_by(changes as u64);
            self.group_changes.observe(changes as f64);
            self.commit.observe(time.as_secs_f64());
        }
        if time > Duration::from_secs(1) {
            tracing::warn!(
                changes,
                millis = time.as_millis() as u64,
                "a slow commit of the KV store"
            );
        }
    }

    pub(super) fn checkpoint(&self, time: Duration) {
        tracing::debug!(micros = time.as_micros() as u64, "checkpoint of the KV store");
        self.checkpoint.observe(time.as_secs_f64());
    }

    pub(super) fn log_bytes(&self, bytes: u64) {
        self.log_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(super) fn swept(&self, keys: usize) {
        self.swept.inc_by(keys as u64);
    }
}
