//! A store: its writer thread, and the disk that it has until it is closed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::disk::Disk;
use crate::error::OpenError;
use crate::folder::Folder;
use crate::machine::Machine;
use crate::raw::close;
use crate::shared::Core;
use crate::writer::Writer;

/// How a [`Store`] is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where it is, for messages.
    pub path: PathBuf,
    /// The most bytes of the database's pages that are kept in memory.
    pub page_cache_bytes: usize,
    /// The length of the log, which bounds what the next start has to replay.
    pub log_bytes: u64,
    /// What adds to the tables is refused while the disk has less room than this, in bytes.
    pub min_free_bytes: u64,
}

/// Tables that one writer thread changes, with a log before them. What it has answered to a change
/// with is on disk.
///
/// Dropping it writes out what is waiting and releases the disk.
pub struct Store<M: Machine> {
    core: Arc<Core<M>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Its lock is released when no thread can write to the files any more.
    disk: Mutex<Option<Arc<dyn Disk>>>,
}

impl<M: Machine> Store<M> {
    /// Opens the store in a folder, for this process alone; an absent one is made. `options.path` is
    /// for messages alone, and had better be that folder.
    ///
    /// # Errors
    ///
    /// When another process has the folder, or it cannot be used, or is damaged.
    pub fn open_in(
        folder: &Path,
        core: Arc<Core<M>>,
        options: Options,
        machine: M,
    ) -> Result<Self, OpenError> {
        let disk = Arc::new(Folder::take(folder)?);
        Self::open(disk, core, options, machine)
    }

    /// Opens the store on a disk. Whatever way the last process with it ended, it has every change that
    /// was answered.
    ///
    /// Where the disk has no room for what the log has beyond the tables, the store answers
    /// everything with [`Failure::DiskFull`](crate::Failure::DiskFull), and opens its files when
    /// there is room.
    ///
    /// # Errors
    ///
    /// When the files cannot be used, or are damaged.
    pub fn open(
        disk: Arc<dyn Disk>,
        core: Arc<Core<M>>,
        options: Options,
        machine: M,
    ) -> Result<Self, OpenError> {
        let path = options.path.clone();
        let mut writer = Writer::new(Arc::clone(&core), machine, Arc::clone(&disk), options);
        writer.open_or_wait_for_room()?;
        let run = move || writer.run();
        let writer = std::thread::Builder::new().name(M::KIND.thread.to_owned()).spawn(run);
        let writer = writer.map_err(|source| OpenError::Io { path, source })?;
        Ok(Self { core, writer: Mutex::new(Some(writer)), disk: Mutex::new(Some(disk)) })
    }

    /// What it shares with those who use it.
    pub fn core(&self) -> &Arc<Core<M>> {
        &self.core
    }

    /// Takes no more jobs. Those that are waiting are still done.
    pub fn stop(&self) {
        // From now on nothing is taken from memory that another process may have changed.
        self.core.closed.store(true, Ordering::Release);
        self.core.jobs.close();
    }

    /// Writes out what is waiting and releases the disk, so that another process can take it. Blocks
    /// until that is done. Readers have to be done before: a database that is still read is closed
    /// only with the last of them.
    pub fn close(&self) {
        self.stop();
        let mut writer = self.writer.lock();
        if let Some(writer) = writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer thread of the {} panicked", M::KIND.name);
        }
        // It is there yet if the writer has panicked.
        if let Some(database) = self.core.database.swap(None).and_then(Arc::into_inner) {
            close(database);
        }
        drop(self.disk.lock().take());
    }
}

impl<M: Machine> Drop for Store<M> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<M: Machine> fmt::Debug for Store<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("kind", &M::KIND.name).finish_non_exhaustive()
    }
}
