//! A queue from many threads to some, which takes turns between namespaces: a tenant with a thousand
//! operations waiting delays another's one operation by one.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::store::Namespace;

/// The most bytes that the operations of one namespace may keep waiting, and those of all.
const MAX_NAMESPACE_BYTES: usize = 64 << 20;
const MAX_BYTES: usize = 512 << 20;
/// What one namespace may keep waiting even when those of others fill the queue.
const ALWAYS_BYTES: usize = 1 << 20;

/// The queue.
pub(super) struct FairQueue<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
}

struct State<T> {
    lines: HashMap<Namespace, Line<T>>,
    /// The namespaces with something waiting, in the order of their turns.
    turns: VecDeque<Namespace>,
    bytes: usize,
    closed: bool,
}

struct Line<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
}

/// Why an item was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PushError {
    /// Too many bytes are waiting.
    Full,
    /// The queue was closed.
    Closed,
}

/// What came of waiting.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Popped<T> {
    Item(T),
    TimedOut,
    Closed,
}

impl<T> FairQueue<T> {
    pub(super) fn new() -> Self {
        let state =
            State { lines: HashMap::new(), turns: VecDeque::new(), bytes: 0, closed: false };
        Self { state: Mutex::new(state), arrived: Condvar::new() }
    }

    /// Adds an item that keeps so many bytes.
    pub(super) fn push(
        &self,
        namespace: &Namespace,
        item: T,
        bytes: usize,
    ) -> Result<(), PushError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(PushError::Closed);
        }
        let State { lines, turns, bytes: waiting, .. } = &mut *state;
        let waiting_here = lines.get(namespace).map_or(0, |line| line.bytes);
        if *waiting + bytes > MAX_BYTES && waiting_here + bytes > ALWAYS_BYTES {
            return Err(PushError::Full);
        }
        match lines.get_mut(namespace) {
            Some(line) if line.bytes + bytes > MAX_NAMESPACE_BYTES => return Err(PushError::Full),
            Some(line) => {
                line.items.push_back((item, bytes));
                line.bytes += bytes;
            }
            None => {
                let items = VecDeque::from([(item, bytes)]);
                lines.insert(namespace.clone(), Line { items, bytes });
                turns.push_back(namespace.clone());
            }
        }
        state.bytes += bytes;
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// The next item, at once or not at all.
    pub(super) fn try_pop(&self) -> Option<T> {
        self.state.lock().pop()
    }

    /// The next item, waited for until `deadline`. What is waiting in a closed queue still comes.
    pub(super) fn pop(&self, deadline: Option<Instant>) -> Popped<T> {
        let mut state = self.state.lock();
        loop {
            if let Some(item) = state.pop() {
                return Popped::Item(item);
            }
            if state.closed {
                return Popped::Closed;
            }
            match deadline {
                None => self.arrived.wait(&mut state),
                Some(deadline) => {
                    if self.arrived.wait_until(&mut state, deadline).timed_out() {
                        return state.pop().map_or(Popped::TimedOut, Popped::Item);
                    }
                }
            }
        }
    }

    /// Takes no more items.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_all();
    }
}

impl<T> State<T> {
    fn pop(&mut self) -> Option<T> {
        let namespace = self.turns.pop_front()?;
        let line = self.lines.get_mut(&namespace)?;
        let (item, bytes) = line.items.pop_front()?;
        line.bytes -= bytes;
        self.bytes -= bytes;
        if line.items.is_empty() {
            self.lines.remove(&namespace);
        } else {
            self.turns.push_back(namespace);
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &FairQueue<u32>, namespace: &str, item: u32, bytes: usize) -> bool {
        queue.push(&Namespace::new(namespace), item, bytes).is_ok()
    }

    #[test]
    fn namespaces_take_turns_and_keep_their_order() {
        let queue = FairQueue::new();
        for item in [1, 2, 3] {
            push(&queue, "busy", item, 0);
        }
        push(&queue, "quiet", 10, 0);
        let order: Vec<_> = std::iter::from_fn(|| queue.try_pop()).collect();
        assert_eq!(order, [1, 10, 2, 3]);
        assert!(queue.state.lock().lines.is_empty());
    }

    #[test]
    fn a_namespace_cannot_fill_the_memory() {
        let queue = FairQueue::new();
        assert!(push(&queue, "busy", 1, MAX_NAMESPACE_BYTES));
        assert!(!push(&queue, "busy", 2, 1));
        assert!(push(&queue, "quiet", 3, 1));
        assert_eq!(queue.try_pop(), Some(1));
        assert!(push(&queue, "busy", 4, 1));
    }

    #[test]
    fn a_closed_queue_gives_what_it_has() {
        let queue = FairQueue::new();
        push(&queue, "a", 1, 0);
        queue.close();
        assert!(!push(&queue, "a", 2, 0));
        assert_eq!(queue.pop(None), Popped::Item(1));
        assert_eq!(queue.pop(None), Popped::Closed);
    }

    #[test]
    fn waiting_ends_at_the_deadline() {
        let queue = FairQueue::<u32>::new();
        assert_eq!(queue.pop(Some(Instant::now())), Popped::TimedOut);
    }
}
