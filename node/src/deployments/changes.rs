//! What can be changed while the node serves: versions come, are made active and go, secrets are
//! put. Here is what callers see; each change has its own file below.

mod activate;
mod arriving;
mod checks;
mod error;
mod secrets;
mod upload;

use std::sync::Arc;

use bundle::VersionId;
use bytes::Bytes;
use registry::{Change as Logged, DeploymentRecord, Registry, VersionRecord, WorkerRecord};

use self::upload::Archive;
use super::Deployments;
use super::shared::Shared;
use crate::config::Names;

pub(crate) use self::arriving::Arriving;
pub use self::error::{ChangeError, Current};
pub use registry::Precondition;

/// How long `who` and `message` of a change may be, in characters.
pub const MAX_NOTE_CHARS: usize = 1024;
/// How long a secret's value may be, in bytes (as on Workers:
/// <https://developers.cloudflare.com/workers/platform/limits/#environment-variables>).
pub const MAX_SECRET_BYTES: usize = 5 << 10;
/// How many secrets a worker may have.
pub const MAX_SECRETS: usize = 128;

/// Who makes a change, and why, in their own words. The default says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    who: Option<String>,
    message: Option<String>,
}

impl Change {
    /// Says who, such as `ada@laptop`, and what for; an empty text says nothing.
    ///
    /// # Errors
    /// When one is longer than [`MAX_NOTE_CHARS`] or has a control character: they are printed on
    /// other people's terminals.
    pub fn new(who: Option<String>, message: Option<String>) -> Result<Self, ChangeError> {
        Ok(Self { who: checks::note("who", who)?, message: checks::note("message", message)? })
    }
}

/// A version that was validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// What is kept of it; of a mere validation, what would be.
    pub version: VersionRecord,
    /// Whether it was not known before.
    pub created: bool,
    /// What its author should know.
    pub warnings: Vec<String>,
}

impl Deployments {
    /// Validates a version and keeps it: the archive is one, its content has that identifier,
    /// and it starts in an isolate within the start-up limits. A version that is known is not
    /// started again. Needs a tokio runtime.
    ///
    /// # Errors
    /// Why it is not kept.
    pub async fn upload(
        &self,
        worker: &str,
        id: &VersionId,
        archive: Bytes,
        change: Change,
    ) -> Result<Uploaded, ChangeError> {
        upload::receive(&self.shared, worker, id, Archive::of(archive), Some(change)).await
    }

    /// The same without keeping it.
    ///
    /// # Errors
    /// Why it would not be kept.
    pub async fn validate(
        &self,
        worker: &str,
        id: &VersionId,
        archive: Bytes,
    ) -> Result<Uploaded, ChangeError> {
        upload::receive(&self.shared, worker, id, Archive::of(archive), None).await
    }

    /// Makes the file of an archive that is about to arrive for a worker, of as many bytes as are
    /// announced. Needs a tokio runtime.
    ///
    /// # Errors
    /// When there can be no such worker, nothing can be deployed, or the disk has no room.
    pub(crate) async fn receive(
        &self,
        worker: &str,
        announced_bytes: u64,
    ) -> Result<Arriving, ChangeError> {
        checks::name(&self.shared, worker)?;
        let shared = Arc::clone(&self.shared);
        let file = blocking(move || Ok(shared.registry()?.receive(announced_bytes)?)).await?;
        Ok(Arriving::new(file))
    }

    /// Does the same as [`upload`](Self::upload) with an archive that has arrived in that file, or,
    /// without a change, as [`validate`](Self::validate).
    ///
    /// # Errors
    /// As for these.
    pub(crate) async fn upload_received(
        &self,
        worker: &str,
        id: &VersionId,
        (file, archive): (Arriving, Bytes),
        change: Option<Change>,
    ) -> Result<Uploaded, ChangeError> {
        let archive = Archive { file: Some(file), bytes: archive };
        upload::receive(&self.shared, worker, id, archive, change).await
    }

    /// Does with a version what a node would to which nothing was deployed yet: for whoever has none
    /// at hand. Needs a tokio runtime, and no registry.
    ///
    /// # Errors
    /// Why such a node would not keep it.
    pub async fn rehearse(&self, archive: Bytes) -> Result<Uploaded, ChangeError> {
        upload::rehearse(&self.shared, archive).await
    }

    /// Makes a version active: from one moment on new requests go to it, and the version before
    /// ends when its requests have. The version is named by all of its 64 digits. Asked for what
    /// is so already, nothing changes, also where a [`Precondition`] speaks of the state before
    /// the very change that made it so: a request whose answer was lost can be repeated.
    ///
    /// # Errors
    /// Why all stays as it is.
    pub async fn activate(
        &self,
        worker: &str,
        version: &str,
        precondition: Precondition,
        change: Change,
    ) -> Result<WorkerRecord, ChangeError> {
        let (worker, version) = (worker.to_owned(), version.to_owned());
        self.change(move |shared, registry| {
            activate::activate(shared, registry, &worker, &version, precondition, change)
        })
        .await
    }

    /// Deletes a worker with its versions, secrets and history.
    ///
    /// # Errors
    /// When there is none, or it is not as the precondition has it.
    pub async fn delete_worker(
        &self,
        worker: &str,
        precondition: Precondition,
    ) -> Result<(), ChangeError> {
        let worker = worker.to_owned();
        self.change(move |shared, registry| {
            activate::delete_worker(shared, registry, &worker, precondition)
        })
        .await
    }

