//! What queues count about themselves, for an operator.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use storage::Measure;

use crate::delivery::Settled;

use super::shared::Shared;

/// Queues that are shown by name, those with the most bytes; the others are shown together, so that
/// tenants cannot make the metrics grow.
const MAX_NAMED: usize = 100;

/// The name for the queues beyond [`MAX_NAMED`]; no queue has a name with a blank in it.
const OTHERS: &str = "(other queues)";

/// Counts of messages, and how long things take.
#[derive(Debug)]
pub(crate) struct Figures {
    sent: Counter,
    refused: Counter,
    delivered: Counter,
    acked: Counter,
    retried: Counter,
    dead_lettered: Counter,
    dropped: Counter,
    expired: Counter,
    commit: Histogram,
    checkpoint: Histogram,
    log_bytes: Gauge,
}

/// How much queues have at the moment it is asked for.
#[derive(Debug)]
struct Backlogs(Arc<Shared>);

impl Default for Figures {
    fn default() -> Self {
        let seconds = || Histogram::new(exponential_buckets(20e-6, 2.0, 18));
        Self {
            sent: Counter::default(),
            refused: Counter::default(),
            delivered: Counter::default(),
            acked: Counter::default(),
            retried: Counter::default(),
            dead_lettered: Counter::default(),
            dropped: Counter::default(),
            expired: Counter::default(),
            commit: seconds(),
            checkpoint: seconds(),
            log_bytes: Gauge::default(),
        }
    }
}

impl Figures {
    pub(super) fn sent(&self, messages: usize) {
        self.sent.inc_by(messages as u64);
    }

    pub(crate) fn refused(&self, messages: usize) {
        self.refused.inc_by(messages as u64);
    }

    pub(super) fn delivered(&self, messages: usize) {
        self.delivered.inc_by(messages as u64);
    }

    pub(super) fn settled(&self, settled: Settled) {
        self.acked.inc_by(settled.acked as u64);
        self.retried.inc_by(settled.retried as u64);
        self.dead_lettered.inc_by(settled.dead_lettered as u64);
        self.dropped.inc_by(settled.dropped as u64);
    }

    pub(super) fn expired(&self, messages: usize) {
        self.expired.inc_by(messages as u64);
    }

    pub(super) fn measured(&self, measure: Measure) {
        match measure {
            Measure::Group { changes, took } => {
                if changes > 0 {
                    self.commit.observe(took.as_secs_f64());
                }
                if took > Duration::from_secs(1) {
                    let millis = took.as_millis() as u64;
                    tracing::warn!(changes, millis, "a slow commit of the queues");
                }
            }
            Measure::Checkpoint { took } => self.checkpoint.observe(took.as_secs_f64()),
            Measure::Log { bytes } => {
                self.log_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
            }
        }
    }
}

impl Shared {
    /// Adds the figures to a registry. Their names begin with that registry's prefix.
    pub(crate) fn register(self: &Arc<Self>, registry: &mut Registry) {
        let figures = &self.figures;
        let mut count = |name: &str, help: &str, counter: &Counter| {
            registry.register(name, help, counter.clone());
        };
        count("sent_messages", "Messages that were stored", &figures.sent);
        count("refused_messages", "Messages beyond a queue's rate or room", &figures.refused);
        count("delivered_messages", "Messages handed to consumers", &figures.delivered);
        count("acked_messages", "Messages that were handled", &figures.acked);
        count("retried_messages", "Messages to be delivered once more", &figures.retried);
        let help = "Messages that went to a dead-letter queue";
        count("dead_lettered_messages", help, &figures.dead_lettered);
        let help = "Messages that failed too often where there is no dead-letter queue";
        count("dropped_messages", help, &figures.dropped);
        count("expired_messages", "Messages that nobody took in time", &figures.expired);
        let help = "Time from taking a group of changes to its being on disk and visible";
        let commit = figures.commit.clone();
        registry.register_with_unit("commit", help, Unit::Seconds, commit);
        let help = "Time for bringing the log into the tables for good";
        let checkpoint = figures.checkpoint.clone();
        registry.register_with_unit("checkpoint", help, Unit::Seconds, checkpoint);
        let help = "Bytes of the log that a restart would have to replay";
        registry.register("log_bytes", help, figures.log_bytes.clone());
        registry.register_collector(Box::new(Backlogs(Arc::clone(self))));
    }
}

impl Collector for Backlogs {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut queues: Vec<(Arc<str>, u64, u64)> = Vec::new();
        for line in self.0.lines() {
            let size = line.state.lock().size;
            queues.push((Arc::clone(&line.name), size.count, size.bytes));
        }
        queues.sort_by(|one, other| (other.2, &one.0).cmp(&(one.2, &other.0)));
        let others = queues.split_off(queues.len().min(MAX_NAMED));
        if !others.is_empty() {
            let (count, bytes) = others
                .iter()
                .fold((0, 0), |(count, bytes), queue| (count + queue.1, bytes + queue.2));
            queues.push((OTHERS.into(), count, bytes));
        }
        let shown = [
            ("backlog_messages", "Messages that are not acked, by queue", false),
            ("backlog_bytes", "Bytes of messages that are not acked, by queue", true),
        ];
        for (name, help, is_bytes) in shown {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (queue, count, bytes) in &queues {
                let value = if is_bytes { *bytes } else { *count };
                let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
                gauge.encode(metric.encode_family(&[("queue", &**queue)])?)?;
            }
        }
        Ok(())
    }
}
