//! An archive on its way to its place: a file whose name means nothing, and which grows as the archive
//! arrives. What is in it, and where it goes, is not known here.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::RegistryError;

/// Where archives arrive.
#[derive(Debug)]
pub(crate) struct Room {
    /// The folder of their files.
    pub(crate) folder: PathBuf,
    /// What of the disk they leave free.
    pub(crate) min_free_bytes: u64,
}

/// An archive that arrives, in a file that nobody else can read, nor when it is kept: as all files
/// of a node's data, whatever the process's umask is. Dropped before it is kept, it is removed; what a
/// process that is killed leaves of it, the next one removes when it opens the registry. All methods
/// block, and so does dropping it.
#[derive(Debug)]
pub struct Incoming {
    path: PathBuf,
    file: File,
    room: Arc<Room>,
    announced_bytes: u64,
    came_bytes: u64,
}

impl Room {
    /// Whether the disk has room for so many bytes more of an archive of `archive_bytes`, and for
    /// what is kept free.
    fn has(&self, bytes: u64, archive_bytes: u64) -> Result<(), RegistryError> {
        let path = &self.folder;
        let room = rustix::fs::statvfs(path).map_err(io::Error::from);
        let room = room.map_err(RegistryError::io(path))?;
        let free_bytes = room.f_bavail.saturating_mul(room.f_frsize);
        let kept_free_bytes = self.min_free_bytes;
        if free_bytes < kept_free_bytes.saturating_add(bytes) {
            let (path, bytes) = (path.clone(), archive_bytes);
            return Err(RegistryError::NoRoom { path, bytes, free_bytes, kept_free_bytes });
        }
        Ok(())
    }
}

impl Incoming {
    /// Makes the file of that name, where there is room for as many bytes as are announced.
    pub(crate) fn make(
        room: &Arc<Room>,
        name: &str,
        announced_bytes: u64,
    ) -> Result<Self, RegistryError> {
        room.has(announced_bytes, announced_bytes)?;
        let path = room.folder.join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = options.open(&path).map_err(RegistryError::io(&path))?;
        Ok(Self { path, file, room: Arc::clone(room), announced_bytes, came_bytes: 0 })
    }

    /// Adds what has come. After an error it is of no use any more.
    ///
    /// # Errors
    /// When the disk fails or is full, or the archive would leave too little of it free.
    pub fn append(&mut self, piece: &[u8]) -> Result<(), RegistryError> {
        let bytes = piece.len() as u64;
        let came_bytes = self.came_bytes.saturating_add(bytes);
        self.room.has(bytes, self.announced_bytes.max(came_bytes))?;
        self.file.write_all(piece).map_err(RegistryError::io(&self.path))?;
        self.came_bytes = came_bytes;
        Ok(())
    }

    /// All that has come.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn read(&self) -> Result<Vec<u8>, RegistryError> {
        let mut all = vec![0; self.came_bytes as usize];
        self.file.read_exact_at(&mut all, 0).map_err(RegistryError::io(&self.path))?;
        Ok(all)
    }

    /// Brings what has come to the disk.
    pub(crate) fn sync(&self) -> Result<(), RegistryError> {
        self.file.sync_all().map_err(RegistryError::io(&self.path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What has come, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.came_bytes
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // It is not there any more once it was brought to its place.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::records::VersionRecord;
    use crate::registry::{Options, Registry};

    fn open(folder: &Path) -> Registry {
        Registry::open(Options {
            folder: folder.join("registry"),
            key_file: folder.join("secrets.key"),
            keep_versions: 3,
            keep_deployments: 4,
            min_free_bytes: 0,
        })
        .unwrap()
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let files = fs::read_dir(folder.join("registry/incoming")).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    }

    fn came(registry: &Registry, pieces: &[&str]) -> Incoming {
        let mut incoming = registry.receive(0).unwrap();
        for piece in pieces {
            incoming.append(piece.as_bytes()).unwrap();
        }
        incoming
    }

    #[test]
    fn an_archive_comes_in_pieces_and_its_file_is_the_one_that_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let registry = open(folder.path());
        let incoming = came(&registry, &["arch", "ive", " 1"]);
        let [file]: [PathBuf; 1] = files(folder.path()).try_into().unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read(&file).unwrap(), b"archive 1");
        let archive = incoming.read().unwrap();
        assert_eq!(archive, b"archive 1");
        let record = VersionRecord {
            id: format!("{:064x}", 1),
            worker: "shop".to_owned(),
            ..VersionRecord::default()
        };
        assert!(registry.put_received(&record, incoming, &archive).unwrap().1);
        assert!(files(folder.path()).is_empty());
        assert_eq!(registry.archive(&record.id).unwrap(), b"archive 1");
        let kept = fs::metadata(registry.archive_path(&record.id)).unwrap();
        assert_eq!(kept.permissions().mode() & 0o777, 0o600);
        // Once more it is no further one.
        let incoming = came(&registry, &["archive 1"]);
        assert!(!registry.put_received(&record, incoming, &archive).unwrap().1);
        assert!(files(folder.path()).is_empty());
        assert_eq!(registry.archive(&record.id).unwrap(), b"archive 1");
    }

    #[test]
    fn what_is_not_kept_goes_at_once_or_with_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let registry = open(folder.path());
        drop(came(&registry, &["half an"]));
        assert!(files(folder.path()).is_empty());
        // As a process leaves it that is killed.
        std::mem::forget(came(&registry, &["half an"]));
        assert_eq!(files(folder.path()).len(), 1);
        drop(registry);
        let registry = open(folder.path());
        assert!(files(folder.path()).is_empty());
        registry.close();
        assert!(matches!(registry.receive(9), Err(RegistryError::Closed)));
    }

    #[test]
    fn a_disk_that_fills_up_while_an_archive_comes_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let room =
            |min_free_bytes| Arc::new(Room { folder: folder.path().to_owned(), min_free_bytes });
        let refused = Incoming::make(&room(u64::MAX), "1", 7).unwrap_err();
        assert!(refused.to_string().contains("no room for an archive of 7 bytes: "), "{refused}");
        let mut incoming = Incoming::make(&room(0), "1", 7).unwrap();
        incoming.append(b"half").unwrap();
        incoming.room = room(u64::MAX);
        let refused = incoming.append(b" an").unwrap_err();
        assert!(refused.is_disk_full(), "{refused}");
        assert!(refused.to_string().contains("no room for an archive of 7 bytes: "), "{refused}");
        assert_eq!(incoming.bytes(), 4);
        drop(incoming);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
