//! The registry of a node: opening it, and what it knows. How it changes is in
//! `registry/change.rs`.

mod change;
mod secrets;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Bound;
use std::path::PathBuf;

use parking_lot::Mutex;
use redb::ReadableTable as _;
use serde::{Deserialize, Serialize};

use crate::archives::Archives;
use crate::error::RegistryError;
use crate::lock::Lock;
use crate::records::{DeploymentRecord, VersionRecord, WorkerRecord};
use crate::secret::SecretKey;
use crate::tables::{ARCHIVES, DEPLOYMENTS, Fault, SECRETS, Tables, VERSIONS, WORKERS, decode};

pub use change::Activation;

const DATABASE_FILE: &str = "registry.redb";

const WORKER_ROW: &str = "the record of a worker";
const VERSION_ROW: &str = "the record of a version";
const DEPLOYMENT_ROW: &str = "the record of a deployment";

/// What a version counts for beside its archive, in bytes: its record, and the part of a block of
/// the disk that no file uses.
const RECORD_BYTES: u64 = 4 << 10;

/// Where a registry is, and how much it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Its folder, made where it is absent.
    pub folder: PathBuf,
    /// The file of the key of the secrets, made with the first secret where it is absent.
    pub key_file: PathBuf,
    /// Versions kept of each worker, at least 2: those that were uploaded or activated last. The
    /// active one and the one before it are kept in any case.
    pub keep_versions: usize,
    /// Activations remembered of each worker, at least 1.
    pub keep_deployments: usize,
    /// What archives leave free on the disk, in bytes: the records, secrets and activations are
    /// small, and have room when no archive has.
    pub min_free_bytes: u64,
}

/// The workers that are deployed on a node, on disk. A change is whole and durable when its method
/// returns, and leaves nothing when it fails. All methods block; none is for a shard.
pub struct Registry {
    options: Options,
    tables: Tables,
    archives: Archives,
    key: Mutex<Option<SecretKey>>,
    /// Held from before an archive gets to its place until its record is on disk, and from before
    /// a record goes until its archive has: who holds it sees archives and records agree.
    changing: Mutex<()>,
    lock: Mutex<Option<Lock>>,
}

/// What is on disk about a version.
#[derive(Debug, Serialize, Deserialize)]
struct VersionRow {
    /// Goes up with each upload of the node.
    number: u64,
    /// The same, also with each activation: the lowest goes first.
    last_use: u64,
    /// What the archive has, in bytes; 0 in rows of programs that did not keep it.
    #[serde(default)]
    archive_bytes: u64,
    record: VersionRecord,
}

impl VersionRow {
    /// What the version has on the disk, in bytes.
    fn bytes(&self) -> u64 {
        // Of an archive whose size is not known the modules are, which are most of it.
        self.archive_bytes.max(self.record.gzip_bytes).saturating_add(RECORD_BYTES)
    }
}

impl Registry {
    /// Opens a registry. Reads no archive, and of the records only whether there is a secret.
    ///
    /// # Errors
    /// When another process has it, it cannot be read, is damaged, or has secrets whose key is
    /// missing or another one.
    pub fn open(options: Options) -> Result<Self, RegistryError> {
        let lock = Lock::take(&options.folder)?;
        let tables = Tables::open(&options.folder, DATABASE_FILE)?;
        let archives = Archives::open(&options.folder, options.min_free_bytes)?;
        let registry = Self {
            options,
            tables,
            archives,
            key: Mutex::new(None),
            changing: Mutex::new(()),
            lock: Mutex::new(Some(lock)),
        };
        registry.check_key()?;
        Ok(registry)
    }

    /// Releases the folder, so that another process can take it, once the change is over that is
    /// under way. What is asked afterwards fails with [`RegistryError::Closed`].
    pub fn close(&self) {
        let _changing = self.changing.lock();
        self.tables.close();
        drop(self.lock.lock().take());
    }

    /// Whether it was closed. Asked by whoever holds `changing` before archives are changed.
    fn is_open(&self) -> Result<(), RegistryError> {
        self.lock.lock().as_ref().map(drop).ok_or(RegistryError::Closed)
    }

    /// All workers that have an active version, in the order of their names.
    ///
    /// # Errors
    /// When the disk fails or a record is damaged.
    pub fn workers(&self) -> Result<Vec<WorkerRecord>, RegistryError> {
        self.list_workers(None, usize::MAX, |_| true)
    }

    /// At most that many of them, those after a name that are `shown`.
    ///
    /// # Errors
    /// As for [`workers`](Self::workers).
    pub fn list_workers(
        &self,
        after: Option<&str>,
        limit: usize,
        shown: impl Fn(&WorkerRecord) -> bool,
    ) -> Result<Vec<WorkerRecord>, RegistryError> {
        self.tables.read(|txn| {
            let workers = txn.open_table(WORKERS)?;
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let rows = workers.range::<&str>((from, Bound::Unbounded))?;
            let records = rows.map(|row| decode(row?.1.value(), WORKER_ROW));
            records.filter(|record| record.as_ref().map_or(true, &shown)).take(limit).collect()
        })
    }

    /// How many workers have an active version.
    ///
    /// # Errors
    /// As for [`workers`](Self::workers).
    pub fn worker_count(&self) -> Result<u64, RegistryError> {
        self.tables.read(|txn| Ok(redb::ReadableTableMetadata::len(&txn.open_table(WORKERS)?)?))
    }

    /// A worker that has an active version.
    ///
    /// # Errors
    /// As for [`workers`](Self::workers).
    pub fn worker(&self, name: &str) -> Result<Option<WorkerRecord>, RegistryError> {
        self.tables.read(|txn| worker(&txn.open_table(WORKERS)?, name))
    }

