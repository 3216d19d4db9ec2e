//! The line of one event: how many operations it has under way outside of the isolate, in whatever
//! binding, and what waits. Its writes stay in their order. Small ones are sent on at once, since a
//! hundred that a store has at the same time cost it one sync of the disk, and a hundred in a row a hundred.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most operations of one event that are under way at a time: on Workers they count as
/// connections, of which an event has six.
const MAX_UNDER_WAY: usize = crate::event::CONNECTIONS_PER_EVENT;

/// Bytes of keys and values of an event's writes that may be under way beside these.
const LIGHT_BYTES: usize = 1 << 20;

/// The line of an event (`Event::state_of`).
#[derive(Default)]
pub struct Line {
    /// Made for the first operation that is not answered at once.
    turns: OnceCell<Arc<Semaphore>>,
    light_bytes: Cell<usize>,
    waiting_writes: Cell<usize>,
}

/// What is under way, until it is dropped.
pub struct Place(Kind);

enum Kind {
    Turn { _line: Rc<Line>, _permit: Option<OwnedSemaphorePermit> },
    Light { line: Rc<Line>, bytes: usize },
}

/// A write that waits: later ones do not overtake it.
struct WaitingWrite(Rc<Line>);

impl Line {
    /// Whether an operation has to wait that writes so many bytes, if it is one that writes.
    pub fn is_full_for(&self, written_bytes: Option<usize>) -> bool {
        let is_full = self.turns.get().is_some_and(|turns| turns.available_permits() == 0);
        match written_bytes {
            Some(bytes) => self.waiting_writes.get() > 0 || (is_full && !self.is_light(bytes)),
            None => is_full,
        }
    }

    /// Begins an operation for which the line is not full.
    pub fn enter(this: &Rc<Self>, written_bytes: Option<usize>) -> Place {
        Place(match written_bytes {
            Some(bytes) if this.is_light(bytes) => {
                this.light_bytes.update(|light| light + bytes);
                Kind::Light { line: Rc::clone(this), bytes }
            }
            _ => Kind::Turn {
                _line: Rc::clone(this),
                _permit: Arc::clone(this.turns()).try_acquire_owned().ok(),
            },
        })
    }

    /// Begins an operation when its turn has come. Whoever calls has a place in the line at once.
    pub fn wait(
        this: &Rc<Self>,
        written_bytes: Option<usize>,
    ) -> impl Future<Output = Place> + use<> {
        let turn = Arc::clone(this.turns()).acquire_owned();
        let line = Rc::clone(this);
        let write = written_bytes.map(|_| WaitingWrite::new(this));
        async move {
            let permit = turn.await.ok();
            drop(write);
            Place(Kind::Turn { _line: line, _permit: permit })
        }
    }

    fn turns(&self) -> &Arc<Semaphore> {
        self.turns.get_or_init(|| Arc::new(Semaphore::new(MAX_UNDER_WAY)))
    }

    fn is_light(&self, bytes: usize) -> bool {
        self.light_bytes.get() + bytes <= LIGHT_BYTES
    }
}

impl WaitingWrite {
    fn new(line: &Rc<Line>) -> Self {
        line.waiting_writes.update(|waiting| waiting + 1);
        Self(Rc::clone(line))
    }
}

impl Drop for WaitingWrite {
    fn drop(&mut self) {
        self.0.waiting_writes.update(|waiting| waiting - 1);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Kind::Light { line, bytes } = &self.0 {
            line.light_bytes.update(|light| light - *bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_are_under_way_and_small_writes_beside_them() {
        let line = Rc::<Line>::default();
        let places: Vec<_> = (0..MAX_UNDER_WAY).map(|_| Line::enter(&line, None)).collect();
        assert!(line.is_full_for(None) && line.is_full_for(Some(LIGHT_BYTES + 1)));
        assert!(!line.is_full_for(Some(LIGHT_BYTES)));
        let light = Line::enter(&line, Some(LIGHT_BYTES));
        assert!(line.is_full_for(Some(1)));
        drop(light);
        assert!(!line.is_full_for(Some(1)));
        drop(places);
        assert!(!line.is_full_for(None));
        assert_eq!(Rc::strong_count(&line), 1);
    }

    #[test]
    fn no_write_overtakes_another_that_waits() {
        let line = Rc::<Line>::default();
        let mut places: Vec<_> = (0..MAX_UNDER_WAY).map(|_| Line::enter(&line, None)).collect();
        let mut waiting = Box::pin(Line::wait(&line, Some(2 * LIGHT_BYTES)));
        assert!(line.is_full_for(Some(1)));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        places.pop();
        let place = waiting.as_mut().poll(&mut cx);
        assert!(place.is_ready() && !line.is_full_for(Some(1)));
    }
}
