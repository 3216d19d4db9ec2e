//! What the runtime is told of a node's configuration.

use super::Config;

impl Config {
    /// What the runtime is told: its part of the limits, and its own defaults for the rest.
    pub fn runtime(&self) -> runtime::Config {
        runtime::Config {
            front_on_cores: self.cpu_affinity,
            real_time: self.real_time,
            cache_dir: Some(self.data.join("code-cache")),
            start_cpu: self.limits.startup_cpu,
            max_cpu: self.limits.cpu_max,
            wait_until: self.limits.wait_until,
            resident_isolates: self.limits.isolates,
            memory_bytes: self.limits.memory_bytes,
            lost_shards: self.limits.lost_shards,
            outgoing_bytes: self.limits.outgoing_bytes,
            outgoing_worker_bytes: self.limits.outgoing_worker_bytes,
            outbound: self.outbound.clone(),
            ..runtime::Config::default()
        }
    }
}
