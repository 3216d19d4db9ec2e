//! What the stores of a node stand on. Two kinds of them are made of it:
//!
//! - a [`Database`]: tables in one file, changed in the thread that asks and on disk when that is
//!   answered. For what changes seldom: what is deployed, how far something has come.
//! - a [`Store`]: tables and a write-ahead log, changed by one writer thread, which has all that
//!   waits on disk with one sync. For what changes all the time. What it stores is said by a
//!   [`Machine`].
//!
//! Both write to a [`Disk`], which is a [`Folder`] that no other process has, or one in memory that
//! fails as a test wants it to ([`sim`]). The tables are redb's: it panics where it finds what it
//! never wrote, and answers nothing after a failure of the disk; both are seen to here.
//!
//! What is in the tables, and who may ask for it, is not here.

#![forbid(unsafe_code)]

pub mod codec;
mod database;
mod disk;
mod error;
mod fair;
mod fault;
mod folder;
mod log;
mod machine;
mod open;
mod raw;
mod shared;
#[doc(hidden)]
pub mod sim;
mod store;
mod suspect;
#[cfg(test)]
mod tests;
mod writer;

pub use database::{Database, DatabaseOptions};
pub use disk::{Disk, DiskFile, is_full};
pub use error::{Failure, OpenError};
pub use fair::{FairQueue, Load, Popped, PushError, TURN_BYTES};
pub use fault::{Damaged, Fault, Stop};
pub use folder::{Folder, FolderError, Lock, sync_folder};
pub use log::{Batches, Beginning, Log, LogError, ReadLogError};
pub use machine::{Job, Machine, Measure, StoreKind};
pub use raw::{
    META, META_FORMAT, META_LOG_EPOCH, begin_durable, begin_volatile, close, open_database,
};
pub use shared::Core;
pub use store::{Options, Store};
pub use writer::MAX_LOGGED_BYTES;
