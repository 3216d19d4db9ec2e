//! What a node says about its work: a line per request, per event and per `console` call.
//! Where lines go and how they look is the subscriber's that the command line installs.

mod cause;
mod cut;
mod lines;
mod mapped;
mod queue;
mod shares;
mod turns;

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Method, Version};
use runtime::{ConsoleLine, EventReport, Incident, Kind, Observer, Outcome};

use crate::deployments::uncalled_handlers;
use crate::metrics::Metrics;
use crate::refusal::{MapStack, Served};
use crate::trace::{readable, shows_places};

use self::lines::{write_console, write_ended, write_failed, write_incident};
use self::mapped::MappedLines;

pub use self::cause::Cause;
pub use self::cut::{cut, cut_to};
pub use self::queue::{LineOf, LogQueue};

/// Who learns of finished requests.
pub trait RequestLog: Send + Sync {
    /// A request is over: the last byte of its response was handed to the connection, or the
    /// client has gone. Called on the front shard, so it must not block.
    fn finished(&self, line: &AccessLine<'_>);
}

/// One finished request.
#[derive(Debug)]
pub struct AccessLine<'a> {
    /// The client's address.
    pub client: SocketAddr,
    /// The protocol of the request.
    pub protocol: Version,
    /// The method.
    pub method: &'a Method,
    /// The host in normal form; `None` when there was no valid one.
    pub host: Option<&'a str>,
    /// The path, without the query, which may hold secrets.
    pub path: &'a str,
    /// The status; 499 when the client went away before there was one.
    pub status: u16,
    /// Bytes of the response's body that were handed to the connection.
    pub bytes: u64,
    /// From the request's head to the end of the response.
    pub duration: Duration,
    /// The worker, if the request found one.
    pub served: Option<&'a Served>,
    /// How it ended, seen from the connection.
    pub outcome: Outcome,
}

/// Access lines as `tracing` events with the target `isolane::access`.
#[derive(Debug, Default, Clone, Copy)]
pub struct TracingLog;

impl RequestLog for TracingLog {
    fn finished(&self, line: &AccessLine<'_>) {
        if !tracing::enabled!(target: "isolane::access", tracing::Level::INFO) {
            return;
        }
        let cause = line.served.map_or(Cause::UNKNOWN, |served| Cause::worker(&served.worker));
        cause.of(|| {
            tracing::info!(
                target: "isolane::access",
                client = %line.client.ip(),
                protocol = ?line.protocol,
                method = %cut(line.method.as_str()),
                host = line.host.unwrap_or("-"),
                path = &*cut(line.path),
                status = line.status,
                bytes = line.bytes,
                duration_ms = millis(line.duration),
                worker = line.served.map_or("-", |served| &*served.worker),
                outcome = line.outcome.as_str(),
            );
        });
    }
}

/// An observer of the runtime: events with the target `isolane::event`, incidents with the target
/// `isolane::incident`, `console` lines with the target `isolane::console`. A request that went well is
/// logged at the level `debug`, for it has a line among the requests; a cron and a batch of messages have
/// none elsewhere.
#[derive(Default)]
pub struct EventLog {
    mapped: OnceLock<MappedLines>,
    metrics: Arc<Metrics>,
    /// The workers of which it is told which handlers nothing calls, and whether that is still to come.
    /// Without a lock: isolates start on front shards and on threads of idle priority.
    untold: OnceLock<HashMap<String, AtomicBool>>,
}

impl EventLog {
    /// A log that shows stacks as V8 has them, until [`map_stacks`](Self::map_stacks).
    pub fn new() -> Self {
        Self::default()
    }

    /// What counts beside it, as an observer of its own. It knows which incidents have been told.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// From now on stacks show the places of the sources. The first mapper stays: the log is
    /// made before the runtime, the deployments that know the sources after it.
    ///
    /// # Errors
    /// Where the system refuses the thread that maps them.
    pub fn map_stacks(&self, mapper: Arc<dyn MapStack>) -> std::io::Result<()> {
        let _ = self.mapped.set(MappedLines::start(mapper)?);
        Ok(())
    }

