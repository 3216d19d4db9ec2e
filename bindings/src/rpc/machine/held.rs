//! References as the machine holds them: whoever drops the last one leaves a note, and the machine does
//! what has to be done then. So nothing can be forgotten in a payload that is thrown away on its way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::ids::{Handle, PipeId, SessionId};
use super::pipes::Side;
use crate::rpc::frame::Export;

/// A note of what was dropped.
pub(super) enum Dropped {
    /// The last reference to an object of this event.
    Target(Handle),
    /// A reference to an object of another.
    Import { session: SessionId, export: Export },
    /// The reference to the entrypoint of a callee.
    Root(SessionId),
    /// The end of a stream that was on its way to somebody.
    Stream { pipe: PipeId, side: Side },
}

/// The notes.
#[derive(Default)]
pub(super) struct Garbage(RefCell<Vec<Dropped>>);

impl Garbage {
    fn note(&self, dropped: Dropped) {
        self.0.borrow_mut().push(dropped);
    }

    pub(super) fn take(&self) -> Vec<Dropped> {
        self.0.take()
    }
}

/// A session as what leads through it sees it.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) session: SessionId,
    pub(super) is_over: Rc<Cell<bool>>,
}

/// Where a reference leads.
pub(super) enum Kind {
    Target(Handle),
    Import(Link, Export),
    Root(Link),
}

/// A reference. Clones are one with it: it is released when the last one is dropped.
#[derive(Clone)]
pub(super) struct Held(Rc<Node>);

struct Node {
    kind: Kind,
    garbage: Rc<Garbage>,
}

impl Held {
    pub(super) fn new(kind: Kind, garbage: &Rc<Garbage>) -> Self {
        Self(Rc::new(Node { kind, garbage: Rc::clone(garbage) }))
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.0.kind
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.garbage.note(match &self.kind {
            Kind::Target(handle) => Dropped::Target(*handle),
            Kind::Import(link, export) => {
                Dropped::Import { session: link.session, export: *export }
            }
            Kind::Root(link) => Dropped::Root(link.session),
        });
    }
}

/// The end of a stream that is on its way to whoever gets it.
pub(super) struct Loose {
    pipe: PipeId,
    side: Side,
    /// `None` once somebody has it.
    garbage: Option<Rc<Garbage>>,
}

impl Loose {
    pub(super) fn new(pipe: PipeId, side: Side, garbage: &Rc<Garbage>) -> Self {
        Self { pipe, side, garbage: Some(Rc::clone(garbage)) }
    }

    /// Which end of which stream: whoever asks has it from now on.
    pub(super) fn take(mut self) -> (PipeId, Side) {
        self.garbage = None;
        (self.pipe, self.side)
    }
}

impl Drop for Loose {
    fn drop(&mut self) {
        if let Some(garbage) = &self.garbage {
            garbage.note(Dropped::Stream { pipe: self.pipe, side: self.side });
        }
    }
}
