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

/// What stands for what may be a secret.
const REDACTED: &str = "REDACTED";

/// Where the script finds what was covered.
const UNREDACTED: &str = "unredacted";

/// Hexadecimal digits of an identifier, at least.
const HEX_DIGITS: usize = 32;
/// Characters of an identifier that looks like base64, at least.
const BASE64_CHARACTERS: usize = 21;
/// Upper-case letters, lower-case letters and digits in one, at least.
const OF_EACH: usize = 2;

/// Names of headers with these in them are those of secrets.
const SECRET_PARTS: [&str; 5] = ["auth", "jwt", "key", "secret", "token"];

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
    if let Some(url) = url.as_str() {
        request.insert("url".to_owned(), redacted_url(url).into());
    }
    if let Some(headers) = request.get_mut("headers").and_then(Value::as_object_mut) {
        for (name, value) in headers.iter_mut() {
            if is_secret(name) {
                *value = REDACTED.into();
            }
        }
    }
    request.insert(UNREDACTED.to_owned(), json!({ "headers": headers, "url": url }));
}

/// Whether a header of that name is likely to have a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_cookie = name == "cookie" || name == "set-cookie";
    is_cookie || SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// A URL without what is likely to be an identifier.
fn redacted_url(url: &str) -> String {
    let mut redacted = String::with_capacity(url.len());
    let mut rest = url;
    while !rest.is_empty() {
        let end = rest.find(|next| !is_of_id(next)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        redacted.push_str(if is_id(run) { REDACTED } else { run });
        let end = after.find(is_of_id).unwrap_or(after.len());
        let (others, after) = after.split_at(end);
        redacted.push_str(others);
        rest = after;
    }
    redacted
}

fn is_of_id(next: char) -> bool {
    next.is_ascii_alphanumeric() || is_separator(next)
}

fn is_separator(next: char) -> bool {
    matches!(next, '+' | '-' | '_')
}

/// Whether characters of identifiers are one.
fn is_id(run: &str) -> bool {
    let count = |is: fn(&char) -> bool| run.chars().filter(is).count();
    let hex_digits = count(char::is_ascii_hexdigit);
    let separators = count(|it| is_separator(*it));
    (hex_digits >= HEX_DIGITS && hex_digits + separators == run.len())
        || (run.len() >= BASE64_CHARACTERS
            && count(char::is_ascii_uppercase) >= OF_EACH
            && count(char::is_ascii_lowercase) >= OF_EACH
            && count(char::is_ascii_digit) >= OF_EACH)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef";
    const BASE64: &str = "aB3aB3aB3aB3aB3aB3aB3";

    #[test]
    fn identifiers_in_a_url_are_covered_and_words_are_not() {
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        for id in [HEX, BASE64, uuid] {
            let url = format!("https://a.b/{id}/c?d={id}&e=f");
            assert_eq!(redacted_url(&url), "https://a.b/REDACTED/c?d=REDACTED&e=f");
        }
        for word in [&HEX[1..], &BASE64[1..], "", "a-long_name-without-any-digit-in-it"] {
            let url = format!("https://a.b/{word}");
            assert_eq!(redacted_url(&url), url);
        }
    }

    #[test]
    fn headers_of_secrets_are_covered_by_their_names() {
        for name in ["Cookie", "set-cookie", "authorization", "x-api-key", "X-JWT", "csrf-token"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["accept", "cookies", "x-cookie", "content-type"] {
            assert!(!is_secret(name), "{name}");
        }
    }

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

    proptest! {
        #[test]
        fn what_is_no_identifier_stays_as_it_is(url in "[a-z/:.?=&é ]{0,64}") {
            prop_assert_eq!(redacted_url(&url), url);
        }

        #[test]
        fn no_identifier_is_left(
            before in "[a-z/]{0,8}",
            id in "[0-9a-f]{32,64}",
            after in "[/?&].{0,8}",
        ) {
            let redacted = redacted_url(&format!("{before}/{id}{after}"));
            prop_assert!(!redacted.contains(&id), "{}", redacted);
        }
    }
}
