//! What is uploaded: versions, with what they see in `env` and what calls them.

use serde::{Deserialize, Serialize};

/// One immutable upload of a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The version's identifier: 64 hexadecimal digits, the address of its content.
    pub id: String,
    /// The worker's name.
    pub worker: String,
    /// When it was uploaded first, in milliseconds since the UNIX epoch.
    pub created_at_ms: u64,
    /// Who uploaded it, as they say themselves.
    pub who: Option<String>,
    /// What for.
    pub message: Option<String>,
    /// Its modules together, in bytes, without source maps.
    pub size_bytes: u64,
    /// The same, compressed with gzip.
    pub gzip_bytes: u64,
    /// CPU time of its start, in microseconds, as measured when it was validated.
    pub start_cpu_us: u64,
    /// The names of its handlers, those of a named entrypoint as `Name.handler`.
    pub handlers: Vec<String>,
    /// The routes that its configuration asks for, as written.
    pub routes: Vec<String>,
    /// What it sees in `env`, secrets left out.
    pub bindings: Vec<Binding>,
    /// The `compatibility_date` of its configuration.
    pub compatibility_date: Option<String>,
    /// The `triggers.crons` of its configuration. Without them an activation leaves those that the
    /// worker has; an empty list takes them away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crons: Option<Vec<String>>,
    /// The queues that it consumes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consumes: Vec<Consumer>,
    /// The workers that are told of its events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tails: Vec<String>,
}

/// One entry of `env`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Its kind: `kv_namespace`, `queue`, `service` or `var`.
    pub kind: String,
    /// The property of `env`.
    pub name: String,
    /// What it leads to: the identity of a namespace, the name of a queue or of a worker. A
    /// variable's value is not shown.
    pub target: Option<String>,
}

/// A queue that a worker consumes. What is absent is the default of queues.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// The queue's name.
    pub queue: String,
    /// The most messages of a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_batch_size: Option<u32>,
    /// How long a batch waits to be full, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_batch_timeout: Option<u32>,
    /// How often a message is delivered again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// The queue that gets what was delivered too often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_queue: Option<String>,
    /// The most batches at one time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// How long a message waits before it is delivered again, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_delay: Option<u32>,
}

/// The versions of a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The last uploaded first.
    pub versions: Vec<Version>,
}

/// What an upload is answered with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// The version, as it is kept or would be.
    pub version: Version,
    /// What its author should know.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it was before there were triggers.
    const BEFORE: &str = r#"{"id":"00","worker":"shop","created_at_ms":1,"who":"ada","message":null,"size_bytes":2,"gzip_bytes":3,"start_cpu_us":4,"handlers":["fetch"],"routes":["a.test"],"bindings":[{"kind":"var","name":"A","target":null}],"compatibility_date":null}"#;

    #[test]
    fn a_version_without_triggers_is_written_as_ever() {
        let version: Version = serde_json::from_str(BEFORE).unwrap();
        assert_eq!((&version.crons, version.consumes.len(), version.tails.len()), (&None, 0, 0));
        assert_eq!(serde_json::to_string(&version).unwrap(), BEFORE);
    }

    #[test]
    fn what_calls_a_version_is_written_where_there_is_something() {
        let mut version: Version = serde_json::from_str(BEFORE).unwrap();
        version.crons = Some(Vec::new());
        version.consumes =
            vec![Consumer { queue: "q".to_owned(), max_retries: Some(0), ..Consumer::default() }];
        version.tails = vec!["watcher".to_owned()];
        let text = serde_json::to_string(&version).unwrap();
        let rest = r#","crons":[],"consumes":[{"queue":"q","max_retries":0}],"tails":["watcher"]}"#;
        assert!(text.ends_with(rest), "{text}");
        assert_eq!(serde_json::from_str::<Version>(&text).unwrap(), version);
    }

    #[test]
    fn what_a_newer_node_says_beside_it_is_not_in_the_way() {
        let newer = BEFORE.replacen('{', r#"{"colour":"blue","#, 1);
        serde_json::from_str::<Version>(&newer).unwrap();
    }
}
