//! The files that a store writes, behind a trait, so that tests can cut the power or fill the disk.
//! The folder on a real disk is in `folder`.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// Where the files of a store are.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Whether there is such a file.
    ///
    /// # Errors
    ///
    /// Those of the operating system, as with everything here.
    fn exists(&self, name: &str) -> io::Result<bool>;

    /// Opens a file for reading and writing; an absent one is made, empty.
    ///
    /// # Errors
    ///
    /// When it cannot be opened or made.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Has a file that nobody has open take another one's name, and its place if that is there. This
    /// is on disk when it returns, and is done or not, whenever the power goes.
    ///
    /// # Errors
    ///
    /// When it cannot be renamed.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file; one that is not there needs no removing.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The bytes that can still be written.
    ///
    /// # Errors
    ///
    /// When that cannot be known.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// One of the files. What is written is on disk after the next [`sync`](Self::sync).
pub trait DiskFile: fmt::Debug + Send + Sync + 'static {
    /// Its length, in bytes.
    ///
    /// # Errors
    ///
    /// Those of the operating system, as with everything here.
    fn length(&self) -> io::Result<u64>;

    /// Cuts it off, or lengthens it with zeros.
    ///
    /// # Errors
    ///
    /// When it cannot be changed.
    fn set_length(&self, bytes: u64) -> io::Result<()>;

    /// Fills `out` with what is from `offset` on.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or ends before.
    fn read_exact_at(&self, out: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `bytes` from `offset` on.
    ///
    /// # Errors
    ///
    /// When it cannot be written. Any part may then have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Returns once what was written is on disk.
    ///
    /// # Errors
    ///
    /// When any of it may not be.
    fn sync(&self) -> io::Result<()>;
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
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
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