    /// Deletes a version that is not active.
    ///
    /// # Errors
    /// When there is none, or it is active.
    pub async fn delete_version(&self, worker: &str, version: &str) -> Result<(), ChangeError> {
        let (worker, version) = (worker.to_owned(), version.to_owned());
        let change = Logged::DeleteVersion { worker, version };
        self.change(move |_, registry| {
            registry.change(&change, Precondition::Any)?;
            Ok(())
        })
        .await
    }

    /// The deployed workers in the order of their names, those after `after` that are `shown`.
    /// Reads the disk, as all that follow: not to be called on a shard.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn list_workers(
        &self,
        after: Option<&str>,
        limit: usize,
        shown: impl Fn(&WorkerRecord) -> bool,
    ) -> Result<Vec<WorkerRecord>, ChangeError> {
        let records = self.shared.registry()?.list_workers(after, limit, shown)?;
        Ok(records.into_iter().map(|record| self.shared.shown(record)).collect())
    }

    /// A deployed worker; `None` also where it has versions and none was ever active.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn worker(&self, name: &str) -> Result<Option<WorkerRecord>, ChangeError> {
        let record = self.shared.registry()?.worker(name)?;
        Ok(record.map(|record| self.shared.shown(record)))
    }

    /// The versions of a worker, the newest first; none where there is no such worker.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn versions(&self, worker: &str) -> Result<Vec<VersionRecord>, ChangeError> {
        Ok(self.shared.registry()?.versions(worker)?)
    }

    /// A version of a worker, named by all of its 64 digits; `None` where there is none.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn version(
        &self,
        worker: &str,
        version: &str,
    ) -> Result<Option<VersionRecord>, ChangeError> {
        Ok(self.shared.registry()?.version(worker, version)?)
    }

    /// What the versions of the workers of those names have on the disk, in bytes. Needs a tokio
    /// runtime.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) async fn archive_bytes(&self, workers: Names) -> Result<u64, ChangeError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let registry = shared.registry()?;
            let mut bytes = 0_u64;
            for beginning in workers.beginnings() {
                let more = registry.archive_bytes(beginning, |name| workers.have(name))?;
                bytes = bytes.saturating_add(more);
            }
            Ok(bytes)
        })
        .await
    }

    /// The last deployments of a worker, the newest first.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn history(
        &self,
        worker: &str,
        limit: usize,
    ) -> Result<Vec<DeploymentRecord>, ChangeError> {
        Ok(self.shared.registry()?.deployments(worker, limit)?)
    }

    /// Gives a deployed worker a secret, or another value to one that it has: new events see it.
    ///
    /// # Errors
    /// When there is no such worker, the name or the value cannot be one, a binding has the name,
    /// or the worker is not as the precondition has it.
    pub async fn put_secret(
        &self,
        worker: &str,
        name: &str,
        value: String,
        precondition: Precondition,
    ) -> Result<WorkerRecord, ChangeError> {
        let (worker, name, value) = (worker.to_owned(), name.to_owned(), value.into());
        self.change(move |shared, registry| {
            secrets::put(shared, registry, &worker, &name, &value, precondition)
        })
        .await
    }

    /// Takes a secret from a worker.
    ///
    /// # Errors
    /// When there is no such worker or secret, or the worker is not as the precondition has it.
    pub async fn delete_secret(
        &self,
        worker: &str,
        name: &str,
        precondition: Precondition,
    ) -> Result<WorkerRecord, ChangeError> {
        let (worker, name) = (worker.to_owned(), name.to_owned());
        self.change(move |shared, registry| {
            secrets::delete(shared, registry, &worker, &name, precondition)
        })
        .await
    }

    /// How many workers are deployed.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn worker_count(&self) -> Result<u64, ChangeError> {
        Ok(self.shared.registry()?.worker_count()?)
    }

    /// Makes a change, one at a time, on a thread that may block. It goes on to its end also where
    /// nobody waits for it any more.
    async fn change<T: Send + 'static>(
        &self,
        make: impl FnOnce(&Shared, &Registry) -> Result<T, ChangeError> + Send + 'static,
    ) -> Result<T, ChangeError> {
        let changing = Arc::clone(&self.shared.changing).lock_owned().await;
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let _changing = changing;
            make(&shared, shared.registry()?)
        })
        .await
    }
}

impl Shared {
    /// The registry, where there is one.
    fn registry(&self) -> Result<&Registry, ChangeError> {
        self.registry.get().ok_or(ChangeError::NoDeploys)
    }

    /// A worker as callers see it: the routes that it has by its name are among its routes.
    fn shown(&self, mut record: WorkerRecord) -> WorkerRecord {
        let state = self.state.lock();
        if let Some(claim) = state.claims.get(&record.name)
            && !state.has_folder(&record.name)
        {
            record.active.routes = claim.routes.iter().map(ToString::to_string).collect();
        }
        record
    }
}

/// Makes a change after which the worker is deployed.
fn commit(
    registry: &Registry,
    change: &Logged,
    precondition: Precondition,
) -> Result<WorkerRecord, ChangeError> {
    let committed = registry.change(change, precondition)?;
    Ok(committed.worker.expect("what is changed so is a deployed worker"))
}

/// Runs what blocks on a thread that may.
async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, ChangeError> + Send + 'static,
) -> Result<T, ChangeError> {
    tokio::task::spawn_blocking(run).await.unwrap_or_else(|_| {
        let message = "the node failed while it made the change; its log says more";
        Err(ChangeError::Unavailable { message: message.to_owned() })
    })
}
