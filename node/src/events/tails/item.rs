//! What those are told who are told of events: an event that is over as a `TraceItem` of Workers
//! (<https://developers.cloudflare.com/workers/runtime-apis/handlers/tail/#tailitems>), no longer than that
//! allows.

use api::{TraceException, TraceItem, TraceLog, TraceVersion};
use http::HeaderMap;
use runtime::{ConsoleLevel, Detail, FetchDetail};
use serde_json::{Map, Value, json};

use super::trace::{Log, MAX_BYTES, Trace};
use crate::refusal::{MapStack, Served};
use crate::trace::readable;

/// What is logged in place of what is left out, in the words of Workers.
const TOO_MUCH: &str = "Log size limit exceeded: More than 256KB of data (across console.log \
                        statements, exception, request metadata and headers) was logged during a \
                        single request. Subsequent data for this request will not be recorded in \
                        logs, appear when tailing this Worker's logs, or in Tail Workers.";

/// The room in an item.
struct Room {
    bytes: usize,
    is_exceeded: bool,
}

/// The item of a trace, with the places of the sources where there is somebody who knows them. Nothing of it
/// is covered.
pub(super) fn item(trace: &Trace, mapper: Option<&dyn MapStack>) -> TraceItem {
    let Trace { report, started_at_ms, gathered, .. } = trace;
    let served = Served { worker: report.worker.clone(), version: report.version.clone() };
    let mapped = |text: &str| match mapper {
        Some(mapper) => readable(mapper, &served, text).into_owned(),
        None => text.to_owned(),
    };
    let ended_at_ms = started_at_ms.saturating_add(ms(report.wall));
    let mut room = Room { bytes: MAX_BYTES, is_exceeded: false };
    let event = report.detail.as_deref().map(|detail| event(detail, &mut room));
    let mut logs: Vec<TraceLog> = Vec::new();
    for Log { at_ms, level, text } in &gathered.logs {
        let text = mapped(&without_colours(text));
        if room.take(text.len()) {
            logs.push(log(*at_ms, level_of(*level), text));
        }
    }
    room.is_exceeded |= gathered.is_truncated;
    let mut exceptions = Vec::new();
    if let Some((message, stack)) = &report.exception {
        let stack = mapped(stack);
        if room.take(message.len() + stack.len()) {
            exceptions.push(exception(ended_at_ms, message, stack));
        }
    }
    if room.is_exceeded {
        logs.push(log(ended_at_ms, "warn", TOO_MUCH.to_owned()));
    }
    TraceItem {
        event,
        event_timestamp: Some(*started_at_ms),
        logs,
        exceptions,
        diagnostics_channel_events: Vec::new(),
        script_name: Some(report.worker.to_string()),
        entrypoint: report.entrypoint.as_deref().map(str::to_owned),
        script_version: Some(TraceVersion { id: report.version.to_string() }),
        outcome: report.outcome.as_str().to_owned(),
        execution_model: "stateless".to_owned(),
        truncated: room.is_exceeded,
        cpu_time: ms(report.cpu),
        wall_time: ms(report.wall),
    }
}

impl Room {
    /// Takes so much of it. Where there is not so much left, nothing gets any more.
    fn take(&mut self, bytes: usize) -> bool {
        match self.bytes.checked_sub(bytes) {
            Some(left) if !self.is_exceeded => {
                self.bytes = left;
                true
            }
            _ => {
                self.is_exceeded = true;
                false
            }
        }
    }
}

fn event(detail: &Detail, room: &mut Room) -> Value {
    match detail {
        Detail::Fetch(fetch) => {
            let mut event = Map::new();
            event.insert("request".to_owned(), request(fetch, room));
            if let Some(status) = fetch.status {
                event.insert("response".to_owned(), json!({ "status": status }));
            }
            event.into()
        }
        Detail::Scheduled { cron, scheduled_time_ms } => {
            json!({ "cron": &**cron, "scheduledTime": scheduled_time_ms })
        }
        Detail::Queue { queue, batch_size } => {
            json!({ "queue": &**queue, "batchSize": batch_size })
        }
        Detail::Tail { consumed } => {
            let consumed = consumed.iter().map(|worker| json!({ "scriptName": &**worker }));
            json!({ "consumedEvents": consumed.collect::<Vec<_>>() })
        }
        Detail::Rpc { method } => json!({ "rpcMethod": &**method }),
    }
}

fn request(fetch: &FetchDetail, room: &mut Room) -> Value {
    let mut request = Map::new();
    let cf = fetch.cf.as_deref().filter(|cf| room.take(cf.len()));
    if let Some(cf) = cf.and_then(|cf| serde_json::from_str::<Value>(cf).ok()) {
        request.insert("cf".to_owned(), cf);
    }
    request.insert("headers".to_owned(), headers(&fetch.headers, room).into());
    request.insert("method".to_owned(), fetch.method.as_str().into());
    let url = if room.take(fetch.url.len()) { fetch.url.as_str() } else { "" };
    request.insert("url".to_owned(), url.into());
    request.into()
}

/// Headers by their names, those of one name in one text, as `Headers` has them.
fn headers(of: &HeaderMap, room: &mut Room) -> Map<String, Value> {
    let mut headers = Map::new();
    for name in of.keys() {
        let values = of.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let value = values.collect::<Vec<_>>().join(", ");
        if room.take(name.as_str().len() + value.len()) {
            headers.insert(name.as_str().to_owned(), value.into());
        }
    }
    headers
}

fn log(timestamp: u64, level: &str, text: String) -> TraceLog {
    TraceLog { timestamp, level: level.to_owned(), message: vec![text.into()] }
}

fn level_of(level: ConsoleLevel) -> &'static str {
    match level {
        ConsoleLevel::Debug => "debug",
        ConsoleLevel::Log => "log",
        ConsoleLevel::Warn => "warn",
        ConsoleLevel::Error => "error",
    }
}

/// An exception whose message begins with the name of the error, as that of errors does.
fn exception(timestamp: u64, message: &str, stack: String) -> TraceException {
    let is_name = |name: &&str| !name.is_empty() && name.chars().all(char::is_alphanumeric);
    let named = message.split_once(": ").filter(|(name, _)| is_name(name));
    let (name, message) = named.unwrap_or(("Error", message));
    TraceException {
        timestamp,
        name: name.to_owned(),
        message: message.to_owned(),
        stack: Some(stack).filter(|stack| !stack.is_empty()),
    }
}

/// A line of a console without the escape sequences that colour it on a terminal.
fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let after = piece.trim_start_matches(|next: char| next.is_ascii_digit() || next == ';');
        match after.strip_prefix('m') {
            Some(after) => plain.push_str(after),
            None => {
                plain.push_str("\u{1b}[");
                plain.push_str(piece);
            }
        }
    }
    plain
}

fn ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
