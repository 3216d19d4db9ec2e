//! Reading the tables as they were at one moment. Who reads when, and what is kept in memory, is not
//! here.

use std::ops::Bound;

use bytes::{Bytes, BytesMut};
use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase as _};
use storage::Fault;

use crate::clock::{UnixSeconds, is_visible};
use crate::error::StoreError;
use crate::store::{Entry, ListPage, ListRequest, ListedKey};

use super::fault::{DAMAGED_KEY, MISSING_PIECE};
use super::record::{Record, StoredValue, decode_piece};
use super::schema::{PIECES, RECORDS, record_key, split_record_key};

/// A page ends early after so many keys that have expired and are not swept yet, so that no list
/// keeps a reader for long.
const MAX_HIDDEN_KEYS: usize = 20_000;

/// The tables at one moment.
pub(super) struct Snapshot {
    txn: ReadTransaction,
    records: ReadOnlyTable<&'static [u8], &'static [u8]>,
}

/// A snapshot that is taken when it is first looked at.
pub(super) struct Lazy<F> {
    take: F,
    taken: Option<Snapshot>,
}

/// A record as it was found, its value not yet read if it is in pieces.
pub(super) struct Found {
    pub(super) expiration: Option<UnixSeconds>,
    pub(super) metadata: Option<std::sync::Arc<str>>,
    pub(super) value: FoundValue,
}

/// Where the value of a found record is.
pub(super) enum FoundValue {
    Whole(Bytes),
    Pieces { id: u64, bytes: u64 },
}

impl Found {
    pub(super) fn is_visible(&self, now: UnixSeconds) -> bool {
        is_visible(self.expiration, now)
    }

    pub(super) fn is_in_pieces(&self) -> bool {
        matches!(self.value, FoundValue::Pieces { .. })
    }

    /// The length of the value.
    pub(super) fn value_bytes(&self) -> usize {
        match &self.value {
            FoundValue::Whole(value) => value.len(),
            FoundValue::Pieces { bytes, .. } => usize::try_from(*bytes).unwrap_or(usize::MAX),
        }
    }

    /// What counts of it in the size of its namespace, beside the key.
    pub(super) fn counted_bytes(&self) -> u64 {
        self.value_bytes() as u64 + self.metadata.as_ref().map_or(0, |text| text.len() as u64)
    }
}

impl Snapshot {
    pub(super) fn take(database: &Database) -> Result<Self, Fault> {
        let txn = database.begin_read()?;
        let records = txn.open_table(RECORDS)?;
        Ok(Self { txn, records })
    }

    /// What is under a key, expired or not.
    pub(super) fn find(&self, namespace: u32, key: &str) -> Result<Option<Found>, Fault> {
        let key = record_key(namespace, key);
        let Some(found) = self.records.get(key.as_slice())? else { return Ok(None) };
        let record = Record::decode(&key, found.value())?;
        let value = match record.value {
            StoredValue::Inline(value) => FoundValue::Whole(Bytes::copy_from_slice(value)),
            StoredValue::Pieces { id, bytes } => FoundValue::Pieces { id, bytes },
        };
        let metadata = record.metadata();
        Ok(Some(Found { expiration: record.expiration, metadata, value }))
    }

    /// What was found in this snapshot, with its whole value.
    pub(super) fn whole(&self, found: Found) -> Result<Entry, Fault> {
        let Found { expiration, metadata, value } = found;
        let value = match value {
            FoundValue::Whole(value) => value,
            FoundValue::Pieces { id, bytes } => {
                let (value, _) = self.pieces(id, 0, bytes)?.ok_or(MISSING_PIECE)?;
                if value.len() as u64 != bytes {
                    return Err(MISSING_PIECE);
                }
                value
            }
        };
        Ok(Entry { value, expiration, metadata })
    }

    /// At most about `most` bytes of a value from the piece at `first` on, and the position of the
    /// piece after them; `None` if there is no such piece.
    pub(super) fn pieces(
        &self,
        id: u64,
        first: u32,
        most: u64,
    ) -> Result<Option<(Bytes, u32)>, Fault> {
        let pieces = self.txn.open_table(PIECES)?;
        let mut gathered = BytesMut::with_capacity(usize::try_from(most).unwrap_or(0));
        let mut next = first;
        for entry in pieces.range((id, first)..=(id, u32::MAX))? {
            let (key, piece) = entry?;
            if key.value() != (id, next) {
                return Err(MISSING_PIECE);
            }
            gathered.extend_from_slice(decode_piece(key.value(), piece.value())?);
            next += 1;
            if gathered.len() as u64 >= most {
                break;
            }
        }
        Ok((next > first).then(|| (gathered.freeze(), next)))
    }

    /// One page of the keys of a namespace.
    pub(super) fn list(
        &self,
        namespace: u32,
        request: &ListRequest,
        now: UnixSeconds,
    ) -> Result<ListPage, Fault> {
        let prefix = record_key(namespace, &request.prefix);
        let after = request.start_after.as_ref().map(|key| record_key(namespace, key));
        let start = match &after {
            Some(key) if *key >= prefix => Bound::Excluded(key.as_slice()),
            _ => Bound::Included(prefix.as_slice()),
        };
        let mut page = ListPage::default();
        let mut hidden = 0;
        for entry in self.records.range::<&[u8]>((start, Bound::Unbounded))? {
            let (key, record) = entry?;
            if !key.value().starts_with(&prefix) {
                break;
            }
            let record = Record::decode(key.value(), record.value())?;
            if !record.is_visible(now) {
                hidden += 1;
                if hidden < MAX_HIDDEN_KEYS {
                    continue;
                }
                let (_, name) = split_record_key(key.value()).ok_or(DAMAGED_KEY)?;
                page.next = Some(name.to_owned());
                break;
            }
            if page.keys.len() == request.limit {
                page.next = page.keys.last().map(|key| key.name.clone());
                break;
            }
            let (_, name) = split_record_key(key.value()).ok_or(DAMAGED_KEY)?;
            page.keys.push(ListedKey {
                name: name.to_owned(),
                expiration: record.expiration,
                metadata: record.metadata(),
            });
        }
        Ok(page)
    }
}

impl<F: FnMut() -> Result<Snapshot, Fault>> Lazy<F> {
    /// One that `take` takes.
    pub(super) fn new(take: F) -> Self {
        Self { take, taken: None }
    }

    pub(super) fn get(&mut self) -> Result<&Snapshot, Fault> {
        if self.taken.is_none() {
            self.taken = Some((self.take)()?);
        }
        Ok(self.taken.as_ref().expect("it was just taken"))
    }
}

/// Makes a fault of the reading the answer of an operation.
pub(super) fn reading<T>(result: Result<T, Fault>) -> Result<T, StoreError> {
    result.map_err(|fault| fault.while_doing("reading").into())
}