    /// A version of a worker.
    ///
    /// # Errors
    /// As for [`workers`](Self::workers).
    pub fn version(&self, worker: &str, id: &str) -> Result<Option<VersionRecord>, RegistryError> {
        self.tables.read(|txn| {
            let row = version(&txn.open_table(VERSIONS)?, worker, id)?;
            Ok(row.map(|row| row.record))
        })
    }

    /// The versions of a worker, the last uploaded first.
    ///
    /// # Errors
    /// As for [`workers`](Self::workers).
    pub fn versions(&self, worker: &str) -> Result<Vec<VersionRecord>, RegistryError> {
        let mut rows = self.tables.read(|txn| version_rows(&txn.open_table(VERSIONS)?, worker))?;
        rows.sort_by_key(|row| std::cmp::Reverse(row.number));
        Ok(rows.into_iter().map(|row| row.record).collect())
    }

    /// What the versions of the workers have on the disk, in bytes, whose names begin so and are
    /// counted. Reads a record of each.
    ///
    /// # Errors
    /// As for [`workers`](Self::workers).
    pub fn archive_bytes(
        &self,
        beginning: &str,
        is_counted: impl Fn(&str) -> bool,
    ) -> Result<u64, RegistryError> {
        self.tables.read(|txn| bytes_of(&txn.open_table(VERSIONS)?, beginning, &is_counted))
    }

    /// The last activations of a worker, the latest first.
    ///
    /// # Errors
    /// As for [`workers`](Self::workers).
    pub fn deployments(
        &self,
        worker: &str,
        limit: usize,
    ) -> Result<Vec<DeploymentRecord>, RegistryError> {
        self.tables.read(|txn| {
            let deployments = txn.open_table(DEPLOYMENTS)?;
            let rows = deployments.range((worker, 0)..=(worker, u64::MAX))?.rev().take(limit);
            rows.map(|row| decode(row?.1.value(), DEPLOYMENT_ROW)).collect()
        })
    }

    /// The archive of a version, as it was uploaded.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn archive(&self, id: &str) -> Result<Vec<u8>, RegistryError> {
        self.archives.read(id)
    }

    /// The file of a version's archive, for messages.
    pub fn archive_path(&self, id: &str) -> PathBuf {
        self.archives.path(id)
    }

    /// Removes archives that no record names: what a process left that was killed between the
    /// one and the other. Goes through all archives; others can use the registry meanwhile.
    /// Answers how many there were.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn remove_orphans(&self) -> Result<usize, RegistryError> {
        let mut removed = 0;
        for ids in self.archives.ids() {
            let ids = ids?;
            if self.without_record(&ids)?.is_empty() {
                continue;
            }
            // Of an upload that is under way the archive is there before the record.
            let _changing = self.changing.lock();
            self.is_open()?;
            let orphans = self.without_record(&ids)?;
            self.archives.remove(&orphans);
            removed += orphans.len();
        }
        Ok(removed)
    }

    fn without_record(&self, ids: &[String]) -> Result<Vec<String>, RegistryError> {
        self.tables.read(|txn| {
            let archives = txn.open_table(ARCHIVES)?;
            let mut missing = Vec::new();
            for id in ids {
                if archives.get(id.as_str())?.is_none() {
                    missing.push(id.clone());
                }
            }
            Ok(missing)
        })
    }

    fn check_key(&self) -> Result<(), RegistryError> {
        let first = self.tables.read(|txn| {
            let secrets = txn.open_table(SECRETS)?;
            let first = secrets.first()?;
            Ok(first.map(|(key, sealed)| {
                let (worker, name) = key.value();
                (worker.to_owned(), name.to_owned(), sealed.value().to_vec())
            }))
        })?;
        let Some((worker, name, sealed)) = first else { return Ok(()) };
        self.with_key(|key| key.open(&worker, &name, &sealed).map(drop))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("folder", &self.options.folder).finish_non_exhaustive()
    }
}

/// The record of a worker.
fn worker(
    workers: &impl redb::ReadableTable<&'static str, &'static [u8]>,
    name: &str,
) -> Result<Option<WorkerRecord>, Fault> {
    workers.get(name)?.map(|row| decode(row.value(), WORKER_ROW)).transpose()
}

/// The row of a version.
fn version(
    versions: &impl redb::ReadableTable<(&'static str, &'static str), &'static [u8]>,
    worker: &str,
    id: &str,
) -> Result<Option<VersionRow>, Fault> {
    versions.get((worker, id))?.map(|row| decode(row.value(), VERSION_ROW)).transpose()
}

/// The rows of a worker's versions, in the order of their identifiers.
fn version_rows(
    versions: &impl redb::ReadableTable<(&'static str, &'static str), &'static [u8]>,
    worker: &str,
) -> Result<Vec<VersionRow>, Fault> {
    let mut rows = Vec::new();
    for row in versions.range((worker, "")..)? {
        let (key, row) = row?;
        if key.value().0 != worker {
            break;
        }
        rows.push(decode(row.value(), VERSION_ROW)?);
    }
    Ok(rows)
}

/// What the versions of those workers have on the disk, in bytes.
fn bytes_of(
    versions: &impl redb::ReadableTable<(&'static str, &'static str), &'static [u8]>,
    beginning: &str,
    is_counted: impl Fn(&str) -> bool,
) -> Result<u64, Fault> {
    let mut bytes = 0_u64;
    for row in versions.range((beginning, "")..)? {
        let (key, row) = row?;
        let worker = key.value().0;
        if !worker.starts_with(beginning) {
            break;
        }
        if is_counted(worker) {
            let row: VersionRow = decode(row.value(), VERSION_ROW)?;
            bytes = bytes.saturating_add(row.bytes());
        }
    }
    Ok(bytes)
}
