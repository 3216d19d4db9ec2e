//! A folder of the operating system that one process has: the lock that keeps others out, and the
//! files in it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile};

/// The lock's file, which holds the number of the process that has the folder.
const LOCK_FILE: &str = "lock";

/// Why a folder cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process has it.
    #[error("{} is in use by {}", .path.display(), holder(*.process))]
    Held {
        /// The folder.
        path: PathBuf,
        /// The number of the process that has it, if it is known.
        process: Option<u32>,
    },
    /// It, or its lock, cannot be made, read or written.
    #[error("cannot use {}: {source}", .path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// The lock of a folder that this process alone has. It goes with the process, however that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// A folder that this process alone has, as the disk of a store.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: Lock,
}

impl Lock {
    /// Takes a folder for this process; an absent one is made, for this user alone.
    ///
    /// # Errors
    ///
    /// When another process has it, or it cannot be used.
    pub fn take(folder: &Path) -> Result<Self, FolderError> {
        let fault = |source| FolderError::Io { path: folder.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fault)?;
        let mut file = open(&folder.join(LOCK_FILE)).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let holder = file.read_to_string(&mut holder).ok().map(|_| holder);
                let process = holder.and_then(|holder| holder.trim().parse().ok());
                return Err(FolderError::Held { path: folder.to_owned(), process });
            }
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
        // For messages alone: the lock holds without it, on a full disk as well.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

impl Folder {
    /// Takes a folder for this process; an absent one is made, for this user alone.
    ///
    /// # Errors
    ///
    /// When another process has it, or it cannot be used.
    pub fn take(path: &Path) -> Result<Self, FolderError> {
        let lock = Lock::take(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
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
            sync_folder(&self.path)?;
        }
        Ok(Arc::new(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))?;
        sync_folder(&self.path)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let room = rustix::fs::statvfs(&self.path)?;
        Ok(room.f_bavail.saturating_mul(room.f_frsize))
    }
}

/// Returns once the entries of a folder are on disk: which files it has, and under which names.
///
/// # Errors
///
/// Those of the operating system.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Who has a folder.
pub(crate) fn holder(process: Option<u32>) -> String {
    match process {
        Some(process) => format!("the process {process}"),
        None => "another process".to_owned(),
    }
}
