//! What changes do to the tables, within one transaction: records, the pieces of large values, the
//! order of expirations and the sizes of namespaces stay in step. When it is committed, and what is
//! in the log, is the writer's business.

use std::collections::HashMap;

use bytes::Bytes;
use redb::{ReadableTable as _, Table, WriteTransaction};
use storage::{Fault, META};

use crate::clock::UnixSeconds;
use crate::store::Change;

use super::batch::Stored;
use super::fault::DAMAGED_KEY;
use super::holds::Holds;
use super::record::{MAX_INLINE_BYTES, Record, StoredValue, encode_piece, pieces};
use super::schema::{
    DROPPED, EXPIRIES, META_NEXT_VALUE, PIECES, RECORDS, SIZES, UNREFERENCED, expiry_key,
    record_key, split_expiry_key, split_record_key,
};

/// The largest value whose pieces are removed by the transaction that replaces it.
const MAX_REMOVED_AT_ONCE_BYTES: u64 = 1 << 20;

/// How many unreferenced values are looked at, in a step, for one that nobody holds.
pub(super) const MAX_LOOKED_AT: usize = 100;

type Bytewise<'t, V> = Table<'t, &'static [u8], V>;

/// The tables of a transaction, and what has been done to them.
pub(super) struct Apply<'t> {
    txn: &'t WriteTransaction,
    holds: &'t Holds,
    records: Bytewise<'t, &'static [u8]>,
    expiries: Option<Bytewise<'t, ()>>,
    pieces: Option<Table<'t, (u64, u32), &'static [u8]>>,
    unreferenced: Option<Table<'t, u64, ()>>,
    next_value: u64,
    first_value: u64,
    removed_pieces: u32,
    grown: Growth,
}

/// By how much namespaces have grown: keys and bytes, by the namespace's number.
pub(super) type Growth = HashMap<u32, (i64, i64)>;

/// What a transaction leaves for the next one to know.
pub(super) struct Applied {
    pub(super) grown: Growth,
    pub(super) next_value: u64,
}

/// What came of a step of removing things.
#[derive(Clone, Copy, Default)]
pub(super) struct Step {
    /// Whether anything was changed.
    pub(super) changed: bool,
    /// Whether there may be more to remove.
    pub(super) more: bool,
}

impl<'t> Apply<'t> {
    pub(super) fn new(
        txn: &'t WriteTransaction,
        holds: &'t Holds,
        next_value: u64,
    ) -> Result<Self, Fault> {
        Ok(Self {
            txn,
            holds,
            records: txn.open_table(RECORDS)?,
            expiries: None,
            pieces: None,
            unreferenced: None,
            next_value,
            first_value: next_value,
            removed_pieces: 0,
            grown: HashMap::new(),
        })
    }

    pub(super) fn change(&mut self, namespace: u32, change: &Change) -> Result<(), Fault> {
        let key = record_key(namespace, &change.key);
        let Some(put) = &change.put else { return self.remove(&key) };
        let metadata = put.metadata.as_deref();
        let value = if put.value.len() <= MAX_INLINE_BYTES {
            StoredValue::Inline(&put.value)
        } else {
            let id = self.new_value();
            self.add_pieces(id, 0, &put.value)?;
            StoredValue::Pieces { id, bytes: put.value.len() as u64 }
        };
        self.put(&key, &Record { expiration: put.expiration, metadata, value })
    }

    /// Stores a record in place of what was there.
    pub(super) fn put(&mut self, key: &[u8], record: &Record<'_>) -> Result<(), Fault> {
        let replaced = self.records.insert(key, record.encode(key).as_slice())?;
        let replaced = replaced.and_then(|found| Replaced::of(key, found.value()));
        let (namespace, name) = split_record_key(key).ok_or(DAMAGED_KEY)?;
        self.grow(namespace, 1, record.counted_bytes(name.len()) as i64);
        let expiration = record.expiration;
        if let Some(replaced) = replaced {
            self.forget(key, &replaced, expiration)?;
        }
        if let Some(at) = expiration {
            self.expiries()?.insert(expiry_key(at.0, key).as_slice(), ())?;
        }
        Ok(())
    }

    /// Stores a value that has been written as pieces under `id`, and that nothing refers to yet.
    pub(super) fn refer(&mut self, key: &[u8], id: u64, record: &Record<'_>) -> Result<(), Fault> {
        self.unreferenced()?.remove(id)?;
        self.put(key, record)
    }

