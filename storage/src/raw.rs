//! A database file as a whole: how it is opened on a disk, how transactions on it begin, and how it is
//! closed after a failure. Not here: who opens it again, and its tables, but for the numbers that
//! each has.

use std::io;
use std::sync::Arc;

use redb::{Database, Durability, TableDefinition, WriteTransaction};

use crate::disk::{Disk, DiskFile};
use crate::fault::Fault;

/// Numbers about the whole file, by name. Which names are taken is said by those that begin with
/// `META_`; a [`Machine`](crate::Machine) may keep others there.
pub const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// The format of the tables.
pub const META_FORMAT: &str = "format";
/// Which batches of the log of a [`Store`](crate::Store) may not be in the tables yet: those of this
/// epoch. Each checkpoint begins one.
pub const META_LOG_EPOCH: &str = "log_epoch";

/// Opens a database, or makes an empty one. To be called where a panic is caught.
///
/// # Errors
///
/// When it cannot be read, or is damaged.
pub fn open_database(
    disk: &dyn Disk,
    name: &str,
    page_cache_bytes: usize,
) -> Result<Database, Fault> {
    open_database_file(disk.open(name)?, page_cache_bytes)
}

/// The same of a file that is open.
pub(crate) fn open_database_file(
    file: Arc<dyn DiskFile>,
    page_cache_bytes: usize,
) -> Result<Database, Fault> {
    let mut builder = redb::Builder::new();
    Ok(builder.set_cache_size(page_cache_bytes).create_with_backend(DatabaseFile(file))?)
}

/// Begins a transaction whose commit is on disk, and after which the database opens at once however
/// the process ends.
///
/// # Errors
///
/// Those of the database.
pub fn begin_durable(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut txn = database.begin_write()?;
    txn.set_quick_repair(true);
    Ok(txn)
}

/// Begins a transaction whose commit is seen by readers, and is on disk with the next durable one.
///
/// # Errors
///
/// Those of the database.
pub fn begin_volatile(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut txn = database.begin_write()?;
    txn.set_durability(Durability::None)?;
    Ok(txn)
}

/// Closes a database that has failed, and that may fail at this, too.
pub fn close(database: Database) {
    let closed = Fault::catch(|| {
        drop(database);
        Ok(())
    });
    if let Err(fault) = closed {
        tracing::warn!(error = %fault, "a database file could not be closed in order");
    }
}

/// A file as the database reads and writes it.
#[derive(Debug)]
struct DatabaseFile(Arc<dyn DiskFile>);

impl redb::StorageBackend for DatabaseFile {
    fn len(&self) -> io::Result<u64> {
        self.0.length()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_length(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }
}
