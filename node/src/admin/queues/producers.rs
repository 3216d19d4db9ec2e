//! Which workers send to which queues, by what their active versions bind.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use registry::VersionRecord;

use crate::admin::answer::Fault;
use crate::admin::callers::Caller;
use crate::admin::node::Served;
use crate::config::Names;
use crate::deployments::{ChangeError, Deployments, EnvKind};

/// The kind of a binding to a queue.
const QUEUE: &str = "queue";

/// By the name of a queue the workers that send to it, in order.
pub(super) type Producers = HashMap<String, BTreeSet<String>>;

/// Those of all queues; of workers that are not the caller's it says nothing. Reads all workers, on a thread
/// that may wait for the disk.
pub(super) async fn of_all(node: &Served, caller: Caller<'_>) -> Result<Producers, Fault> {
    let deployments = Arc::clone(&node.deployments);
    let theirs = caller.deployer().map(|deployer| deployer.workers.clone());
    let read = tokio::task::spawn_blocking(move || read(&deployments, theirs.as_ref())).await;
    let failed = "the node failed while it looked for the senders of queues; its log says more";
    Ok(read.map_err(|_| Fault::internal(failed))??)
}

fn read(deployments: &Deployments, theirs: Option<&Names>) -> Result<Producers, ChangeError> {
    let is_shown = |worker: &str| theirs.is_none_or(|names| names.have(worker));
    let mut producers = Producers::new();
    for worker in deployments.workers() {
        if !is_shown(worker.name()) {
            continue;
        }
        for binding in worker.bindings() {
            if let EnvKind::Queue { queue } = &binding.kind {
                add(&mut producers, queue, worker.name());
            }
        }
    }
    let deployed = deployments.list_workers(None, usize::MAX, |record| is_shown(&record.name));
    let deployed = match deployed {
        // Nothing is deployed to such a node.
        Err(ChangeError::NoDeploys | ChangeError::Unavailable { .. }) => Vec::new(),
        deployed => deployed?,
    };
    for worker in deployed {
        let version = deployments.version(&worker.name, &worker.active.version)?;
        for queue in version.iter().flat_map(queues) {
            add(&mut producers, queue, &worker.name);
        }
    }
    Ok(producers)
}

/// The queues that a version sends to.
fn queues(version: &VersionRecord) -> impl Iterator<Item = &str> {
    let bindings = version.bindings.iter().filter(|binding| binding.kind == QUEUE);
    bindings.filter_map(|binding| binding.target.as_deref())
}

fn add(producers: &mut Producers, queue: &str, worker: &str) {
    producers.entry(queue.to_owned()).or_default().insert(worker.to_owned());
}
