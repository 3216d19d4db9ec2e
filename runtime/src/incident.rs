//! What is done to protect the node from a worker's code, and workers from each other, told to
//! the observer so that the log and the metrics name the worker. Not here: how events end
//! (`outcome.rs`).

use std::fmt;
use std::sync::Arc;

use crate::outcome::Failure;

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
    /// Further starts of what has failed to start a moment ago.
    Starts,
    /// Places of events that wait.
    Events,
    /// Versions that were replaced and still have events.
    Versions,
    /// Outgoing connections.
    Connections,
    /// Look-ups of names.
    Lookups,
    /// Bytes on their way to clients.
    ClientBytes,
    /// Room in the KV store.
    Kv,
}

impl IncidentKind {
    /// How many there are, with those of each resource.
    pub const COUNT: usize = 3 + 2 * Resource::ALL.len();

    /// All of them, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = IncidentKind> {
        let of_none =
            [IncidentKind::ShardLost, IncidentKind::Quarantined, IncidentKind::RestartDue];
        let evicted = Resource::ALL.map(IncidentKind::Evicted);
        let refused = Resource::ALL.map(IncidentKind::Refused);
        of_none.into_iter().chain(evicted).chain(refused)
    }

    /// Its number, below [`COUNT`](Self::COUNT).
    pub fn index(self) -> usize {
        match self {
            IncidentKind::ShardLost => 0,
            IncidentKind::Quarantined => 1,
            IncidentKind::RestartDue => 2,
            IncidentKind::Evicted(resource) => 3 + resource as usize,
            IncidentKind::Refused(resource) => 3 + Resource::ALL.len() + resource as usize,
        }
    }

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
    /// All of them, in the order of their numbers.
    pub const ALL: [Resource; 10] = [
        Resource::Memory,
        Resource::Mappings,
        Resource::Shards,
        Resource::Starts,
        Resource::Events,
        Resource::Versions,
        Resource::Connections,
        Resource::Lookups,
        Resource::ClientBytes,
        Resource::Kv,
    ];

    /// The name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Resource::Memory => "memory",
            Resource::Mappings => "mappings",
            Resource::Shards => "shards",
            Resource::Starts => "starts",
            Resource::Events => "events",
            Resource::Versions => "versions",
            Resource::Connections => "connections",
            Resource::Lookups => "lookups",
            Resource::ClientBytes => "clientBytes",
            Resource::Kv => "kv",
        }
    }

    /// What is lacking for an event that is refused before it runs; `None` where the reason is another.
    pub(crate) fn lacking(failure: &Failure) -> Option<Resource> {
        match failure {
            Failure::Quarantined { .. } => Some(Resource::Shards),
            Failure::NodeMemory { .. } | Failure::NodeFull => Some(Resource::Memory),
            Failure::CannotStart { .. } | Failure::StartExceeded { .. } => Some(Resource::Starts),
            Failure::LoadShed { .. } => Some(Resource::Events),
            Failure::Untaken { .. } => Some(Resource::ClientBytes),
            Failure::Threw { .. }
            | Failure::NeverResponds
            | Failure::ExceededCpu { .. }
            | Failure::ExceededMemory { .. }
            | Failure::Canceled
            | Failure::BadBody
            | Failure::IsolateLost { .. }
            | Failure::ShuttingDown => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_number_of_its_own() {
        let numbers: Vec<usize> = IncidentKind::all().map(IncidentKind::index).collect();
        assert_eq!(numbers, (0..IncidentKind::COUNT).collect::<Vec<_>>());
    }
}
