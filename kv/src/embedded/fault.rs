//! What goes wrong below the engine, and what its callers are told of it.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use crate::error::StoreError;

use super::log::ReadLogError;
use super::record::Damaged;

/// A failure of the database, the log or the disk.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Database(#[from] redb::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Log(#[from] ReadLogError),
    #[error(transparent)]
    Damaged(#[from] Damaged),
    #[error(
        "kv.log is missing, which may have writes that kv.redb does not have yet (an empty file of \
         that name goes on without them)"
    )]
    MissingLog,
    #[error("kv.redb is missing, and kv.log has writes that belong to it")]
    MissingDatabase,
    #[error("the database panicked: {0}")]
    Panic(String),
    #[error("the store is closed")]
    Closed,
}

macro_rules! from_redb {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                Self::Database(error.into())
            }
        }
    )*};
}

from_redb!(
    CommitError,
    DatabaseError,
    SetDurabilityError,
    StorageError,
    TableError,
    TransactionError
);

impl Fault {
    pub(super) const MISSING_PIECE: Self =
        Self::Damaged(Damaged { what: "a value, of which pieces are missing," });
    pub(super) const DAMAGED_KEY: Self = Self::Damaged(Damaged { what: "a key" });

    pub(super) const DAMAGED_BATCH: Self = Self::Damaged(Damaged { what: "a batch of the log" });
    pub(super) const MISSING_NUMBER: Self = Self::Damaged(Damaged { what: "a number" });

    /// What the operating system says, if that is all that is wrong.
    pub(super) fn into_io(self) -> Result<io::Error, Self> {
        match self {
            Self::Io(error)
            | Self::Database(redb::Error::Io(error))
            | Self::Log(ReadLogError::Io(error)) => Ok(error),
            other => Err(other),
        }
    }

    /// Whether the database answers no more until it is opened again.
    pub(super) fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Database(redb::Error::Io(_) | redb::Error::PreviousIo))
    }

    /// What a caller is told who asked for something else than the store could do.
    pub(super) fn while_doing(self, doing: impl Into<Cow<'static, str>>) -> StoreError {
        StoreError::Failed { doing: doing.into(), source: Arc::new(self) }
    }

    /// Runs what calls the database, which panics where it finds what it never wrote.
    pub(super) fn catch<T>(run: impl FnOnce() -> Result<T, Self>) -> Result<T, Self> {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(Self::Panic(text.unwrap_or_else(|| "it did not say why".to_owned())))
        })
    }
}
