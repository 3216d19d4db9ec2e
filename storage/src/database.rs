//! Tables in one file, without a log: whoever changes them waits for the disk. The file is opened again
//! after a failure of the disk, by whoever uses it next.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use redb::{ReadTransaction, ReadableDatabase as _, WriteTransaction};

use crate::disk::Disk;
use crate::fault::{Damaged, Fault, Stop};
use crate::raw::{META, META_FORMAT, begin_durable, close, open_database};

/// What a database is called while it is made.
const NEW: &str = ".new";

/// How a [`Database`] is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// The name of its file.
    pub file: &'static str,
    /// The format of its tables; a file with a higher one is not opened.
    pub format: u64,
    /// The most bytes of its pages that are kept in memory.
    pub page_cache_bytes: usize,
}

/// Tables in one file.
pub struct Database {
    disk: Arc<dyn Disk>,
    options: DatabaseOptions,
    /// `None` after a failure of the disk, until the next use: the database then answers nothing
    /// before it is opened again.
    database: RwLock<Option<redb::Database>>,
    /// Another process may have the file: it is not opened again.
    closed: AtomicBool,
}

impl Database {
    /// Whether a disk has the file of a database. One that is empty is none.
    ///
    /// # Errors
    ///
    /// When that cannot be known.
    pub fn is_there(disk: &dyn Disk, file: &str) -> io::Result<bool> {
        Ok(disk.exists(file)? && disk.open(file)?.length()? > 0)
    }

    /// Opens the file; where there is none, `make` makes its tables. The table of numbers
    /// ([`META`]) with the format is there then. A process that is killed leaves a whole file or
    /// none.
    ///
    /// # Errors
    ///
    /// When the file cannot be made or read, is damaged, or has a later format
    /// ([`Fault::Newer`]).
    pub fn open(
        disk: Arc<dyn Disk>,
        options: DatabaseOptions,
        make: impl FnOnce(&WriteTransaction) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        if !Self::is_there(&*disk, options.file)? {
            make_file(&*disk, &options, make)?;
        }
        let (database, closed) = (RwLock::new(None), AtomicBool::new(false));
        let database = Self { disk, options, database, closed };
        database.reopen()?;
        let (found, known) = (database.format()?, options.format);
        if found > known { Err(Fault::Newer { found, known }) } else { Ok(database) }
    }

    /// The format of its tables: at most that of the options. Whoever brings them up to a later one
    /// sets [`META_FORMAT`] in the same transaction.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn format(&self) -> Result<u64, Fault> {
        let format = self.read(|txn| {
            let format = txn.open_table(META)?.get(META_FORMAT)?;
            Ok(format.ok_or(Damaged { what: "the number of the format" })?.value())
        });
        format.map_err(|stop: Stop<std::convert::Infallible>| stop.into())
    }

    /// Looks at one state of the tables.
    ///
    /// # Errors
    ///
    /// What `look` answers, and the faults of the database: [`Fault::Closed`] once it was closed,
    /// others may pass.
    pub fn read<T, R>(
        &self,
        look: impl FnOnce(&ReadTransaction) -> Result<T, Stop<R>>,
    ) -> Result<T, Stop<R>> {
        self.with(|database| look(&database.begin_read()?))
    }

    /// Changes the tables, all or nothing. It is on disk when this returns.
    ///
    /// # Errors
    ///
    /// What `change` answers, and the faults of the database. Nothing is changed then, but where the
    /// disk failed while it was written.
    pub fn write<T, R>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, Stop<R>>,
    ) -> Result<T, Stop<R>> {
        self.with(|database| {
            let txn = begin_durable(database)?;
            // Dropped without a commit, a transaction leaves nothing.
            let result = change(&txn)?;
            txn.commit()?;
            Ok(result)
        })
    }

    /// Closes the file for good, when nobody is in the middle of using it.
    pub fn close(&self) {
        let mut database = self.database.write();
        self.closed.store(true, Ordering::Relaxed);
        if let Some(database) = database.take() {
            close(database);
        }
    }

    fn with<T, R>(
        &self,
        run: impl FnOnce(&redb::Database) -> Result<T, Stop<R>>,
    ) -> Result<T, Stop<R>> {
        if self.database.read().is_none() {
            self.reopen()?;
        }
        let result = {
            let database = self.database.read();
            match database.as_ref() {
                Some(database) => Stop::catch(|| run(database)),
                None if self.closed.load(Ordering::Relaxed) => Err(Fault::Closed.into()),
                // Somebody else has just found the disk failing.
                None => Err(Fault::Database(redb::Error::PreviousIo).into()),
            }
        };
        if let Err(Stop::Fault(Fault::Database(_) | Fault::Io(_) | Fault::Panic(_))) = &result
            && let Some(failed) = self.database.write().take()
        {
            close(failed);
        }
        result
    }

    fn reopen(&self) -> Result<(), Fault> {
        let mut database = self.database.write();
        if self.closed.load(Ordering::Relaxed) {
            return Err(Fault::Closed);
        }
        if database.is_none() {
            let DatabaseOptions { file, page_cache_bytes, .. } = self.options;
            let opened = Fault::catch(|| open_database(&*self.disk, file, page_cache_bytes))?;
            *database = Some(opened);
        }
        Ok(())
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Makes the file under another name, so that a killed process leaves a whole one or none.
fn make_file(
    disk: &dyn Disk,
    options: &DatabaseOptions,
    make: impl FnOnce(&WriteTransaction) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let temporary = format!("{}{NEW}", options.file);
    disk.remove(&temporary)?;
    Fault::catch(|| {
        let database = open_database(disk, &temporary, options.page_cache_bytes)?;
        let txn = begin_durable(&database)?;
        txn.open_table(META)?.insert(META_FORMAT, options.format)?;
        make(&txn)?;
        txn.commit()?;
        Ok(())
    })?;
    disk.rename(&temporary, options.file)?;
    Ok(())
}

#[cfg(test)]
mod tests;
