//! What goes wrong below a store.

use std::any::Any;
use std::borrow::Cow;
use std::convert::Infallible;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Failure, OpenError};
use crate::log::ReadLogError;
use crate::machine::StoreKind;

/// A failure of the database, the log or the disk.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database says so.
    #[error(transparent)]
    Database(#[from] redb::Error),
    /// The operating system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The log cannot be read, or not be trusted.
    #[error(transparent)]
    Log(#[from] ReadLogError),
    /// What is in the tables or the log is not what was written.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The database is there without its log.
    #[error(
        "{log} is missing, which may have writes that {database} does not have yet (an empty file of \
         that name goes on without them)"
    )]
    MissingLog {
        /// The file of the database.
        database: &'static str,
        /// The file of the log.
        log: &'static str,
    },
    /// The log is there without its database.
    #[error("{database} is missing, and {log} has writes that belong to it")]
    MissingDatabase {
        /// The file of the database.
        database: &'static str,
        /// The file of the log.
        log: &'static str,
    },
    /// The files were written by a later version of Isolane.
    #[error("it has format {found}, and this version of Isolane knows formats up to {known}")]
    Newer {
        /// The format of the files.
        found: u64,
        /// The latest format that is known.
        known: u64,
    },
    /// The database found what it never wrote.
    #[error("the database panicked: {0}")]
    Panic(String),
    /// The files are not open.
    #[error("the store is closed")]
    Closed,
}

/// Bytes that are not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not as it was written")]
pub struct Damaged {
    /// What they should be, as in "a record".
    pub what: &'static str,
}

/// Why a transaction is not done: the storage failed, or who runs it says no.
#[derive(Debug)]
pub enum Stop<R> {
    /// The storage failed.
    Fault(Fault),
    /// The answer is no.
    Refused(R),
}

macro_rules! from_redb {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                Self::Database(error.into())
            }
        }

        impl<R> From<redb::$error> for Stop<R> {
            fn from(error: redb::$error) -> Self {
                Self::Fault(error.into())
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

impl<R> From<Fault> for Stop<R> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<R> From<Damaged> for Stop<R> {
    fn from(damaged: Damaged) -> Self {
        Self::Fault(damaged.into())
    }
}

impl From<Stop<Infallible>> for Fault {
    fn from(stop: Stop<Infallible>) -> Self {
        match stop {
            Stop::Fault(fault) => fault,
            Stop::Refused(never) => match never {},
        }
    }
}

impl Fault {
    /// What the operating system says, if that is all that is wrong.
    ///
    /// # Errors
    ///
    /// The fault itself, if it is another one.
    pub fn into_io(self) -> Result<io::Error, Self> {
        match self {
            Self::Io(error)
            | Self::Database(redb::Error::Io(error))
            | Self::Log(ReadLogError::Io(error)) => Ok(error),
            other => Err(other),
        }
    }

    /// Whether the database answers no more until it is opened again.
    pub fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Database(redb::Error::Io(_) | redb::Error::PreviousIo))
    }

    /// What a caller is told who asked for something else than the store could do.
    pub fn while_doing(self, doing: impl Into<Cow<'static, str>>) -> Failure {
        Failure::Failed { doing: doing.into(), source: Arc::new(self) }
    }

    /// What a caller is told who could not open the files in that folder.
    pub(crate) fn at(self, path: PathBuf, kind: &StoreKind) -> OpenError {
        match self {
            Self::Newer { found, known } => OpenError::Newer { path, found, known },
            other => match other.into_io() {
                Ok(source) => OpenError::Io { path, source },
                Err(fault) => {
                    let StoreKind { database, log, .. } = *kind;
                    OpenError::Damaged { path, database, log, source: Box::new(fault) }
                }
            },
        }
    }

    /// Runs what calls the database, which panics where it finds what it never wrote.
    ///
    /// # Errors
    ///
    /// What `run` answers, or [`Fault::Panic`].
    pub fn catch<T>(run: impl FnOnce() -> Result<T, Self>) -> Result<T, Self> {
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(Self::of_panic(&*panic)))
    }

    fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Self::Panic(text.unwrap_or_else(|| "it did not say why".to_owned()))
    }
}

impl<R> Stop<R> {
    /// The same as [`Fault::catch`], for what may be refused as well.
    ///
    /// # Errors
    ///
    /// What `run` answers, or [`Fault::Panic`].
    pub fn catch<T>(run: impl FnOnce() -> Result<T, Self>) -> Result<T, Self> {
        catch_unwind(AssertUnwindSafe(run))
            .unwrap_or_else(|panic| Err(Self::Fault(Fault::of_panic(&*panic))))
    }
}
