//! A worker gets a secret, or loses one. Its version stays and its environment does not: new events
//! run in isolates that have the new one, those that are under way end in the old.

use std::sync::Arc;

use registry::{Change as Logged, Registry, Secret, WorkerRecord};

use super::super::routes::Claim;
use super::super::shared::{Shared, served};
use super::super::target::Target;
use super::{ChangeError, MAX_SECRET_BYTES, MAX_SECRETS, Precondition, checks, commit};

/// How long the name of a secret may be, in characters.
const MAX_NAME_CHARS: usize = 64;

/// Puts a secret. One that has that value stays, and the worker with it.
pub(super) fn put(
    shared: &Shared,
    registry: &Registry,
    worker: &str,
    name: &str,
    value: &Secret,
    precondition: Precondition,
) -> Result<WorkerRecord, ChangeError> {
    checks::name(shared, worker)?;
    if !is_name(name) {
        return checks::invalid(format!(
            "expected a secret's name of up to {MAX_NAME_CHARS} letters, digits and underscores, \
             which begins with no digit, found {name:?}"
        ));
    }
    if value.expose().len() > MAX_SECRET_BYTES {
        let message = format!("the secret {name} is larger than {MAX_SECRET_BYTES} bytes");
        return Err(ChangeError::TooLarge { message });
    }
    let record = deployed(registry, worker)?;
    checks::precondition(worker, precondition, Some(&record))?;
    let version = registry.version(worker, &record.active.version)?;
    let mut bindings = version.iter().flat_map(|version| &version.bindings);
    if let Some(binding) = bindings.find(|binding| binding.name == name) {
        let kind = &binding.kind;
        let message = format!(
            "worker {worker} has a {kind} named {name}: give the secret another name, or deploy a \
             version without the {kind} first"
        );
        return Err(ChangeError::Conflict { message });
    }
    let present = registry.secrets(worker)?;
    match present.iter().find(|(present, _)| present == name) {
        Some((_, present)) if present == value => return Ok(shared.shown(record)),
        None if present.len() >= MAX_SECRETS => {
            let message =
                format!("worker {worker} has {MAX_SECRETS} secrets, and can have no more");
            return Err(ChangeError::Conflict { message });
        }
        _ => {}
    }
    let sealed = registry.seal(worker, name, value)?;
    let change = Logged::PutSecret { worker: worker.to_owned(), name: name.to_owned(), sealed };
    let record = commit(registry, &change, precondition)?;
    renew(shared, &record);
    Ok(shared.shown(record))
}

/// Deletes a secret.
pub(super) fn delete(
    shared: &Shared,
    registry: &Registry,
    worker: &str,
    name: &str,
    precondition: Precondition,
) -> Result<WorkerRecord, ChangeError> {
    checks::name(shared, worker)?;
    let record = deployed(registry, worker)?;
    checks::precondition(worker, precondition, Some(&record))?;
    let change = Logged::DeleteSecret { worker: worker.to_owned(), name: name.to_owned() };
    let record = commit(registry, &change, precondition)?;
    renew(shared, &record);
    Ok(shared.shown(record))
}

/// Leads a worker's routes to the same version with the secrets that it has now.
fn renew(shared: &Shared, record: &WorkerRecord) {
    let served = served(record);
    let name = Arc::clone(&served.worker);
    let is_busy = {
        let state = shared.state.lock();
        state.claims.get(&record.name).is_some_and(|claim| claim.target.loaded().is_some())
    };
    // A version that cannot be read now is tried again with the next request.
    let loaded = if is_busy { shared.read(&served).ok() } else { None };
    let mut state = shared.state.lock();
    // Still what it was: changes of deployed workers come one by one.
    let Some(before) = state.claims.get(&record.name).cloned() else { return };
    let target = match &loaded {
        Some(loaded) => Target::in_memory(Arc::clone(loaded)),
        None => Target::renewed(&before.target),
    };
    let claim = Claim { routes: before.routes, target: Arc::clone(&target) };
    if state.claims.replace(&name, Some(claim)).is_err() {
        // It cannot be: the routes were its own.
        return;
    }
    shared.publish(&mut state);
    shared.rename(&name, Some(&target));
    drop(state);
    if let Some(loaded) = &loaded {
        target.touch(shared.now_ms());
        shared.came_into_memory(&target, loaded);
        shared.runtime.warm(&loaded.version);
    }
    shared.retire(&before.target);
}

fn deployed(registry: &Registry, worker: &str) -> Result<WorkerRecord, ChangeError> {
    let what = || format!("worker {worker}: deploy it first");
    registry.worker(worker)?.ok_or_else(|| ChangeError::NotFound { what: what() })
}

/// Letters, digits and underscores, no digit first.
fn is_name(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain
        && (1..=MAX_NAME_CHARS).contains(&name.len())
        && !name.starts_with(|first: char| first.is_ascii_digit())
}
