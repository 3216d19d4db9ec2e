//! A version is made active, or a worker deleted. The disk comes first, and the route table and the
//! triggers second: a process that is killed between them starts with what the disk says.

use std::sync::Arc;

use registry::{
    Activation, Change as Logged, Registry, RegistryError, Triggers, VersionRecord, WorkerRecord,
};
use router::{Pattern, RouteError};

use super::super::activations::{Asked, QueueTaken};
use super::super::routes::Claim;
use super::super::shared::Shared;
use super::super::target::Target;
use super::upload::{no_secret_among, now_ms};
use super::{Change, ChangeError, Precondition, checks, commit};
use crate::refusal::Served;

/// What a version that is made active leads to it, and how the change is made.
struct Switch<'a> {
    served: Served,
    /// All routes that lead to it, which may be none: others find a worker by its name.
    routes: Vec<Pattern>,
    triggers: Triggers,
    change: &'a Logged,
    precondition: Precondition,
}

/// Makes a version active.
pub(super) fn activate(
    shared: &Shared,
    registry: &Registry,
    worker: &str,
    version: &str,
    precondition: Precondition,
    change: Change,
) -> Result<WorkerRecord, ChangeError> {
    checks::name(shared, worker)?;
    let current = registry.worker(worker)?;
    if let Some(current) = &current
        && current.active.version == version
        && checks::is_repeated(precondition, current)
        // It is not, where the node's configuration has taken a route since, or the disk failed in
        // the middle of the last change.
        && shared.serves(worker, version)
    {
        return Ok(shared.shown(current.clone()));
    }
    checks::precondition(worker, precondition, current.as_ref())?;
    let record = registry.version(worker, version)?.ok_or_else(|| ChangeError::NotFound {
        what: format!("version {version} of worker {worker}"),
    })?;
    let triggers = record.triggers(current.as_ref().map(|current| &current.active));
    let secrets = current.map(|current| current.secrets).unwrap_or_default();
    no_secret_among(worker, &record.bindings, &secrets)?;
    let (own, routes) = routes(shared, &record)?;
    let activation = Activation {
        version: version.to_owned(),
        routes: own.iter().map(ToString::to_string).collect(),
        activated_at_ms: now_ms(),
        who: change.who,
        message: change.message,
    };
    let served = Served { worker: worker.into(), version: version.into() };
    let change = Logged::Activate { worker: worker.to_owned(), activation };
    switch(shared, registry, Switch { served, routes, triggers, change: &change, precondition })
}

/// Deletes a worker.
pub(super) fn delete_worker(
    shared: &Shared,
    registry: &Registry,
    worker: &str,
    precondition: Precondition,
) -> Result<(), ChangeError> {
    checks::precondition(worker, precondition, registry.worker(worker)?.as_ref())?;
    let change = Logged::DeleteWorker { worker: worker.to_owned() };
    let deleted = match registry.change(&change, precondition) {
        // An earlier try may have got so far and no further.
        Err(missing @ RegistryError::Missing { .. }) => Err(ChangeError::from(missing)),
        deleted => Ok(deleted?),
    };
    let mut state = shared.state.lock();
    if state.has_folder(worker) {
        // Not this one was served under the name.
        return deleted.map(drop);
    }
    let name = Arc::from(worker);
    let before = state.claims.replace(&name, None).ok().flatten();
    // Nothing is taken of another.
    let _ = shared.activations.replace(&name, None);
    shared.publish(&mut state);
    shared.rename(&name, None);
    shared.activations.tell();
    drop(state);
    if let Some(before) = before {
        shared.retire(&before.target);
    }
    deleted.map(drop)
}

/// Gives a worker's requests, and what else it is called for, to a version, from one moment on.
fn switch(
    shared: &Shared,
    registry: &Registry,
    switch: Switch<'_>,
) -> Result<WorkerRecord, ChangeError> {
    let Switch { served, routes, triggers, change, precondition } = switch;
    let name = Arc::clone(&served.worker);
    let path = registry.archive_path(&served.version);
    let damaged = |problem: String| {
        ChangeError::Storage(RegistryError::Damaged { path: path.clone(), problem })
    };
    // Read before it is needed: what cannot be read is not made active, and nobody waits for it. One
    // that is in memory has to be on the disk all the same, for it is to be there after a restart.
    std::fs::metadata(&path).map_err(|error| damaged(error.to_string()))?;
    let loaded = shared.read(&served).map_err(damaged)?;
    let target = Target::in_memory(Arc::clone(&loaded));
    let mut state = shared.state.lock();
    let claim = Claim { routes, target: Arc::clone(&target) };
    let before = state.claims.replace(&name, Some(claim)).map_err(taken)?;
    let table = Arc::new(state.claims.table());
    let is_busy = before.as_ref().is_some_and(|before| before.target.loaded().is_some());
    let asked = shared.activations.replace(&name, Some(Asked::of_triggers(&triggers)));
    let made = match asked {
        Err(QueueTaken { queue, owner }) => {
            Err(ChangeError::QueueTaken { queue: queue.to_string(), owner: owner.to_string() })
        }
        Ok(asked) => {
            if is_busy {
                // Its isolate is there when the requests are.
                shared.runtime.warm(&loaded.version);
            }
            commit(registry, change, precondition).inspect_err(|_| {
                // They were its own a moment ago.
                let _ = shared.activations.replace(&name, asked);
            })
        }
    };
    let record = match made {
        Ok(record) => record,
        Err(error) => {
            // Its routes were its own a moment ago.
            let _ = state.claims.replace(&name, before);
            drop(state);
            shared.retire(&target);
            return Err(error);
        }
    };
    shared.publish_table(&mut state, table);
    shared.rename(&name, Some(&target));
    shared.activations.tell();
    drop(state);
    target.touch(shared.now_ms());
    shared.came_into_memory(&target, &loaded);
    if let Some(before) = before {
        shared.retire(&before.target);
    }
    Ok(shared.shown(record))
}

/// The routes of a version in normal form: its own, and all that lead to it.
fn routes(
    shared: &Shared,
    record: &VersionRecord,
) -> Result<(Vec<Pattern>, Vec<Pattern>), ChangeError> {
    let malformed = |error: RouteError| ChangeError::Invalid { message: error.to_string() };
    let own = record.routes.iter().map(|route| Pattern::parse(route));
    let mut own = own.collect::<Result<Vec<_>, _>>().map_err(malformed)?;
    own.sort();
    own.dedup();
    let all = shared.reach.routes(&record.worker, &own, false).map_err(malformed)?;
    Ok((own, all))
}

fn taken(error: RouteError) -> ChangeError {
    match error {
        RouteError::Taken { pattern, owner } => ChangeError::RouteTaken { pattern, owner },
        other => ChangeError::Conflict { message: other.to_string() },
    }
}
