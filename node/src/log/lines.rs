//! How the lines look that are written of workers: of their events, their consoles, and of what the node
//! is protected from. Whether there is one, and whose doing it is, is decided in `log.rs`.

use std::borrow::Cow;
use std::sync::Arc;

use runtime::{ConsoleLevel, Detail, EventReport, Incident};

use super::{cut, millis};
use crate::refusal::{MapStack, Served};

/// What an event was for, beside its worker.
struct Called<'a> {
    kind: &'static str,
    entrypoint: Option<Cow<'a, str>>,
    cron: Option<&'a str>,
    queue: Option<&'a str>,
    messages: Option<usize>,
    method: Option<Cow<'a, str>>,
}

impl<'a> Called<'a> {
    fn of(report: &'a EventReport) -> Self {
        let mut called = Self {
            kind: report.kind.as_str(),
            entrypoint: report.entrypoint.as_deref().map(cut),
            cron: None,
            queue: None,
            messages: None,
            method: None,
        };
        match report.detail.as_deref() {
            Some(Detail::Scheduled { cron, .. }) => called.cron = Some(&**cron),
            Some(Detail::Queue { queue, batch_size }) => {
                called.queue = Some(&**queue);
                called.messages = Some(*batch_size);
            }
            Some(Detail::Rpc { method }) => called.method = Some(cut(method)),
            Some(Detail::Fetch(_) | Detail::Tail { .. }) | None => {}
        }
        called
    }
}

/// The line of an event that went well.
pub(super) fn write_ended(report: &EventReport, is_told: bool) {
    let called = Called::of(report);
    // A level of `tracing` is part of the call site.
    macro_rules! ended {
        ($level:expr) => {
            tracing::event!(
                target: "isolane::event",
                $level,
                worker = &*report.worker,
                version = &*report.version,
                kind = called.kind,
                entrypoint = called.entrypoint.as_deref(),
                cron = called.cron,
                queue = called.queue,
                messages = called.messages,
                method = called.method.as_deref(),
                outcome = report.outcome.as_str(),
                cpu_ms = millis(report.cpu),
                cpu_limit_ms = millis(report.cpu_limit),
                wall_ms = millis(report.wall),
                cold = report.cold,
            )
        };
    }
    if is_told {
        ended!(tracing::Level::INFO);
    } else {
        ended!(tracing::Level::DEBUG);
    }
}

/// The line of an event that did not go well.
pub(super) fn write_failed(report: &EventReport, mapper: Option<&dyn MapStack>) {
    let (exception, stack) = match &report.exception {
        Some((message, stack)) => (&**message, &**stack),
        None => ("", ""),
    };
    let served =
        Served { worker: Arc::clone(&report.worker), version: Arc::clone(&report.version) };
    let stack = match mapper {
        Some(mapper) if !stack.is_empty() => Cow::Owned(mapper.map_stack(&served, stack)),
        _ => Cow::Borrowed(stack),
    };
    let called = Called::of(report);
    tracing::warn!(
        target: "isolane::event",
        worker = &*report.worker,
        version = &*report.version,
        kind = called.kind,
        entrypoint = called.entrypoint.as_deref(),
        cron = called.cron,
        queue = called.queue,
        messages = called.messages,
        method = called.method.as_deref(),
        outcome = report.outcome.as_str(),
        cpu_ms = millis(report.cpu),
        wall_ms = millis(report.wall),
        cold = report.cold,
        exception,
        stack = &*stack,
    );
}

/// The line of an incident, with how many there were like it since the last line.
pub(super) fn write_incident(incident: &Incident, withheld: u64) {
    let more = match withheld {
        0 => String::new(),
        withheld => format!(" ({withheld} times more before)"),
    };
    tracing::error!(
        target: "isolane::incident",
        worker = incident.worker.as_deref().unwrap_or("-"),
        kind = incident.kind.as_str(),
        resource = incident.kind.resource().map_or("-", |resource| resource.as_str()),
        "{}{more}",
        cut(&incident.detail)
    );
}

/// A line of a worker's console.
pub(super) fn write_console(worker: &str, version: &str, level: ConsoleLevel, text: &str) {
    // A level of `tracing` is part of the call site, so there is one for each.
    const TARGET: &str = "isolane::console";
    match level {
        ConsoleLevel::Error => tracing::error!(target: TARGET, worker, version, "{text}"),
        ConsoleLevel::Warn => tracing::warn!(target: TARGET, worker, version, "{text}"),
        ConsoleLevel::Debug => tracing::debug!(target: TARGET, worker, version, "{text}"),
        ConsoleLevel::Log => tracing::info!(target: TARGET, worker, version, "{text}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use runtime::{Kind, Outcome};

    use super::*;

    fn report(kind: Kind, detail: Option<Detail>) -> EventReport {
        EventReport {
            worker: "shop".into(),
            version: "1".into(),
            event: 1,
            kind,
            entrypoint: Some("x".repeat(1 << 20).into()),
            detail: detail.map(Box::new),
            is_traced: false,
            started: Instant::now(),
            outcome: Outcome::Ok,
            cpu: Duration::ZERO,
            cpu_limit: Duration::ZERO,
            wall: Duration::ZERO,
            cold: false,
            exception: None,
        }
    }

    #[test]
    fn a_line_says_what_the_event_was_for_and_is_bounded() {
        let detail = Detail::Queue { queue: "mail".into(), batch_size: 7 };
        let of_queue = report(Kind::Queue, Some(detail));
        let called = Called::of(&of_queue);
        assert_eq!((called.kind, called.queue, called.messages), ("queue", Some("mail"), Some(7)));
        assert_eq!(called.cron, None);
        assert!(called.entrypoint.is_some_and(|name| name.len() < 1 << 19));
        let detail = Detail::Scheduled { cron: "* * * * *".into(), scheduled_time_ms: 0 };
        let of_cron = report(Kind::Scheduled, Some(detail));
        let called = Called::of(&of_cron);
        assert_eq!((called.kind, called.cron), ("scheduled", Some("* * * * *")));
        let of_request = report(Kind::Fetch, None);
        let called = Called::of(&of_request);
        assert_eq!((called.kind, called.cron, called.queue), ("fetch", None, None));
    }
}
