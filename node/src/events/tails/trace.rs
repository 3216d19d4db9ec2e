//! What is known of an event that is over, as it came from its shard: nothing is written of it there. How it
//! looks to those who are told is in `item.rs`.

use std::sync::OnceLock;

use runtime::{ConsoleLevel, Detail, EventReport};

use super::gathering::Gathered;

/// What the logs, the exceptions and the request of one event may have in a trace, in bytes (Workers
/// documentation, Tail Workers, Limits).
pub(super) const MAX_BYTES: usize = 256 << 10;

/// An event that is over.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) report: EventReport,
    /// When it came, in milliseconds since the UNIX epoch.
    pub(super) started_at_ms: u64,
    pub(super) gathered: Gathered,
    /// About what it takes in memory.
    pub(super) bytes: usize,
    /// As workers are told, once somebody has asked.
    pub(super) whole: OnceLock<Box<str>>,
}

/// A line of a worker's console.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Log {
    /// In milliseconds since the UNIX epoch.
    pub(super) at_ms: u64,
    pub(super) level: ConsoleLevel,
    pub(super) text: String,
}

impl Trace {
    /// Of a report, and what was gathered before it.
    pub(super) fn new(report: EventReport, gathered: Gathered) -> Self {
        let logs = gathered.logs.iter().map(|log| log.text.len() + size_of::<Log>());
        let exception = report.exception.as_ref();
        let thrown = exception.map_or(0, |(message, stack)| message.len() + stack.len());
        let request = match report.detail.as_deref() {
            Some(Detail::Fetch(fetch)) => {
                let headers = fetch.headers.iter();
                let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
                fetch.url.len() + headers.sum::<usize>() + fetch.cf.as_ref().map_or(0, String::len)
            }
            _ => 0,
        };
        let bytes = size_of::<Self>() + logs.sum::<usize>() + thrown + request;
        let started_at_ms = report.started_at_ms();
        Self { report, started_at_ms, gathered, bytes, whole: OnceLock::new() }
    }
}

#[cfg(test)]
pub(in crate::events) mod tests {
    use std::time::{Duration, Instant};

    use http::{HeaderMap, Method};
    use runtime::{FetchDetail, Kind, Outcome};

    use super::*;

    /// A request to a worker that went well.
    pub(in crate::events) fn report(worker: &str, url: &str) -> EventReport {
        let fetch = FetchDetail {
            method: Method::GET,
            url: url.to_owned(),
            headers: HeaderMap::new(),
            cf: None,
            status: Some(200),
        };
        EventReport {
            worker: worker.into(),
            version: "1".into(),
            event: 1,
            kind: Kind::Fetch,
            entrypoint: None,
            detail: Some(Box::new(Detail::Fetch(fetch))),
            is_traced: true,
            started: Instant::now(),
            outcome: Outcome::Ok,
            cpu: Duration::from_millis(3),
            cpu_limit: Duration::from_secs(1),
            wall: Duration::from_millis(20),
            cold: false,
            exception: None,
        }
    }

    /// Its trace, without a log.
    pub(in crate::events) fn trace(worker: &str, url: &str) -> Trace {
        Trace::new(report(worker, url), Gathered::default())
    }

    #[test]
    fn a_trace_knows_about_how_large_it_is() {
        let small = trace("shop", "http://a.b/").bytes;
        let mut report = report("shop", "http://a.b/");
        report.exception = Some(("Error: no".to_owned(), "x".repeat(1000)));
        let log = Log { at_ms: 1, level: ConsoleLevel::Log, text: "y".repeat(1000) };
        let gathered = Gathered { logs: vec![log], is_truncated: false };
        let large = Trace::new(report, gathered).bytes;
        assert!((small + 2000..small + 2200).contains(&large), "{small} and {large}");
    }
}
