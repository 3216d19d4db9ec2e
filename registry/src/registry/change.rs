//! How the registry changes: each change is folded into the tables and put into the log in one
//! transaction, whoever asks for it. What changes do is in `fold.rs`; secrets are in
//! `registry/secrets.rs`.

use parking_lot::MutexGuard;

use super::{Registry, log};
use crate::catalog::{Activation, Catalog, Change, Feed, Precondition, Seq};
use crate::error::RegistryError;
use crate::fold::{Folded, State as _, fold};
use crate::incoming::Incoming;
use crate::records::{VersionRecord, WorkerRecord};
use crate::tables::InTables;

/// What a change has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Its place in the log.
    pub seq: Seq,
    /// The worker as it is now; nothing where it is not deployed.
    pub worker: Option<WorkerRecord>,
}

impl Catalog for Registry {
    fn commit(&self, change: Change, precondition: Precondition) -> Result<Seq, RegistryError> {
        Ok(self.change(&change, precondition)?.seq)
    }

    fn follow(&self, after: Seq) -> Result<Feed, RegistryError> {
        self.changes_after(after)
    }

    fn blob(&self, id: &str) -> Result<Vec<u8>, RegistryError> {
        self.archive(id)
    }
}

impl Registry {
    /// Makes a change, if that holds, as [`Catalog::commit`] does; says what it has come to.
    ///
    /// # Errors
    /// When it contradicts what is there, or the disk fails; nothing has changed then.
    pub fn change(
        &self,
        change: &Change,
        precondition: Precondition,
    ) -> Result<Committed, RegistryError> {
        let _changing = self.begin_change()?;
        if let Change::Upload { version, .. } = change
            && !self.archives.is_there(&version.id)?
        {
            let what = format!("archive of version {} of worker {}", version.id, version.worker);
            return Err(RegistryError::Missing { what });
        }
        let (seq, folded) = self.make(change, precondition)?;
        Ok(Committed { seq, worker: folded.worker })
    }

    /// Keeps a version and its archive, and removes versions that are too many. A version that is
    /// there stays as it is. Answers what is kept, and whether it is new.
    ///
    /// # Errors
    /// When the disk fails or is full, or the archive would leave too little of it free.
    pub fn put_version(
        &self,
        record: &VersionRecord,
        archive: &[u8],
    ) -> Result<(VersionRecord, bool), RegistryError> {
        self.tables.is_open()?;
        if let Some(known) = self.use_known(record, archive)? {
            return Ok((known, false));
        }
        let mut incoming = self.archives.receive(archive.len() as u64)?;
        incoming.append(archive)?;
        self.put_incoming(record, incoming)
    }

    /// Makes the file of an archive that is about to arrive, of as many bytes as are announced; 0
    /// where that is not known.
    ///
    /// # Errors
    /// When the disk fails or is full, or the archive would leave too little of it free.
    pub fn receive(&self, announced_bytes: u64) -> Result<Incoming, RegistryError> {
        self.tables.is_open()?;
        self.archives.receive(announced_bytes)
    }

    /// Does the same as [`put_version`](Self::put_version) with an archive that has arrived on the
    /// disk; `archive` is what is in it.
    ///
    /// # Errors
    /// When the disk fails or is full.
    pub fn put_received(
        &self,
        record: &VersionRecord,
        incoming: Incoming,
        archive: &[u8],
    ) -> Result<(VersionRecord, bool), RegistryError> {
        self.tables.is_open()?;
        match self.use_known(record, archive)? {
            Some(known) => Ok((known, false)),
            None => self.put_incoming(record, incoming),
        }
    }

    /// Makes a version active, and removes versions and history that are too many.
    ///
    /// # Errors
    /// When there is no such version, another worker consumes one of its queues, or the disk fails or
    /// is full.
    pub fn activate(
        &self,
        name: &str,
        activation: &Activation,
    ) -> Result<WorkerRecord, RegistryError> {
        let change = Change::Activate { worker: name.to_owned(), activation: activation.clone() };
        self.change_deployed(&change)
    }

