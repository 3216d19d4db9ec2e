//! The database file: its tables, how it comes to be, and how whatever goes wrong with it is
//! answered. What the rows mean is the registry's.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use redb::{Database, ReadTransaction, ReadableDatabase as _, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::archives::{Archives, sync_folder};
use crate::error::RegistryError;

/// The format of the tables; a file with a higher one is not opened.
const FORMAT: u64 = 1;

/// Pages of the database in memory, in bytes.
const CACHE_BYTES: usize = 16 << 20;

/// Numbers about the whole file, by the names below.
pub(crate) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const META_FORMAT: &str = "format";
/// The highest revision of any worker that was deleted: new workers begin above it.
pub(crate) const META_FLOOR: &str = "revision_floor";
/// Given to the next upload or use of a version.
pub(crate) const META_NEXT_USE: &str = "next_use";

/// A worker's name to its record, as JSON.
pub(crate) const WORKERS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("workers");
/// A worker's name and a version's identifier to a row about it, as JSON.
pub(crate) const VERSIONS: TableDefinition<'_, (&str, &str), &[u8]> =
    TableDefinition::new("versions");
/// The identifiers of the archives that are kept.
pub(crate) const ARCHIVES: TableDefinition<'_, &str, ()> = TableDefinition::new("archives");
/// A worker's name and revision to the record of the activation that made it, as JSON.
pub(crate) const DEPLOYMENTS: TableDefinition<'_, (&str, u64), &[u8]> =
    TableDefinition::new("deployments");
/// A worker's name and a secret's to its encrypted value.
pub(crate) const SECRETS: TableDefinition<'_, (&str, &str), &[u8]> =
    TableDefinition::new("secrets");

/// The database, open.
pub(crate) struct Tables {
    path: PathBuf,
    /// `None` after a failure of the disk, until the next use: the database then answers nothing
    /// before it is opened again.
    database: RwLock<Option<Database>>,
    /// Another process may have the file: it is not opened again.
    closed: AtomicBool,
}

/// What goes wrong in a transaction.
#[derive(Debug)]
pub(crate) enum Fault {
    Database(redb::Error),
    /// A row that is not what was written.
    Row(&'static str),
    /// The answer is no.
    Refused(RegistryError),
}

macro_rules! from_redb {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                Self::Database(error.into())
            }
        }
    )*};
}

from_redb!(CommitError, DatabaseError, StorageError, TableError, TransactionError);

impl From<RegistryError> for Fault {
    fn from(error: RegistryError) -> Self {
        Self::Refused(error)
    }
}

impl Tables {
    /// Opens the file in that folder; a new folder gets one.
    pub(crate) fn open(folder: &Path, name: &str) -> Result<Self, RegistryError> {
        let path = folder.join(name);
        // The database takes an empty file for a new one.
        let is_new = match fs::metadata(&path) {
            Ok(metadata) => metadata.len() == 0,
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(RegistryError::io(&path)(error)),
        };
        if is_new {
            if Archives::are_there(folder)? {
                let problem = "it is missing or empty, and the folder has versions that it knew";
                return Err(RegistryError::Damaged { path, problem: problem.to_owned() });
            }
            make(folder, &path)?;
        }
        let tables = Self { path, database: RwLock::new(None), closed: AtomicBool::new(false) };
        tables.reopen()?;
        let format = tables.read(|txn| number(&txn.open_table(META)?, META_FORMAT))?;
        if format > FORMAT {
            return Err(RegistryError::Newer { path: tables.path, found: format, known: FORMAT });
        }
        Ok(tables)
    }

    /// Closes the file for good, when nobody is in the middle of using it.
    pub(crate) fn close(&self) {
        let mut database = self.database.write();
        self.closed.store(true, Ordering::Relaxed);
        *database = None;
    }

