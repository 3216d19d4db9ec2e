//! The database file: its tables, how it comes to be, and how whatever goes wrong with it is
//! answered. What the rows say is in `rows.rs`, what changes them in `fold.rs`.

mod migrate;
pub(crate) mod read;
mod state;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use redb::{ReadTransaction, TableDefinition, WriteTransaction};
use storage::{Damaged, Database, DatabaseOptions, Folder, Stop};

use crate::archives::Archives;
use crate::error::RegistryError;

pub(crate) use self::state::InTables;

/// The format of the tables; a file with a higher one is not opened. Format 1 had no log of changes,
/// and no triggers.
pub(crate) const FORMAT: u64 = 2;

const DATABASE_FILE: &str = "registry.redb";

/// Pages of the database in memory, in bytes.
const CACHE_BYTES: usize = 16 << 20;

/// Numbers about the whole file, by the names below.
pub(crate) const META: TableDefinition<'_, &str, u64> = storage::META;
/// The highest revision of any worker that was deleted: new workers begin above it.
pub(crate) const META_FLOOR: &str = "revision_floor";
/// Given to the last upload or use of a version.
pub(crate) const META_USE: &str = "next_use";
/// The place of the last change.
pub(crate) const META_LAST_CHANGE: &str = "last_change";
/// The place of the last change that is not in the log any more: what it and those before it came to
/// is in the other tables alone.
pub(crate) const META_DROPPED_CHANGE: &str = "dropped_change";
/// The bytes of the changes in the log.
pub(crate) const META_CHANGE_BYTES: &str = "change_bytes";

/// A worker's name to its record.
pub(crate) const WORKERS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("workers");
/// A worker's name and a version's identifier to a row about it.
pub(crate) const VERSIONS: TableDefinition<'_, (&str, &str), &[u8]> =
    TableDefinition::new("versions");
/// The identifiers of the archives that are kept.
pub(crate) const ARCHIVES: TableDefinition<'_, &str, ()> = TableDefinition::new("archives");
/// A worker's name and revision to the record of the activation that made it.
pub(crate) const DEPLOYMENTS: TableDefinition<'_, (&str, u64), &[u8]> =
    TableDefinition::new("deployments");
/// A worker's name and a secret's to its encrypted value.
pub(crate) const SECRETS: TableDefinition<'_, (&str, &str), &[u8]> =
    TableDefinition::new("secrets");
/// A queue's name to that of the worker that consumes it.
pub(crate) const CONSUMERS: TableDefinition<'_, &str, &str> = TableDefinition::new("consumers");
/// The place of a change to its row.
pub(crate) const CHANGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("changes");

/// What goes wrong in a transaction.
pub(crate) type Fault = Stop<RegistryError>;

/// The database, and the folder that it is in, which no other process has.
pub(crate) struct Tables {
    path: PathBuf,
    /// `None` once it was closed, because another process may have the folder.
    database: RwLock<Option<Database>>,
}

impl From<RegistryError> for Fault {
    fn from(error: RegistryError) -> Self {
        Self::Refused(error)
    }
}

impl Tables {
    /// Takes the folder for this process and opens the file in it; a new folder gets one, and one of
    /// an older format is brought up to this one.
    pub(crate) fn open(folder: &Path) -> Result<Self, RegistryError> {
        let path = folder.join(DATABASE_FILE);
        let disk = Arc::new(Folder::take(folder)?);
        let is_there = Database::is_there(&*disk, DATABASE_FILE);
        if !is_there.map_err(RegistryError::io(&path))? && Archives::are_there(folder)? {
            let problem = "it is missing or empty, and the folder has versions that it knew";
            return Err(RegistryError::Damaged { path, problem: problem.to_owned() });
        }
        let options =
            DatabaseOptions { file: DATABASE_FILE, format: FORMAT, page_cache_bytes: CACHE_BYTES };
        let database = Database::open(disk, options, make)
            .and_then(|database| Ok((database.format()?, database)))
            .map_err(|fault| error_at(&path, fault.into()));
        let (found, database) = database?;
        let tables = Self { path, database: RwLock::new(Some(database)) };
        if found < FORMAT {
            tables.write(|txn| migrate::from(txn, found))?;
            tracing::info!(found, now = FORMAT, "the registry has another format now");
        }
        Ok(tables)
    }

    /// Closes the file for good and gives the folder away, when nobody is in the middle of using it.
    pub(crate) fn close(&self) {
        if let Some(database) = self.database.write().take() {
            database.close();
        }
    }

    /// Whether it was not closed.
    pub(crate) fn is_open(&self) -> Result<(), RegistryError> {
        match *self.database.read() {
            Some(_) => Ok(()),
            None => Err(RegistryError::Closed),
        }
    }

    /// Looks at one state of the tables.
    pub(crate) fn read<T>(
        &self,
        look: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, RegistryError> {
        let database = self.database.read();
        let database = database.as_ref().ok_or(RegistryError::Closed)?;
        database.read(look).map_err(|fault| error_at(&self.path, fault))
    }

    /// Changes the tables, all or nothing. It is on disk when this returns.
    pub(crate) fn write<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, Fault>,
    ) -> Result<T, RegistryError> {
        let database = self.database.read();
        let database = database.as_ref().ok_or(RegistryError::Closed)?;
        database.write(change).map_err(|fault| error_at(&self.path, fault))
    }
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A number that was written when the file was made.
pub(crate) fn number(
    meta: &impl redb::ReadableTable<&'static str, u64>,
    name: &str,
) -> Result<u64, Fault> {
    Ok(meta.get(name)?.ok_or(Damaged { what: "a number" })?.value())
}

/// Makes the tables of a new file.
fn make(txn: &WriteTransaction) -> Result<(), storage::Fault> {
    let mut meta = txn.open_table(META)?;
    for name in [META_FLOOR, META_USE, META_LAST_CHANGE, META_DROPPED_CHANGE, META_CHANGE_BYTES] {
        meta.insert(name, 0)?;
    }
    txn.open_table(WORKERS)?;
    txn.open_table(VERSIONS)?;
    txn.open_table(ARCHIVES)?;
    txn.open_table(DEPLOYMENTS)?;
    txn.open_table(SECRETS)?;
    txn.open_table(CONSUMERS)?;
    txn.open_table(CHANGES)?;
    Ok(())
}

fn error_at(path: &Path, fault: Fault) -> RegistryError {
    let fault = match fault {
        Stop::Refused(error) => return error,
        Stop::Fault(fault) => fault,
    };
    match fault {
        storage::Fault::Closed => RegistryError::Closed,
        storage::Fault::Newer { found, known } => {
            RegistryError::Newer { path: path.to_owned(), found, known }
        }
        storage::Fault::Database(redb::Error::PreviousIo) => {
            RegistryError::io(path)(std::io::Error::other("the disk has just failed"))
        }
        fault => match fault.into_io() {
            Ok(error) => RegistryError::io(path)(error),
            Err(fault) => {
                RegistryError::Damaged { path: path.to_owned(), problem: fault.to_string() }
            }
        },
    }
}
