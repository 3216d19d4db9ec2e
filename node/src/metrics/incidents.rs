//! Incidents, counted by worker. They are counted on the shards that serve requests, one for each
//! request that is refused, so that counting takes no lock. Which of them have a line in the log is
//! decided here, too. Not here: how the line looks (`log.rs`).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use runtime::{Incident, IncidentKind, Pace};

/// Workers that incidents are counted for by name; those of further ones are counted together, so
/// that tenants cannot make the metrics grow.
const MAX_NAMED_WORKERS: usize = 1000;

/// The name for the workers beyond [`MAX_NAMED_WORKERS`].
const OTHERS: &str = "(others)";

const HELP: &str = "Refusals, evictions, lost shards and quarantines, by the worker at fault.";

/// Whether there is a worker of that name.
pub(super) type IsWorker = Box<dyn Fn(&str) -> bool + Send + Sync>;

type Named = HashMap<Arc<str>, Arc<Counts>>;

/// The counts of a node.
#[derive(Default)]
pub(super) struct Incidents {
    /// Copied where a name comes or goes, which is seldom.
    named: ArcSwap<Named>,
    others: Counts,
    /// Those that no single worker is the reason of.
    of_node: Counts,
}

/// Of one worker, each kind.
#[derive(Default)]
struct Counts([Count; IncidentKind::COUNT]);

#[derive(Default)]
struct Count {
    all: AtomicU64,
    pace: Pace,
}

/// The counts as they are shown. Names without a worker are shown once more and then forgotten.
pub(super) struct IncidentFigures {
    pub(super) incidents: Arc<Incidents>,
    pub(super) is_worker: IsWorker,
}

impl Incidents {
    /// Counts one.
    pub(super) fn count(&self, incident: &Incident) {
        self.with(incident, |count| count.all.fetch_add(1, Ordering::Relaxed));
    }

    /// Answers whether one is to be told; then with the number of those like it that were not. What is
    /// about a resource is told once a second for each worker.
    pub(super) fn tell(&self, incident: &Incident) -> Option<u64> {
        match incident.kind.resource() {
            Some(_) => self.with(incident, |count| count.pace.tell()).unwrap_or(Some(0)),
            None => Some(0),
        }
    }

    /// Does something with the count that one is for.
    fn with<T>(&self, incident: &Incident, act: impl FnOnce(&Count) -> T) -> Option<T> {
        let named = incident.worker.as_ref().map(|worker| self.named(worker));
        let counts: &Counts = match &named {
            None => &self.of_node,
            Some(None) => &self.others,
            Some(Some(counts)) => counts,
        };
        counts.0.get(incident.kind.index()).map(act)
    }

    /// The counts of that worker, if it is among those that are counted by name.
    fn named(&self, worker: &Arc<str>) -> Option<Arc<Counts>> {
        let find = |named: &Named| named.get(worker).cloned();
        let known = self.named.load();
        if let Some(counts) = find(&known) {
            return Some(counts);
        }
        if known.len() >= MAX_NAMED_WORKERS {
            return None;
        }
        drop(known);
        self.named.rcu(|named| {
            let mut named = Named::clone(named);
            if named.len() < MAX_NAMED_WORKERS {
                named.entry(Arc::clone(worker)).or_default();
            }
            named
        });
        find(&self.named.load())
    }

    /// Forgets the workers that are no more.
    fn forget(&self, is_worker: &IsWorker) {
        if self.named.load().keys().all(|name| is_worker(name)) {
            return;
        }
        self.named.rcu(|named| {
            let mut named = Named::clone(named);
            named.retain(|name, _| is_worker(name));
            named
        });
    }

    fn encode(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        self.of_node.encode("", encoder)?;
        for (name, counts) in self.named.load().iter() {
            counts.encode(name, encoder)?;
        }
        self.others.encode(OTHERS, encoder)
    }
}

impl Counts {
    fn encode(&self, worker: &str, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        for kind in IncidentKind::all() {
            let count = self.0.get(kind.index()).map_or(0, |it| it.all.load(Ordering::Relaxed));
            if count > 0 {
                let resource = kind.resource().map_or("", |resource| resource.as_str());
                let labels = [("kind", kind.as_str()), ("resource", resource), ("worker", worker)];
                ConstCounter::new(count).encode(encoder.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for IncidentFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IncidentFigures")
    }
}

impl Collector for IncidentFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor("incidents", HELP, None, MetricType::Counter)?;
        self.incidents.encode(&mut metric)?;
        self.incidents.forget(&self.is_worker);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;
    use runtime::Resource;

    use super::*;

    fn incident(kind: IncidentKind, worker: &str) -> Incident {
        Incident { kind, worker: Some(worker.into()), detail: String::new() }
    }

    fn shown(incidents: &Arc<Incidents>, is_worker: fn(&str) -> bool) -> String {
        let figures =
            IncidentFigures { incidents: Arc::clone(incidents), is_worker: Box::new(is_worker) };
        let mut registry = Registry::default();
        registry.register_collector(Box::new(figures));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn incidents_are_counted_by_their_names() {
        let incidents = Arc::<Incidents>::default();
        let refused = incident(IncidentKind::Refused(Resource::Memory), "greedy");
        incidents.count(&refused);
        incidents.count(&refused);
        incidents.count(&Incident { worker: None, ..refused });
        let text = shown(&incidents, |_| true);
        assert!(text.contains("# TYPE incidents counter"), "{text}");
        for line in [
            "incidents_total{kind=\"refused\",resource=\"memory\",worker=\"greedy\"} 2",
            "incidents_total{kind=\"refused\",resource=\"memory\",worker=\"\"} 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{text}");
        }
    }

    #[test]
    fn what_clients_cause_one_by_one_is_counted_each_time_and_told_once() {
        let incidents = Incidents::default();
        let refused = incident(IncidentKind::Refused(Resource::ClientBytes), "full");
        let other = incident(IncidentKind::Refused(Resource::Memory), "full");
        let lost = incident(IncidentKind::ShardLost, "full");
        let happens = |incident: &Incident| {
            incidents.count(incident);
            incidents.tell(incident)
        };
        assert_eq!(happens(&refused), Some(0));
        // Of a thousand in a row hardly any falls into another second.
        let told = (0..1000).filter(|_| happens(&refused).is_some()).count();
        assert!(told < 100, "{told}");
        assert_eq!(happens(&other), Some(0));
        assert_eq!((happens(&lost), happens(&lost)), (Some(0), Some(0)));
        let text = shown(&Arc::new(incidents), |_| true);
        let line = "kind=\"refused\",resource=\"clientBytes\",worker=\"full\"} 1001";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn workers_cannot_make_the_metrics_grow_and_leave_their_places_when_they_go() {
        let incidents = Arc::<Incidents>::default();
        for number in 0..MAX_NAMED_WORKERS + 7 {
            incidents.count(&incident(IncidentKind::ShardLost, &format!("w{number}")));
        }
        let is_worker = |name: &str| name == "w3";
        let text = shown(&incidents, is_worker);
        assert!(text.contains(&format!("worker=\"{OTHERS}\"}} 7")), "{text}");
        assert!(text.contains("worker=\"w4\"} 1"), "{text}");
        // All but one are no more, and there is room for others.
        incidents.count(&incident(IncidentKind::ShardLost, "new"));
        let text = shown(&incidents, is_worker);
        assert!(text.contains("worker=\"w3\"} 1") && text.contains("worker=\"new\"} 1"), "{text}");
        assert!(!text.contains("worker=\"w4\""), "{text}");
    }
}
