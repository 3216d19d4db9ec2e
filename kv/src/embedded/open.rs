//! Opening the engine's files, after whatever end the last process came to: the database as it was
//! at its last checkpoint, and then what the log has beyond that.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::PathBuf;

use redb::{Database, ReadableDatabase as _, ReadableTable as _};

use crate::store::Namespace;

use super::apply::Apply;
use super::batch::{self, Logged};
use super::database::begin_durable;
use super::disk::{DatabaseFile, Disk, is_full};
use super::fault::Fault;
use super::holds::Holds;
use super::log::Log;
use super::logged;
use super::schema::{
    DROPPED, EXPIRIES, FORMAT, META, META_FORMAT, META_LOG_EPOCH, META_NEXT_NAMESPACE,
    META_NEXT_VALUE, NAMESPACES, PIECES, RECORDS, SIZES, UNREFERENCED,
};
use super::suspect;

const DATABASE_FILE: &str = "kv.redb";
pub(super) const LOG_FILE: &str = "kv.log";

/// Why a store cannot be opened. Nothing that was stored in its folder was removed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the folder.
    #[error("{} is in use by {}", .path.display(), holder(*.process))]
    Held {
        /// The folder.
        path: PathBuf,
        /// The number of the process that has it, if it is known.
        process: Option<u32>,
    },
    /// The folder, or a file in it, cannot be made, read or written.
    #[error("cannot use {}: {source}", .path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error(
        "the store in {} is damaged: {source}; restore kv.redb and kv.log together from a backup",
        .path.display()
    )]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The files were written by a later version of Isolane.
    #[error(
        "the store in {} has format {found}, and this version of Isolane knows formats up to {known}",
        .path.display()
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// The format of the files.
        found: u64,
        /// The latest format that is known.
        known: u64,
    },
}

/// What the writer has: the files, open, and what it must know of their contents.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) log: Log,
    pub(super) namespaces: Vec<Known>,
    pub(super) next_namespace: u32,
    pub(super) next_value: u64,
    /// How many changes of the log were not in the tables.
    pub(super) replayed: usize,
}

/// A namespace in the tables.
pub(super) struct Known {
    pub(super) namespace: Namespace,
    pub(super) number: u32,
    pub(super) keys: u64,
    pub(super) bytes: u64,
}

/// Why the files cannot be opened, before it is known where they are.
#[derive(Debug)]
pub(super) enum OpenFault {
    Fault(Fault),
    Newer(u64),
}

/// What a store is opened with.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileOptions {
    pub(super) page_cache_bytes: usize,
    pub(super) log_bytes: u64,
}

impl Opened {
    /// Opens the files, or makes them.
    pub(super) fn open(
        disk: &dyn Disk,
        options: FileOptions,
        holds: &Holds,
    ) -> Result<Self, OpenFault> {
        Fault::catch(|| match Self::try_open(disk, options, holds) {
            Err(OpenFault::Fault(fault)) => Err(fault),
            opened => Ok(opened),
        })?
    }

    fn try_open(disk: &dyn Disk, options: FileOptions, holds: &Holds) -> Result<Self, OpenFault> {
        let had_log = disk.exists(LOG_FILE).map_err(Fault::from)?;
        if !had_log && disk.exists(DATABASE_FILE).map_err(Fault::from)? {
            return Err(Fault::MissingLog.into());
        }
        let log_file = disk.open(LOG_FILE).map_err(Fault::from)?;
        let database_file = disk.open(DATABASE_FILE).map_err(Fault::from)?;
        let is_new = database_file.len().map_err(Fault::from)? == 0;
        if is_new && Log::has_batches(log_file.as_ref()).map_err(Fault::from)? {
            return Err(Fault::MissingDatabase.into());
        }
        if is_new {
            // Before there is a database that would miss it.
            Log::prepare(log_file.as_ref(), options.log_bytes).map_err(Fault::from)?;
        }
        let database = redb::Builder::new()
            .set_cache_size(options.page_cache_bytes)
            .create_with_backend(DatabaseFile(database_file))
            .map_err(Fault::from)?;
        let mut numbers = Numbers::read(&database)?;
        let replayed = replay(&database, log_file.as_ref(), &mut numbers, holds)?;
        if !is_new {
            // As late as this: what fails before is tried again, and it is to be told of once.
            suspect::look_at(disk, log_file.as_ref(), options.log_bytes).map_err(Fault::from)?;
        }
        let namespaces = known(&database)?;
        let log =
            Log::begin(log_file, options.log_bytes, numbers.log_epoch).map_err(Fault::from)?;
        Ok(Self {
            database,
            log,
            namespaces,
            next_namespace: numbers.next_namespace,
            next_value: numbers.next_value,
            replayed,
        })
    }
}

impl OpenError {
    /// What the disk says that has no room for what opening has to write.
    pub(super) fn full_disk(&self) -> Option<&io::Error> {
        match self {
            Self::Io { source, .. } if is_full(source) => Some(source),
            _ => None,
        }
    }
}

