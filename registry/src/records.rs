//! What the registry says about workers, versions and deployments: plain data, as the admin API
//! answers with it.

use serde::{Deserialize, Serialize};

/// A worker as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerRecord {
    /// The worker's name.
    pub name: String,
    /// Counts every change of the worker (a deployment, a secret): what its ETag is made of. Goes
    /// up for ever, also across a deletion, so that no ETag ever means two states.
    pub revision: u64,
    /// What is active.
    pub active: DeploymentRecord,
    /// The names of its secrets, in order.
    pub secrets: Vec<String>,
}

/// One activation of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentRecord {
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

/// One immutable upload of a worker. The default is an empty one without a name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRecord {
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
    /// The names of its handlers: `fetch`, and those that nothing calls.
    pub handlers: Vec<String>,
    /// The routes that its configuration asks for, as written.
    pub routes: Vec<String>,
    /// What it sees in `env`, secrets left out.
    pub bindings: Vec<Binding>,
    /// The `compatibility_date` of its configuration.
    pub compatibility_date: Option<String>,
}

/// One entry of `env`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Its kind: `kv_namespace` or `var`.
    pub kind: String,
    /// The property of `env`.
    pub name: String,
    /// What it leads to: the namespace's identifier. A variable's value is not shown here.
    pub target: Option<String>,
}
