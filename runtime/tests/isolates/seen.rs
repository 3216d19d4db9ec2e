//! What the runtime tells its observer, and waiting for it. Not here: how workers are called.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use isolane_runtime::{ConsoleLevel, ConsoleLine, EventReport, Incident, IncidentKind, Observer};
use parking_lot::Mutex;

use super::Worker;

/// The observer of the one runtime of the process.
pub(super) static SEEN: OnceLock<Arc<Seen>> = OnceLock::new();

type Line = (String, Option<u64>, ConsoleLevel, String);

/// What the observer has seen.
#[derive(Default)]
pub struct Seen {
    reports: Mutex<Vec<EventReport>>,
    /// The worker of each event that has ended, and the name of its shard's thread.
    ended: Mutex<Vec<(Arc<str>, String)>>,
    /// The worker, the event, the level and the text.
    lines: Mutex<Vec<Line>>,
    /// Workers of which traces are wanted.
    traced: Mutex<HashSet<String>>,
    incidents: Mutex<Vec<Incident>>,
    changed: tokio::sync::Notify,
}

impl Observer for Seen {
    fn wants_traces(&self, worker: &Arc<str>) -> bool {
        self.traced.lock().contains(&**worker)
    }

    fn event_ended(&self, report: &EventReport) {
        let shard = std::thread::current().name().unwrap_or_default().to_owned();
        self.ended.lock().push((report.worker.clone(), shard));
        self.reports.lock().push(report.clone());
        self.changed.notify_waiters();
    }

    fn console(&self, line: &ConsoleLine<'_>) {
        let worker = line.worker.to_string();
        self.lines.lock().push((worker, line.event, line.level, line.text.to_owned()));
        self.changed.notify_waiters();
    }

    fn incident(&self, incident: &Incident) {
        self.incidents.lock().push(incident.clone());
        self.changed.notify_waiters();
    }
}

/// Waits for an incident of that kind with that worker.
pub async fn incident(worker: &str, kind: IncidentKind) -> Incident {
    let seen = SEEN.get().expect("started by main");
    loop {
        let changed = seen.changed.notified();
        let found = seen
            .incidents
            .lock()
            .iter()
            .find(|it| it.kind == kind && it.worker.as_deref() == Some(worker))
            .cloned();
        if let Some(found) = found {
            return found;
        }
        changed.await;
    }
}

/// How many incidents of that kind there were with that worker.
pub fn incidents(worker: &str, kind: IncidentKind) -> usize {
    let seen = SEEN.get().expect("started by main").incidents.lock();
    seen.iter().filter(|it| it.kind == kind && it.worker.as_deref() == Some(worker)).count()
}

impl Worker {
    /// How many of its events have ended on the front shard.
    pub fn inline_events(&self) -> usize {
        let ended = SEEN.get().expect("started by main").ended.lock();
        let own = ended.iter().filter(|(worker, _)| **worker == *self.name());
        own.filter(|(_, shard)| shard.starts_with("front")).count()
    }

    /// Waits until so many of its events have ended; answers on which shard the last of them did.
    pub async fn shard_of(&self, events: usize) -> String {
        let seen = SEEN.get().expect("started by main");
        loop {
            let changed = seen.changed.notified();
            let shard = {
                let ended = seen.ended.lock();
                let mut own = ended.iter().filter(|(worker, _)| **worker == *self.name());
                own.nth(events - 1).map(|(_, shard)| shard.clone())
            };
            match shard {
                Some(shard) => return shard,
                None => changed.await,
            }
        }
    }

    /// Waits for the report of an event of this worker that satisfies the condition.
    pub async fn report(&self, wanted: impl Fn(&EventReport) -> bool) -> EventReport {
        let seen = SEEN.get().expect("started by main");
        loop {
            let changed = seen.changed.notified();
            let found = seen
                .reports
                .lock()
                .iter()
                .find(|report| *report.worker == *self.name() && wanted(report))
                .cloned();
            match found {
                Some(report) => return report,
                None => changed.await,
            }
        }
    }

    /// Waits for the reports of two events of this worker.
    pub async fn two_reports(&self) -> [EventReport; 2] {
        let seen = SEEN.get().expect("started by main");
        loop {
            let changed = seen.changed.notified();
            let reports = seen.reports.lock().clone();
            let mut own = reports.into_iter().filter(|report| *report.worker == *self.name());
            match (own.next(), own.next()) {
                (Some(one), Some(other)) => return [one, other],
                _ => changed.await,
            }
        }
    }

    /// Waits for a line that the worker writes to its console.
    pub async fn line(&self, wanted: &str) -> (ConsoleLevel, String) {
        let (_, level, text) = self.line_of(wanted).await;
        (level, text)
    }

    /// The same, with the number of the event that wrote it.
    pub async fn line_of(&self, wanted: &str) -> (Option<u64>, ConsoleLevel, String) {
        let seen = SEEN.get().expect("started by main");
        loop {
            let changed = seen.changed.notified();
            let found = seen
                .lines
                .lock()
                .iter()
                .find(|(worker, _, _, text)| worker == self.name() && text.contains(wanted))
                .cloned();
            match found {
                Some((_, event, level, text)) => return (event, level, text),
                None => changed.await,
            }
        }
    }

    /// Has the observer want traces of it from now on.
    pub fn trace(&self) {
        let seen = SEEN.get().expect("started by main");
        seen.traced.lock().insert(self.name().to_owned());
    }
}
