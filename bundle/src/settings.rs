//! What a project's configuration says about its worker, validated. How it is read from a file
//! is `config`'s.

mod check;
mod queues;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use compatibility::Compatibility;
use serde::{Deserialize, Serialize};

pub use check::InvalidSettings;
pub use queues::{
    QUEUE_BATCH_SIZE_RANGE, QUEUE_BATCH_TIMEOUT_S_RANGE, QUEUE_CONCURRENCY_RANGE,
    QUEUE_DELAY_S_RANGE, QUEUE_NAME_RULE, QUEUE_RETRIES_RANGE, QueueConsumer, QueueProducer,
};

/// What `limits.cpu_ms` may be, in milliseconds per event.
pub const CPU_MS_RANGE: RangeInclusive<u32> = 1..=300_000;
/// What `limits.memory_mb` may be, in MiB per isolate.
pub const MEMORY_MB_RANGE: RangeInclusive<u32> = 8..=4096;
/// What `limits.subrequests` may be, per event.
pub const SUBREQUESTS_RANGE: RangeInclusive<u32> = 0..=u32::MAX;
/// How many expressions `triggers.crons` may have: as many as a paid account of Workers.
pub const MAX_CRONS: usize = cron::Cron::MOST_OF_AN_ACCOUNT;

/// What the configuration says, beside the worker's name and main module. The default is that of
/// a project without a configuration.
///
/// Keys that Isolane came to know after the first ones are not serialised where nothing is said, so
/// that what does not use them stays, byte for byte, what it was.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// `compatibility_date`, a day as `YYYY-MM-DD`.
    pub compatibility_date: Option<String>,
    /// `compatibility_flags`, as written.
    pub compatibility_flags: Vec<String>,
    /// `routes` or `route`: the patterns, as written; the router validates them.
    pub routes: Vec<String>,
    /// `vars`: a string is a string in `env`, anything else is its JSON value.
    pub vars: BTreeMap<String, serde_json::Value>,
    /// `kv_namespaces`.
    pub kv_namespaces: Vec<KvNamespace>,
    /// Bindings of kinds that the runtime does not have: the property of `env`, and the key that
    /// asks for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing_bindings: BTreeMap<String, String>,
    /// `triggers.crons`, each as it is written: programs compare it with the text that they know.
    /// `None` where nothing is said, which leaves what is deployed; an empty list removes all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crons: Option<Vec<String>>,
    /// `queues.producers`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queue_producers: Vec<QueueProducer>,
    /// `queues.consumers`, one for each queue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queue_consumers: Vec<QueueConsumer>,
    /// `services`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
    /// `tail_consumers`: the names of the workers that get the traces of this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail_consumers: Vec<String>,
    /// `limits`.
    pub limits: Limits,
    /// `unsafe_eval`: whether code from strings is allowed at any time. Not by default.
    pub unsafe_eval: bool,
}

impl Settings {
    /// What the compatibility date and flags decide.
    pub fn compatibility(&self) -> Compatibility {
        Compatibility::new(self.compatibility_date.as_deref(), &self.compatibility_flags)
    }
}

/// Another worker that this one calls through `env`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// The property of `env`.
    pub binding: String,
    /// The other worker's name.
    pub service: String,
    /// Which of its exports is called; without one, the default export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<String>,
    /// What the callee finds in `ctx.props`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub props: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A KV namespace that the worker sees in `env`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvNamespace {
    /// The property of `env`.
    pub binding: String,
    /// The namespace. Without one, development uses the binding's name.
    pub id: Option<String>,
}

/// The worker's own limits. What is absent is the node's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// CPU time per event, in milliseconds, within [`CPU_MS_RANGE`].
    pub cpu_ms: Option<u32>,
    /// Memory per isolate (heap, `ArrayBuffer`s and Wasm), in MiB, within [`MEMORY_MB_RANGE`].
    pub memory_mb: Option<u32>,
    /// Subrequests per event.
    pub subrequests: Option<u32>,
}
