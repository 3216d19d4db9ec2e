//! Messages of the Chrome DevTools Protocol, as far as this side has to understand them
//! (<https://chromedevtools.github.io/devtools-protocol/>).

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The code of an error that is nobody's mistake, as V8 has it.
const SERVER_ERROR: i32 = -32000;

/// What a client asks for.
#[derive(Debug, Deserialize)]
pub(super) struct Command<'a> {
    pub(super) id: i64,
    pub(super) method: &'a str,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

impl<'a> Command<'a> {
    /// The command in a text; `None` when it is none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The same under another number.
    pub(super) fn renumbered(&self, id: i64) -> String {
        match self.params {
            Some(params) => json!({ "id": id, "method": self.method, "params": params }),
            None => json!({ "id": id, "method": self.method }),
        }
        .to_string()
    }

    /// A parameter that is a text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let params: Value = serde_json::from_str(self.params?.get()).ok()?;
        params.get(name)?.as_str().map(str::to_owned)
    }
}

/// What an isolate says: an answer has a number, an event has a method.
#[derive(Debug, Deserialize)]
pub(super) struct Said<'a> {
    pub(super) id: Option<i64>,
    pub(super) method: Option<&'a str>,
}

impl<'a> Said<'a> {
    /// What is in a text; `None` when it is no message.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// The identifier in the answer to a command that has set a breakpoint.
pub(super) fn breakpoint_id(answer: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    answer.get("result")?.get("breakpointId")?.as_str().map(str::to_owned)
}

/// The answer to a command that nobody is there to follow.
pub(super) fn failed(id: i64, why: &str) -> String {
    json!({ "id": id, "error": { "code": SERVER_ERROR, "message": why } }).to_string()
}

/// The answer to a command that is done and has no result.
pub(super) fn done(id: i64) -> String {
    json!({ "id": id, "result": {} }).to_string()
}

/// An event without parameters.
pub(super) fn event(method: &str) -> String {
    json!({ "method": method, "params": {} }).to_string()
}

/// A `Debugger.scriptParsed` with another source map; the text as it was where there is none.
/// `map` is asked with the script's URL.
pub(super) fn with_source_map(text: &str, map: impl FnOnce(&str) -> Option<String>) -> String {
    let with = || {
        let mut event: Value = serde_json::from_str(text).ok()?;
        let params = event.get_mut("params")?;
        let url = map(params.get("url")?.as_str()?)?;
        params.as_object_mut()?.insert("sourceMapURL".to_owned(), url.into());
        Some(event.to_string())
    };
    with().unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_keeps_its_parameters_under_another_number() {
        let text = r#"{"id":3,"method":"Debugger.setPauseOnExceptions","params":{"state":"all"}}"#;
        let command = Command::parse(text).unwrap();
        let again = command.renumbered(9);
        let again = Command::parse(&again).unwrap();
        assert_eq!((again.id, again.method), (9, "Debugger.setPauseOnExceptions"));
        assert_eq!(again.text("state").as_deref(), Some("all"));
    }

    #[test]
    fn a_script_gets_its_source_map_and_others_stay() {
        let text = r#"{"method":"Debugger.scriptParsed","params":{"url":"worker:///a.js"}}"#;
        let mapped = with_source_map(text, |url| Some(format!("data:{url}")));
        let mapped: Value = serde_json::from_str(&mapped).unwrap();
        assert_eq!(mapped["params"]["sourceMapURL"], "data:worker:///a.js");
        assert_eq!(with_source_map(text, |_| None), text);
        assert_eq!(with_source_map("{}", |_| Some(String::new())), "{}");
    }
}