impl OpenFault {
    pub(super) fn at(self, path: PathBuf) -> OpenError {
        match self {
            Self::Newer(found) => OpenError::Newer { path, found, known: FORMAT },
            Self::Fault(fault) => match fault.into_io() {
                Ok(source) => OpenError::Io { path, source },
                Err(fault) => OpenError::Damaged { path, source: Box::new(fault) },
            },
        }
    }
}

impl From<Fault> for OpenFault {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What the table of numbers says.
struct Numbers {
    log_epoch: u64,
    /// How many batches of that epoch are in the tables.
    applied: usize,
    next_namespace: u32,
    next_value: u64,
}

impl Numbers {
    /// Reads them; a database without them gets its tables.
    fn read(database: &Database) -> Result<Self, OpenFault> {
        let is_new = {
            let txn = database.begin_read().map_err(Fault::from)?;
            let mut tables = txn.list_tables().map_err(Fault::from)?;
            !tables.any(|table| redb::TableHandle::name(&table) == redb::TableHandle::name(&META))
        };
        if is_new {
            return Ok(Self::make(database)?);
        }
        let txn = database.begin_read().map_err(Fault::from)?;
        let meta = txn.open_table(META).map_err(Fault::from)?;
        let number = |name: &str| -> Result<u64, Fault> {
            Ok(meta.get(name)?.ok_or(Fault::MISSING_NUMBER)?.value())
        };
        let format = number(META_FORMAT)?;
        if format > FORMAT {
            return Err(OpenFault::Newer(format));
        }
        let log_epoch = number(META_LOG_EPOCH)?;
        Ok(Self {
            log_epoch,
            applied: logged::applied(&meta, log_epoch)?,
            next_namespace: u32::try_from(number(META_NEXT_NAMESPACE)?)
                .map_err(|_| Fault::MISSING_NUMBER)?,
            next_value: number(META_NEXT_VALUE)?,
        })
    }

    fn make(database: &Database) -> Result<Self, Fault> {
        // Begun at random, so that no value that is put can look like a batch of the log.
        let log_epoch = RandomState::new().hash_one(0) >> 1;
        let txn = begin_durable(database)?;
        {
            let mut meta = txn.open_table(META)?;
            meta.insert(META_FORMAT, FORMAT)?;
            meta.insert(META_LOG_EPOCH, log_epoch)?;
            meta.insert(META_NEXT_NAMESPACE, 0)?;
            meta.insert(META_NEXT_VALUE, 0)?;
            txn.open_table(NAMESPACES)?;
            txn.open_table(SIZES)?;
            txn.open_table(DROPPED)?;
            txn.open_table(RECORDS)?;
            txn.open_table(PIECES)?;
            txn.open_table(EXPIRIES)?;
            txn.open_table(UNREFERENCED)?;
        }
        txn.commit()?;
        Ok(Self { log_epoch, applied: 0, next_namespace: 0, next_value: 0 })
    }
}

/// Brings into the tables what only the log has, and begins a new epoch then. A new one also where they
/// have all of this one: batches that are added to a log which was emptied from outside are not those.
fn replay(
    database: &Database,
    log: &dyn super::disk::DiskFile,
    numbers: &mut Numbers,
    holds: &Holds,
) -> Result<usize, Fault> {
    let batches = Log::read(log, numbers.log_epoch, numbers.applied)?;
    if batches.iter().len() == 0 && numbers.applied == 0 {
        return Ok(0);
    }
    let txn = begin_durable(database)?;
    let mut replayed = 0;
    let mut apply = Apply::new(&txn, holds, numbers.next_value)?;
    for batch in batches.iter() {
        for (namespace, logged) in batch::decode(batch).ok_or(Fault::DAMAGED_BATCH)? {
            match logged {
                Logged::Change(change) => apply.change(namespace, &change)?,
                Logged::Stored(stored) => apply.store(namespace, &stored)?,
            }
            replayed += 1;
        }
    }
    numbers.next_value = apply.finish()?.next_value;
    numbers.log_epoch += 1;
    numbers.applied = 0;
    txn.open_table(META)?.insert(META_LOG_EPOCH, numbers.log_epoch)?;
    txn.commit()?;
    holds.absolve();
    Ok(replayed)
}

fn known(database: &Database) -> Result<Vec<Known>, Fault> {
    let txn = database.begin_read()?;
    let sizes = txn.open_table(SIZES)?;
    let mut found = Vec::new();
    for entry in txn.open_table(NAMESPACES)?.iter()? {
        let (number, name) = entry?;
        let (keys, bytes) = sizes.get(number.value())?.map_or((0, 0), |size| size.value());
        let namespace = Namespace::new(name.value());
        found.push(Known { namespace, number: number.value(), keys, bytes });
    }
    Ok(found)
}

fn holder(process: Option<u32>) -> String {
    match process {
        Some(process) => format!("the process {process}"),
        None => "another process".to_owned(),
    }
}
