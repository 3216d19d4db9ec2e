//! The database file as a whole: how transactions on it begin, and how it is closed after a failure.
//! Not here: its tables (`schema`), and how it is opened (`open`).

use redb::{Database, Durability, WriteTransaction};

use super::fault::Fault;

/// Begins a transaction whose commit is on disk, and after which the database opens at once however
/// the process ends.
pub(super) fn begin_durable(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut txn = database.begin_write()?;
    txn.set_quick_repair(true);
    Ok(txn)
}

/// Begins a transaction whose commit is seen by readers, and is on disk with the next durable one.
pub(super) fn begin_volatile(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut txn = database.begin_write()?;
    txn.set_durability(Durability::None)?;
    Ok(txn)
}

/// Closes a database that has failed, and that may fail at this, too.
pub(super) fn close(database: Database) {
    let closed = Fault::catch(|| {
        drop(database);
        Ok(())
    });
    if let Err(fault) = closed {
        tracing::warn!(error = %fault, "the KV store's file could not be closed in order");
    }
}
