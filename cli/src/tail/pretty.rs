//! How an event is shown to a person: a line with what it was and how it ended, and below it what it has
//! said and thrown.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::Style;
use api::{TraceException, TraceItem};
use serde_json::Value;

use crate::output::count;
use crate::terminal::{Clock, DIM, ERROR, GOOD, LINK, WARNING, harmless, took};

/// Shows events with the times of a clock.
pub(super) struct Pretty(Clock);

impl Pretty {
    pub(super) fn new(clock: Clock) -> Self {
        Self(clock)
    }

    /// An event as it comes: a line of JSON.
    pub(super) fn item(&self, line: &[u8]) -> String {
        match serde_json::from_slice(line) {
            Ok(item) => self.shown(&item),
            // Of a node of another age.
            Err(_) => harmless(&String::from_utf8_lossy(line)),
        }
    }

    fn shown(&self, item: &TraceItem) -> String {
        let time = item.event_timestamp.map_or_else(|| self.0.now(), |at_ms| self.0.at(at_ms));
        let worker = harmless(item.script_name.as_deref().unwrap_or("-"));
        let entrypoint = item.entrypoint.as_deref().map(|name| format!("#{}", harmless(name)));
        let entrypoint = entrypoint.unwrap_or_default();
        let (what, status) = event(item.event.as_ref());
        let status = status.map(|status| format!(" {status}")).unwrap_or_default();
        let style = style(&item.outcome);
        let outcome = harmless(&item.outcome);
        let wall = took(Duration::from_millis(item.wall_time));
        let cpu = item.cpu_time;
        let mut text = format!(
            "{DIM}{time}{DIM:#} {LINK}{worker}{entrypoint}{LINK:#} {what}{status} \
             {style}{outcome}{style:#} {DIM}{wall}, {cpu} ms of CPU time{DIM:#}"
        );
        for log in &item.logs {
            let style = level(&log.level);
            let (level, said) = (harmless(&log.level), said(&log.message));
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  {style}{level:<5}{style:#} {}", indented(&said));
        }
        for TraceException { name, message, stack, .. } in &item.exceptions {
            let first = harmless(&format!("{name}: {message}"));
            let _ = write!(text, "\n  {ERROR}{}{ERROR:#}", indented(&first));
            let stack = stack.as_deref().unwrap_or_default();
            for frame in stack.lines().filter(|line| line.trim_start().starts_with("at ")) {
                let _ = write!(text, "\n  {DIM}{}{DIM:#}", harmless(frame));
            }
        }
        if item.truncated {
            let _ = write!(text, "\n  {WARNING}some of it is left out: it is too much{WARNING:#}");
        }
        text
    }
}

/// What an event was, and the status of its response, if it has one.
fn event(event: Option<&Value>) -> (String, Option<u64>) {
    let Some(event) = event.filter(|event| event.is_object()) else {
        return ("event".to_owned(), None);
    };
    let text = |value: &Value| harmless(value.as_str().unwrap_or_default());
    if let Some(request) = event.get("request") {
        let of_request = |name: &str| request.get(name).map(text).unwrap_or_default();
        let status = event.get("response").and_then(|response| response.get("status")?.as_u64());
        return (format!("{} {}", of_request("method"), of_request("url")), status);
    }
    if let Some(cron) = event.get("cron") {
        return (format!("cron {:?}", text(cron)), None);
    }
    if let Some(queue) = event.get("queue") {
        let size = event.get("batchSize").and_then(Value::as_u64).unwrap_or_default();
        return (format!("queue {}, {}", text(queue), count(size, "message")), None);
    }
    if let Some(consumed) = event.get("consumedEvents").and_then(Value::as_array) {
        let names = consumed.iter().filter_map(|event| event.get("scriptName"));
        let names: Vec<_> = names.map(text).collect();
        return (format!("tail of {}", names.join(", ")), None);
    }
    if let Some(method) = event.get("rpcMethod") {
        return (format!("rpc {}", text(method)), None);
    }
    ("event".to_owned(), None)
}

/// What was logged: texts as they are, anything else as JSON.
fn said(message: &[Value]) -> String {
    let parts = message.iter().map(|part| match part {
        Value::String(text) => harmless(text),
        other => harmless(&other.to_string()),
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// Further lines begin where the first one does.
fn indented(text: &str) -> String {
    text.replace('\n', "\n        ")
}

fn style(outcome: &str) -> Style {
    match outcome {
        "ok" => GOOD,
        "canceled" => WARNING,
        _ => ERROR,
    }
}

fn level(level: &str) -> Style {
    match level {
        "error" => ERROR,
        "warn" => WARNING,
        "debug" => DIM,
        _ => LINK,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(styled: &str) -> String {
        anstream::adapter::strip_str(styled).to_string()
    }

    #[test]
    fn an_event_is_said_in_a_line_by_what_it_was() {
        for (about, expected) in [
            (
                json!({ "request": { "method": "GET", "url": "http://a.test/" },
                    "response": { "status": 200 } }),
                ("GET http://a.test/", Some(200)),
            ),
            (json!({ "cron": "0 * * * *", "scheduledTime": 1 }), ("cron \"0 * * * *\"", None)),
            (json!({ "queue": "mail", "batchSize": 1 }), ("queue mail, 1 message", None)),
            (
                json!({ "consumedEvents": [{ "scriptName": "a" }, { "scriptName": "b" }] }),
                ("tail of a, b", None),
            ),
            (json!({}), ("event", None)),
            (json!(null), ("event", None)),
        ] {
            let (what, status) = event(Some(&about));
            assert_eq!((&*what, status), expected, "{about}");
        }
    }

    #[test]
    fn what_it_has_said_and_thrown_stands_below() {
        let item = json!({
            "event": { "request": { "method": "GET", "url": "http://a.test/\u{1b}[2J" } },
            "eventTimestamp": 1_700_000_000_000_u64,
            "logs": [{ "timestamp": 1, "level": "warn", "message": ["one\ntwo", 3] }],
            "exceptions": [{ "timestamp": 1, "name": "TypeError", "message": "no",
                "stack": "TypeError: no\n    at fetch (index.ts:1:2)" }],
            "scriptName": "shop", "outcome": "exception", "executionModel": "stateless",
            "truncated": false, "cpuTime": 3, "wallTime": 12,
        });
        let pretty = Pretty::new(Clock::of_here());
        let shown = plain(&pretty.item(item.to_string().as_bytes()));
        let lines: Vec<_> = shown.lines().collect();
        let first = " shop GET http://a.test/\\x1b[2J exception 12 ms, 3 ms of CPU time";
        assert!(lines[0].ends_with(first), "{shown}");
        let below = ["  warn  one", "        two 3", "  TypeError: no"];
        assert_eq!(lines[1..4], below, "{shown}");
        assert_eq!(lines[4], "      at fetch (index.ts:1:2)", "{shown}");
    }

    #[test]
    fn what_is_no_item_is_shown_as_it_is() {
        assert_eq!(Pretty::new(Clock::of_here()).item(b"{\"new\":1}"), "{\"new\":1}");
    }
}
