//! What a group of jobs has to have in the log to survive without the tables being written out, or
//! that it is better off as a checkpoint.
//!
//! A value in pieces that becomes complete is in the log with those of its pieces that are not in the
//! tables for good. So it costs a checkpoint only if they are more than a batch may have, which is
//! when a value that is put as a whole costs one as well.

use bytes::Bytes;
use redb::Database;
use storage::{Fault, MAX_LOGGED_BYTES};

use super::batch::{self, Stored};
use super::job::{Job, StoreValue};
use super::shared::Names;
use super::snapshot::{Lazy, Snapshot};

/// The batch for the log, empty where there is nothing to survive; `None` for a group that is to be a
/// checkpoint.
pub(super) fn batch_of(
    group: &[Job],
    names: &Names,
    epoch: u64,
    database: &Database,
) -> Result<Option<Vec<u8>>, Fault> {
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
    Ok(Some(batch))
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
