//! What operations do to the tables, within one transaction: messages, their places and how much each
//! queue has stay in step. When it is committed, and what is in the log, is not decided here.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use redb::{ReadableTable as _, Table, WriteTransaction};
use storage::{Fault, META};

use super::entry::{Entry, Place};
use super::op::{Op, Put};
use super::record::{self, Record};
use super::schema::{DROPPED, MESSAGES, META_NEXT_QUEUE, ORDER, QUEUES, Row, SIZES, Size, TIMED};

/// The tables of a transaction, and which queues it has changed.
pub(super) struct Tables<'t> {
    txn: &'t WriteTransaction,
    messages: Table<'t, (u32, u64), &'static [u8]>,
    order: Table<'t, (u32, u64, u64), (u64, u32, u32)>,
    timed: Table<'t, (u32, u64), u64>,
    sizes: Table<'t, u32, (u64, u64, u64, u64)>,
    touched: HashMap<u32, Touched>,
}

/// A queue that the transaction changes.
#[derive(Clone, Copy, Debug)]
struct Touched {
    size: Size,
    /// Whether another message may be the oldest one now.
    is_oldest_unknown: bool,
}

/// What an operation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// There was nothing to do it to.
    Nothing,
    /// The message has come.
    Put(Entry),
    /// The message, which was that, is gone.
    Gone(Entry),
    /// The message has another place.
    Again(Entry),
    /// The delivery is written down.
    Marked,
    /// The message is in another queue, at that place.
    Moved(Entry),
}

/// How much a queue has after the transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) size: Size,
    pub(super) oldest: Oldest,
}

/// When the oldest message of a queue came, in milliseconds since the UNIX epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oldest {
    /// It is the same as before.
    Same,
    /// It is known anew.
    Now(Option<u64>),
}

