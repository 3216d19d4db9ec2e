//! What a group of jobs has to have in the log to survive without the tables being written out, or
//! that it is better off as a checkpoint.
//!
//! A value in pieces that becomes complete is in the log with those of its pieces that are not in the
//! tables for good. So it costs a checkpoint only if they are more than a batch may have, which is
//! when a value that is put as a whole costs one as well.
//!
//! And how far the tables have come in the log: a batch that they have is not to be brought there
//! again, since what it would replace may be what came after it.

use bytes::Bytes;
use redb::{Database, ReadOnlyTable, WriteTransaction};

use super::batch::{self, Stored};
use super::fault::Fault;
use super::job::{Job, StoreValue};
use super::log::Log;
use super::schema::{META, META_APPLIED, META_APPLIED_EPOCH};
use super::shared::Names;
use super::snapshot::{Lazy, Snapshot};
use super::writer::Files;

/// A larger group goes into the tables at once: a second copy in the log would cost more than it
/// saves.
pub(super) const MAX_LOGGED_BYTES: usize = 1 << 20;
/// A checkpoint is due after so many changes, because the next start has to make them again.
const MAX_UNSAVED_CHANGES: usize = 10_000;
/// And after so many bytes, of whatever is in the log or is not: the disk takes them all at the next
/// one, and everybody waits for that.
const MAX_UNSAVED_BYTES: usize = 32 << 20;

/// The batch for the log, empty where there is nothing to survive; `None` for a group that is to be a
/// checkpoint.
pub(super) fn batch_of(
    group: &[Job],
    names: &Names,
    files: &Files,
    database: &Database,
) -> Result<Option<Vec<u8>>, Fault> {
    if group.is_empty() || is_checkpoint_due(group, files) {
        return Ok(None);
    }
    let epoch = files.log.epoch();
    let Some(most_bytes) = most_bytes(group, names, epoch) else { return Ok(None) };
    let mut batch = Vec::with_capacity(most_bytes);
    let mut tables = Lazy::new(|| Snapshot::take(database));
    for job in group {
        match job {
            Job::Write { namespace, changes, .. } => {
                let Some(known) = names.get(namespace) else { continue };
                for change in changes {
                    batch::encode(&mut batch, known.number, change);
                }
            }
            Job::StoreValue(value) if value.value.hold.is_current() => {
                let Some(known) = names.get(&value.value.target.namespace) else { continue };
                let Some(stored) = stored(value, epoch, &mut tables)? else { return Ok(None) };
                batch::encode_stored(&mut batch, known.number, &stored);
            }
            _ => {}
        }
    }
    let fits = batch.len() <= MAX_LOGGED_BYTES && files.log.has_room(batch.len());
    Ok(fits.then_some(batch))
}

/// Takes note, in the transaction that brings the last batch of the log into the tables, that they have
/// all of its batches then.
pub(super) fn note_applied(txn: &WriteTransaction, log: &Log) -> Result<(), Fault> {
    let mut meta = txn.open_table(META)?;
    meta.insert(META_APPLIED, log.batches())?;
    meta.insert(META_APPLIED_EPOCH, log.epoch())?;
    Ok(())
}

/// How many batches of an epoch of the log the tables have.
pub(super) fn applied(meta: &ReadOnlyTable<&'static str, u64>, epoch: u64) -> Result<usize, Fault> {
    let number = |name: &str| -> Result<Option<u64>, Fault> {
        Ok(meta.get(name)?.map(|number| number.value()))
    };
    if number(META_APPLIED_EPOCH)? != Some(epoch) {
        return Ok(0);
    }
    Ok(number(META_APPLIED)?.and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
}

fn is_checkpoint_due(group: &[Job], files: &Files) -> bool {
    let changes = group.iter().map(Job::changes).sum::<usize>();
    let bytes = group.iter().map(Job::bytes).sum::<usize>();
    files.unsaved + changes > MAX_UNSAVED_CHANGES || files.unsaved_bytes + bytes > MAX_UNSAVED_BYTES
}

/// The most bytes that the batch has; `None` where it is not worth the making, or would not do.
fn most_bytes(group: &[Job], names: &Names, epoch: u64) -> Option<usize> {
    let mut most = 0;
    for job in group {
        most += match job {
            Job::Write { namespace, changes, bytes, .. } => match names.get(namespace) {
                Some(_) => *bytes,
                // It comes into being with the first put.
                None if changes.iter().any(|change| change.put.is_some()) => return None,
                None => 0,
            },
            Job::BeginValue { .. } | Job::AddPieces { .. } => 0,
            // It is lost.
            Job::StoreValue(value) if !value.value.hold.is_current() => 0,
            Job::StoreValue(value) => {
                names.get(&value.value.target.namespace)?;
                let tail_bytes = value.value.unsaved(epoch).map_or(0, |unsaved| unsaved.bytes);
                let metadata = value.metadata.as_deref();
                batch::stored_bytes(&value.value.target.key, metadata, tail_bytes)
            }
            Job::CreateNamespace { .. } | Job::DeleteNamespace { .. } => return None,
        };
        // What it really has may be some less.
        if most > 2 * MAX_LOGGED_BYTES {
            return None;
        }
    }
    Some(most)
}

/// A value that is complete, with what of it a failure would lose; `None` if that cannot be read.
fn stored<F: FnMut() -> Result<Snapshot, Fault>>(
    value: &StoreValue,
    epoch: u64,
    tables: &mut Lazy<F>,
) -> Result<Option<Stored>, Fault> {
    let StoreValue { value, expiration, metadata, bytes, .. } = value;
    let id = value.hold.id();
    let (first, tail) = match value.unsaved(epoch) {
        None => (0, Bytes::new()),
        Some(unsaved) => {
            let found = tables.get()?.pieces(id, unsaved.first, unsaved.bytes as u64);
            match found {
                Ok(Some((tail, _))) if tail.len() == unsaved.bytes => (unsaved.first, tail),
                // Damage is found by who reads the value.
                Ok(_) | Err(Fault::Damaged(_)) => return Ok(None),
                Err(fault) => return Err(fault),
            }
        }
    };
    Ok(Some(Stored {
        key: value.target.key.clone(),
        expiration: *expiration,
        metadata: metadata.clone(),
        id,
        bytes: *bytes,
        first,
        tail,
    }))
}
