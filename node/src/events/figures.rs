//! What the node counts of the events that it sends by itself. What queues count of their messages is
//! theirs.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Counters of what becomes of events before they run; how they end is counted for all kinds alike.
#[derive(Debug, Default)]
pub(super) struct Figures {
    crons_not_run: Counter,
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
struct FateLabels {
    fate: &'static str,
}

impl Figures {
    /// A cron was due, and its worker could not run.
    pub(super) fn cron_not_run(&self) {
        self.crons_not_run.inc();
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
        let help = "Crons that were due and have not run, because their worker could not";
        registry.register("crons_not_run", help, self.crons_not_run.clone());
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
    fn what_does_not_run_is_counted() {
        let figures = Figures::default();
        figures.cron_not_run();
        figures.batch_given_back();
        figures.traces(TraceFate::Dropped, 3);
        figures.traces(TraceFate::Delivered, 0);
        let mut registry = Registry::default();
        figures.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "crons_not_run_total 1",
            "queue_batches_given_back_total 1",
            "tail_traces_total{fate=\"dropped\"} 3",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}: {text}");
        }
        assert!(!text.contains("delivered\"}"), "{text}");
    }
}
