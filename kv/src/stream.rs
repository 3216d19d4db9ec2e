//! Values in pieces for an engine, or a value, that has them whole: a source that gives one piece,
//! and a sink that gathers.

use bytes::{Bytes, BytesMut};

use crate::lookup::Lookup;
use crate::store::{Change, Entry, StreamedEntry, ValueSink, ValueSource};
use crate::validate::validate_value_bytes;

/// A value that is in memory, given as one piece.
struct WholeValue(Option<Bytes>);

/// Gathers the pieces of a value and stores them as one change.
pub(crate) struct GatheringSink<F> {
    change: Change,
    gathered: BytesMut,
    total_bytes: usize,
    store: F,
}

impl StreamedEntry {
    /// An entry whose value is in memory.
    pub(crate) fn whole(entry: Entry) -> Self {
        let Entry { value, expiration, metadata } = entry;
        let value_bytes = value.len() as u64;
        let value = Box::new(WholeValue(Some(value).filter(|value| !value.is_empty())));
        Self { value_bytes, expiration, metadata, value }
    }
}

impl<F: FnOnce(Change) -> Lookup<()> + Send> GatheringSink<F> {
    /// `store` takes `change` with the whole value in it.
    pub(crate) fn new(change: Change, store: F) -> Self {
        Self { change, gathered: BytesMut::new(), total_bytes: 0, store }
    }
}

impl ValueSource for WholeValue {
    fn read(&mut self) -> Lookup<Option<Bytes>> {
        Lookup::done(self.0.take())
    }
}

impl<F: FnOnce(Change) -> Lookup<()> + Send> ValueSink for GatheringSink<F> {
    fn write(&mut self, piece: Bytes) -> Lookup<()> {
        self.total_bytes += piece.len();
        match validate_value_bytes(self.total_bytes) {
            Ok(()) => {
                self.gathered.extend_from_slice(&piece);
                Lookup::done(())
            }
            Err(refused) => Lookup::failed(refused),
        }
    }

    fn finish(self: Box<Self>) -> Lookup<()> {
        let Self { mut change, gathered, total_bytes, store } = *self;
        if let Err(refused) = validate_value_bytes(total_bytes) {
            return Lookup::failed(refused);
        }
        if let Some(put) = &mut change.put {
            put.value = gathered.freeze();
        }
        store(change)
    }
}
