//! How the registry changes: versions come and go, and become active. Secrets are in
//! `registry/secrets.rs`.

use redb::{ReadableTable as _, WriteTransaction};

use super::{Registry, VersionRow, version, version_rows, worker};
use crate::error::RegistryError;
use crate::incoming::Incoming;
use crate::records::{DeploymentRecord, VersionRecord, WorkerRecord};
use crate::tables::{
    ARCHIVES, DEPLOYMENTS, Fault, META, META_FLOOR, META_NEXT_USE, SECRETS, VERSIONS, WORKERS,
    encode, number,
};

/// What a version is made active with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activation {
    /// The version's identifier.
    pub version: String,
    /// The routes that it claims, in normal form.
    pub routes: Vec<String>,
    /// Milliseconds since the UNIX epoch.
    pub activated_at_ms: u64,
    /// Who asked for it.
    pub who: Option<String>,
    /// What for.
    pub message: Option<String>,
}

impl Registry {
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
        self.is_open()?;
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
        self.is_open()?;
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
        self.is_open()?;
        match self.use_known(record, archive)? {
            Some(known) => Ok((known, false)),
            None => self.put_incoming(record, incoming),
        }
    }

    /// Takes note that a version is used again, where it is there with these bytes. An archive that
    /// was lost or damaged is brought back by another upload.
    fn use_known(
        &self,
        record: &VersionRecord,
        archive: &[u8],
    ) -> Result<Option<VersionRecord>, RegistryError> {
        match self.archives.has(&record.id, archive)? {
            true => self.use_version(&record.worker, &record.id),
            false => Ok(None),
        }
    }

    /// Keeps a version whose archive is complete on the disk.
    fn put_incoming(
        &self,
        record: &VersionRecord,
        incoming: Incoming,
    ) -> Result<(VersionRecord, bool), RegistryError> {
        let (worker, id) = (record.worker.as_str(), record.id.as_str());
        let archive_bytes = incoming.bytes();
        incoming.sync()?;
        let _changing = self.changing.lock();
        self.is_open()?;
        self.archives.keep(incoming, id)?;
        let put = self.tables.write(|txn| {
            let used = next_use(txn)?;
            let known = version(&txn.open_table(VERSIONS)?, worker, id)?;
            let is_new = known.is_none();
            let (number, record) = match known {
                Some(known) => (known.number, known.record),
                None => (used, record.clone()),
            };
            let row = VersionRow { number, last_use: used, archive_bytes, record };
            txn.open_table(VERSIONS)?.insert((worker, id), encode(&row).as_slice())?;
            txn.open_table(ARCHIVES)?.insert(id, ())?;
            Ok(((row.record, is_new), self.prune(txn, worker)?))
        });
        match put {
            Ok((put, pruned)) => {
                self.archives.remove(&pruned);
                Ok(put)
            }
            Err(error) => {
                // A disk that is full has room again, unless another upload had brought it.
                if let Ok(orphans) = self.without_record(&[id.to_owned()]) {
                    self.archives.remove(&orphans);
                }
                Err(error)
            }
        }
    }

    /// Makes a version active, and removes versions and history that are too many.
    ///
    /// # Errors
    /// When there is no such version, or the disk fails or is full.
    pub fn activate(
        &self,
        name: &str,
        activation: &Activation,
    ) -> Result<WorkerRecord, RegistryError> {
        let _changing = self.changing.lock();
        self.is_open()?;
        let (record, pruned) = self.tables.write(|txn| {
            let id = activation.version.as_str();
            let known = version(&txn.open_table(VERSIONS)?, name, id)?;
            let known = known.ok_or_else(|| missing(format!("version {id} of worker {name}")))?;
            let used = VersionRow { last_use: next_use(txn)?, ..known };
            txn.open_table(VERSIONS)?.insert((name, id), encode(&used).as_slice())?;
            let before = worker(&txn.open_table(WORKERS)?, name)?;
            let revision = match &before {
                Some(before) => before.revision,
                None => number(&txn.open_table(META)?, META_FLOOR)?,
            } + 1;
            let active = DeploymentRecord {
                revision,
                version: id.to_owned(),
                previous: before.as_ref().map(|before| before.active.version.clone()),
                routes: activation.routes.clone(),
                activated_at_ms: activation.activated_at_ms,
                who: activation.who.clone(),
                message: activation.message.clone(),
            };
            txn.open_table(DEPLOYMENTS)?.insert((name, revision), encode(&active).as_slice())?;
            let secrets = before.map(|before| before.secrets).unwrap_or_default();
            let record = WorkerRecord { name: name.to_owned(), revision, active, secrets };
            put_worker(txn, &record)?;
            self.forget_deployments(txn, name)?;
            Ok((record, self.prune(txn, name)?))
        })?;
        self.archives.remove(&pruned);
        Ok(record)
    }

    /// Removes a worker with its versions, history and secrets; also one that has versions and was
    /// never active.
    ///
    /// # Errors
    /// When there is none, or the disk fails.
    pub fn delete_worker(&self, name: &str) -> Result<(), RegistryError> {
        let _changing = self.changing.lock();
        self.is_open()?;
        let removed = self.tables.write(|txn| {
            let record = worker(&txn.open_table(WORKERS)?, name)?;
            let rows = version_rows(&txn.open_table(VERSIONS)?, name)?;
            if record.is_none() && rows.is_empty() {
                return Err(missing(format!("worker {name}")).into());
            }
            if let Some(record) = record {
                let mut meta = txn.open_table(META)?;
                let floor = number(&meta, META_FLOOR)?.max(record.revision);
                meta.insert(META_FLOOR, floor)?;
            }
            txn.open_table(WORKERS)?.remove(name)?;
            let ids: Vec<_> = rows.into_iter().map(|row| row.record.id).collect();
            remove_versions(txn, name, &ids)?;
            let mut deployments = txn.open_table(DEPLOYMENTS)?;
            deployments.retain_in((name, 0)..=(name, u64::MAX), |_, _| false)?;
            let mut secrets = txn.open_table(SECRETS)?;
            for secret in super::secrets::names(&secrets, name)? {
                secrets.remove((name, secret.as_str()))?;
            }
            Ok(ids)
        })?;
        self.archives.remove(&removed);
        Ok(())
    }

    /// Removes a version that is not active.
    ///
    /// # Errors
    /// When there is none, it is active, or the disk fails.
    pub fn delete_version(&self, name: &str, id: &str) -> Result<(), RegistryError> {
        let _changing = self.changing.lock();
        self.is_open()?;
        self.tables.write(|txn| {
            if version(&txn.open_table(VERSIONS)?, name, id)?.is_none() {
                return Err(missing(format!("version {id} of worker {name}")).into());
            }
            let active = worker(&txn.open_table(WORKERS)?, name)?;
            if active.is_some_and(|worker| worker.active.version == id) {
                let message = format!("version {id} of worker {name} is active");
                return Err(RegistryError::Conflict { message }.into());
            }
            remove_versions(txn, name, &[id.to_owned()])
        })?;
        self.archives.remove(&[id.to_owned()]);
        Ok(())
    }

    /// Takes note that a version is used again, where there is one.
    fn use_version(&self, name: &str, id: &str) -> Result<Option<VersionRecord>, RegistryError> {
        if self.version(name, id)?.is_none() {
            return Ok(None);
        }
        self.tables.write(|txn| {
            let Some(row) = version(&txn.open_table(VERSIONS)?, name, id)? else { return Ok(None) };
            let row = VersionRow { last_use: next_use(txn)?, ..row };
            txn.open_table(VERSIONS)?.insert((name, id), encode(&row).as_slice())?;
            Ok(Some(row.record))
        })
    }

    /// Removes the records of versions that are too many; answers whose archives are to go.
    fn prune(&self, txn: &WriteTransaction, name: &str) -> Result<Vec<String>, Fault> {
        let mut rows = version_rows(&txn.open_table(VERSIONS)?, name)?;
        let keep = self.options.keep_versions.max(2);
        if rows.len() <= keep {
            return Ok(Vec::new());
        }
        let active = worker(&txn.open_table(WORKERS)?, name)?.map(|worker| worker.active);
        let is_kept = |id: &str| {
            active.as_ref().is_some_and(|active| {
                active.version == id || active.previous.as_deref() == Some(id)
            })
        };
        rows.sort_by_key(|row| std::cmp::Reverse(row.last_use));
        let ids = rows.into_iter().skip(keep).map(|row| row.record.id);
        let ids: Vec<_> = ids.filter(|id| !is_kept(id)).collect();
        remove_versions(txn, name, &ids)?;
        Ok(ids)
    }

    fn forget_deployments(&self, txn: &WriteTransaction, name: &str) -> Result<(), Fault> {
        let mut deployments = txn.open_table(DEPLOYMENTS)?;
        let last = {
            let mut kept = deployments.range((name, 0)..=(name, u64::MAX))?.rev();
            let first_gone = kept.nth(self.options.keep_deployments.max(1));
            first_gone.transpose()?.map(|(key, _)| key.value().1)
        };
        if let Some(last) = last {
            deployments.retain_in((name, 0)..=(name, last), |_, _| false)?;
        }
        Ok(())
    }
}

/// Writes the record of a worker.
pub(super) fn put_worker(txn: &WriteTransaction, record: &WorkerRecord) -> Result<(), Fault> {
    txn.open_table(WORKERS)?.insert(record.name.as_str(), encode(record).as_slice())?;
    Ok(())
}

/// The answer for what is not there.
pub(super) fn missing(what: String) -> RegistryError {
    RegistryError::Missing { what }
}

fn remove_versions(txn: &WriteTransaction, name: &str, ids: &[String]) -> Result<(), Fault> {
    let mut versions = txn.open_table(VERSIONS)?;
    let mut archives = txn.open_table(ARCHIVES)?;
    for id in ids {
        versions.remove((name, id.as_str()))?;
        archives.remove(id.as_str())?;
    }
    Ok(())
}

fn next_use(txn: &WriteTransaction) -> Result<u64, Fault> {
    let mut meta = txn.open_table(META)?;
    let next = number(&meta, META_NEXT_USE)? + 1;
    meta.insert(META_NEXT_USE, next)?;
    Ok(next)
}
