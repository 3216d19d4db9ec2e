//! What is expected of an answer, and in what it differs. Texts, also those in JSON and in
//! headers, may have `*` for anything.

use std::collections::BTreeMap;

use libtest_mimic::Trial;
use serde::Deserialize;
use serde_json::Value;

use crate::client::Answer;

/// What is expected of an answer; what is not named is not looked at, but for the status.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    #[serde(default = "ok")]
    status: u16,
    /// `null`: the header is not there.
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    /// The whole body, as text.
    #[serde(default)]
    text: Option<String>,
    /// The whole body, as JSON: nothing more and nothing less.
    #[serde(default)]
    json: Option<Value>,
    /// The whole body, byte by byte.
    #[serde(default)]
    bytes: Option<Vec<u8>>,
    /// Texts in the body, as they are.
    #[serde(default)]
    contains: Vec<String>,
    /// At least so many pieces of the body come one after another.
    #[serde(default)]
    pieces: usize,
}

fn ok() -> u16 {
    200
}

impl Expected {
    /// In what the answer differs.
    pub(crate) fn problems(&self, answer: &Answer) -> Vec<String> {
        let mut problems = Vec::new();
        if answer.status.as_u16() != self.status {
            problems.push(format!("the status is not {}", self.status));
        }
        for (name, expected) in &self.headers {
            let found = answer.header(name);
            let is_so = match (expected, found) {
                (Some(expected), Some(found)) => matches(expected, found),
                (None, found) => found.is_none(),
                (Some(_), None) => false,
            };
            if !is_so {
                problems.push(format!("expected {name}: {expected:?}, found {found:?}"));
            }
        }
        let text = String::from_utf8_lossy(&answer.body);
        if self.text.as_ref().is_some_and(|expected| !matches(expected, &text)) {
            problems.push(format!("the body is not {:?}", self.text));
        }
        if let Some(expected) = &self.json {
            match serde_json::from_slice(&answer.body) {
                Ok(found) => differences(expected, &found, "", &mut problems),
                Err(error) => problems.push(format!("the body is no JSON: {error}")),
            }
        }
        if self.bytes.as_ref().is_some_and(|expected| *expected != answer.body) {
            problems.push(format!("the bytes are others: {:?}", answer.body));
        }
        for part in self.contains.iter().filter(|part| !text.contains(part.as_str())) {
            problems.push(format!("the body does not contain {part:?}"));
        }
        if answer.pieces < self.pieces {
            problems.push(format!("came in {} pieces, not in {}", answer.pieces, self.pieces));
        }
        problems
    }
}

/// Whether a text is as a pattern says.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// Where JSON is not as expected, each place by its pointer.
fn differences(expected: &Value, found: &Value, at: &str, problems: &mut Vec<String>) {
    match (expected, found) {
        (Value::String(pattern), Value::String(text)) if matches(pattern, text) => {}
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                differences(expected, found, &format!("{at}/{index}"), problems);
            }
        }
        (Value::Object(expected), Value::Object(found)) => {
            let nothing = Value::Null;
            for (name, value) in expected {
                let found = found.get(name).unwrap_or(&nothing);
                differences(value, found, &format!("{at}/{name}"), problems);
            }
            for name in found.keys().filter(|name| !expected.contains_key(*name)) {
                problems.push(format!("nothing is expected at {at}/{name}"));
            }
        }
        (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => {}
        (expected, found) if expected == found => {}
        _ => problems.push(format!("at {at:?} expected {expected}, found {found}")),
    }
}

/// The tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("a_star_stands_for_anything", || {
            for (pattern, text) in
                [("", ""), ("a", "a"), ("*", ""), ("a*", "abc"), ("*c", "abc"), ("a*b*c", "aXbYc")]
            {
                assert!(matches(pattern, text), "{pattern} {text}");
            }
            for (pattern, text) in
                [("", "a"), ("a", "ab"), ("a*", "ba"), ("a*c", "ab"), ("ab*b", "ab")]
            {
                assert!(!matches(pattern, text), "{pattern} {text}");
            }
            Ok(())
        }),
        Trial::test("json_is_compared_in_every_place", || {
            let expected = serde_json::json!({ "a": [1, "x*"], "b": null });
            let found = |text: &str| {
                let mut problems = Vec::new();
                let found = serde_json::from_str(text).expect("the test's text is JSON");
                differences(&expected, &found, "", &mut problems);
                problems.len()
            };
            assert_eq!(found(r#"{ "a": [1.0, "xyz"], "b": null }"#), 0);
            assert_eq!(found(r#"{ "a": [2, "y"], "b": 1, "c": 1 }"#), 4);
            assert_eq!(found(r#"{ "a": [1], "b": null }"#), 1);
            assert_eq!(found("[]"), 1);
            Ok(())
        }),
    ]
}
