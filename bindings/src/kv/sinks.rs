//! Values on their way in, piece by piece, by number.

use std::collections::HashMap;

use kv::ValueSink;

use super::state::Asker;

/// The most values that an isolate may be writing piece by piece at a time: each has a part of its
/// value in the process's memory.
const MAX_SINKS: usize = 64;

/// A value that comes piece by piece.
struct Open {
    sink: Box<dyn ValueSink>,
    /// Who writes it.
    asker: Asker,
}

/// The values that come piece by piece, by number.
#[derive(Default)]
pub(super) struct Sinks {
    open: HashMap<u32, Open>,
    last: u32,
}

impl Sinks {
    /// The number of a sink, unless there are too many.
    ///
    /// `asker` is the one that writes: when it is over, so is the value.
    pub(super) fn add(&mut self, sink: Box<dyn ValueSink>, asker: Asker) -> Option<u32> {
        self.open.retain(|_, open| open.asker.is_on());
        if self.open.len() == MAX_SINKS {
            return None;
        }
        self.last = (1..)
            .map(|step| self.last.wrapping_add(step))
            .find(|number| !self.open.contains_key(number))?;
        self.open.insert(self.last, Open { sink, asker });
        Some(self.last)
    }

    pub(super) fn get(&mut self, number: u32) -> Option<&mut dyn ValueSink> {
        self.open.get_mut(&number).map(|open| &mut *open.sink as _)
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<Box<dyn ValueSink>> {
        self.open.remove(&number).map(|open| open.sink)
    }
}
