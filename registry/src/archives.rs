//! The archives of versions, each a file named by its content: how it gets to its place whole, and
//! how it goes. Which of them are wanted is known to the records alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::RegistryError;
use crate::incoming::{Incoming, Room};

const VERSIONS: &str = "versions";
const INCOMING: &str = "incoming";
const SUFFIX: &str = ".tar.gz";

/// The folder of the archives: `versions/ab/abcd….tar.gz`, and `incoming` for those that arrive.
#[derive(Debug)]
pub(crate) struct Archives {
    versions: PathBuf,
    room: Arc<Room>,
    next: AtomicU64,
}

impl Archives {
    /// Makes the folders where they are absent, and removes what was arriving when the last
    /// process ended. Archives leave so much of the disk free.
    pub(crate) fn open(folder: &Path, min_free_bytes: u64) -> Result<Self, RegistryError> {
        let (versions, incoming) = (folder.join(VERSIONS), folder.join(INCOMING));
        for path in [&versions, &incoming] {
            make_folder(path)?;
        }
        for entry in fs::read_dir(&incoming).map_err(RegistryError::io(&incoming))? {
            let path = entry.map_err(RegistryError::io(&incoming))?.path();
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot remove half an upload");
            }
        }
        let room = Arc::new(Room { folder: incoming, min_free_bytes });
        Ok(Self { versions, room, next: AtomicU64::new(0) })
    }

    /// Whether there is any archive.
    pub(crate) fn are_there(folder: &Path) -> Result<bool, RegistryError> {
        let versions = folder.join(VERSIONS);
        match fs::read_dir(&versions) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(RegistryError::io(&versions)(error)),
            Ok(mut entries) => Ok(entries.any(|entry| {
                let first = |path: PathBuf| fs::read_dir(path).ok()?.next();
                entry.is_ok_and(|entry| first(entry.path()).is_some())
            })),
        }
    }

    /// The place of an archive.
    pub(crate) fn path(&self, id: &str) -> PathBuf {
        self.versions.join(id.get(..2).unwrap_or(id)).join(format!("{id}{SUFFIX}"))
    }

    /// Makes the file of an archive that is about to arrive, where there is room for as many bytes
    /// as are announced.
    pub(crate) fn receive(&self, announced_bytes: u64) -> Result<Incoming, RegistryError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // Of a process that has just given the folder away one may still be under way.
        let name = format!("{}-{number}", std::process::id());
        Incoming::make(&self.room, &name, announced_bytes)
    }

    /// Brings a received archive to its place; the place survives a power failure.
    pub(crate) fn keep(&self, incoming: Incoming, id: &str) -> Result<(), RegistryError> {
        let path = self.path(id);
        let folder = path.parent().unwrap_or(&self.versions);
        make_folder(folder)?;
        fs::rename(incoming.path(), &path).map_err(RegistryError::io(&path))?;
        sync_folder(folder)
    }

    /// Whether an archive is in its place.
    pub(crate) fn is_there(&self, id: &str) -> Result<bool, RegistryError> {
        let path = self.path(id);
        path.try_exists().map_err(RegistryError::io(&path))
    }

    /// Whether these bytes are in the place of an archive. Others there are another packing of the
    /// same content, or damaged.
    pub(crate) fn has(&self, id: &str, archive: &[u8]) -> Result<bool, RegistryError> {
        let path = self.path(id);
        match fs::read(&path) {
            Ok(present) => Ok(present == archive),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(RegistryError::io(&path)(error)),
        }
    }

    /// The bytes of an archive.
    pub(crate) fn read(&self, id: &str) -> Result<Vec<u8>, RegistryError> {
        let path = self.path(id);
        fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                RegistryError::Damaged { path: path.clone(), problem: "it is missing".to_owned() }
            }
            _ => RegistryError::io(&path)(error),
        })
    }

    /// Removes archives that no record names any more. What cannot be removed now is an orphan,
    /// which a later sweep finds.
    pub(crate) fn remove(&self, ids: &[String]) {
        for id in ids {
            let path = self.path(id);
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "cannot remove an archive");
            }
        }
    }

    /// The identifiers of all archives, one folder at a time.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Result<Vec<String>, RegistryError>> + '_ {
        let folders = fs::read_dir(&self.versions).into_iter().flatten();
        folders.map(|folder| {
            let path = folder.map_err(RegistryError::io(&self.versions))?.path();
            let mut ids = Vec::new();
            if !path.is_dir() {
                return Ok(ids);
            }
            for entry in fs::read_dir(&path).map_err(RegistryError::io(&path))? {
                let name = entry.map_err(RegistryError::io(&path))?.file_name();
                ids.extend(name.to_str().and_then(|it| it.strip_suffix(SUFFIX)).map(str::to_owned));
            }
            Ok(ids)
        })
    }
}

/// Makes a folder that survives a power failure.
fn make_folder(path: &Path) -> Result<(), RegistryError> {
    match fs::create_dir(path) {
        // Also where it is there: its first sync may have failed.
        Ok(()) => path.parent().map_or(Ok(()), sync_folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            path.parent().map_or(Ok(()), sync_folder)
        }
        Err(error) => Err(RegistryError::io(path)(error)),
    }
}

/// Brings a folder's entries to the disk.
pub(crate) fn sync_folder(path: &Path) -> Result<(), RegistryError> {
    storage::sync_folder(path).map_err(RegistryError::io(path))
}
