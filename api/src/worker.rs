//! What is deployed: workers, and the activations that made them what they are.

use serde::{Deserialize, Serialize};

use crate::version::Consumer;

/// A worker as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// The worker's name.
    pub name: String,
    /// Counts every change of the worker (a deployment, a secret): what its ETag is made of. Goes
    /// up for ever, also across a deletion.
    pub revision: u64,
    /// What is active.
    pub active: Deployment,
    /// The names of its secrets, in order.
    pub secrets: Vec<String>,
    /// The expressions at whose minutes it is called, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crons: Vec<String>,
    /// The queues that it consumes; each has no other consumer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consumes: Vec<Consumer>,
    /// The workers that are told of its events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tails: Vec<String>,
}

/// One activation of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The worker's revision that this activation made.
    pub revision: u64,
    /// The version's identifier: 64 hexadecimal digits.
    pub version: String,
    /// The version that was active before, if there was one.
    pub previous: Option<String>,
    /// The routes that it claims, in normal form.
    pub routes: Vec<String>,
    /// Milliseconds since the UNIX epoch.
    pub activated_at_ms: u64,
    /// Who asked for it, as they say themselves (`ada@laptop`).
    pub who: Option<String>,
    /// What for.
    pub message: Option<String>,
}

/// A page of workers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workers {
    /// In the order of their names.
    pub workers: Vec<Worker>,
    /// The `after` of the next page; nothing on the last one.
    pub next: Option<String>,
}

/// The last activations of a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployments {
    /// The latest first.
    pub deployments: Vec<Deployment>,
}

/// What is sent to make a version active. A node that finds more than it knows refuses it: what is
/// asked for is done in full or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// The version, or at least 6 of its first digits.
    pub version: String,
    /// Who asks for it.
    pub who: Option<String>,
    /// What for.
    pub message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it was before there were triggers.
    const BEFORE: &str = r#"{"name":"shop","revision":3,"active":{"revision":2,"version":"00","previous":null,"routes":["a.test"],"activated_at_ms":1,"who":"ada","message":null},"secrets":["KEY"]}"#;

    #[test]
    fn a_worker_without_triggers_is_written_as_ever() {
        let worker: Worker = serde_json::from_str(BEFORE).unwrap();
        assert_eq!(worker.active.revision, 2);
        assert_eq!(serde_json::to_string(&worker).unwrap(), BEFORE);
        let page = Workers { workers: vec![worker], next: None };
        let text = serde_json::to_string(&page).unwrap();
        assert_eq!(text, format!(r#"{{"workers":[{BEFORE}],"next":null}}"#));
    }

    #[test]
    fn what_calls_a_worker_is_written_where_there_is_something() {
        let mut worker: Worker = serde_json::from_str(BEFORE).unwrap();
        worker.crons = vec!["0 * * * *".to_owned()];
        worker.consumes = vec![Consumer { queue: "q".to_owned(), ..Consumer::default() }];
        worker.tails = vec!["watcher".to_owned()];
        let text = serde_json::to_string(&worker).unwrap();
        let rest = r#","crons":["0 * * * *"],"consumes":[{"queue":"q"}],"tails":["watcher"]}"#;
        assert!(text.ends_with(rest), "{text}");
        assert_eq!(serde_json::from_str::<Worker>(&text).unwrap(), worker);
    }

    #[test]
    fn an_activation_that_asks_for_more_is_refused() {
        serde_json::from_str::<Activation>(r#"{"version":"00","who":null}"#).unwrap();
        serde_json::from_str::<Activation>(r#"{"version":"00","share":10}"#).unwrap_err();
    }
}
