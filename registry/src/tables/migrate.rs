//! From the tables of older formats to those of this one, in one transaction: a process that is killed
//! leaves the old ones, which the next one finds.

use redb::WriteTransaction;
use storage::META_FORMAT;

use super::{
    CHANGES, CONSUMERS, FORMAT, Fault, META, META_CHANGE_BYTES, META_DROPPED_CHANGE,
    META_LAST_CHANGE,
};

/// Brings the tables up to this format.
pub(super) fn from(txn: &WriteTransaction, found: u64) -> Result<(), Fault> {
    if found < 2 {
        begin_log(txn)?;
    }
    txn.open_table(META)?.insert(META_FORMAT, FORMAT)?;
    Ok(())
}

/// Format 1 had no changes, and its workers consumed no queues. Its rows are read as they are: what
/// they do not have is absent. The log begins with the change that comes next; what was deployed
/// before is in the tables alone, as if the changes that made it had been dropped.
fn begin_log(txn: &WriteTransaction) -> Result<(), Fault> {
    let mut meta = txn.open_table(META)?;
    meta.insert(META_LAST_CHANGE, 1)?;
    meta.insert(META_DROPPED_CHANGE, 1)?;
    meta.insert(META_CHANGE_BYTES, 0)?;
    txn.open_table(CHANGES)?;
    txn.open_table(CONSUMERS)?;
    Ok(())
}