impl<'t> Tables<'t> {
    pub(super) fn open(txn: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            txn,
            messages: txn.open_table(MESSAGES)?,
            order: txn.open_table(ORDER)?,
            timed: txn.open_table(TIMED)?,
            sizes: txn.open_table(SIZES)?,
            touched: HashMap::new(),
        })
    }

    /// Makes the tables of a new database.
    pub(super) fn make_all(txn: &WriteTransaction) -> Result<(), Fault> {
        drop(Tables::open(txn)?);
        txn.open_table(QUEUES)?;
        txn.open_table(DROPPED)?;
        txn.open_table(META)?.insert(META_NEXT_QUEUE, 1)?;
        Ok(())
    }

    /// Makes a queue. Its number was never given to another one, nor is a smaller one from now on.
    pub(super) fn make(&mut self, queue: u32, row: &Row) -> Result<(), Fault> {
        let size = Size { next_seq: 1, ..Size::default() };
        self.sizes.insert(queue, size.to_value())?;
        self.touched.insert(queue, Touched { size, is_oldest_unknown: true });
        self.txn.open_table(META)?.insert(META_NEXT_QUEUE, u64::from(queue) + 1)?;
        self.write_row(queue, row)
    }

    /// Writes down what is set of a queue.
    pub(super) fn write_row(&mut self, queue: u32, row: &Row) -> Result<(), Fault> {
        self.txn.open_table(QUEUES)?.insert(queue, row.to_value())?;
        Ok(())
    }

    /// Has a queue be gone, whose messages are removed later. Answers how much it had.
    pub(super) fn drop_queue(&mut self, queue: u32) -> Result<Size, Fault> {
        let size = self.touch(queue)?.map(|touched| touched.size).unwrap_or_default();
        self.touched.remove(&queue);
        self.sizes.remove(queue)?;
        self.txn.open_table(QUEUES)?.remove(queue)?;
        self.txn.open_table(DROPPED)?.insert(queue, ())?;
        Ok(size)
    }

    /// Does an operation. Those on queues that are gone come to nothing.
    pub(super) fn apply(&mut self, op: &Op) -> Result<Effect, Fault> {
        match op {
            Op::Put(put) => self.put(put),
            Op::Gone { queue, place } => Ok(match self.take(*queue, *place)? {
                Some(entry) => {
                    self.messages.remove((*queue, place.seq))?;
                    Effect::Gone(entry)
                }
                None => Effect::Nothing,
            }),
            Op::Again { queue, place, due_ms, attempts } => {
                let Some(entry) = self.take(*queue, *place)? else { return Ok(Effect::Nothing) };
                let place = Place::timed(*due_ms, place.seq);
                let entry = Entry { place, attempts: *attempts, ..entry };
                self.add(*queue, entry)?;
                Ok(Effect::Again(entry))
            }
            Op::Mark { queue, place, attempts } => {
                let found = self.order.get(place.key(*queue))?.map(|found| found.value());
                let Some((since_ms, _, bytes)) = found else { return Ok(Effect::Nothing) };
                self.order.insert(place.key(*queue), (since_ms, *attempts, bytes))?;
                Ok(Effect::Marked)
            }
            Op::Move { queue, place, to, seq, since_ms } => {
                self.move_over((*queue, *place), (*to, *seq), *since_ms)
            }
        }
    }

    fn put(&mut self, put: &Put) -> Result<Effect, Fault> {
        let Put { queue, place, since_ms, id, content_type, body } = put;
        if self.touch(*queue)?.is_none() {
            return Ok(Effect::Nothing);
        }
        let key = (*queue, place.seq);
        let record = Record {
            id: *id,
            timestamp_ms: *since_ms,
            since_ms: *since_ms,
            content_type: *content_type,
            body: &body[..],
        };
        self.messages.insert(key, record.encode(key).as_slice())?;
        let entry = new_entry(*place, *since_ms, body.len());
        self.add(*queue, entry)?;
        Ok(Effect::Put(entry))
    }

    fn move_over(
        &mut self,
        (queue, place): (u32, Place),
        (to, seq): (u32, u64),
        since_ms: u64,
    ) -> Result<Effect, Fault> {
        let Some(entry) = self.take(queue, place)? else { return Ok(Effect::Nothing) };
        let (from_key, to_key) = ((queue, place.seq), (to, seq));
        let sealed = self.messages.remove(from_key)?.map(|found| found.value().to_vec());
        let record = sealed.as_deref().map(|sealed| Record::decode(from_key, sealed));
        let record = match record {
            Some(Ok(record)) if self.touch(to)?.is_some() => record,
            Some(Err(error)) => {
                tracing::error!(%error, queue, "a damaged message was removed");
                return Ok(Effect::Gone(entry));
            }
            _ => return Ok(Effect::Gone(entry)),
        };
        let moved = Record { since_ms, ..record };
        self.messages.insert(to_key, moved.encode(to_key).as_slice())?;
        let entry = new_entry(Place::ready(seq), since_ms, moved.body.len());
        self.add(to, entry)?;
        Ok(Effect::Moved(entry))
    }

    /// Takes a message out of its place, if it stands there.
    fn take(&mut self, queue: u32, place: Place) -> Result<Option<Entry>, Fault> {
        if self.touch(queue)?.is_none() {
            return Ok(None);
        }
        let found = self.order.remove(place.key(queue))?.map(|found| found.value());
        let Some((since_ms, attempts, bytes)) = found else { return Ok(None) };
        if place.is_timed() {
            self.timed.remove((queue, place.seq))?;
        }
        self.change(queue, |touched| {
            touched.size.count = touched.size.count.saturating_sub(1);
            touched.size.bytes = touched.size.bytes.saturating_sub(bytes.into());
            touched.size.timed = touched.size.timed.saturating_sub(place.is_timed().into());
            touched.is_oldest_unknown = true;
        });
        Ok(Some(Entry { place, since_ms, attempts, bytes }))
    }

    /// Puts a message in its place.
    fn add(&mut self, queue: u32, entry: Entry) -> Result<(), Fault> {
        let Entry { place, since_ms, attempts, bytes } = entry;
        let row = (since_ms, attempts, bytes);
        let was_there = self.order.insert(place.key(queue), row)?.is_some();
        if was_there {
            return Ok(());
        }
        if place.is_timed() {
            self.timed.insert((queue, place.seq), place.due_ms)?;
        }
        self.change(queue, |touched| {
            touched.is_oldest_unknown |= touched.size.count == 0;
            touched.size.count += 1;
            touched.size.bytes += u64::from(bytes);
            touched.size.timed += u64::from(place.is_timed());
            touched.size.next_seq = touched.size.next_seq.max(place.seq.saturating_add(1));
        });
        Ok(())
    }

    /// Removes up to `most` messages that came so long ago that the queue keeps them no more, those
    /// first that came first. Answers their entries.
    pub(super) fn expire(
        &mut self,
        queue: u32,
        is_expired: impl Fn(u64) -> bool,
        most: usize,
    ) -> Result<Vec<Entry>, Fault> {
        if self.touch(queue)?.is_none() {
            return Ok(Vec::new());
        }
        self.change(queue, |touched| touched.is_oldest_unknown = true);
        let mut expired = Vec::new();
        for found in self.messages.range((queue, 0)..=(queue, u64::MAX))?.take(most) {
            let (key, sealed) = found?;
            // One that cannot be read is not kept for ever, either.
            if !record::since_ms(sealed.value()).map_or(true, &is_expired) {
                break;
            }
            expired.push(key.value().1);
        }
        let mut entries = Vec::with_capacity(expired.len());
        for seq in expired {
            let due_ms = self.timed.get((queue, seq))?.map(|due| due.value());
            let place = due_ms.map_or(Place::ready(seq), |due_ms| Place::timed(due_ms, seq));
            entries.extend(self.take(queue, place)?);
            self.messages.remove((queue, seq))?;
        }
        Ok(entries)
    }

    /// Removes up to `most` rows of each kind that queues have left which are gone. Tells whether
    /// there were any.
    pub(super) fn clean(&mut self, most: usize) -> Result<bool, Fault> {
        let mut dropped = self.txn.open_table(DROPPED)?;
        let first = dropped.first()?.map(|(queue, _)| queue.value());
        let Some(queue) = first else { return Ok(false) };
        let of_queue = (queue, 0)..=(queue, u64::MAX);
        let places = (queue, 0, 0)..=(queue, u64::MAX, u64::MAX);
        let mut removed = 0;
        for found in self.messages.extract_from_if(of_queue.clone(), |_, _| true)?.take(most) {
            found?;
            removed += 1;
        }
        for found in self.order.extract_from_if(places, |_, _| true)?.take(most) {
            found?;
            removed += 1;
        }
        for found in self.timed.extract_from_if(of_queue, |_, _| true)?.take(most) {
            found?;
            removed += 1;
        }
        if removed == 0 {
            dropped.remove(queue)?;
        }
        Ok(true)
    }

    /// Writes down how much each queue has that was changed, and answers it.
    pub(super) fn finish(mut self) -> Result<HashMap<u32, Measured>, Fault> {
        let mut sizes = HashMap::with_capacity(self.touched.len());
        for (queue, Touched { size, is_oldest_unknown }) in std::mem::take(&mut self.touched) {
            self.sizes.insert(queue, size.to_value())?;
            let oldest = if is_oldest_unknown {
                Oldest::Now(oldest_ms(&self.messages, queue)?)
            } else {
                Oldest::Same
            };
            sizes.insert(queue, Measured { size, oldest });
        }
        Ok(sizes)
    }

    /// A queue that is about to be changed, if it exists.
    fn touch(&mut self, queue: u32) -> Result<Option<&mut Touched>, Fault> {
        match self.touched.entry(queue) {
            Slot::Occupied(found) => Ok(Some(found.into_mut())),
            Slot::Vacant(slot) => {
                let size = self.sizes.get(queue)?.map(|size| Size::of_value(size.value()));
                let touched = |size| Touched { size, is_oldest_unknown: false };
                Ok(size.map(|size| slot.insert(touched(size))))
            }
        }
    }

    fn change(&mut self, queue: u32, change: impl FnOnce(&mut Touched)) {
        if let Some(touched) = self.touched.get_mut(&queue) {
            change(touched);
        }
    }
}

/// When the oldest message of a queue came into it.
pub(super) fn oldest_ms(
    messages: &impl redb::ReadableTable<(u32, u64), &'static [u8]>,
    queue: u32,
) -> Result<Option<u64>, Fault> {
    let first = messages.range((queue, 0)..=(queue, u64::MAX))?.next().transpose()?;
    // One that cannot be read is not waited for.
    Ok(first.map(|(_, sealed)| record::since_ms(sealed.value()).unwrap_or_default()))
}

fn new_entry(place: Place, since_ms: u64, body_bytes: usize) -> Entry {
    let bytes = u32::try_from(body_bytes).unwrap_or(u32::MAX);
    Entry { place, since_ms, attempts: 0, bytes }
}

#[cfg(test)]
mod tests;
