//! What is read from the tables, in the thread that asks: what comes next of a queue, and the bodies of
//! what is delivered.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use redb::ReadOnlyTable;
use storage::{Failure, Fault};

use crate::batching::Ready;
use crate::delivery::Delivery;
use crate::message::Message;

use super::entry::{Entry, Place};
use super::job::{Job, Owner};
use super::line::{Line, Picked};
use super::record::Record;
use super::schema::{MESSAGES, ORDER};
use super::shared::Shared;
use super::window::MOST;

/// How often it is looked for messages where those that were found are gone.
const ROUNDS: usize = 16;
/// How often a window is filled at a time: once, but where much of a queue is on its way.
const READINGS: usize = 64;
/// Who looks at messages without taking them gets no more than so many bytes of bodies, but for the
/// first.
const MAX_PEEKED_BYTES: u64 = 4 << 20;

type Places = ReadOnlyTable<(u32, u64, u64), (u64, u32, u32)>;
type Messages = ReadOnlyTable<(u32, u64), &'static [u8]>;

impl Shared {
    /// What of a queue could be delivered. Nothing, while the tables cannot be read.
    pub(crate) fn ready(&self, queue: &str) -> Ready {
        let Some(line) = self.line(queue) else { return Ready::default() };
        if self.core.is_closed() || self.core.database().is_none() || self.fill(&line).is_err() {
            return Ready::default();
        }
        let state = line.state.lock();
        state.ready(self.clock.now_ms())
    }

    /// Takes up to `most` messages, those first that were ready first, and leases them.
    pub(crate) fn take(&self, queue: &str, most: usize) -> Option<Delivery> {
        let line = self.line(queue)?;
        for _ in 0..ROUNDS {
            self.fill(&line).ok()?;
            let (now_ms, steady_ms) = (self.clock.now_ms(), self.steady_ms());
            let picked = line.state.lock().pick(most, now_ms, steady_ms);
            if !picked.found_any {
                return None;
            }
            if let Some(delivery) = self.deliver(&line, picked).ok()? {
                return Some(delivery);
            }
        }
        // There may be some behind those that are gone.
        line.tell();
        None
    }

    /// Up to `most` messages as they stand, those first that need not wait, which stay where they are.
    pub(crate) fn peek(&self, queue: &str, most: usize) -> Result<Vec<Message>, Failure> {
        let Some(line) = self.line(queue) else { return Ok(Vec::new()) };
        let number = line.state.lock().number;
        self.read(|txn| {
            let places = txn.open_table(ORDER)?;
            let mut entries = places_from(&places, number, Place::FIRST, Place::LAST, most)?;
            let mut bytes = 0;
            let enough = entries.iter().position(|entry| {
                let is_first = bytes == 0;
                bytes += u64::from(entry.bytes);
                bytes > MAX_PEEKED_BYTES && !is_first
            });
            entries.truncate(enough.unwrap_or(usize::MAX));
            let messages = txn.open_table(MESSAGES)?;
            let found = entries
                .iter()
                .filter_map(|entry| message(&places, &messages, number, entry.place).transpose());
            found.collect()
        })
    }

    /// Sees that the windows of a queue have what the next deliveries need.
    fn fill(&self, line: &Line) -> Result<(), Failure> {
        line.state.lock().looked_at = Instant::now();
        for is_timed in [false, true] {
            // Once more where what was read has changed meanwhile, or is on its way.
            for _ in 0..READINGS {
                if !line.state.lock().window(is_timed).0.is_low() {
                    break;
                }
                self.read_on(line, is_timed)?;
            }
        }
        Ok(())
    }

