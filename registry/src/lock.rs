//! The lock that keeps other processes out of the registry's folder.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::error::RegistryError;

/// Holds the number of the process that has the folder.
const LOCK_FILE: &str = "lock";

/// A folder that this process alone has. The lock goes with the process, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the folder for this process; an absent one is made.
    pub(crate) fn take(folder: &Path) -> Result<Self, RegistryError> {
        let mut made = DirBuilder::new();
        made.recursive(true).mode(0o700).create(folder).map_err(RegistryError::io(folder))?;
        let path = folder.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(RegistryError::io(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let read = file.read_to_string(&mut holder).is_ok();
                let process = holder.trim().parse().ok().filter(|_| read);
                return Err(RegistryError::Held { path: folder.to_owned(), process });
            }
            Err(TryLockError::Error(source)) => return Err(RegistryError::io(&path)(source)),
        }
        // For messages alone: the lock holds without it, on a full disk as well.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}
