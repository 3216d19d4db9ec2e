//! What is done to protect the node from a worker's code, and workers from each other, told to
//! the observer so that the log and the metrics name the worker. Not here: how events end
//! (`outcome.rs`).

use std::fmt;
use std::sync::Arc;

/// One refusal, eviction, lost shard or the like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// What was done.
    pub kind: IncidentKind,
    /// The worker that was the reason; `None` where no single one is known.
    pub worker: Option<Arc<str>>,
    /// What happened, with its figures and the next step, as a person reads it. Short, and never
    /// a text of the tenant's.
    pub detail: String,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IncidentKind {
    /// A shard did not come back from the worker's code and was replaced.
    ShardLost,
    /// The worker is not started for a while, in any version.
    Quarantined,
    /// An isolate was given up so that others have room.
    Evicted(Resource),
    /// The worker did not get what it asked for.
    Refused(Resource),
    /// The node should be started anew: what it lost does not come back otherwise.
    RestartDue,
}

/// What a node has a bounded amount of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Memory, in the heap of V8 or outside.
    Memory,
    /// Memory mappings, of which the system gives a process a limited number.
    Mappings,
    /// Shards that may be lost.
    Shards,
    /// Threads and time of the pool for work that blocks.
    Blocking,
    /// Outgoing connections.
    Connections,
    /// Look-ups of names.
    Lookups,
    /// Bytes on their way to clients.
    ClientBytes,
    /// Places of incoming connections.
    Clients,
}

impl IncidentKind {
    /// The name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            IncidentKind::ShardLost => "shardLost",
            IncidentKind::Quarantined => "quarantined",
            IncidentKind::Evicted(_) => "evicted",
            IncidentKind::Refused(_) => "refused",
            IncidentKind::RestartDue => "restartDue",
        }
    }

    /// What it was about, where that is one of the node's bounded resources.
    pub fn resource(self) -> Option<Resource> {
        match self {
            IncidentKind::Evicted(resource) | IncidentKind::Refused(resource) => Some(resource),
            IncidentKind::ShardLost | IncidentKind::Quarantined | IncidentKind::RestartDue => None,
        }
    }
}

impl Resource {
    /// The name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Resource::Memory => "memory",
            Resource::Mappings => "mappings",
            Resource::Shards => "shards",
            Resource::Blocking => "blocking",
            Resource::Connections => "connections",
            Resource::Lookups => "lookups",
            Resource::ClientBytes => "clientBytes",
            Resource::Clients => "clients",
        }
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(worker) = &self.worker {
            write!(f, "{worker}: ")?;
        }
        f.write_str(&self.detail)
    }
}
