//! What a change does: a pure function of what there was. Changes of this node, those that are
//! replayed and those of others take this one path. Where what there is is kept is behind [`State`]: the
//! tables, or memory.

#[cfg(test)]
pub(crate) mod memory;
#[cfg(test)]
mod tests;

use crate::catalog::{Activation, Change, Keep, Sealed};
use crate::error::RegistryError;
use crate::records::{DeploymentRecord, VersionRecord, WorkerRecord};

/// What is deployed, wherever that is kept.
pub(crate) trait State {
    /// Why it cannot be read or changed, or why a change is refused.
    type Error: From<RegistryError>;

    fn counter(&self, which: Counter) -> Result<u64, Self::Error>;
    fn set_counter(&mut self, which: Counter, value: u64) -> Result<(), Self::Error>;

    fn worker(&self, name: &str) -> Result<Option<WorkerRecord>, Self::Error>;
    fn put_worker(&mut self, record: &WorkerRecord) -> Result<(), Self::Error>;
    fn remove_worker(&mut self, name: &str) -> Result<(), Self::Error>;

    fn version(&self, worker: &str, id: &str) -> Result<Option<KeptVersion>, Self::Error>;
    fn versions(&self, worker: &str) -> Result<Vec<KeptVersion>, Self::Error>;
    fn put_version(&mut self, version: &KeptVersion) -> Result<(), Self::Error>;
    fn remove_version(&mut self, worker: &str, id: &str) -> Result<(), Self::Error>;

    fn put_deployment(&mut self, worker: &str, it: &DeploymentRecord) -> Result<(), Self::Error>;
    /// Forgets all but the last so many activations of a worker.
    fn forget_deployments(&mut self, worker: &str, kept: usize) -> Result<(), Self::Error>;

    fn put_secret(&mut self, worker: &str, name: &str, it: &Sealed) -> Result<(), Self::Error>;
    /// Answers whether there was one.
    fn remove_secret(&mut self, worker: &str, name: &str) -> Result<bool, Self::Error>;
    /// In order.
    fn secret_names(&self, worker: &str) -> Result<Vec<String>, Self::Error>;

    /// The worker that consumes a queue.
    fn consumer_of(&self, queue: &str) -> Result<Option<String>, Self::Error>;
    fn set_consumer(&mut self, queue: &str, worker: Option<&str>) -> Result<(), Self::Error>;
}

/// A number that goes up for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Counter {
    /// The highest revision of any worker that was deleted: new workers begin above it.
    RevisionFloor,
    /// Given to the last upload or use of a version.
    Use,
}

/// A version with what there is to know for keeping it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptVersion {
    /// Goes up with each upload of the node.
    pub(crate) number: u64,
    /// The same, also with each activation: the lowest goes first.
    pub(crate) last_use: u64,
    /// What the archive has, in bytes; 0 where that was not kept.
    pub(crate) archive_bytes: u64,
    pub(crate) record: VersionRecord,
}

/// What a change has come to.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    /// The worker as it is now; nothing where it is not deployed.
    pub(crate) worker: Option<WorkerRecord>,
    /// The version that was uploaded, as it is kept, and whether it is new.
    pub(crate) version: Option<(VersionRecord, bool)>,
    /// The versions that are gone, whose archives nobody needs any more.
    pub(crate) released: Vec<String>,
}

/// Makes a change.
///
/// # Errors
/// When it contradicts what there is. What has been done of it until then is to be forgotten.
pub(crate) fn fold<S: State>(
    state: &mut S,
    change: &Change,
    keep: Keep,
) -> Result<Folded, S::Error> {
    match change {
        Change::Upload { version, archive_bytes } => upload(state, version, *archive_bytes, keep),
        Change::Activate { worker, activation } => activate(state, worker, activation, keep),
        Change::DeleteWorker { worker } => delete_worker(state, worker),
        Change::DeleteVersion { worker, version } => delete_version(state, worker, version),
        Change::PutSecret { worker, name, sealed } => {
            let record = deployed(state, worker)?;
            state.put_secret(worker, name, sealed)?;
            with_other_secrets(state, record)
        }
        Change::DeleteSecret { worker, name } => {
            let record = deployed(state, worker)?;
            if !state.remove_secret(worker, name)? {
                return Err(missing(format!("secret {name} of worker {worker}")).into());
            }
            with_other_secrets(state, record)
        }
    }
}

fn upload<S: State>(
    state: &mut S,
    version: &VersionRecord,
    archive_bytes: u64,
    keep: Keep,
) -> Result<Folded, S::Error> {
    let last_use = next_use(state)?;
    let known = state.version(&version.worker, &version.id)?;
    let is_new = known.is_none();
    let (number, record) = match known {
        Some(known) => (known.number, known.record),
        None => (last_use, version.clone()),
    };
    let kept = KeptVersion { number, last_use, archive_bytes, record };
    state.put_version(&kept)?;
    let worker = state.worker(&version.worker)?;
    let released = prune(state, &version.worker, worker.as_ref(), keep)?;
    Ok(Folded { worker, version: Some((kept.record, is_new)), released })
}

