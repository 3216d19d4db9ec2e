//! Why a store cannot be opened, and why it did not do what it was asked.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::is_full;
use crate::folder::{FolderError, holder};

/// Why a store did not do what it was asked, through nobody's fault who asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The disk has no room left but what is kept free: the operator's to solve. Nothing was
    /// written.
    #[error(
        "the disk is full: {free_bytes} bytes are free, of which {kept_free_bytes} are kept free"
    )]
    DiskFull {
        /// The bytes that are free.
        free_bytes: u64,
        /// The bytes that no write may use.
        kept_free_bytes: u64,
    },
    /// The store was closed, because another process takes the data over.
    #[error("the store is closed, because the node restarts")]
    Closed,
    /// The store failed: the platform's fault. The source is for the log, not for who asked. What was
    /// to be changed may have been changed or not.
    #[error("the store failed while it was {doing}")]
    Failed {
        /// What the store was doing, as in "reading".
        doing: Cow<'static, str>,
        /// The cause.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

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
        "the store in {} is damaged: {source}; restore {} and {} together from a backup",
        .path.display(), .database, .log
    )]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// The file of the tables.
        database: &'static str,
        /// The file of the log.
        log: &'static str,
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

impl OpenError {
    /// What the disk says that has no room for what opening has to write.
    pub fn full_disk(&self) -> Option<&io::Error> {
        match self {
            Self::Io { source, .. } if is_full(source) => Some(source),
            _ => None,
        }
    }
}

impl From<FolderError> for OpenError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Held { path, process } => Self::Held { path, process },
            FolderError::Io { path, source } => Self::Io { path, source },
        }
    }
}
