//! What the registry says about workers, versions and deployments: what they are, and no more. How
//! they are kept on the disk is in `rows.rs`; what the admin API makes of them is the node's.

/// A worker as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeploymentRecord {
    /// The worker's revision that this activation made.
    pub revision: u64,
    /// The version's identifier: 64 hexadecimal digits.
    pub version: String,
    /// The version that was active before, if there was one.
    pub previous: Option<String>,
    /// The routes that it claims, in normal form.
    pub routes: Vec<String>,
    /// What it is called for beside requests.
    pub triggers: Triggers,
    /// Milliseconds since the UNIX epoch.
    pub activated_at_ms: u64,
    /// Who asked for it, as they say themselves (`ada@laptop`).
    pub who: Option<String>,
    /// What for.
    pub message: Option<String>,
}

/// What a worker is called for beside requests. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Triggers {
    /// The expressions at whose minutes it is called, byte for byte.
    pub crons: Vec<String>,
    /// The queues that it consumes. No other worker does.
    pub consumers: Vec<Consumer>,
    /// The workers that are told of its events.
    pub tail_consumers: Vec<String>,
}

/// A queue that a worker consumes. What is absent is the default of queues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consumer {
    /// The queue's name.
    pub queue: String,
    /// The most messages of a batch.
    pub max_batch_size: Option<u32>,
    /// How long a batch waits to be full, in seconds.
    pub max_batch_timeout: Option<u32>,
    /// How often a message is delivered again.
    pub max_retries: Option<u32>,
    /// The queue that gets what was delivered too often.
    pub dead_letter_queue: Option<String>,
    /// The most batches at one time.
    pub max_concurrency: Option<u32>,
    /// How long a message waits before it is delivered again, in seconds.
    pub retry_delay: Option<u32>,
}

/// One immutable upload of a worker. The default is an empty one without a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// The names of its handlers, those of a named entrypoint as `Name.handler`.
    pub handlers: Vec<String>,
    /// The routes that its configuration asks for, as written.
    pub routes: Vec<String>,
    /// What it sees in `env`, secrets left out.
    pub bindings: Vec<Binding>,
    /// The `compatibility_date` of its configuration.
    pub compatibility_date: Option<String>,
    /// The `triggers.crons` of its configuration, where that says something of them: an empty list
    /// takes away those that the worker has.
    pub crons: Option<Vec<String>>,
    /// The queues that its configuration has it consume.
    pub consumers: Vec<Consumer>,
    /// The `tail_consumers` of its configuration.
    pub tail_consumers: Vec<String>,
}

/// One entry of `env`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Binding {
    /// Its kind: `kv_namespace`, `queue`, `service` or `var`.
    pub kind: String,
    /// The property of `env`.
    pub name: String,
    /// What it leads to: the identity of a namespace, the name of a queue or of a worker. A
    /// variable's value is not shown here.
    pub target: Option<String>,
}

impl Triggers {
    /// Whether the worker is called for nothing but requests, and nobody is told of it.
    pub fn is_empty(&self) -> bool {
        self.crons.is_empty() && self.consumers.is_empty() && self.tail_consumers.is_empty()
    }
}

impl VersionRecord {
    /// What the worker is called for once this version is active in place of that deployment. A
    /// configuration without `triggers.crons` leaves those that are deployed
    /// (<https://developers.cloudflare.com/workers/wrangler/configuration/#triggers>); queues and
    /// tail consumers are those of the version.
    pub fn triggers(&self, before: Option<&DeploymentRecord>) -> Triggers {
        let deployed = || before.map(|before| before.triggers.crons.clone()).unwrap_or_default();
        Triggers {
            crons: self.crons.clone().unwrap_or_else(deployed),
            consumers: self.consumers.clone(),
            tail_consumers: self.tail_consumers.clone(),
        }
    }
}
