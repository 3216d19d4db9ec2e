//! A queue from many threads to some, which takes turns between owners by what their operations
//! cost (deficit round robin, Shreedhar and Varghese, 1995): a tenant with a thousand operations
//! waiting, or with large ones, delays another's one by one turn.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// What an owner may have done in one turn, in bytes.
pub const TURN_BYTES: usize = 256 << 10;
/// An operation costs as much as so many bytes at least.
const LEAST_COST_BYTES: usize = 16 << 10;
/// The most bytes that the operations of one owner may keep waiting, and those of all.
const MAX_OWNER_BYTES: usize = 64 << 20;
const MAX_BYTES: usize = 512 << 20;
/// What one owner may keep waiting even when those of others fill the queue.
const ALWAYS_BYTES: usize = 1 << 20;

/// What an operation takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// The bytes that it keeps in memory while it waits.
    pub kept_bytes: usize,
    /// The bytes that are read or written for it, about.
    pub cost_bytes: usize,
}

/// The queue of items, each of an owner.
pub struct FairQueue<O, T> {
    state: Mutex<State<O, T>>,
    arrived: Condvar,
}

struct State<O, T> {
    lines: HashMap<O, Line<T>>,
    /// The owners with something waiting, in the order of their turns.
    turns: VecDeque<O>,
    bytes: usize,
    closed: bool,
}

struct Line<T> {
    items: VecDeque<(T, Load)>,
    bytes: usize,
    /// What is left of the turn, with what was saved in turns before.
    credit: usize,
}

/// Why an item was not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum PushError {
    /// Too many bytes are waiting.
    Full,
    /// The queue was closed.
    Closed,
}

/// What came of waiting.
#[derive(Debug, PartialEq, Eq)]
pub enum Popped<T> {
    /// The next item.
    Item(T),
    /// None came in time.
    TimedOut,
    /// None will ever come.
    Closed,
}

impl Load {
    /// Of an operation that writes what it keeps.
    pub fn of_write(bytes: usize) -> Self {
        Self { kept_bytes: bytes, cost_bytes: bytes }
    }

    fn cost(self) -> usize {
        self.cost_bytes.max(LEAST_COST_BYTES)
    }
}

impl<O: Clone + Eq + Hash, T> FairQueue<O, T> {
    /// A queue of nothing.
    pub fn new() -> Self {
        let state =
            State { lines: HashMap::new(), turns: VecDeque::new(), bytes: 0, closed: false };
        Self { state: Mutex::new(state), arrived: Condvar::new() }
    }

    /// Adds an item.
    ///
    /// # Errors
    ///
    /// When too much is waiting, or the queue is closed. The item is dropped then.
    pub fn push(&self, owner: O, item: T, load: Load) -> Result<(), PushError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(PushError::Closed);
        }
        let waiting_here = state.lines.get(&owner).map_or(0, |line| line.bytes);
        let here = waiting_here.saturating_add(load.kept_bytes);
        let in_all = state.bytes.saturating_add(load.kept_bytes);
        if here > MAX_OWNER_BYTES || (in_all > MAX_BYTES && here > ALWAYS_BYTES) {
            return Err(PushError::Full);
        }
        state.bytes = in_all;
        state.add(owner, item, load);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// The next item, at once or not at all.
    pub fn try_pop(&self) -> Option<T> {
        self.state.lock().pop()
    }

    /// The next item, waited for until `deadline`. What is waiting in a closed queue still comes.
    pub fn pop(&self, deadline: Option<Instant>) -> Popped<T> {
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
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_all();
    }
}

impl<O: Clone + Eq + Hash, T> Default for FairQueue<O, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O, T> fmt::Debug for FairQueue<O, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FairQueue").finish_non_exhaustive()
    }
}

impl<O: Clone + Eq + Hash, T> State<O, T> {
    fn add(&mut self, owner: O, item: T, load: Load) {
        if let Some(line) = self.lines.get_mut(&owner) {
            line.bytes += load.kept_bytes;
            line.items.push_back((item, load));
            return;
        }
        let items = VecDeque::from([(item, load)]);
        let line = Line { items, bytes: load.kept_bytes, credit: TURN_BYTES };
        self.lines.insert(owner.clone(), line);
        self.turns.push_back(owner);
    }

    /// The first of whose turn it is. An item that costs more than is left of the turn waits for
    /// further ones.
    fn pop(&mut self) -> Option<T> {
        loop {
            let owner = self.turns.front()?;
            let line = self.lines.get_mut(owner)?;
            let (_, load) = line.items.front()?;
            let cost = load.cost();
            if cost > line.credit {
                line.credit += TURN_BYTES;
                self.turns.rotate_left(1);
                continue;
            }
            let (item, load) = line.items.pop_front()?;
            line.credit -= cost;
            line.bytes -= load.kept_bytes;
            self.bytes -= load.kept_bytes;
            if line.items.is_empty()
                && let Some(owner) = self.turns.pop_front()
            {
                self.lines.remove(&owner);
            }
            return Some(item);
        }
    }
}

#[cfg(test)]
mod tests;
