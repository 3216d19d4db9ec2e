//! What waits for somebody who is told of events: so many of them and no more. Whoever has one for it never
//! waits, and what there is no room for is counted.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::trace::Trace;

/// Traces on their way to one who takes them.
pub(super) struct Outbox {
    most: usize,
    most_bytes: usize,
    waiting: Mutex<Waiting>,
    /// For the one who takes them.
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    traces: VecDeque<Arc<Trace>>,
    bytes: usize,
    /// How many there was no room for since it was last asked.
    dropped: u64,
    is_closed: bool,
}

/// What was taken.
pub(super) struct Taken {
    pub(super) traces: Vec<Arc<Trace>>,
    /// How many there was no room for, behind these.
    pub(super) dropped: u64,
}

impl Outbox {
    /// One with room for so many.
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        Self { most, most_bytes, waiting: Mutex::default(), changed: Notify::new() }
    }

    /// Puts a trace into it, where there is room. Called on shards.
    pub(super) fn put(&self, trace: &Arc<Trace>) {
        let mut waiting = self.waiting.lock();
        if waiting.is_closed {
            return;
        }
        // What comes after one that was dropped is behind it: the gap is where it is told.
        let has_room = waiting.dropped == 0
            && waiting.traces.len() < self.most
            && (waiting.bytes + trace.bytes <= self.most_bytes || waiting.traces.is_empty());
        if has_room {
            waiting.bytes += trace.bytes;
            waiting.traces.push_back(Arc::clone(trace));
        } else {
            waiting.dropped += 1;
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.lock().traces.len()
    }

    /// Nothing more comes.
    pub(super) fn close(&self) {
        self.waiting.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Waits until there is something, and takes up to `most` traces of up to `most_bytes`, but at least
    /// one. `None` where nothing is left and nothing more comes. For one who takes at a time.
    pub(super) async fn take(&self, most: usize, most_bytes: usize) -> Option<Taken> {
        loop {
            let taken = self.waiting.lock().take(most, most_bytes);
            match taken {
                Some(taken) => return Some(taken),
                None if self.waiting.lock().is_closed => return None,
                None => self.changed.notified().await,
            }
        }
    }
}

impl Waiting {
    fn take(&mut self, most: usize, most_bytes: usize) -> Option<Taken> {
        let mut traces = Vec::new();
        let mut bytes = 0;
        while let Some(first) = self.traces.front() {
            bytes += first.bytes;
            if traces.len() >= most || (bytes > most_bytes && !traces.is_empty()) {
                break;
            }
            self.bytes -= first.bytes;
            traces.extend(self.traces.pop_front());
        }
        let dropped = match self.traces.is_empty() {
            true => std::mem::take(&mut self.dropped),
            false => 0,
        };
        (!traces.is_empty() || dropped > 0).then_some(Taken { traces, dropped })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::super::trace::tests::trace;
    use super::*;

    fn put(outbox: &Outbox, urls: &[&str]) {
        urls.iter().for_each(|url| outbox.put(&Arc::new(trace("shop", url))));
    }

    /// How many are there at once, and how many were dropped behind them.
    fn taken(outbox: &Outbox, most: usize, most_bytes: usize) -> Option<(usize, u64)> {
        let taken = outbox.take(most, most_bytes).now_or_never()??;
        Some((taken.traces.len(), taken.dropped))
    }

    #[test]
    fn what_there_is_no_room_for_is_counted_where_it_is_missing() {
        let outbox = Outbox::new(2, usize::MAX);
        put(&outbox, &["a", "b", "c", "d"]);
        assert_eq!(outbox.len(), 2);
        assert_eq!(taken(&outbox, 1, usize::MAX), Some((1, 0)));
        put(&outbox, &["e"]);
        assert_eq!(taken(&outbox, 9, usize::MAX), Some((1, 3)), "e is behind the gap, too");
        put(&outbox, &["f"]);
        assert_eq!(taken(&outbox, 9, usize::MAX), Some((1, 0)));
        assert_eq!(taken(&outbox, 9, usize::MAX), None);
    }

    #[test]
    fn room_is_counted_in_bytes_too_and_one_always_has_it() {
        let bytes = trace("shop", "a").bytes;
        let outbox = Outbox::new(9, 2 * bytes);
        put(&outbox, &["a", "b", "c"]);
        assert_eq!(taken(&outbox, 9, bytes), Some((1, 0)));
        assert_eq!(taken(&outbox, 9, 1), Some((1, 1)));
        let small = Outbox::new(9, 1);
        put(&small, &["a", "b"]);
        assert_eq!(taken(&small, 9, usize::MAX), Some((1, 1)));
    }

    #[test]
    fn who_waits_gets_what_comes_and_learns_of_the_end() {
        let outbox = Outbox::new(2, usize::MAX);
        let mut waiting = Box::pin(outbox.take(9, usize::MAX));
        assert!((&mut waiting).now_or_never().is_none());
        put(&outbox, &["a"]);
        assert_eq!(waiting.now_or_never().unwrap().unwrap().traces.len(), 1);
        let mut waiting = Box::pin(outbox.take(9, usize::MAX));
        assert!((&mut waiting).now_or_never().is_none());
        outbox.close();
        assert!(waiting.now_or_never().unwrap().is_none());
        put(&outbox, &["b"]);
        assert_eq!(outbox.len(), 0);
    }
}