    /// Fills a window from the tables, if it is low.
    fn read_on(&self, line: &Line, is_timed: bool) -> Result<(), Failure> {
        let _filling = line.filling.lock();
        let mut state = line.state.lock();
        let number = state.number;
        let window = state.window(is_timed).0;
        if !window.is_low() {
            // Somebody else has filled it.
            return Ok(());
        }
        let reading = window.begin();
        drop(state);
        let end = if is_timed { Place::LAST } else { Place::FIRST_TIMED };
        let rows = self.read(|txn| {
            let places = txn.open_table(ORDER)?;
            places_from(&places, number, reading.from, end, MOST)
        })?;
        let mut state = line.state.lock();
        if state.number == number {
            let (window, in_flight) = state.window(is_timed);
            window.fill(reading, &rows, rows.len() < MOST, in_flight);
        }
        Ok(())
    }

    /// Leases messages that were picked, as far as they are there.
    fn deliver(&self, line: &Arc<Line>, picked: Picked) -> Result<Option<Delivery>, Failure> {
        let Picked { number, entries, .. } = picked;
        let read = self.read(|txn| {
            let (places, messages) = (txn.open_table(ORDER)?, txn.open_table(MESSAGES)?);
            let found =
                entries.iter().map(|entry| message(&places, &messages, number, entry.place));
            found.collect::<Result<Vec<_>, Fault>>()
        });
        let mut state = line.state.lock();
        if state.number != number {
            // Emptied meanwhile.
            return Ok(None);
        }
        let found = match read {
            Ok(found) => found,
            Err(failure) => {
                for entry in &entries {
                    state.in_flight.remove(&entry.place.seq);
                }
                state.close_windows();
                return Err(failure);
            }
        };
        let (mut taken, mut messages) = (Vec::new(), Vec::new());
        for (entry, found) in entries.into_iter().zip(found) {
            match found {
                Some(message) => {
                    let attempts = message.attempts.saturating_add(1);
                    taken.push(Entry { attempts, ..entry });
                    messages.push(Message { attempts, ..message });
                }
                None => {
                    state.in_flight.remove(&entry.place.seq);
                }
            }
        }
        if messages.is_empty() {
            return Ok(None);
        }
        let lease = self.new_lease();
        state.lease(lease, taken);
        drop(state);
        self.figures.delivered(messages.len());
        self.mark(line, lease);
        Ok(Some(Delivery { lease, messages }))
    }

    /// Has it written down that a delivery has begun. Nobody waits for that, and where too much is
    /// waiting already it is left out.
    fn mark(&self, line: &Arc<Line>, lease: u64) {
        let owner = Owner::Queue(Arc::clone(&line.name));
        let _left_out = self.push(owner, Job::Mark { line: Arc::clone(line), lease }).is_err();
    }
}

/// Up to `most` places of a queue from one on and before another, in order.
fn places_from(
    places: &Places,
    number: u32,
    from: Place,
    end: Place,
    most: usize,
) -> Result<Vec<Entry>, Fault> {
    let mut entries = Vec::new();
    for found in places.range(from.key(number)..end.key(number))?.take(most) {
        let (key, value) = found?;
        let (_, due_ms, seq) = key.value();
        let (since_ms, attempts, bytes) = value.value();
        entries.push(Entry { place: Place { due_ms, seq }, since_ms, attempts, bytes });
    }
    Ok(entries)
}

/// A message that stands in that place, whose attempts are those deliveries that have begun; `None`
/// where it does not stand there any more.
fn message(
    places: &Places,
    messages: &Messages,
    number: u32,
    place: Place,
) -> Result<Option<Message>, Fault> {
    let Some(row) = places.get(place.key(number))? else { return Ok(None) };
    let (_, attempts, _) = row.value();
    let key = (number, place.seq);
    let Some(sealed) = messages.get(key)? else { return Ok(None) };
    match Record::decode(key, sealed.value()) {
        Ok(record) => Ok(Some(Message {
            id: record.id,
            timestamp_ms: record.timestamp_ms,
            attempts,
            content_type: record.content_type,
            body: Bytes::copy_from_slice(record.body),
        })),
        Err(error) => {
            // It stays where it is until it expires.
            let seq = place.seq;
            tracing::error!(%error, queue = number, seq, "a message cannot be delivered");
            Ok(None)
        }
    }
}
