//! What a node tells of events: the lines of `GET /v1/tail`, and what workers are told that ask for it. The
//! names are those of the class `TraceItem` of Workers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What has become of one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceItem {
    /// What the worker was called for. Its kind is told by its members: `request` and `response`;
    /// `scheduledTime` and `cron`; `queue` and `batchSize`; `consumedEvents`.
    pub event: Option<Value>,
    /// When it came, in milliseconds since the UNIX epoch.
    pub event_timestamp: Option<u64>,
    /// What it wrote to its console.
    pub logs: Vec<TraceLog>,
    /// What was thrown.
    pub exceptions: Vec<TraceException>,
    /// Always empty.
    #[serde(default)]
    pub diagnostics_channel_events: Vec<Value>,
    /// The worker's name.
    pub script_name: Option<String>,
    /// The export that was called; the default one where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<String>,
    /// The version that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_version: Option<TraceVersion>,
    /// How it ended: `ok`, `exception`, `exceededCpu` and so on.
    pub outcome: String,
    /// `stateless`.
    pub execution_model: String,
    /// Whether something was left out because there was too much.
    pub truncated: bool,
    /// The CPU time that it used, in milliseconds.
    pub cpu_time: u64,
    /// How long it took, in milliseconds.
    pub wall_time: u64,
}

/// A line of a worker's console.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceLog {
    /// When, in milliseconds since the UNIX epoch.
    pub timestamp: u64,
    /// `debug`, `log`, `warn` or `error`.
    pub level: String,
    /// The line, as one text.
    pub message: Vec<Value>,
}

/// Something that was thrown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceException {
    /// When, in milliseconds since the UNIX epoch.
    pub timestamp: u64,
    /// The name of the error, such as `TypeError`.
    pub name: String,
    /// Its message.
    pub message: String,
    /// Its stack, with the places of the sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
}

/// A version of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceVersion {
    /// Its identifier.
    pub id: String,
}

/// The line of `GET /v1/tail` that stands where events are missing, because the client did not take the
/// lines before in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// How many.
    pub dropped: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"event":{"cron":"* * * * *"},"eventTimestamp":1,"logs":[{"timestamp":2,"level":"log","message":["a"]}],"exceptions":[{"timestamp":3,"name":"Error","message":"no"}],"diagnosticsChannelEvents":[],"scriptName":"shop","outcome":"ok","executionModel":"stateless","truncated":false,"cpuTime":4,"wallTime":5}"#;

    #[test]
    fn an_item_has_the_names_of_workers() {
        let item: TraceItem = serde_json::from_str(TEXT).unwrap();
        assert_eq!((item.cpu_time, item.script_name.as_deref()), (4, Some("shop")));
        assert_eq!(serde_json::to_string(&item).unwrap(), TEXT);
    }

    #[test]
    fn a_gap_is_a_line_of_its_own() {
        assert_eq!(serde_json::to_string(&Dropped { dropped: 3 }).unwrap(), r#"{"dropped":3}"#);
        assert!(serde_json::from_str::<Dropped>(TEXT).is_err());
    }
}
