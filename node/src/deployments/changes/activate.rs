//! A version is made active, or a worker deleted. The disk comes first and the route table second:
//! a process that is killed between them starts with what the disk says.

use std::sync::Arc;

use registry::{Activation, Registry, RegistryError, VersionRecord, WorkerRecord};
use router::{Pattern, RouteError};

use super::super::routes::Claim;
use super::super::shared::Shared;
use super::super::target::Target;
use super::upload::{no_secret_among, now_ms};
use super::{Change, ChangeError, Precondition, checks};
use crate::refusal::Served;

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
    switch(shared, registry, worker, routes, &activation)
}

/// Deletes a worker.
pub(super) fn delete_worker(
    shared: &Shared,
    registry: &Registry,
    worker: &str,
    precondition: Precondition,
) -> Result<(), ChangeError> {
    checks::precondition(worker, precondition, registry.worker(worker)?.as_ref())?;
    let deleted = match registry.delete_worker(worker) {
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
    shared.publish(&mut state);
    shared.rename(&name, None);
    drop(state);
    if let Some(before) = before {
        shared.retire(&before.target);
    }
    deleted.map(drop)
}

/// Gives a worker's requests to a version, from one moment on.
fn switch(
    shared: &Shared,
    registry: &Registry,
    worker: &str,
    routes: Vec<Pattern>,
    activation: &Activation,
) -> Result<WorkerRecord, ChangeError> {
    let name: Arc<str> = Arc::from(worker);
    let served = Served { worker: Arc::clone(&name), version: activation.version.as_str().into() };
    let path = registry.archive_path(&activation.version);
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
    if is_busy {
        // Its isolate is there when the requests are.
        shared.runtime.warm(&loaded.version);
    }
    let record = match registry.activate(worker, activation) {
        Ok(record) => record,
        Err(error) => {
            // Its routes were its own a moment ago.
            let _ = state.claims.replace(&name, before);
            drop(state);
            shared.retire(&target);
            return Err(error.into());
        }
    };
    shared.publish_table(&mut state, table);
    shared.rename(&name, Some(&target));
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
    let worker = &record.worker;
    let all = shared.reach.routes(worker, &own, false).map_err(malformed)?;
    if all.is_empty() {
        return checks::invalid(format!(
            "no request could reach worker {worker}: set \"routes\" in its configuration, or \
             domain = \"workers.example.com\" in node.toml, which leads \
             {worker}.workers.example.com to it"
        ));
    }
    Ok((own, all))
}

fn taken(error: RouteError) -> ChangeError {
    match error {
        RouteError::Taken { pattern, owner } => ChangeError::RouteTaken { pattern, owner },
        other => ChangeError::Conflict { message: other.to_string() },
    }
}
