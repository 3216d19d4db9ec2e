//! Who learns what happens in a runtime, and the fan-out to all of them: the log, the metrics, traces,
//! tests. Not here: what is reported (`event.rs`, `incident.rs`).

use std::sync::Arc;

use bindings::event::Idle;

use crate::event::{EventBegan, EventReport};
use crate::incident::{Incident, IncidentKind, Resource};

/// Learns what happens in a runtime. Called on the shards: must not block. Whoever is interested in a part
/// leaves the rest as it is.
pub trait Observer: Send + Sync + 'static {
    /// Whether it wants what a trace of the worker's events tells: what each request was, and that an
    /// event has begun. Asked once for each event, when it begins.
    fn wants_traces(&self, _worker: &Arc<str>) -> bool {
        false
    }

    /// An event has begun of a worker of which somebody wants traces.
    fn event_began(&self, _event: &EventBegan<'_>) {}

    /// An event is over.
    fn event_ended(&self, _report: &EventReport) {}

    /// A worker wrote to its console.
    fn console(&self, _line: &ConsoleLine<'_>) {}

    /// Whether what `console` prints of values has colours, as escape sequences of a terminal. If one of
    /// all observers wants that, the lines have them for all.
    fn colours(&self) -> bool {
        false
    }

    /// An isolate that serves a worker has started it: the names of its handlers, called or not.
    fn started(&self, _worker: &str, _handlers: &[String]) {}

    /// A worker has used what is there and does nothing yet: told once for each of its isolates.
    fn used_what_is_idle(&self, _worker: &str, _what: Idle) {}

    /// The node was protected from a worker's code, or a worker from another.
    fn incident(&self, _incident: &Incident) {}
}

/// A line of a worker's console.
#[derive(Debug, Clone, Copy)]
pub struct ConsoleLine<'a> {
    /// The worker's name.
    pub worker: &'a Arc<str>,
    /// The version's identifier.
    pub version: &'a Arc<str>,
    /// The number of the event that has written it, as its report has it; `None` outside of events.
    pub event: Option<u64>,
    /// The level.
    pub level: ConsoleLevel,
    /// The text, of one line or several.
    pub text: &'a str,
}

/// The level of a line of a worker's console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsoleLevel {
    /// `console.debug`.
    Debug,
    /// `console.log`, `console.info` and what has no level of its own.
    Log,
    /// `console.warn`.
    Warn,
    /// `console.error`.
    Error,
}

impl ConsoleLevel {
    /// From the number that the bindings use.
    pub(crate) fn from_index(level: i32) -> ConsoleLevel {
        match level {
            0 => ConsoleLevel::Debug,
            1 => ConsoleLevel::Log,
            2 => ConsoleLevel::Warn,
            _ => ConsoleLevel::Error,
        }
    }
}

/// All observers of a runtime. Clones are the same ones.
#[derive(Clone)]
pub(crate) struct Observers(Arc<[Arc<dyn Observer>]>);

impl Observers {
    pub(crate) fn new(observers: Vec<Arc<dyn Observer>>) -> Observers {
        Observers(observers.into())
    }

    /// Whether any wants traces of a worker.
    pub(crate) fn want_traces(&self, worker: &Arc<str>) -> bool {
        self.0.iter().any(|observer| observer.wants_traces(worker))
    }

    /// An event has begun of which somebody wants a trace.
    pub(crate) fn event_began(&self, event: &EventBegan<'_>) {
        self.0.iter().for_each(|observer| observer.event_began(event));
    }

    /// An event is over.
    pub(crate) fn event_ended(&self, report: &EventReport) {
        self.0.iter().for_each(|observer| observer.event_ended(report));
    }

    /// A worker wrote to its console.
    pub(crate) fn console(&self, line: &ConsoleLine<'_>) {
        self.0.iter().for_each(|observer| observer.console(line));
    }

    /// Whether any wants colours.
    pub(crate) fn colours(&self) -> bool {
        self.0.iter().any(|observer| observer.colours())
    }

    /// An isolate that serves a worker has started it.
    pub(crate) fn started(&self, worker: &str, handlers: &[String]) {
        self.0.iter().for_each(|observer| observer.started(worker, handlers));
    }

    /// A worker has used what is there and does nothing yet.
    pub(crate) fn used_what_is_idle(&self, worker: &str, what: Idle) {
        self.0.iter().for_each(|observer| observer.used_what_is_idle(worker, what));
    }

    /// The node was protected from a worker's code, or a worker from another.
    pub(crate) fn incident(&self, incident: &Incident) {
        self.0.iter().for_each(|observer| observer.incident(incident));
    }

    /// A worker does not get what it needs of the node.
    pub(crate) fn refused(&self, worker: &Arc<str>, resource: Resource, detail: String) {
        self.tell(IncidentKind::Refused(resource), worker, detail);
    }

    /// Tells of an incident that is about a worker.
    pub(crate) fn tell(&self, kind: IncidentKind, worker: &Arc<str>, detail: String) {
        self.incident(&Incident { kind, worker: Some(worker.clone()), detail });
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[derive(Default)]
    struct Lines {
        texts: Mutex<Vec<String>>,
        traced: &'static str,
    }

    impl Observer for Lines {
        fn wants_traces(&self, worker: &Arc<str>) -> bool {
            **worker == *self.traced
        }

        fn console(&self, line: &ConsoleLine<'_>) {
            self.texts.lock().push(line.text.to_owned());
        }
    }

    #[test]
    fn all_observers_hear_of_everything_and_one_is_enough_to_want_traces() {
        let log = Arc::new(Lines::default());
        let tails = Arc::new(Lines { traced: "shop", ..Lines::default() });
        let both = [&log, &tails].map(|one| one.clone() as Arc<dyn Observer>);
        let observers = Observers::new(both.into());
        let (worker, version) = (Arc::from("shop"), Arc::from("1"));
        let (level, text) = (ConsoleLevel::from_index(2), "a");
        observers.console(&ConsoleLine {
            worker: &worker,
            version: &version,
            event: None,
            level,
            text,
        });
        for one in [log, tails] {
            assert_eq!(*one.texts.lock(), ["a"]);
        }
        assert_eq!(level, ConsoleLevel::Warn);
        assert!(observers.want_traces(&worker) && !observers.want_traces(&version));
    }

    #[test]
    fn a_runtime_may_have_no_observer() {
        let observers = Observers::new(Vec::new());
        assert!(!observers.colours() && !observers.want_traces(&Arc::from("shop")));
    }
}