    /// Removes a worker with its versions, history and secrets; also one that has versions and was
    /// never active.
    ///
    /// # Errors
    /// When there is none, or the disk fails.
    pub fn delete_worker(&self, name: &str) -> Result<(), RegistryError> {
        let change = Change::DeleteWorker { worker: name.to_owned() };
        self.change(&change, Precondition::Any).map(drop)
    }

    /// Removes a version that is not active.
    ///
    /// # Errors
    /// When there is none, it is active, or the disk fails.
    pub fn delete_version(&self, name: &str, id: &str) -> Result<(), RegistryError> {
        let change = Change::DeleteVersion { worker: name.to_owned(), version: id.to_owned() };
        self.change(&change, Precondition::Any).map(drop)
    }

    /// Makes a change after which the worker is deployed.
    pub(super) fn change_deployed(&self, change: &Change) -> Result<WorkerRecord, RegistryError> {
        let committed = self.change(change, Precondition::Any)?;
        Ok(committed.worker.expect("what is changed so is a deployed worker"))
    }

    /// Keeps others from changing something meanwhile.
    pub(super) fn begin_change(&self) -> Result<MutexGuard<'_, ()>, RegistryError> {
        let changing = self.changing.lock();
        // Whoever closes it holds this, too.
        self.tables.is_open()?;
        Ok(changing)
    }

    /// Makes a change for whoever holds `changing`: folded into the tables and in the log, both or
    /// none. The archives go then that nobody needs any more.
    fn make(
        &self,
        change: &Change,
        precondition: Precondition,
    ) -> Result<(Seq, Folded), RegistryError> {
        let keep = self.keep();
        let (seq, folded) = self.tables.write(|txn| {
            let mut state = InTables(txn);
            let worker = change.worker();
            let found = state.worker(worker)?;
            if !precondition.holds(found.as_ref()) {
                let (worker, current) = (worker.to_owned(), found.map(Box::new));
                return Err(RegistryError::Changed { worker, current }.into());
            }
            let folded = fold(&mut state, change, keep)?;
            Ok((log::append(txn, change, keep, self.log_limits)?, folded))
        })?;
        self.archives.remove(&folded.released);
        self.followers.tell(seq);
        Ok((seq, folded))
    }

    /// Takes note that a version is used again, where it is there with these bytes. An archive that
    /// was lost or damaged is brought back by another upload.
    fn use_known(
        &self,
        record: &VersionRecord,
        archive: &[u8],
    ) -> Result<Option<VersionRecord>, RegistryError> {
        if !self.archives.has(&record.id, archive)? {
            return Ok(None);
        }
        let _changing = self.begin_change()?;
        // It may have gone meanwhile, and its archive with it.
        if self.version(&record.worker, &record.id)?.is_none() {
            return Ok(None);
        }
        let (_, folded) = self.make(&upload(record, archive.len() as u64), Precondition::Any)?;
        Ok(folded.version.map(|(known, _)| known))
    }

    /// Keeps a version whose archive is complete on the disk.
    fn put_incoming(
        &self,
        record: &VersionRecord,
        incoming: Incoming,
    ) -> Result<(VersionRecord, bool), RegistryError> {
        let change = upload(record, incoming.bytes());
        incoming.sync()?;
        let _changing = self.begin_change()?;
        self.archives.keep(incoming, &record.id)?;
        match self.make(&change, Precondition::Any) {
            Ok((_, folded)) => Ok(folded.version.expect("an upload has a version")),
            Err(error) => {
                // A disk that is full has room again, unless another upload had brought it.
                if let Ok(orphans) = self.without_record(std::slice::from_ref(&record.id)) {
                    self.archives.remove(&orphans);
                }
                Err(error)
            }
        }
    }
}

fn upload(record: &VersionRecord, archive_bytes: u64) -> Change {
    Change::Upload { version: Box::new(record.clone()), archive_bytes }
}
