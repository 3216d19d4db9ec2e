//! A log that is not as any process of ours leaves it: emptied, overwritten or cut off from outside.
//! Its batches cannot be known any more, so the store opens without them; but the operator is told
//! what may be lost, and the file is kept as it was found.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::disk::{Disk, DiskFile, is_full};
use crate::log::{Beginning, Log};
use crate::machine::StoreKind;

/// So much is copied at a time.
const COPIED_BYTES: usize = 1 << 16;

/// Looks at the log of a database that is there; it was made with `log_bytes`. To be called once the
/// log was read, and before it is written to.
///
/// # Errors
///
/// When the log cannot be read, or the disk has no room to keep it as it was found.
pub(crate) fn look_at(
    disk: &dyn Disk,
    log: &dyn DiskFile,
    kind: &StoreKind,
    log_bytes: u64,
) -> io::Result<()> {
    let length = log.length()?;
    let problem = match Log::beginning(log, kind)? {
        _ if length == 0 => "is empty",
        Beginning::Zeros => "begins with zeros",
        Beginning::Other => "begins with what no log begins with",
        Beginning::Begun if length < log_bytes => "is shorter than it was made",
        Beginning::Begun => return Ok(()),
    };
    if disk.free_bytes()? < length {
        return Err(io::ErrorKind::StorageFull.into());
    }
    // In milliseconds: a start that follows at once must not write over what the last one kept.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
    let name = format!("{}.damaged-{now}", kind.log);
    let kept = match copy(disk, log, length, &name) {
        Ok(()) => name,
        Err(error) => format!("nowhere: {error}"),
    };
    tracing::warn!(
        log = kind.log,
        bytes = length,
        kept,
        "the log of the {} {problem}: unless the node was stopped in order, writes that were \
         answered since the last checkpoint (up to the last {} MiB of them) are lost; restore \
         {} and {} together from a backup, if there is one",
        kind.name,
        log_bytes >> 20,
        kind.database,
        kind.log
    );
    Ok(())
}

/// Copies the file; what is zero needs no room where the file system can leave it out.
fn copy(disk: &dyn Disk, log: &dyn DiskFile, length: u64, name: &str) -> io::Result<()> {
    let copy = disk.open(name)?;
    let copied = copy_into(&*copy, log, length);
    if copied.as_ref().is_err_and(is_full) {
        // A part of it is of no use, and the room is.
        copy.set_length(0)?;
    }
    copied
}

fn copy_into(copy: &dyn DiskFile, log: &dyn DiskFile, length: u64) -> io::Result<()> {
    copy.set_length(length)?;
    let mut buffer = vec![0; COPIED_BYTES];
    let mut at = 0;
    while at < length {
        let count = (length - at).min(COPIED_BYTES as u64) as usize;
        let piece = &mut buffer[..count];
        log.read_exact_at(piece, at)?;
        if piece.iter().any(|byte| *byte != 0) {
            copy.write_all_at(piece, at)?;
        }
        at += count as u64;
    }
    copy.sync()
}
