//! What goes wrong with the registry, said with the file that it concerns. Nothing here ever
//! carries a secret's value.

use std::io;
use std::path::{Path, PathBuf};

use storage::FolderError;
use thiserror::Error;

use crate::records::WorkerRecord;

/// Why the registry cannot be used, or did not do what it was asked for. Nothing was changed then.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// Another process has the folder.
    #[error("{} is in use by {}", .path.display(), holder(*.process))]
    Held {
        /// The folder.
        path: PathBuf,
        /// The number of the process that has it, if it is known.
        process: Option<u32>,
    },
    /// A file cannot be made, read or written.
    #[error("cannot use {}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It was closed, because another process takes the folder over.
    #[error("the registry is closed, because the node restarts: try again")]
    Closed,
    /// The disk has no room left.
    #[error("the disk is full: cannot write {}", .path.display())]
    DiskFull {
        /// The file or folder.
        path: PathBuf,
    },
    /// The disk has room left, but not as much as an archive would take and leave.
    #[error(
        "the disk has no room for an archive of {bytes} bytes: {free_bytes} bytes are free in {}, \
         of which {kept_free_bytes} are kept free; make room, delete versions, or lower \
         kv.min_free_mb in node.toml",
        .path.display()
    )]
    NoRoom {
        /// The folder that archives are written to.
        path: PathBuf,
        /// What the archive has.
        bytes: u64,
        /// What is free.
        free_bytes: u64,
        /// What no archive may use ([`Options::min_free_bytes`](crate::Options)).
        kept_free_bytes: u64,
    },
    /// A file is not what was written.
    #[error("{} is damaged: {problem}; restore it from a backup", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The files were written by a later version of Isolane.
    #[error(
        "{} has format {found}, and this version of Isolane knows formats up to {known}",
        .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u64,
        /// The latest format that is known.
        known: u64,
    },
    /// The key of the secrets cannot be used.
    #[error("the key of the secrets, {}, {problem}", .path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// What is to be changed is not there.
    #[error("there is no {what}")]
    Missing {
        /// What.
        what: String,
    },
    /// The change contradicts what is there.
    #[error("{message}")]
    Conflict {
        /// What contradicts what.
        message: String,
    },
    /// The worker is not as the [`Precondition`](crate::Precondition) has it.
    #[error("worker {worker} is not as expected")]
    Changed {
        /// The worker's name.
        worker: String,
        /// What the worker is instead; `None` where there is no active version.
        current: Option<Box<WorkerRecord>>,
    },
    /// Another worker consumes a queue, and a queue has one consumer.
    #[error(
        "worker {owner} consumes the queue {queue}, and a queue has one consumer: deploy {owner} \
         without it or delete {owner}, or take it from the queues that {worker} consumes"
    )]
    QueueTaken {
        /// The queue's name.
        queue: String,
        /// The worker that consumes it.
        owner: String,
        /// The worker that would.
        worker: String,
    },
}

impl RegistryError {
    /// Whether more room on the disk would help.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::DiskFull { .. } | Self::NoRoom { .. })
    }

    /// The error about that file, for `map_err`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path: path.to_owned() }
            }
            _ => Self::Io { path: path.to_owned(), source },
        }
    }
}

impl From<FolderError> for RegistryError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Held { path, process } => Self::Held { path, process },
            FolderError::Io { path, source } => Self::io(&path)(source),
        }
    }
}

fn holder(process: Option<u32>) -> String {
    match process {
        Some(process) => format!("the process {process}"),
        None => "another process".to_owned(),
    }
}
