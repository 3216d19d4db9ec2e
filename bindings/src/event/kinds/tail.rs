//! `tail`: what other workers have done, told to one that asked for it
//! (<https://developers.cloudflare.com/workers/runtime-apis/handlers/tail/>). Here is what its author sees
//! of requests to them without asking for more: whatever may be a secret is covered.
//! Not here: who asks for whom, and how an item comes about (the node).

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;
use serde_json::{Map, Value, json};

use crate::event::ops::find;
use crate::event::redaction::redact_request;

/// Where the script finds what was covered.
const UNREDACTED: &str = "unredacted";

/// Items of other workers' events.
#[derive(Debug, Clone)]
pub struct TailBatch {
    /// A JSON array of trace items. Their members are those of the class `TraceItem` of Workers; what is
    /// left out has its usual value. The `headers` and the `url` of requests are as they were: they
    /// are covered here. The time of an alarm is a text (ISO 8601), all others are milliseconds since
    /// the UNIX epoch.
    pub items: Arc<str>,
}

/// What the event needs while it runs.
pub(in crate::event) struct State {
    batch: TailBatch,
}

impl State {
    pub(super) fn new(batch: TailBatch) -> State {
        State { batch }
    }
}

/// The items as JSON, complete and covered.
#[op2]
pub(in crate::event) fn op_event_tail_items<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] id: u32,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let event = find(&state.borrow(), id);
    let items = event.as_ref().and_then(|event| match &event.state {
        super::State::Tail(tail) => Some(&*tail.batch.items),
        _ => None,
    });
    let items = items.ok_or_else(|| JsErrorBox::generic("The event is over."))?;
    let shown = shown(items)
        .map_err(|error| JsErrorBox::generic(format!("The trace items are no JSON: {error}")))?;
    let text = v8::String::new(scope, &shown);
    text.map(Into::into).ok_or_else(|| JsErrorBox::range_error("The trace items are too long."))
}

/// What a worker gets to see of the items.
fn shown(items: &str) -> serde_json::Result<String> {
    let mut items: Vec<Map<String, Value>> = serde_json::from_str(items)?;
    for item in &mut items {
        complete(item);
        let request = item.get_mut("event").and_then(|event| event.get_mut("request"));
        if let Some(request) = request.and_then(Value::as_object_mut) {
            cover(request);
        }
    }
    serde_json::to_string(&items)
}

/// Adds what was left out.
fn complete(item: &mut Map<String, Value>) {
    for (name, value) in [
        ("event", Value::Null),
        ("eventTimestamp", Value::Null),
        ("logs", json!([])),
        ("exceptions", json!([])),
        ("diagnosticsChannelEvents", json!([])),
        ("scriptName", Value::Null),
        ("outcome", json!("unknown")),
        ("executionModel", json!("stateless")),
        ("truncated", json!(false)),
        ("cpuTime", json!(0)),
        ("wallTime", json!(0)),
    ] {
        item.entry(name).or_insert(value);
    }
}

/// Covers what may be a secret, and puts beside it what was there.
fn cover(request: &mut Map<String, Value>) {
    let headers = request.get("headers").cloned().unwrap_or_else(|| json!({}));
    let url = request.get("url").cloned().unwrap_or_else(|| json!(""));
    redact_request(request);
    request.insert(UNREDACTED.to_owned(), json!({ "headers": headers, "url": url }));
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn an_item_is_complete_and_has_what_was_covered_beside_it() {
        let url = format!("http://a.b/{HEX}");
        let headers = json!({ "accept": "x", "cookie": "a=b" });
        let request = json!({ "url": url, "method": "GET", "headers": headers });
        let item = json!([{ "event": { "request": request } }]);
        let shown: Value = serde_json::from_str(&shown(&item.to_string()).unwrap()).unwrap();
        let request = &shown[0]["event"]["request"];
        assert_eq!(request["url"], "http://a.b/REDACTED");
        assert_eq!(request["headers"], json!({ "accept": "x", "cookie": "REDACTED" }));
        assert_eq!(request["unredacted"], json!({ "headers": headers, "url": url }));
        assert_eq!((&shown[0]["outcome"], &shown[0]["logs"]), (&json!("unknown"), &json!([])));
        assert!(super::shown("[1]").is_err());
    }
}
