//! Values between the ops that write or read them and those that send or get them: they never are
//! JavaScript's. Not here: how they are written and read (`ops/values.rs`).

use bytes::Bytes;
use deno_core::OpState;
use rustc_hash::FxHashMap;

/// Bytes of the number that says how long the descriptions are.
const LENGTH_BYTES: usize = 4;

/// What lies on an isolate's desk.
#[derive(Default)]
pub(super) struct Desk {
    /// What was written last, until it is sent, which is at once.
    written: Bytes,
    /// What has come, by the number that JavaScript knows it by.
    come: FxHashMap<u32, Letter>,
    last: u32,
    /// The piece of a stream that has come last.
    chunk: Bytes,
}

/// A value that has come.
#[derive(Clone, Default)]
pub(super) struct Letter {
    /// What describes objects of the runtime in it; empty where there are none.
    pub(super) heads: Bytes,
    /// The value.
    pub(super) value: Bytes,
}

impl Desk {
    /// Puts down what is sent next.
    pub(super) fn write(&mut self, heads: &[u8], value: &[u8]) {
        let length = u32::try_from(heads.len()).unwrap_or(u32::MAX);
        let mut data = Vec::with_capacity(LENGTH_BYTES + heads.len() + value.len());
        data.extend_from_slice(&length.to_le_bytes());
        data.extend_from_slice(heads);
        data.extend_from_slice(value);
        self.written = data.into();
    }

    /// Takes what is sent.
    pub(super) fn take_written(&mut self) -> Bytes {
        std::mem::take(&mut self.written)
    }

    /// Puts down what has come; answers its number, which is not zero.
    pub(super) fn put(&mut self, data: Bytes) -> u32 {
        self.last = self.last.checked_add(1).unwrap_or(1);
        self.come.insert(self.last, Letter::open(data));
        self.last
    }

    /// What has come under a number.
    pub(super) fn get(&self, number: u32) -> Option<&Letter> {
        self.come.get(&number)
    }

    /// The same, which is read and done with.
    pub(super) fn take(&mut self, number: u32) -> Option<Letter> {
        self.come.remove(&number)
    }

    /// Puts down a piece of a stream.
    pub(super) fn put_chunk(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// Takes it.
    pub(super) fn take_chunk(&mut self) -> Bytes {
        std::mem::take(&mut self.chunk)
    }
}

impl Letter {
    fn open(mut data: Bytes) -> Letter {
        let Some(length) = data.first_chunk::<LENGTH_BYTES>().copied() else {
            return Letter::default();
        };
        let length = u32::from_le_bytes(length) as usize;
        let mut value = data.split_off(LENGTH_BYTES);
        let heads = value.split_to(length.min(value.len()));
        Letter { heads, value }
    }
}

/// Takes what was written last.
pub(crate) fn take_written(state: &mut OpState) -> Bytes {
    state.try_borrow_mut::<Desk>().map(Desk::take_written).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_what_is_read() {
        let mut desk = Desk::default();
        for (heads, value) in [("", "value"), ("heads", "value"), ("heads", ""), ("", "")] {
            desk.write(heads.as_bytes(), value.as_bytes());
            let data = desk.take_written();
            let number = desk.put(data);
            let letter = desk.get(number).cloned().unwrap();
            assert_eq!((&*letter.heads, &*letter.value), (heads.as_bytes(), value.as_bytes()));
            assert!(desk.take(number).is_some() && desk.take(number).is_none());
        }
        assert!(desk.take_written().is_empty() && desk.get(0).is_none());
    }

    #[test]
    fn what_is_cut_short_is_not_more_than_there_is() {
        for data in [&b""[..], b"\x01", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7fab"] {
            let letter = Letter::open(Bytes::copy_from_slice(data));
            assert!(letter.value.is_empty());
            assert_eq!(letter.heads.len(), data.len().saturating_sub(LENGTH_BYTES));
        }
    }
}
