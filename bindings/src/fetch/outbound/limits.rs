//! How much of the node the way out may take. Not here: what one event may use (`fetch/limits.rs`).

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};

/// Connections of the whole node that may be open at a time, idle ones included.
const MAX_CONNECTIONS: usize = 2048;
/// Look-ups of the whole node that may be under way at a time.
const MAX_LOOKUPS: usize = 1024;
const LOOKUPS_PER_WORKER: usize = 32;
/// The part of the node's connections that one worker may have.
const CONNECTION_SHARES: usize = 8;

/// How much of the node workers may use. The default is what the system's limit of open files
/// has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboundLimits {
    /// Connections that are open at a time.
    pub connections: usize,
    /// Those of one worker.
    pub connections_per_worker: usize,
    /// Look-ups of names that are under way at a time.
    pub lookups: usize,
    /// Those of one worker.
    pub lookups_per_worker: usize,
    /// How long a request waits for a connection to be free.
    pub wait: Duration,
}

impl Default for OutboundLimits {
    fn default() -> Self {
        let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
        let files = usize::try_from(files).unwrap_or(usize::MAX);
        // A look-up has a socket for each family; half of all is left to clients and files.
        let connections = MAX_CONNECTIONS.min(files / 4).max(CONNECTION_SHARES);
        let lookups = MAX_LOOKUPS.min(files / 8).max(1);
        Self {
            connections,
            connections_per_worker: connections / CONNECTION_SHARES,
            lookups,
            lookups_per_worker: LOOKUPS_PER_WORKER.min(lookups),
            wait: Duration::from_secs(10),
        }
    }
}
