//! What the node counts of the events that it sends by itself. What queues count of their messages is
//! theirs.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use runtime::Outcome;

/// Counters of the events that are no requests.
#[derive(Debug, Default)]
pub(super) struct Figures {
    crons: Family<OutcomeLabels, Counter>,
    batches: Family<OutcomeLabels, Counter>,
    given_back: Counter,
    traces: Family<FateLabels, Counter>,
}

/// What has become of a trace that a worker is to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TraceFate {
    /// The worker was called with it, whatever it did.
    Delivered,
    /// There were too many.
    Dropped,
    /// The worker is not there, cannot start, or may not be told.
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FateLabels {
    fate: &'static str,
}

impl Figures {
    /// A cron's event is over, or was refused.
    pub(super) fn cron_ended(&self, outcome: Outcome) {
        self.crons.get_or_create(&OutcomeLabels { outcome: outcome.as_str() }).inc();
    }

    /// A batch's event is over.
    pub(super) fn batch_ended(&self, outcome: Outcome) {
        self.batches.get_or_create(&OutcomeLabels { outcome: outcome.as_str() }).inc();
    }

    /// A batch was not delivered.
    pub(super) fn batch_given_back(&self) {
        self.given_back.inc();
    }

    /// So many traces have come to that.
    pub(super) fn traces(&self, fate: TraceFate, count: u64) {
        if count > 0 {
            self.traces.get_or_create(&FateLabels { fate: fate.as_str() }).inc_by(count);
        }
    }

    /// Adds them to a registry.
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Crons that were run, by the outcome of their events";
        registry.register("cron_runs", help, self.crons.clone());
        let help = "Batches of messages that workers were called with, by the events' outcome";
        registry.register("queue_batches", help, self.batches.clone());
        let help = "Batches of messages that were given back, because their worker could not run";
        registry.register("queue_batches_given_back", help, self.given_back.clone());
        let help = "Traces of events for workers that are told of them, by what has become of them";
        registry.register("tail_traces", help, self.traces.clone());
    }
}

impl TraceFate {
    /// The name in metrics.
    fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Dropped => "dropped",
            Self::Refused => "refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_by_what_they_came_to() {
        let figures = Figures::default();
        figures.cron_ended(Outcome::Ok);
        figures.cron_ended(Outcome::Exception);
        figures.batch_ended(Outcome::Ok);
        figures.batch_given_back();
        figures.traces(TraceFate::Dropped, 3);
        figures.traces(TraceFate::Delivered, 0);
        let mut registry = Registry::default();
        figures.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "cron_runs_total{outcome=\"ok\"} 1",
            "cron_runs_total{outcome=\"exception\"} 1",
            "queue_batches_total{outcome=\"ok\"} 1",
            "queue_batches_given_back_total 1",
            "tail_traces_total{fate=\"dropped\"} 3",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}: {text}");
        }
        assert!(!text.contains("delivered\"}"), "{text}");
    }
}
