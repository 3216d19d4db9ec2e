//! The files that the engine writes, behind a trait, so that tests can cut the power or fill the
//! disk. The folder on a real disk is here, too, with the lock that keeps other processes out.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::open::OpenError;

/// The lock's file, which holds the number of the process that has the folder.
const LOCK_FILE: &str = "lock";

/// Where the engine's files are.
pub(super) trait Disk: fmt::Debug + Send + Sync + 'static {
    fn exists(&self, name: &str) -> io::Result<bool>;

    /// Opens a file for reading and writing; an absent one is made, empty.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// The bytes that can still be written.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// One of the engine's files. What is written is on disk after the next [`sync`](Self::sync).
pub(super) trait DiskFile: fmt::Debug + Send + Sync + 'static {
    fn len(&self) -> io::Result<u64>;
    fn set_len(&self, bytes: u64) -> io::Result<()>;
    fn read_exact_at(&self, out: &mut [u8], offset: u64) -> io::Result<()>;
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    fn sync(&self) -> io::Result<()>;
}

/// A folder that this process alone has open.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The lock goes with the process, however it ends.
    _lock: File,
}

impl Folder {
    /// Takes the folder for this process; an absent one is made.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let fault = |source| OpenError::Io { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fault)?;
        let mut lock = open(&path.join(LOCK_FILE)).map_err(fault)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let holder = lock.read_to_string(&mut holder).ok().map(|_| holder);
                let process = holder.and_then(|holder| holder.trim().parse().ok());
                return Err(OpenError::Held { path: path.to_owned(), process });
            }
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
        // For messages alone: the lock holds without it, on a full disk as well.
        let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
        Ok(Self { path: path.to_owned(), _lock: lock })
    }
}

impl Disk for Folder {
    fn exists(&self, name: &str) -> io::Result<bool> {
        self.path.join(name).try_exists()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.path.join(name);
        let is_new = !path.try_exists()?;
        let file = open(&path)?;
        if is_new {
            // The entry in the folder has to survive a power failure, too.
            File::open(&self.path)?.sync_all()?;
        }
        Ok(Arc::new(file))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let room = rustix::fs::statvfs(&self.path)?;
        Ok(room.f_bavail.saturating_mul(room.f_frsize))
    }
}

impl DiskFile for File {
    fn len(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        File::set_len(self, bytes)
    }

    fn read_exact_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, out, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Whether it is for want of room: on the disk, or in what the user may have of it.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// A file as the database reads and writes it.
#[derive(Debug)]
pub(super) struct DatabaseFile(pub(super) Arc<dyn DiskFile>);

impl redb::StorageBackend for DatabaseFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }
}
