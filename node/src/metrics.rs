//! What a node counts about its workers, for Prometheus: events by kind and outcome, incidents by worker
//! (`metrics/incidents.rs`), the runtime's figures of the moment, and what the front refuses. What the
//! KV store and the admin API count is their own.

mod incidents;

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use runtime::{EventReport, Eviction, Incident, Kind, Observer, Outcome, Runtime};

use crate::deployments::Deployments;
use crate::front::TurnedAway;
use incidents::{IncidentFigures, Incidents};

/// The counters of a node, which observe what its runtime does.
pub struct Metrics {
    events: Family<EventLabels, Counter>,
    /// The counters of `events` in the order of [`Kind`] and of [`Outcome`], so that counting takes no lock.
    by_kind: [[Counter; Outcome::ALL.len()]; Kind::ALL.len()],
    incidents: Arc<Incidents>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    kind: &'static str,
    outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let events = Family::<EventLabels, Counter>::default();
        let counter = |kind: Kind, outcome: Outcome| {
            let labels = EventLabels { kind: kind.as_str(), outcome: outcome.as_str() };
            events.get_or_create_owned(&labels)
        };
        let by_kind = Kind::ALL.map(|kind| Outcome::ALL.map(|outcome| counter(kind, outcome)));
        Self { events, by_kind, incidents: Arc::default() }
    }
}

impl Metrics {
    /// Counts an event that is over.
    pub fn event(&self, kind: Kind, outcome: Outcome) {
        let counters = self.by_kind.get(kind as usize);
        if let Some(counter) = counters.and_then(|counters| counters.get(outcome as usize)) {
            counter.inc();
        }
    }

    /// Answers whether an incident is to be told, at most once a second for each worker and resource;
    /// then with the number of those like it that were not.
    pub(crate) fn tell(&self, incident: &Incident) -> Option<u64> {
        self.incidents.tell(incident)
    }

    /// Adds them to a registry. Where these are the workers, names of others are shown once.
    pub(crate) fn register(&self, registry: &mut Registry, workers: Option<Arc<Deployments>>) {
        registry.register(
            "events",
            "Events that are over, by kind and outcome",
            self.events.clone(),
        );
        let is_worker = move |name: &str| workers.as_ref().is_none_or(|workers| workers.has(name));
        registry.register_collector(Box::new(IncidentFigures {
            incidents: Arc::clone(&self.incidents),
            is_worker: Box::new(is_worker),
        }));
    }
}

impl Observer for Metrics {
    fn event_ended(&self, report: &EventReport) {
        self.event(report.kind, report.outcome);
    }

    fn incident(&self, incident: &Incident) {
        self.incidents.count(incident);
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

/// Adds a counter with a label for the reason, which has one of these names. Answers one for each.
pub(crate) fn register_by_reason<const N: usize>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    reasons: [&'static str; N],
) -> [Counter; N] {
    let family = Family::<ReasonLabels, Counter>::default();
    let counters = reasons.map(|reason| family.get_or_create_owned(&ReasonLabels { reason }));
    registry.register(name, help, family);
    counters
}

/// Adds how many connections were closed because memory was short.
pub(crate) fn register_shed(registry: &mut Registry, connections: &Counter) {
    let help = "Connections closed because memory was short, of the client address with the most of \
                it, or of trusted proxies";
    registry.register("shed_connections", help, connections.clone());
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
        gauge("inline_paused", "1 while no worker runs inline, after a hang there", stats.paused)?;
        let memory = self.0.memory();
        gauge("memory_bytes", "Resident memory", memory.used_bytes)?;
        gauge("memory_ceiling_bytes", "Memory that the node may use", memory.ceiling_bytes)?;
        gauge("memory_isolates_bytes", "Memory of isolates", memory.isolates_bytes)?;
        gauge("memory_lost_bytes", "Memory in shards that were given up", memory.lost_bytes)?;
        gauge("mappings", "Memory mappings", memory.mappings)?;
        gauge("mappings_limit", "Memory mappings that the system allows", memory.mappings_limit)?;
        gauge("threads", "Threads", memory.threads)?;
        gauge("open_descriptors", "Open file descriptors", memory.descriptors)?;
        let evicted = Eviction::ALL.map(Eviction::as_str).into_iter().zip(stats.evicted);
        by_reason(&mut encoder, "evicted_isolates", "Isolates given up, by reason", evicted)
    }
}

/// What a front has refused at the moment it is asked for.
pub(crate) struct FrontFigures(pub(crate) Box<dyn Fn() -> TurnedAway + Send + Sync>);

impl fmt::Debug for FrontFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrontFigures")
    }
}

impl Collector for FrontFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let TurnedAway { connections, heads, cut_off } = (self.0)();
        let mut count = |name: &str, help: &str, value: u64| {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)
        };
        let help = "Connections closed at once, because their client address had as many as it may";
        count("refused_connections", help, connections)?;
        let help = "Requests refused, because there was no room for their heads";
        count("refused_heads", help, heads)?;
        let help = "Clients cut off that were too slow, or for which there was no room, by reason";
        by_reason(&mut encoder, "cut_off_clients", help, cut_off)
    }
}

/// A counter with a label for the reason.
fn by_reason(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: impl IntoIterator<Item = (&'static str, u64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (reason, count) in counts {
        ConstCounter::new(count).encode(metric.encode_family(&[("reason", reason)])?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_by_their_kind_and_outcome() {
        let metrics = Metrics::default();
        metrics.event(Kind::Queue, Outcome::ExceededCpu);
        metrics.event(Kind::Queue, Outcome::ExceededCpu);
        let mut registry = Registry::default();
        metrics.register(&mut registry, None);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let line = "events_total{kind=\"queue\",outcome=\"exceededCpu\"} 2";
        assert!(text.lines().any(|it| it == line), "{text}");
        let line = "events_total{kind=\"fetch\",outcome=\"exceededCpu\"} 0";
        assert!(text.lines().any(|it| it == line), "{text}");
    }

    #[test]
    fn what_a_front_refuses_is_counted_by_its_reason() {
        let cut_off = vec![("head", 3), ("body", 4)];
        let turned_away = TurnedAway { connections: 1, heads: 2, cut_off };
        let mut registry = Registry::default();
        let figures = FrontFigures(Box::new(move || turned_away.clone()));
        registry.register_collector(Box::new(figures));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "refused_connections_total 1",
            "refused_heads_total 2",
            "cut_off_clients_total{reason=\"head\"} 3",
            "cut_off_clients_total{reason=\"body\"} 4",
        ] {
            assert!(text.lines().any(|it| it == line), "{text}");
        }
    }
}
