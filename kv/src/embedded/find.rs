//! What is under keys: looked up in a snapshot of the tables, and put together for who asked.

use std::sync::Arc;

use storage::Fault;

use super::cache::Cached;
use super::pieces::PiecesSource;
use super::room::{Allowance, Read};
use super::shared::Shared;
use super::snapshot::{Found, FoundValue, Snapshot, reading};
use crate::clock::{UnixSeconds, is_visible};
use crate::error::{Refused, StoreError};
use crate::store::{Entry, Namespace, StreamedEntry};
use crate::validate::validate_bulk_bytes;

/// How often a stream tries to hold a value that is being replaced before it reads it whole.
const MAX_HOLD_ATTEMPTS: usize = 8;

/// Looks into the tables, as they are at one moment, and keeps in memory what is there, if so much
/// may be read. A large value that has expired is left where it is.
pub(super) fn find(
    shared: &Shared,
    database: &redb::Database,
    namespace: u32,
    keys: &[String],
    allowance: &mut Allowance,
) -> Result<Read<Vec<Cached>>, StoreError> {
    let now = shared.clock.now();
    let tickets: Vec<_> = keys.iter().map(|key| shared.cache.draw(namespace, key)).collect();
    let tables = reading(Snapshot::take(database))?;
    let records = keys.iter().map(|key| reading(tables.find(namespace, key)));
    let records = records.collect::<Result<Vec<_>, _>>()?;
    let seen = records.iter().flatten().filter(|found| found.is_visible(now));
    let bytes = seen.map(Found::value_bytes).fold(0, usize::saturating_add);
    validate_bulk_bytes(bytes)?;
    if !allowance.allows(bytes) {
        return Ok(Read::Needs(bytes));
    }
    let mut entries = Vec::with_capacity(keys.len());
    for ((key, ticket), record) in keys.iter().zip(tickets).zip(records) {
        if record.as_ref().is_some_and(|found| found.is_in_pieces() && !found.is_visible(now)) {
            entries.push(None);
            continue;
        }
        let entry = reading(record.map(|found| tables.whole(found)).transpose())?.map(Arc::new);
        shared.cache.fill(&ticket, namespace, key, entry.clone());
        entries.push(entry);
    }
    Ok(Read::Done(entries))
}

/// The same as a stream: a value in pieces is held while it is read, and not kept in memory.
pub(super) fn find_stream(
    shared: &Arc<Shared>,
    database: &redb::Database,
    number: u32,
    key: &str,
    namespace: &Namespace,
    allowance: &mut Allowance,
) -> Result<Read<Option<StreamedEntry>>, Fault> {
    for _ in 0..MAX_HOLD_ATTEMPTS {
        let Some(found) = Snapshot::take(database)?.find(number, key)? else {
            return Ok(Read::Done(None));
        };
        if !found.is_visible(shared.clock.now()) {
            return Ok(Read::Done(None));
        }
        let Found { expiration, metadata, value } = found;
        let (id, bytes) = match value {
            FoundValue::Whole(value) => {
                let entry = Entry { value, expiration, metadata };
                return Ok(Read::Done(Some(StreamedEntry::whole(entry))));
            }
            FoundValue::Pieces { id, bytes } => (id, bytes),
        };
        // A hold counts if the value is still the key's when it is taken.
        let Some(hold) = shared.holds.hold(id) else { continue };
        let now = Snapshot::take(database)?.find(number, key)?;
        let is_current =
            |found: &Found| matches!(found.value, FoundValue::Pieces { id: now, .. } if now == id);
        if now.as_ref().is_some_and(is_current) {
            let source = PiecesSource::new(Arc::clone(shared), namespace.clone(), bytes, hold);
            let value = Box::new(source);
            let entry = StreamedEntry { value_bytes: bytes, expiration, metadata, value };
            return Ok(Read::Done(Some(entry)));
        }
    }
    // A key that is written without a pause: its value as it is at one moment.
    let tables = Snapshot::take(database)?;
    let found = tables.find(number, key)?.filter(|found| found.is_visible(shared.clock.now()));
    let Some(found) = found else { return Ok(Read::Done(None)) };
    if !allowance.allows(found.value_bytes()) {
        return Ok(Read::Needs(found.value_bytes()));
    }
    Ok(Read::Done(Some(StreamedEntry::whole(tables.whole(found)?))))
}

/// What is there and has not expired.
pub(super) fn visible(cached: &Cached, now: UnixSeconds) -> Option<&Entry> {
    cached.as_deref().filter(|entry| is_visible(entry.expiration, now))
}

/// The answer of a bulk get.
pub(super) fn gather(
    found: impl Iterator<Item = Cached>,
    now: UnixSeconds,
) -> Result<Vec<Option<Entry>>, StoreError> {
    let mut bytes = 0;
    let entries: Result<Vec<_>, Refused> = found
        .map(|cached| {
            let entry = visible(&cached, now).cloned();
            bytes += entry.as_ref().map_or(0, |entry| entry.value.len());
            validate_bulk_bytes(bytes).map(|()| entry)
        })
        .collect();
    entries.map_err(StoreError::from)
}
