//! A window on the messages of a queue that come next: as many of their places in memory as deliveries
//! of the next moments need, however many there are on disk.
//!
//! What holds at any moment: each place before the *cursor* that is in the tables is in the window,
//! unless its message is on its way; of what is from the cursor on, the tables know. Rows are read
//! without a lock, so what comes meanwhile and is left to the tables is noted: the reading counts up
//! to there.

use std::collections::{BTreeMap, HashSet};

use super::entry::{Entry, Place};

/// The most messages that a window has.
pub(super) const MOST: usize = 1_024;
/// When a window has fewer than this part of that, and the tables may have more, it is filled: some
/// batches are left then.
const LOW_PART: usize = 4;

/// The window on one part of a queue.
#[derive(Debug)]
pub(super) struct Window {
    first: Place,
    entries: BTreeMap<Place, Entry>,
    cursor: Place,
    /// Whether the tables have nothing from the cursor on.
    is_all: bool,
    /// The first place from the cursor on that was left to the tables since a reading began.
    left: Option<Place>,
    /// Counts how often the window was closed: a reading that began before counts for nothing.
    closings: u64,
    most: usize,
}

/// A reading that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The first place that is to be read.
    pub(super) from: Place,
    closings: u64,
}

impl Window {
    /// On a part that begins at that place, of which nothing is known.
    pub(super) fn new(first: Place) -> Self {
        Self::with_most(first, MOST)
    }

    fn with_most(first: Place, most: usize) -> Self {
        let entries = BTreeMap::new();
        Self { first, entries, cursor: first, is_all: false, left: None, closings: 0, most }
    }

    /// Forgets everything: the tables know.
    pub(super) fn close(&mut self) {
        self.entries.clear();
        self.cursor = self.first;
        self.is_all = false;
        self.left = None;
        self.closings += 1;
    }

    /// Whether it takes memory.
    pub(super) fn is_open(&self) -> bool {
        !self.entries.is_empty() || self.is_all
    }

    /// Whether it should be filled from the tables.
    pub(super) fn is_low(&self) -> bool {
        !self.is_all && self.entries.len() < self.most / LOW_PART
    }

    /// How many messages it has.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What comes next.
    pub(super) fn first(&self) -> Option<&Entry> {
        self.entries.first_key_value().map(|(_, entry)| entry)
    }

    /// All that it has, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Takes the next one out.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        self.entries.pop_first().map(|(_, entry)| entry)
    }

    /// Takes out one that is gone.
    pub(super) fn remove(&mut self, place: Place) {
        self.entries.remove(&place);
    }

    /// Takes note of a message that has come into the tables. It may be known already, and be on its
    /// way by now.
    pub(super) fn add(&mut self, entry: Entry, in_flight: &HashSet<u64>) {
        let place = entry.place;
        if place < self.cursor {
            if !in_flight.contains(&place.seq) {
                self.entries.insert(place, entry);
                self.spill();
            }
        } else if self.is_all && self.entries.len() < self.most {
            self.entries.insert(place, entry);
            self.cursor = place.next();
        } else {
            self.leave(place);
        }
    }

    /// Begins to read what the tables have.
    pub(super) fn begin(&mut self) -> Reading {
        self.left = None;
        Reading { from: self.cursor, closings: self.closings }
    }

    /// Takes what was read, in order: all that there was, or as much as was asked for.
    pub(super) fn fill(
        &mut self,
        reading: Reading,
        rows: &[Entry],
        is_all: bool,
        in_flight: &HashSet<u64>,
    ) {
        if reading.closings != self.closings {
            return;
        }
        let until = self.left.take().unwrap_or(Place::LAST);
        for entry in rows.iter().take_while(|entry| entry.place < until) {
            if !in_flight.contains(&entry.place.seq) {
                self.entries.insert(entry.place, *entry);
            }
            self.cursor = self.cursor.max(entry.place.next());
        }
        self.is_all = is_all && until == Place::LAST;
        self.spill();
    }

    /// Leaves to the tables what is too much.
    fn spill(&mut self) {
        while self.entries.len() > self.most {
            let Some((place, _)) = self.entries.pop_last() else { return };
            self.cursor = self.cursor.min(place);
            self.leave(place);
        }
    }

    fn leave(&mut self, place: Place) {
        self.is_all = false;
        self.left = Some(self.left.map_or(place, |before| before.min(place)));
    }
}

#[cfg(test)]
mod tests;
