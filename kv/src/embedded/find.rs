//! What is under keys: looked up in a snapshot of the tables, and put together for who asked.

use std::sync::Arc;

use super::cache::Cached;
use super::fault::Fault;
use super::pieces::PiecesSource;
use super::shared::Shared;
use super::snapshot::{Found, FoundValue, Snapshot, reading};
use crate::clock::{UnixSeconds, is_visible};
use crate::error::{Refused, StoreError};
use crate::store::{Entry, Namespace, StreamedEntry};
use crate::validate::validate_bulk_bytes;

/// How often a stream tries to hold a value that is being replaced before it reads it whole.
const MAX_HOLD_ATTEMPTS: usize = 8;

/// Looks into the tables, as they are at one moment, and keeps in memory what is there.
pub(super) fn find(
    shared: &Shared,
    database: &redb::Database,
    namespace: u32,
    keys: &[String],
) -> Result<Vec<Cached>, StoreError> {
    let tickets: Vec<_> = keys.iter().map(|key| shared.cache.draw(namespace, key)).collect();
    let tables = reading(Snapshot::take(database))?;
    let mut found = Vec::with_capacity(keys.len());
    let mut bytes = 0;
    for (key, ticket) in keys.iter().zip(tickets) {
        let entry = reading(tables.entry(namespace, key))?.map(Arc::new);
        shared.cache.fill(&ticket, namespace, key, entry.clone());
        // Checked on the way, so that no more is gathered than may be.
        bytes += visible(&entry, shared.clock.now()).map_or(0, |entry| entry.value.len());
        validate_bulk_bytes(bytes)?;
        found.push(entry);
    }
    Ok(found)
}

/// The same as a stream: a value in pieces is held while it is read, and not kept in memory.
pub(super) fn find_stream(
    shared: &Shared,
    database: &redb::Database,
    number: u32,
    key: &str,
    namespace: &Namespace,
    store: &Arc<Shared>,
) -> Result<Option<StreamedEntry>, Fault> {
    for _ in 0..MAX_HOLD_ATTEMPTS {
        let Some(found) = Snapshot::take(database)?.find(number, key)? else { return Ok(None) };
        if !is_visible(found.expiration, shared.clock.now()) {
            return Ok(None);
        }
        let Found { expiration, metadata, value } = found;
        let (id, bytes) = match value {
            FoundValue::Whole(value) => {
                return Ok(Some(StreamedEntry::whole(Entry { value, expiration, metadata })));
            }
            FoundValue::Pieces { id, bytes } => (id, bytes),
        };
        // A hold counts if the value is still the key's when it is taken.
        let Some(hold) = store.holds.hold(id) else { continue };
        let now = Snapshot::take(database)?.find(number, key)?;
        let is_current =
            |found: &Found| matches!(found.value, FoundValue::Pieces { id: now, .. } if now == id);
        if now.as_ref().is_some_and(is_current) {
            let source = PiecesSource::new(Arc::clone(store), namespace.clone(), bytes, hold);
            let value = Box::new(source);
            return Ok(Some(StreamedEntry { value_bytes: bytes, expiration, metadata, value }));
        }
    }
    // A key that is written without a pause: its value as it is at one moment.
    let entry = Snapshot::take(database)?.entry(number, key)?.map(Arc::new);
    Ok(visible(&entry, shared.clock.now()).cloned().map(StreamedEntry::whole))
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
