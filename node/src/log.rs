//! What a node says about its work: a line per request, per event and per `console` call.
//! Where lines go and how they look is the subscriber's that the command line installs.

mod cut;
mod queue;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Method, Version};
use runtime::{ConsoleLevel, EventReport, Incident, Observer, Outcome};

use crate::metrics::Metrics;
use crate::refusal::{MapStack, Served};
use crate::trace::readable;

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
        tracing::info!(
            target: "isolane::access",
            client = %line.client.ip(),
            protocol = ?line.protocol,
            method = %line.method,
            host = line.host.unwrap_or("-"),
            path = &*cut(line.path),
            status = line.status,
            bytes = line.bytes,
            duration_ms = millis(line.duration),
            worker = line.served.map_or("-", |served| &*served.worker),
            outcome = line.outcome.as_str(),
        );
    }
}

/// The runtime's observer: events with the target `isolane::event`, incidents with the target
/// `isolane::incident`, `console` lines with the target `isolane::console`. An event that went well is logged at the level `debug`.
#[derive(Default)]
pub struct EventLog {
    mapper: OnceLock<Arc<dyn MapStack>>,
    metrics: Arc<Metrics>,
}

impl EventLog {
    /// A log that shows stacks as V8 has them, until [`map_stacks`](Self::map_stacks).
    pub fn new() -> Self {
        Self::default()
    }

    /// What it counts.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// From now on stacks show the places of the sources. The first mapper stays: the log is
    /// made before the runtime, the deployments that know the sources after it.
    pub fn map_stacks(&self, mapper: Arc<dyn MapStack>) {
        let _ = self.mapper.set(mapper);
    }
}

impl Observer for EventLog {
    fn event_ended(&self, report: &EventReport) {
        self.metrics.event(report.outcome);
        let wall_ms = millis(report.wall);
        let cpu_ms = millis(report.cpu);
        let outcome = report.outcome.as_str();
        if report.outcome == Outcome::Ok {
            tracing::debug!(
                target: "isolane::event",
                worker = &*report.worker,
                version = &*report.version,
                outcome,
                cpu_ms,
                wall_ms,
                cold = report.cold,
            );
            return;
        }
        let (exception, stack) = match &report.exception {
            Some((message, stack)) => (cut(message), self.mapped(report, &cut(stack))),
            None => (Cow::Borrowed(""), String::new()),
        };
        tracing::warn!(
            target: "isolane::event",
            worker = &*report.worker,
            version = &*report.version,
            outcome,
            cpu_ms,
            wall_ms,
            cold = report.cold,
            exception = &*exception,
            stack,
        );
    }

    fn console(&self, worker: &str, version: &str, level: ConsoleLevel, text: &str) {
        // A level of `tracing` is part of the call site, so there is one for each.
        const TARGET: &str = "isolane::console";
        let served = Served { worker: worker.into(), version: version.into() };
        let text = cut(text);
        let text = match self.mapper.get() {
            Some(mapper) => readable(&**mapper, &served, &text),
            None => text,
        };
        match level {
            ConsoleLevel::Error => tracing::error!(target: TARGET, worker, version, "{text}"),
            ConsoleLevel::Warn => tracing::warn!(target: TARGET, worker, version, "{text}"),
            ConsoleLevel::Debug => tracing::debug!(target: TARGET, worker, version, "{text}"),
            ConsoleLevel::Log => tracing::info!(target: TARGET, worker, version, "{text}"),
        }
    }

    fn incident(&self, incident: &Incident) {
        self.metrics.incident(incident);
        tracing::error!(
            target: "isolane::incident",
            worker = incident.worker.as_deref().unwrap_or("-"),
            kind = incident.kind.as_str(),
            resource = incident.kind.resource().map_or("-", |resource| resource.as_str()),
            "{}",
            cut(&incident.detail)
        );
    }
}

impl EventLog {
    fn mapped(&self, report: &EventReport, stack: &str) -> String {
        let Some(mapper) = self.mapper.get() else { return stack.to_owned() };
        let served =
            Served { worker: Arc::clone(&report.worker), version: Arc::clone(&report.version) };
        mapper.map_stack(&served, stack)
    }
}

fn millis(duration: Duration) -> f64 {
    // Three decimals: a log line is read by people, too.
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
