//! The log of changes: what is put into it, and how whoever follows it reads it.
//!
//! It is bounded. Beyond a number of changes, or of bytes, the oldest are dropped, and the place of the
//! last one of them is kept: what those came to is in the tables, which have all changes, so the tables
//! are the snapshot that goes before the first change of the log. Whoever follows from a place before
//! that is told so, and begins with the tables.

use redb::{ReadableTableMetadata as _, WriteTransaction};

use super::Registry;
use crate::catalog::{Change, Feed, Keep, Seq};
use crate::error::RegistryError;
use crate::rows;
use crate::tables::{
    CHANGES, Fault, META, META_CHANGE_BYTES, META_DROPPED_CHANGE, META_LAST_CHANGE, number,
};

/// How much of the log is kept. The last change is in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogLimits {
    pub(crate) changes: u64,
    pub(crate) bytes: u64,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { changes: 1000, bytes: 4 << 20 }
    }
}

/// Adds a change, and drops those that are too many. Answers its place.
pub(super) fn append(
    txn: &WriteTransaction,
    change: &Change,
    keep: Keep,
    limits: LogLimits,
) -> Result<Seq, Fault> {
    let row = rows::change_bytes(change, keep);
    let mut meta = txn.open_table(META)?;
    let mut changes = txn.open_table(CHANGES)?;
    let seq = number(&meta, META_LAST_CHANGE)? + 1;
    changes.insert(seq, row.as_slice())?;
    let mut bytes = number(&meta, META_CHANGE_BYTES)?.saturating_add(row.len() as u64);
    let mut count = changes.len()?;
    while count > 1 && (count > limits.changes || bytes > limits.bytes) {
        let Some((dropped, row)) = changes.pop_first()? else { break };
        meta.insert(META_DROPPED_CHANGE, dropped.value())?;
        bytes = bytes.saturating_sub(row.value().len() as u64);
        count -= 1;
    }
    meta.insert(META_CHANGE_BYTES, bytes)?;
    meta.insert(META_LAST_CHANGE, seq)?;
    Ok(seq)
}

impl Registry {
    /// The changes after that one.
    pub(super) fn changes_after(&self, after: Seq) -> Result<Feed, RegistryError> {
        self.tables.read(|txn| {
            let meta = txn.open_table(META)?;
            let last = number(&meta, META_LAST_CHANGE)?;
            let is_cut = after < number(&meta, META_DROPPED_CHANGE)?;
            let mut entries = Vec::new();
            if !is_cut {
                for row in txn.open_table(CHANGES)?.range(after.saturating_add(1)..)? {
                    let (seq, row) = row?;
                    entries.push(rows::entry(seq.value(), row.value())?);
                }
            }
            Ok(Feed { entries, is_cut, last, next: self.followers.next(last) })
        })
    }
}
