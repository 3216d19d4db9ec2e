//! What the admin API says of the node itself, and its way to the node's workers.

use std::net::SocketAddr;
use std::sync::Arc;

use bundle::{ArchiveLimits, MAX_BUNDLE_BYTES};
use http::StatusCode;

use super::answer::{Answer, Fault, json as answer};
use super::spool::Arrivals;
use super::turns::Turns;
use crate::config::{Config, Limits};
use crate::deployments::{ChangeError, Deployments, MAX_SECRET_BYTES};

/// Archives that are in memory at once; further uploads wait on the disk.
const ARCHIVES_AT_ONCE: usize = 4;
/// Versions that are validated at once, and of these one for a deployer: so the shard that starts
/// them has one of a deployer at most.
const VALIDATIONS_AT_ONCE: usize = 2;
/// Changes of what is served at once.
const CHANGES_AT_ONCE: usize = 1;

/// A node that serves.
pub(super) struct Served {
    pub(super) deployments: Arc<Deployments>,
    /// Archives on their way to the disk.
    pub(super) arrivals: Arc<Arrivals>,
    /// Turns at having an archive in memory.
    pub(super) archives: Turns,
    /// Turns at having a version validated.
    pub(super) validations: Turns,
    /// Turns at a change of a deployed worker.
    pub(super) changes: Turns,
    limits: Limits,
    /// Where requests to workers come in, and whether with TLS.
    listen: Vec<(SocketAddr, bool)>,
}

impl Served {
    /// That node, which was started with that configuration.
    pub(super) fn of(node: &crate::Node, config: &Config) -> Self {
        // The addresses are in the order of the configuration.
        let listen = node.local_addrs().iter().copied();
        Self {
            deployments: Arc::clone(node.deployments()),
            arrivals: Arc::default(),
            archives: Turns::new(ARCHIVES_AT_ONCE),
            validations: Turns::new(VALIDATIONS_AT_ONCE),
            changes: Turns::new(CHANGES_AT_ONCE),
            limits: config.limits.clone(),
            listen: listen.zip(config.listen.iter().map(|listen| listen.tls)).collect(),
        }
    }

    /// What the node is.
    pub(super) fn answer(&self) -> Result<Answer, Fault> {
        // Where nothing can be deployed, there is nothing but what it was started with.
        let deployed = match self.deployments.worker_count() {
            Err(ChangeError::NoDeploys | ChangeError::Unavailable { .. }) => 0,
            deployed => deployed?,
        };
        let workers = deployed + self.deployments.workers().len() as u64;
        Ok(answer(StatusCode::OK, &self.to_api(workers)))
    }

    fn to_api(&self, workers: u64) -> api::Node {
        let Self { limits, listen, .. } = self;
        let listen = listen.iter().map(|&(address, tls)| api::Listen { address, tls });
        api::Node {
            product: "isolane".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            workers,
            listen: listen.collect(),
            limits: api::Limits {
                archive_bytes: ArchiveLimits::default().archive_bytes(),
                bundle_bytes: MAX_BUNDLE_BYTES,
                secret_bytes: MAX_SECRET_BYTES as u64,
                startup_cpu_ms: limits.startup_cpu.as_millis() as u64,
                cpu_ms: limits.cpu.min(limits.cpu_max).as_millis() as u64,
                cpu_ms_max: limits.cpu_max.as_millis() as u64,
                subrequests_max: limits.subrequests_max.into(),
                memory_mb_max: limits.memory_max_bytes as u64 >> 20,
                request_body_bytes: limits.request_body_bytes,
            },
        }
    }
}
