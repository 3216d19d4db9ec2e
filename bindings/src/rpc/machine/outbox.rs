//! What one session has to send, until who carries it takes it. It outlives the machine: what an event
//! said last arrives, although the event is over.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Waker;

use crate::memory::Charge;
use crate::rpc::frame::Frame;

/// A frame, counted in with its sender until it is dropped.
pub(in crate::rpc) struct Outgoing {
    pub(in crate::rpc) frame: Frame,
    /// Bytes.
    pub(in crate::rpc) cost: usize,
    _charge: Charge,
}

/// The frames of one session that wait.
#[derive(Default)]
pub(in crate::rpc) struct Outbox {
    frames: RefCell<VecDeque<Outgoing>>,
    bytes: Cell<usize>,
    is_closed: Cell<bool>,
    driver: RefCell<Option<Waker>>,
}

impl Outbox {
    pub(super) fn push(&self, frame: Frame, counter: &Arc<AtomicUsize>) {
        if self.is_closed.get() {
            return;
        }
        let cost = frame.cost();
        self.bytes.set(self.bytes.get() + cost);
        let outgoing = Outgoing { frame, cost, _charge: Charge::new(cost, counter) };
        self.frames.borrow_mut().push_back(outgoing);
        self.wake();
    }

    /// The next frame.
    pub(in crate::rpc) fn take(&self) -> Option<Outgoing> {
        let outgoing = self.frames.borrow_mut().pop_front()?;
        self.bytes.set(self.bytes.get().saturating_sub(outgoing.cost));
        Some(outgoing)
    }

    /// What waits, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Takes nothing more.
    pub(super) fn close(&self) {
        self.is_closed.set(true);
        self.wake();
    }

    pub(in crate::rpc) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// Whether there is nothing left and nothing more comes.
    pub(in crate::rpc) fn is_over(&self) -> bool {
        self.is_closed.get() && self.frames.borrow().is_empty()
    }

    /// Who is woken once when there is something to do for the session.
    pub(in crate::rpc) fn register(&self, waker: &Waker) {
        let mut driver = self.driver.borrow_mut();
        if driver.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            *driver = Some(waker.clone());
        }
    }

    pub(super) fn wake(&self) {
        let driver = self.driver.borrow_mut().take();
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}
