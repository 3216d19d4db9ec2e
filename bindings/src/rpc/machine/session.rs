//! One end of one session: what is open in it. Not here: what the calls in it do.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::held::{Garbage, Held, Kind, Link};
use super::ids::{CallId, SessionId};
use super::outbox::Outbox;
use super::table::Table;
use crate::rpc::frame::{Cap, Channel, Export, Question};

/// One end of a session.
pub(super) struct Session {
    pub(super) link: Link,
    pub(super) outbox: Rc<Outbox>,
    pub(super) role: Role,
    /// What the other end holds.
    pub(super) exports: Table<Export, Held>,
    /// How much this end holds of the other.
    pub(super) imports: usize,
    /// The calls that go to the other end.
    pub(super) questions: Table<Question, CallId>,
    /// The calls that come from it.
    pub(super) answers: FxHashMap<Question, CallId>,
    /// How many streams pass through it.
    pub(super) channels: usize,
    next_channel: u32,
}

/// Which end it is.
pub(super) enum Role {
    /// The end that made the session, and that ends it when nothing is open any more.
    Caller {
        /// Whether the callee's entrypoint is held.
        has_root: bool,
    },
    /// The end with the entrypoint.
    Callee { root: Held },
}

impl Session {
    pub(super) fn new(id: SessionId, role: Role) -> Self {
        let next_channel = match &role {
            Role::Caller { .. } => 0,
            Role::Callee { .. } => 1,
        };
        Self {
            link: Link { session: id, is_over: Rc::default() },
            outbox: Rc::default(),
            role,
            exports: Table::new(),
            imports: 0,
            questions: Table::new(),
            answers: FxHashMap::default(),
            channels: 0,
            next_channel,
        }
    }

    /// Whether this end decides that the session is over. Nothing can be on its way then that would open
    /// anything: each call is open here until it has returned, and whatever the other end calls is held by it.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.role, Role::Caller { has_root: false })
            && self.exports.len() == 0
            && self.imports == 0
            && self.questions.len() == 0
            && self.answers.is_empty()
            && self.channels == 0
    }

    /// A reference that the other end has given.
    pub(super) fn import(&mut self, export: Export, garbage: &Rc<Garbage>) -> Held {
        self.imports += 1;
        Held::new(Kind::Import(self.link.clone(), export), garbage)
    }

    /// Gives a reference to the other end.
    pub(super) fn offer(&mut self, held: Held, is_result: bool) -> Cap {
        let own = match held.kind() {
            Kind::Import(link, export) if link.session == self.link.session => Some(*export),
            _ => None,
        };
        match own {
            Some(export) => Cap::Own { export, via: is_result.then(|| self.exports.add(held)) },
            None => Cap::Stub(self.exports.add(held)),
        }
    }

    /// The number of a stream that begins here.
    pub(super) fn add_channel(&mut self) -> Channel {
        let channel = Channel::new(self.next_channel);
        self.next_channel = self.next_channel.wrapping_add(2);
        self.channels += 1;
        channel
    }

    pub(super) fn root(&self) -> Option<&Held> {
        match &self.role {
            Role::Caller { .. } => None,
            Role::Callee { root } => Some(root),
        }
    }
}
