//! The registry of a node: opening it, and what it knows. How it changes is in `registry/change.rs`,
//! the log of its changes in `registry/log.rs`.

mod change;
#[cfg(test)]
mod contents;
mod log;
mod secrets;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use redb::ReadableTable as _;

use crate::archives::Archives;
use crate::catalog::{Followers, Keep};
use crate::error::RegistryError;
use crate::records::{DeploymentRecord, VersionRecord, WorkerRecord};
use crate::rows;
use crate::secret::SecretKey;
use crate::tables::{ARCHIVES, CONSUMERS, DEPLOYMENTS, SECRETS, Tables, VERSIONS, WORKERS, read};

pub use self::change::Committed;
use self::log::LogLimits;

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
    followers: Arc<Followers>,
    log_limits: LogLimits,
}

impl Registry {
    /// Opens a registry. Reads no archive, and of the records only whether there is a secret.
    ///
    /// # Errors
    /// When another process has it, it cannot be read, is damaged, or has secrets whose key is
    /// missing or another one.
    pub fn open(options: Options) -> Result<Self, RegistryError> {
        Self::open_with(options, LogLimits::default())
    }

    fn open_with(options: Options, log_limits: LogLimits) -> Result<Self, RegistryError> {
        let tables = Tables::open(&options.folder)?;
        let archives = Archives::open(&options.folder, options.min_free_bytes)?;
        let registry = Self {
            options,
            tables,
            archives,
            key: Mutex::new(None),
            changing: Mutex::new(()),
            followers: Arc::default(),
            log_limits,
        };
        registry.check_key()?;
        Ok(registry)
    }

    /// Releases the folder, so that another process can take it, once the change is over that is
    /// under way. What is asked afterwards fails with [`RegistryError::Closed`].
    pub fn close(&self) {
        let _changing = self.changing.lock();
        self.tables.close();
        self.followers.close();
    }

    /// How much is kept of each worker.
    fn keep(&self) -> Keep {
        let Options { keep_versions, keep_deployments, .. } = self.options;
        Keep { versions: keep_versions, deployments: keep_deployments }
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
            let mut found = Vec::new();
            for row in workers.range::<&str>((from, Bound::Unbounded))? {
                if found.len() >= limit {
                    break;
                }
                let record = rows::worker(row?.1.value())?;
                if shown(&record) {
                    found.push(record);
                }
            }
            Ok(found)
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
        self.tables.read(|txn| read::worker(&txn.open_table(WORKERS)?, name))
    }

    /// A version of a worker.
    ///
    /// # Errors
    /// As for [`workers`](Self::workers).
    pub fn version(&self, worker: &str, id: &str) -> Result<Option<VersionRecord>, RegistryError> {
        self.tables.read(|txn| {
            let version = read::version(&txn.open_table(VERSIONS)?, worker, id)?;
            Ok(version.map(|version| version.record))
        })
    }

    /// The versions of a worker, the last uploaded first.
    ///
    /// # Errors
    /// As for [`workers`](Self::workers).
    pub fn versions(&self, worker: &str) -> Result<Vec<VersionRecord>, RegistryError> {
        let found = self.tables.read(|txn| read::versions(&txn.open_table(VERSIONS)?, worker));
        let mut found = found?;
        found.sort_by_key(|version| std::cmp::Reverse(version.number));
        Ok(found.into_iter().map(|version| version.record).collect())
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
        self.tables.read(|txn| read::bytes_of(&txn.open_table(VERSIONS)?, beginning, is_counted))
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
            let mut found = Vec::new();
            for row in deployments.range((worker, 0)..=(worker, u64::MAX))?.rev().take(limit) {
                found.push(rows::deployment(row?.1.value())?);
            }
            Ok(found)
        })
    }

    /// The worker that consumes a queue.
    ///
    /// # Errors
    /// As for [`workers`](Self::workers).
    pub fn consumer_of(&self, queue: &str) -> Result<Option<String>, RegistryError> {
        self.tables.read(|txn| {
            let consumers = txn.open_table(CONSUMERS)?;
            let worker = consumers.get(queue)?;
            Ok(worker.map(|worker| worker.value().to_owned()))
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
            let _changing = self.begin_change()?;
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