    /// Looks at one state of the tables.
    pub(crate) fn read<T>(
        &self,
        look: impl Fn(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, RegistryError> {
        self.with_database(|database| look(&database.begin_read()?))
    }

    /// Changes the tables, all or nothing. It is on disk when this returns.
    pub(crate) fn write<T>(
        &self,
        change: impl Fn(&WriteTransaction) -> Result<T, Fault>,
    ) -> Result<T, RegistryError> {
        self.with_database(|database| {
            let mut txn = begin_durable(database)?;
            // Dropped without a commit, a transaction leaves nothing.
            let result = change(&mut txn)?;
            txn.commit()?;
            Ok(result)
        })
    }

    fn with_database<T>(
        &self,
        run: impl FnOnce(&Database) -> Result<T, Fault>,
    ) -> Result<T, RegistryError> {
        if self.database.read().is_none() {
            self.reopen()?;
        }
        let result = {
            let database = self.database.read();
            match database.as_ref() {
                Some(database) => catch(|| run(database)),
                None if self.closed.load(Ordering::Relaxed) => Err(RegistryError::Closed.into()),
                // Somebody else has just found the disk failing.
                None => Err(Fault::Database(redb::Error::PreviousIo)),
            }
        };
        result.map_err(|fault| {
            if matches!(&fault, Fault::Database(_)) {
                *self.database.write() = None;
            }
            self.error(fault)
        })
    }

    fn reopen(&self) -> Result<(), RegistryError> {
        let mut database = self.database.write();
        if self.closed.load(Ordering::Relaxed) {
            return Err(RegistryError::Closed);
        }
        if database.is_none() {
            *database = Some(catch(|| open(&self.path)).map_err(|fault| self.error(fault))?);
        }
        Ok(())
    }

    fn error(&self, fault: Fault) -> RegistryError {
        error_at(&self.path, fault)
    }
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The bytes of a row.
pub(crate) fn encode(row: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(row).expect("rows are plain JSON data")
}

/// The row of those bytes.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|_| Fault::Row(what))
}

/// A number that was written when the file was made.
pub(crate) fn number(
    meta: &impl redb::ReadableTable<&'static str, u64>,
    name: &str,
) -> Result<u64, Fault> {
    Ok(meta.get(name)?.ok_or(Fault::Row("a number"))?.value())
}

/// Makes the file under another name, so that a killed process leaves a whole one or none.
fn make(folder: &Path, path: &Path) -> Result<(), RegistryError> {
    let temporary = path.with_extension("new");
    let _ = fs::remove_file(&temporary);
    let made = catch(|| {
        let database = open(&temporary)?;
        let txn = begin_durable(&database)?;
        {
            let mut meta = txn.open_table(META)?;
            meta.insert(META_FORMAT, FORMAT)?;
            meta.insert(META_FLOOR, 0)?;
            meta.insert(META_NEXT_USE, 0)?;
            txn.open_table(WORKERS)?;
            txn.open_table(VERSIONS)?;
            txn.open_table(ARCHIVES)?;
            txn.open_table(DEPLOYMENTS)?;
            txn.open_table(SECRETS)?;
        }
        txn.commit()?;
        Ok(())
    });
    made.map_err(|fault| error_at(&temporary, fault))?;
    fs::rename(&temporary, path).map_err(RegistryError::io(path))?;
    sync_folder(folder)
}

fn open(path: &Path) -> Result<Database, Fault> {
    Ok(redb::Builder::new().set_cache_size(CACHE_BYTES).create(path)?)
}

/// Begins a transaction whose commit is on disk, and after which the database opens at once however
/// the process ends.
fn begin_durable(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut txn = database.begin_write()?;
    txn.set_quick_repair(true);
    Ok(txn)
}

/// Runs what calls the database, which panics where it finds what it never wrote.
fn catch<T>(run: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let text = text.unwrap_or_else(|| "the database panicked".to_owned());
        Err(Fault::Database(redb::Error::Corrupted(text)))
    })
}

fn error_at(path: &Path, fault: Fault) -> RegistryError {
    let problem = match fault {
        Fault::Refused(error) => return error,
        Fault::Database(redb::Error::Io(error)) => return RegistryError::io(path)(error),
        Fault::Database(redb::Error::PreviousIo) => {
            return RegistryError::io(path)(io::Error::other("the disk has just failed"));
        }
        Fault::Database(error) => error.to_string(),
        Fault::Row(what) => format!("{what} is not what was written"),
    };
    RegistryError::Damaged { path: path.to_owned(), problem }
}