fn activate<S: State>(
    state: &mut S,
    worker: &str,
    activation: &Activation,
    keep: Keep,
) -> Result<Folded, S::Error> {
    let id = &activation.version;
    let known = state.version(worker, id)?;
    let mut version = known.ok_or_else(|| missing(format!("version {id} of worker {worker}")))?;
    let before = state.worker(worker)?;
    let deployed = before.as_ref().map(|before| &before.active);
    let triggers = version.record.triggers(deployed);
    for consumer in &triggers.consumers {
        let owner = state.consumer_of(&consumer.queue)?;
        if let Some(owner) = owner.filter(|owner| owner != worker) {
            let (queue, worker) = (consumer.queue.clone(), worker.to_owned());
            return Err(RegistryError::QueueTaken { queue, owner, worker }.into());
        }
    }
    for consumer in deployed.iter().flat_map(|deployed| &deployed.triggers.consumers) {
        state.set_consumer(&consumer.queue, None)?;
    }
    for consumer in &triggers.consumers {
        state.set_consumer(&consumer.queue, Some(worker))?;
    }
    version.last_use = next_use(state)?;
    state.put_version(&version)?;
    let revision = match &before {
        Some(before) => before.revision,
        None => state.counter(Counter::RevisionFloor)?,
    } + 1;
    let active = DeploymentRecord {
        revision,
        version: id.clone(),
        previous: before.as_ref().map(|before| before.active.version.clone()),
        routes: activation.routes.clone(),
        triggers,
        activated_at_ms: activation.activated_at_ms,
        who: activation.who.clone(),
        message: activation.message.clone(),
    };
    state.put_deployment(worker, &active)?;
    state.forget_deployments(worker, keep.deployments.max(1))?;
    let secrets = before.map(|before| before.secrets).unwrap_or_default();
    let record = WorkerRecord { name: worker.to_owned(), revision, active, secrets };
    state.put_worker(&record)?;
    let released = prune(state, worker, Some(&record), keep)?;
    Ok(Folded { worker: Some(record), version: None, released })
}

fn delete_worker<S: State>(state: &mut S, worker: &str) -> Result<Folded, S::Error> {
    let record = state.worker(worker)?;
    let versions = state.versions(worker)?;
    if record.is_none() && versions.is_empty() {
        return Err(missing(format!("worker {worker}")).into());
    }
    if let Some(record) = record {
        let floor = state.counter(Counter::RevisionFloor)?.max(record.revision);
        state.set_counter(Counter::RevisionFloor, floor)?;
        for consumer in &record.active.triggers.consumers {
            state.set_consumer(&consumer.queue, None)?;
        }
        state.remove_worker(worker)?;
    }
    let released: Vec<_> = versions.into_iter().map(|version| version.record.id).collect();
    for id in &released {
        state.remove_version(worker, id)?;
    }
    state.forget_deployments(worker, 0)?;
    for secret in state.secret_names(worker)? {
        state.remove_secret(worker, &secret)?;
    }
    Ok(Folded { released, ..Folded::default() })
}

fn delete_version<S: State>(state: &mut S, worker: &str, id: &str) -> Result<Folded, S::Error> {
    if state.version(worker, id)?.is_none() {
        return Err(missing(format!("version {id} of worker {worker}")).into());
    }
    let record = state.worker(worker)?;
    if record.as_ref().is_some_and(|record| record.active.version == id) {
        let message = format!("version {id} of worker {worker} is active");
        return Err(RegistryError::Conflict { message }.into());
    }
    state.remove_version(worker, id)?;
    Ok(Folded { worker: record, version: None, released: vec![id.to_owned()] })
}

/// A worker that has an active version.
fn deployed<S: State>(state: &S, worker: &str) -> Result<WorkerRecord, S::Error> {
    let record = state.worker(worker)?;
    record.ok_or_else(|| missing(format!("worker {worker}")).into())
}

/// Its secrets have changed.
fn with_other_secrets<S: State>(
    state: &mut S,
    mut record: WorkerRecord,
) -> Result<Folded, S::Error> {
    record.revision += 1;
    record.secrets = state.secret_names(&record.name)?;
    state.put_worker(&record)?;
    Ok(Folded { worker: Some(record), ..Folded::default() })
}

/// Removes the versions that are too many; answers which they were.
fn prune<S: State>(
    state: &mut S,
    worker: &str,
    record: Option<&WorkerRecord>,
    keep: Keep,
) -> Result<Vec<String>, S::Error> {
    let mut versions = state.versions(worker)?;
    let most = keep.versions.max(2);
    if versions.len() <= most {
        return Ok(Vec::new());
    }
    let is_kept = |id: &str| {
        record.is_some_and(|record| {
            record.active.version == id || record.active.previous.as_deref() == Some(id)
        })
    };
    versions.sort_by_key(|version| std::cmp::Reverse(version.last_use));
    let ids = versions.into_iter().skip(most).map(|version| version.record.id);
    let ids: Vec<_> = ids.filter(|id| !is_kept(id)).collect();
    for id in &ids {
        state.remove_version(worker, id)?;
    }
    Ok(ids)
}

fn next_use<S: State>(state: &mut S) -> Result<u64, S::Error> {
    let next = state.counter(Counter::Use)? + 1;
    state.set_counter(Counter::Use, next)?;
    Ok(next)
}

/// The answer for what is not there.
fn missing(what: String) -> RegistryError {
    RegistryError::Missing { what }
}
