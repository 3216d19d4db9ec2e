//! What belongs to the event that asked for it, and is given up with that: a worker may keep a stream
//! in a global for as long as it likes.

use std::rc::{Rc, Weak};

use super::Asker;
use crate::event::Event;

/// Something of an event's.
pub(crate) enum Owned<T> {
    /// The event has it, under a number.
    Lent { owned: Weak<T>, event: Weak<Event>, number: u64 },
    /// It is kept here: there are no events.
    Kept(Rc<T>),
    /// Its event was over.
    Gone,
}

impl<T: 'static> Owned<T> {
    /// What is there until `asker` is over.
    pub(crate) fn new(owned: T, asker: &Asker) -> Self {
        match asker.event() {
            Some(event) => {
                let kept = Rc::new(owned);
                let owned = Rc::downgrade(&kept);
                let number = event.keep(kept);
                Self::Lent { owned, event: Rc::downgrade(&event), number }
            }
            None if asker.is_on() => Self::Kept(Rc::new(owned)),
            None => Self::Gone,
        }
    }
}

impl<T> Owned<T> {
    /// It, while it was not given up.
    pub(crate) fn get(&self) -> Option<Rc<T>> {
        match self {
            Self::Lent { owned, .. } => owned.upgrade(),
            Self::Kept(owned) => Some(Rc::clone(owned)),
            Self::Gone => None,
        }
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if let Self::Lent { event, number, .. } = self
            && let Some(event) = event.upgrade()
        {
            event.let_go(*number);
        }
    }
}
