//! What a runtime may use: threads, memory, time. Not here: limits of a worker
//! (`definition.rs`) and what they are for each kind of event (`limits.rs`), and who learns what
//! happens (`observers.rs`).

use std::path::PathBuf;
use std::time::Duration;

use crate::inspect::{INSPECTED_CPU, INSPECTED_IDLE, Inspect};

/// Settings of a runtime.
#[derive(Debug, Clone)]
pub struct Config {
    /// Shards that run sockets, and hot trusted workers inline.
    pub front_shards: usize,
    /// Whether each front shard stays on a core of its own, where the process may use exactly as many:
    /// for a machine that is there for this process.
    pub front_on_cores: bool,
    /// Whether shards that use little run before everything else on the machine, where the process may have
    /// real-time priority.
    pub real_time: bool,
    /// Shards that run everything else, at lower priority.
    pub back_shards: usize,
    /// Where V8's code cache is kept between runs, of about 1 GiB at most; in memory only without it.
    pub cache_dir: Option<PathBuf>,
    /// CPU time of a worker's top-level code.
    pub start_cpu: Duration,
    /// The most CPU time that a worker's own settings can give an event.
    pub max_cpu: Duration,
    /// How long an event may take for whose answer no client waits (`scheduled`, `queue`, `tail`), its
    /// `waitUntil` included. On Workers a quarter of an hour
    /// (<https://developers.cloudflare.com/workers/platform/limits/>, Duration).
    pub max_wall: Duration,
    /// How long `waitUntil` work may go on after the response.
    pub wait_until: Duration,
    /// Isolates kept in memory, in all.
    pub resident_isolates: usize,
    /// Resident memory of the process, in bytes, that is not to be exceeded: isolates are given up
    /// before. By default four fifths of what the machine, or its cgroup, has.
    pub memory_bytes: Option<usize>,
    /// An isolate without events for this long is evicted.
    pub idle_timeout: Duration,
    /// Isolates made ahead on each back shard.
    pub spares_per_shard: usize,
    /// Events of one worker that may wait to be started.
    pub queue_per_worker: usize,
    /// A slice that V8 cannot stop is given this much CPU time beyond its limit; then its
    /// shard is abandoned and replaced.
    pub stuck_after: Duration,
    /// Shards that may be lost within an hour. When so many are, the workers that cost them are
    /// refused, and the runtime wants to be started anew.
    pub lost_shards: usize,
    /// Bodies of answers that wait for clients, of all workers, in bytes.
    pub outgoing_bytes: u64,
    /// The same of one worker.
    pub outgoing_worker_bytes: u64,
    /// Which addresses `fetch()` may reach.
    pub outbound: bindings::fetch::OutboundPolicy,
    /// Root certificates that `fetch()` trusts beside Mozilla's, in DER.
    pub outbound_roots: Vec<rustls::pki_types::CertificateDer<'static>>,
    /// Whether a worker's clocks go on while its code runs. Else they stand still then, and no
    /// worker can measure what others do.
    pub live_clocks: bool,
    /// Makes isolates that can be debugged.
    pub inspect: Option<Inspect>,
}

impl Default for Config {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Config {
            front_shards: cores,
            front_on_cores: false,
            real_time: false,
            back_shards: 2 * cores,
            cache_dir: None,
            start_cpu: Duration::from_secs(1),
            max_cpu: Duration::from_secs(30),
            max_wall: Duration::from_secs(15 * 60),
            wait_until: Duration::from_secs(30),
            resident_isolates: 2000,
            memory_bytes: None,
            idle_timeout: Duration::from_secs(600),
            spares_per_shard: 1,
            queue_per_worker: 1000,
            stuck_after: Duration::from_secs(1),
            lost_shards: 20,
            outgoing_bytes: 512 << 20,
            outgoing_worker_bytes: 64 << 20,
            outbound: Default::default(),
            outbound_roots: Vec::new(),
            live_clocks: false,
            inspect: None,
        }
    }
}

impl Config {
    /// The same, with the time that a person at a breakpoint takes, where isolates can be debugged.
    pub(crate) fn with_patience(self) -> Self {
        if self.inspect.is_none() {
            return self;
        }
        Self {
            start_cpu: INSPECTED_CPU,
            max_cpu: INSPECTED_CPU,
            max_wall: INSPECTED_IDLE,
            idle_timeout: INSPECTED_IDLE,
            wait_until: INSPECTED_IDLE,
            ..self
        }
    }
}
