//! What is served that its deployer may not have: the operator activated it for them, or has taken a
//! route or a namespace away in `node.toml` since. Nothing ends for that; the log says it at each
//! start.

use super::callers::beyond;
use crate::config::Deployer;
use crate::deployments::{ChangeError, Deployments};
use crate::log::cut;

/// Says it of all deployed workers of these. Reads the disk.
pub(super) fn tell<'a>(deployers: impl Iterator<Item = &'a Deployer>, deployments: &Deployments) {
    for deployer in deployers {
        match of(deployer, deployments) {
            // Nothing is deployed to such a node.
            Ok(()) | Err(ChangeError::NoDeploys) => {}
            Err(error) => {
                let deployer = &deployer.name;
                tracing::warn!(%error, deployer, "cannot look at what a deployer's workers have");
            }
        }
    }
}

fn of(deployer: &Deployer, deployments: &Deployments) -> Result<(), ChangeError> {
    let is_theirs = |worker: &registry::WorkerRecord| deployer.workers.have(&worker.name);
    for worker in deployments.list_workers(None, usize::MAX, is_theirs)? {
        let Some(version) = deployments.version(&worker.name, &worker.active.version)? else {
            continue;
        };
        let mut all = beyond(deployer, &version);
        let Some(first) = all.next() else { continue };
        let further = all.count();
        tracing::warn!(
            worker = worker.name,
            deployer = deployer.name,
            further,
            "a worker goes on with {}, which is not among what [[admin.deployers]] in node.toml gives \
             its deployer: add it there, or have another version deployed",
            cut(&first)
        );
    }
    Ok(())
}
