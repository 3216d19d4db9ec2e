//! What the tables say, in whatever transaction they are read.

use redb::ReadableTable;

use super::Fault;
use crate::catalog::Sealed;
use crate::fold::KeptVersion;
use crate::records::WorkerRecord;
use crate::rows;

/// What a version counts for beside its archive, in bytes: its record, and the part of a block of
/// the disk that no file uses.
pub(crate) const RECORD_BYTES: u64 = 4 << 10;

/// The record of a worker.
pub(crate) fn worker(
    workers: &impl ReadableTable<&'static str, &'static [u8]>,
    name: &str,
) -> Result<Option<WorkerRecord>, Fault> {
    match workers.get(name)? {
        Some(row) => Ok(Some(rows::worker(row.value())?)),
        None => Ok(None),
    }
}

/// A version.
pub(crate) fn version(
    versions: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
    worker: &str,
    id: &str,
) -> Result<Option<KeptVersion>, Fault> {
    match versions.get((worker, id))? {
        Some(row) => Ok(Some(rows::version(row.value())?)),
        None => Ok(None),
    }
}

/// A worker's versions, in the order of their identifiers.
pub(crate) fn versions(
    versions: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
    worker: &str,
) -> Result<Vec<KeptVersion>, Fault> {
    let mut found = Vec::new();
    for row in versions.range((worker, "")..)? {
        let (key, row) = row?;
        if key.value().0 != worker {
            break;
        }
        found.push(rows::version(row.value())?);
    }
    Ok(found)
}

/// What the versions of those workers have on the disk, in bytes, whose names begin so and are
/// counted.
pub(crate) fn bytes_of(
    versions: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
    beginning: &str,
    is_counted: impl Fn(&str) -> bool,
) -> Result<u64, Fault> {
    let mut bytes = 0_u64;
    for row in versions.range((beginning, "")..)? {
        let (key, row) = row?;
        let worker = key.value().0;
        if !worker.starts_with(beginning) {
            break;
        }
        if is_counted(worker) {
            let version = rows::version(row.value())?;
            // Of an archive whose size is not known the modules are, which are most of it.
            let archive_bytes = version.archive_bytes.max(version.record.gzip_bytes);
            bytes = bytes.saturating_add(archive_bytes).saturating_add(RECORD_BYTES);
        }
    }
    Ok(bytes)
}

/// The secrets of a worker, in the order of their names.
pub(crate) fn secrets(
    secrets: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
    name: &str,
) -> Result<Vec<(String, Sealed)>, Fault> {
    let mut found = Vec::new();
    for row in secrets.range((name, "")..)? {
        let (key, sealed) = row?;
        let (worker, secret) = key.value();
        if worker != name {
            break;
        }
        found.push((secret.to_owned(), Sealed(sealed.value().to_vec())));
    }
    Ok(found)
}

/// Their names alone.
pub(crate) fn secret_names(
    table: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
    name: &str,
) -> Result<Vec<String>, Fault> {
    Ok(secrets(table, name)?.into_iter().map(|(secret, _)| secret).collect())
}
