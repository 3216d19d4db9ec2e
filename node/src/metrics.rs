//! What a node counts about its workers, for Prometheus: events by outcome, incidents by worker,
//! and the runtime's figures of the moment. What the KV store counts is its own.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use runtime::{Incident, Outcome, Runtime};

/// Workers that incidents are counted for by name; those of further ones are counted together, so
/// that tenants cannot make the metrics grow.
const MAX_NAMED_WORKERS: usize = 1000;

/// The name for the workers beyond [`MAX_NAMED_WORKERS`].
const OTHERS: &str = "(others)";

/// The counters of a node.
pub struct Metrics {
    events: Family<OutcomeLabels, Counter>,
    /// The counters of `events` in the order of [`Outcome`], so that counting takes no lock.
    by_outcome: [Counter; Outcome::ALL.len()],
    incidents: Family<IncidentLabels, Counter>,
    named: Mutex<HashSet<Arc<str>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct IncidentLabels {
    kind: &'static str,
    resource: &'static str,
    worker: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let events = Family::<OutcomeLabels, Counter>::default();
        let by_outcome = Outcome::ALL.map(|outcome| {
            events.get_or_create_owned(&OutcomeLabels { outcome: outcome.as_str() })
        });
        Self { events, by_outcome, incidents: Family::default(), named: Mutex::default() }
    }
}

impl Metrics {
    /// Counts an event that is over.
    pub fn event(&self, outcome: Outcome) {
        if let Some(counter) = self.by_outcome.get(outcome as usize) {
            counter.inc();
        }
    }

    /// Counts an incident.
    pub fn incident(&self, incident: &Incident) {
        let labels = IncidentLabels {
            kind: incident.kind.as_str(),
            resource: incident.kind.resource().map_or("", |resource| resource.as_str()),
            worker: incident.worker.as_ref().map_or(String::new(), |worker| self.name(worker)),
        };
        self.incidents.get_or_create(&labels).inc();
    }

    /// Adds them to a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("events", "Events that are over, by outcome", self.events.clone());
        let help = "Refusals, evictions, lost shards and quarantines, by the worker at fault";
        registry.register("incidents", help, self.incidents.clone());
    }

    fn name(&self, worker: &Arc<str>) -> String {
        let mut named = self.named.lock();
        if !named.contains(worker) {
            if named.len() >= MAX_NAMED_WORKERS {
                return OTHERS.to_owned();
            }
            named.insert(Arc::clone(worker));
        }
        worker.to_string()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// Adds how often the node was started anew, by reason, and when this process was.
pub(crate) fn register_restarts(
    registry: &mut Registry,
    restarts: impl IntoIterator<Item = (&'static str, u64)>,
) {
    let counted = Family::<ReasonLabels, Counter>::default();
    for (reason, count) in restarts {
        counted.get_or_create(&ReasonLabels { reason }).inc_by(count);
    }
    registry.register("restarts", "New processes of the node, by reason", counted);
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let started = Gauge::<i64>::default();
    started.set(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX));
    let help = "When this process of the node was started, in seconds since the UNIX epoch";
    registry.register("process_start_time_seconds", help, started);
}

/// The runtime's figures at the moment they are asked for.
pub(crate) struct RuntimeFigures(pub(crate) Runtime);

impl fmt::Debug for RuntimeFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RuntimeFigures")
    }
}

impl Collector for RuntimeFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let stats = self.0.stats();
        let mut gauge = |name: &str, help: &str, value: usize| {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge("isolates", "Isolates with a worker in them", stats.isolates)?;
        gauge("spare_isolates", "Isolates made ahead", stats.spares)?;
        gauge("events_running", "Events that run or wait", stats.events)?;
        gauge("lost_shards", "Shards given up since the start", stats.abandoned_shards)?;
        let memory = self.0.memory();
        gauge("memory_bytes", "Resident memory", memory.used_bytes)?;
        gauge("memory_ceiling_bytes", "Memory that the node may use", memory.ceiling_bytes)?;
        gauge("memory_isolates_bytes", "Memory of isolates", memory.isolates_bytes)?;
        gauge("memory_lost_bytes", "Memory in shards that were given up", memory.lost_bytes)?;
        gauge("mappings", "Memory mappings", memory.mappings)?;
        gauge("mappings_limit", "Memory mappings that the system allows", memory.mappings_limit)?;
        gauge("threads", "Threads", memory.threads)?;
        gauge("open_descriptors", "Open file descriptors", memory.descriptors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::{IncidentKind, Resource};

    fn text(metrics: &Metrics) -> String {
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn events_and_incidents_are_counted_by_their_names() {
        let metrics = Metrics::default();
        metrics.event(Outcome::ExceededCpu);
        metrics.event(Outcome::ExceededCpu);
        metrics.incident(&Incident {
            kind: IncidentKind::Refused(Resource::Memory),
            worker: Some("greedy".into()),
            detail: String::new(),
        });
        let text = text(&metrics);
        assert!(text.contains("events_total{outcome=\"exceededCpu\"} 2"), "{text}");
        let line = "incidents_total{kind=\"refused\",resource=\"memory\",worker=\"greedy\"} 1";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn workers_cannot_make_the_metrics_grow() {
        let metrics = Metrics::default();
        for number in 0..MAX_NAMED_WORKERS + 7 {
            let worker = Some(format!("w{number}").into());
            let kind = IncidentKind::ShardLost;
            metrics.incident(&Incident { kind, worker, detail: String::new() });
        }
        let text = text(&metrics);
        let others = format!("worker=\"{OTHERS}\"}} 7");
        assert!(text.contains(&others), "{text}");
    }
}