    /// The handlers of those workers that nothing calls are named when each first starts. The first
    /// workers stay: they are the configuration's. Of a version that is deployed, who deploys it is told.
    pub fn name_uncalled_of<'a>(&self, workers: impl IntoIterator<Item = &'a str>) {
        let untold = workers.into_iter().map(|it| (it.to_owned(), AtomicBool::new(true))).collect();
        let _ = self.untold.set(untold);
    }

    /// Whether the handlers of that worker that nothing calls are to be named now: once.
    fn is_to_name_uncalled_of(&self, worker: &str) -> bool {
        let untold = self.untold.get().and_then(|workers| workers.get(worker));
        // Nearly always that is said already, and nothing is written.
        untold.is_some_and(|it| it.load(Ordering::Relaxed) && it.swap(false, Ordering::Relaxed))
    }

    /// Writes a line of a worker's, on another thread if it shows places in code or comes after one of
    /// the worker's that does.
    fn write(
        &self,
        worker: &Arc<str>,
        has_places: bool,
        line: impl FnOnce(Option<&dyn MapStack>) + Send + 'static,
    ) {
        let cause = Cause::worker(worker);
        let line = move |mapper: Option<&dyn MapStack>| cause.of(|| line(mapper));
        match self.mapped.get() {
            Some(lines) if has_places || lines.are_waiting(cause) => {
                lines.send(worker, cause, Box::new(line));
            }
            _ => line(None),
        }
    }
}

impl Observer for EventLog {
    fn event_ended(&self, report: &EventReport) {
        if report.outcome == Outcome::Ok {
            let is_told = report.is_costly() || is_told_nowhere_else(report.kind);
            if is_told || tracing::enabled!(target: "isolane::event", tracing::Level::DEBUG) {
                Cause::worker(&report.worker).of(|| write_ended(report, is_told));
            }
            return;
        }
        let mut report = report.clone();
        if let Some((message, stack)) = &mut report.exception {
            *message = cut(message).into_owned();
            *stack = cut(stack).into_owned();
        }
        let has_places = report.exception.is_some();
        let worker = Arc::clone(&report.worker);
        self.write(&worker, has_places, move |mapper| write_failed(&report, mapper));
    }

    fn console(&self, line: &ConsoleLine<'_>) {
        let (worker, level, text) = (line.worker, line.level, cut(line.text));
        if self.mapped.get().is_none() {
            let write = || write_console(worker, line.version, level, &text);
            return Cause::worker(worker).of(write);
        }
        let served = Served { worker: Arc::clone(worker), version: Arc::clone(line.version) };
        let text = text.into_owned();
        self.write(worker, shows_places(&text), move |mapper| {
            let text = match mapper {
                Some(mapper) => readable(mapper, &served, &text),
                None => Cow::Borrowed(&*text),
            };
            write_console(&served.worker, &served.version, level, &text);
        });
    }

    fn started(&self, worker: &str, handlers: &[String]) {
        if !self.is_to_name_uncalled_of(worker) {
            return;
        }
        if let Some(warning) = uncalled_handlers(worker, handlers) {
            let warn = || tracing::warn!(target: "isolane::event", worker, "{warning}");
            Cause::worker(worker).of(warn);
        }
    }

    fn incident(&self, incident: &Incident) {
        // Of those that a client can cause one by one not all are told; all are counted.
        let Some(withheld) = self.metrics.tell(incident) else { return };
        match (&incident.worker, incident.kind.resource()) {
            (Some(worker), Some(_)) => {
                Cause::worker(worker).of(|| write_incident(incident, withheld));
            }
            // How often these happen is bounded by the node.
            _ => write_incident(incident, withheld),
        }
    }
}

/// Whether an event that went well has no line but that of the event. What a worker is told of others'
/// events, and what others call of it, is as frequent as these.
fn is_told_nowhere_else(kind: Kind) -> bool {
    match kind {
        Kind::Scheduled | Kind::Queue => true,
        Kind::Fetch | Kind::Tail | Kind::Rpc => false,
    }
}

fn millis(duration: Duration) -> f64 {
    // Three decimals: a log line is read by people, too.
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_that_nothing_calls_are_named_once_for_each_worker_of_the_configuration() {
        let log = EventLog::new();
        assert!(!log.is_to_name_uncalled_of("shop"), "the workers are not known yet");
        log.name_uncalled_of(["shop", "blog"]);
        assert!(!log.is_to_name_uncalled_of("deployed"));
        let starts = || ["shop", "blog", "shop"].map(|worker| log.is_to_name_uncalled_of(worker));
        assert_eq!(starts(), [true, true, false]);
        assert_eq!(starts(), [false; 3]);
    }

    #[test]
    fn of_starts_at_the_same_time_one_names_them() {
        let log = EventLog::new();
        log.name_uncalled_of(["shop"]);
        let named = std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| log.is_to_name_uncalled_of("shop"))).collect();
            starts.into_iter().filter_map(|start| start.join().ok()).filter(|named| *named).count()
        });
        assert_eq!(named, 1);
    }
}