    /// Stores a value that the log says is complete, with the pieces that only the log has.
    pub(super) fn store(&mut self, namespace: u32, stored: &Stored) -> Result<(), Fault> {
        // An identity that was given out since the last checkpoint is given out once more by the
        // changes of the log. All the pieces of such a value are in the log.
        let id = if stored.id < self.first_value { stored.id } else { self.new_value() };
        self.add_pieces(id, stored.first, &stored.tail)?;
        let record = Record {
            expiration: stored.expiration,
            metadata: stored.metadata.as_deref(),
            value: StoredValue::Pieces { id, bytes: stored.bytes },
        };
        self.refer(&record_key(namespace, &stored.key), id, &record)
    }

    fn remove(&mut self, key: &[u8]) -> Result<(), Fault> {
        let removed = self.records.remove(key)?;
        match removed.and_then(|found| Replaced::of(key, found.value())) {
            Some(removed) => self.forget(key, &removed, None),
            None => Ok(()),
        }
    }

    /// Removes what belongs to a record that is gone, where another one may have taken its place.
    fn forget(
        &mut self,
        key: &[u8],
        gone: &Replaced,
        expiration: Option<UnixSeconds>,
    ) -> Result<(), Fault> {
        let (namespace, name) = split_record_key(key).ok_or(DAMAGED_KEY)?;
        self.grow(namespace, -1, -((gone.counted_bytes + name.len() as u64) as i64));
        if let Some(at) = gone.expiration
            && expiration != Some(at)
        {
            self.expiries()?.remove(expiry_key(at.0, key).as_slice())?;
        }
        match gone.pieces {
            Some((id, bytes)) if bytes <= MAX_REMOVED_AT_ONCE_BYTES && self.holds.condemn(id) => {
                self.remove_pieces(id, u32::MAX).map(drop)
            }
            Some((id, bytes)) => {
                self.unreferenced()?.insert(id, ())?;
                self.holds.leave(id, namespace, bytes);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Begins a value in pieces that nothing refers to.
    pub(super) fn begin_value(&mut self) -> Result<u64, Fault> {
        let id = self.new_value();
        self.unreferenced()?.insert(id, ())?;
        Ok(id)
    }

    fn new_value(&mut self) -> u64 {
        let id = self.next_value;
        self.next_value += 1;
        id
    }

    /// Adds bytes to a value as pieces from position `first` on and returns the next position.
    pub(super) fn add_pieces(&mut self, id: u64, first: u32, value: &Bytes) -> Result<u32, Fault> {
        let mut at = first;
        for piece in pieces(value.clone()) {
            self.pieces()?.insert((id, at), encode_piece((id, at), &piece).as_slice())?;
            at += 1;
        }
        Ok(at)
    }

    /// Removes up to `most` pieces of a value and tells whether none is left.
    fn remove_pieces(&mut self, id: u64, most: u32) -> Result<bool, Fault> {
        // From the last on, so that what is left begins at 0 and is found again.
        for _ in 0..most {
            let pieces = self.pieces()?;
            let last = pieces.range((id, 0)..=(id, u32::MAX))?.next_back().transpose()?;
            let Some(at) = last.map(|(key, _)| key.value()) else { return Ok(true) };
            pieces.remove(at)?;
            self.removed_pieces += 1;
        }
        Ok(false)
    }

    /// Removes up to `most` keys whose expiration has come, or about as many pieces of theirs. Tells
    /// how many keys that were.
    pub(super) fn sweep(&mut self, now: UnixSeconds, most: u32) -> Result<(usize, Step), Fault> {
        let until = expiry_key(now.0.saturating_add(1), &[]);
        let due: Vec<Vec<u8>> = self
            .expiries()?
            .range(..until.as_slice())?
            .take(most as usize)
            .map(|entry| Ok(entry?.0.value().to_vec()))
            .collect::<Result<_, Fault>>()?;
        let mut step = Step { changed: !due.is_empty(), more: due.len() == most as usize };
        let mut swept = 0;
        let before = self.removed_pieces;
        for expiry in due {
            if self.removed_pieces - before >= most {
                step.more = true;
                break;
            }
            let (_, key) = split_expiry_key(&expiry).ok_or(DAMAGED_KEY)?;
            let is_due = match self.records.get(key)? {
                // One that cannot be read is not what was to expire: it stays for those who ask.
                Some(found) => {
                    Record::decode(key, found.value()).is_ok_and(|record| !record.is_visible(now))
                }
                None => false,
            };
            if is_due {
                self.remove(key)?;
                swept += 1;
            } else {
                self.expiries()?.remove(expiry.as_slice())?;
            }
        }
        Ok((swept, step))
    }

    /// Removes some of what nothing refers to any more, at most about `most` pieces, and as many
    /// records. `from` is the value where the look begins, and is moved on, so that values that are
    /// held are in nobody's way.
    pub(super) fn clean(&mut self, from: &mut u64, most: u32) -> Result<Step, Fault> {
        let ids: Vec<u64> = self
            .unreferenced()?
            .range(*from..)?
            .take(MAX_LOOKED_AT)
            .map(|entry| Ok(entry?.0.value()))
            .collect::<Result<_, Fault>>()?;
        let is_last = ids.len() < MAX_LOOKED_AT;
        *from = if is_last { 0 } else { ids.last().map_or(0, |id| id + 1) };
        let before = self.removed_pieces;
        let mut changed = false;
        for id in ids {
            if !self.holds.condemn(id) {
                continue;
            }
            changed = true;
            let left = most.saturating_sub(self.removed_pieces - before);
            if !self.remove_pieces(id, left)? {
                *from = id;
                return Ok(Step { changed, more: true });
            }
            self.unreferenced()?.remove(id)?;
            self.holds.removed(id);
        }
        changed |= self.clean_dropped(most)?;
        Ok(Step { changed, more: changed || !is_last })
    }

    fn clean_dropped(&mut self, most: u32) -> Result<bool, Fault> {
        let mut dropped = self.txn.open_table(DROPPED)?;
        let first = dropped.first()?.map(|(namespace, _)| namespace.value());
        let Some(namespace) = first else { return Ok(false) };
        let keys: Vec<Vec<u8>> = self
            .records
            .range(namespace.to_be_bytes().as_slice()..)?
            .map(|entry| Ok(entry?.0.value().to_vec()))
            .take_while(|key: &Result<Vec<u8>, Fault>| {
                key.as_ref().map_or(true, |key| key.starts_with(&namespace.to_be_bytes()))
            })
            .take(most as usize)
            .collect::<Result<_, Fault>>()?;
        let before = self.removed_pieces;
        for key in &keys {
            if self.removed_pieces - before >= most {
                break;
            }
            self.remove(key)?;
        }
        self.grown.remove(&namespace);
        if keys.is_empty() {
            dropped.remove(namespace)?;
            self.txn.open_table(SIZES)?.remove(namespace)?;
        }
        Ok(true)
    }

    /// Brings the sizes into the tables.
    pub(super) fn finish(self) -> Result<Applied, Fault> {
        if !self.grown.is_empty() {
            let mut sizes = self.txn.open_table(SIZES)?;
            for (namespace, (keys, bytes)) in &self.grown {
                let before = sizes.get(namespace)?.map_or((0, 0), |size| size.value());
                let after =
                    (before.0.saturating_add_signed(*keys), before.1.saturating_add_signed(*bytes));
                sizes.insert(namespace, after)?;
            }
        }
        if self.next_value != self.first_value {
            self.txn.open_table(META)?.insert(META_NEXT_VALUE, self.next_value)?;
        }
        Ok(Applied { grown: self.grown, next_value: self.next_value })
    }

    fn grow(&mut self, namespace: u32, keys: i64, bytes: i64) {
        let grown = self.grown.entry(namespace).or_default();
        grown.0 += keys;
        grown.1 += bytes;
    }

    fn expiries(&mut self) -> Result<&mut Bytewise<'t, ()>, Fault> {
        if self.expiries.is_none() {
            self.expiries = Some(self.txn.open_table(EXPIRIES)?);
        }
        Ok(self.expiries.as_mut().expect("it was just opened"))
    }

    fn pieces(&mut self) -> Result<&mut Table<'t, (u64, u32), &'static [u8]>, Fault> {
        if self.pieces.is_none() {
            self.pieces = Some(self.txn.open_table(PIECES)?);
        }
        Ok(self.pieces.as_mut().expect("it was just opened"))
    }

    fn unreferenced(&mut self) -> Result<&mut Table<'t, u64, ()>, Fault> {
        if self.unreferenced.is_none() {
            self.unreferenced = Some(self.txn.open_table(UNREFERENCED)?);
        }
        Ok(self.unreferenced.as_mut().expect("it was just opened"))
    }
}

/// What is to be known of a record that is gone.
struct Replaced {
    expiration: Option<UnixSeconds>,
    /// Without the key's.
    counted_bytes: u64,
    pieces: Option<(u64, u64)>,
}

impl Replaced {
    /// `None` for a damaged record: what it had beside it is not known, and whoever replaces it has
    /// a good one.
    fn of(key: &[u8], record: &[u8]) -> Option<Self> {
        let record = Record::decode(key, record)
            .inspect_err(|error| tracing::warn!(%error, "a damaged record was replaced"))
            .ok()?;
        Some(Self {
            expiration: record.expiration,
            counted_bytes: record.counted_bytes(0),
            pieces: match record.value {
                StoredValue::Inline(_) => None,
                StoredValue::Pieces { id, bytes } => Some((id, bytes)),
            },
        })
    }
}
