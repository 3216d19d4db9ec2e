//! The calls between one event and others: a machine without threads, clocks or V8. An event has one, with
//! all of its sessions, so that what goes from one of them into another passes through here and not through
//! JavaScript.
//!
//! A *session* links two events. Each end gives the other references to objects (*exports*, which the other
//! has as *imports*) and makes calls on them (*questions*, which the other has as *answers*). A call may
//! refer to the result of one that has not returned: it is *pipelined* on it, and waits where that runs.
//! Calls on one reference begin in the order in which they were made: they take the same way, on which
//! nothing overtakes.
//!
//! Not here: how frames get to another thread (the transport), and how values, objects and promises become
//! bytes, handles and numbers.

mod answers;
mod calls;
mod effects;
mod held;
mod ids;
mod limits;
mod outbox;
mod parcel;
mod pipes;
mod receive;
mod results;
mod session;
mod sessions;
mod streams;
mod stubs;
mod table;
mod value;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

pub use ids::{AnswerId, Handle, QuestionId, SessionId, StreamId, StubId};
pub use limits::Limits;
pub use value::{Delivered, Effect, Give, Got, Message, On};

pub(in crate::rpc) use outbox::{Outbox, Outgoing};

use calls::{Call, Step};
use effects::{Effects, Queued};
use held::{Dropped, Garbage};
use ids::CallId;
use pipes::Pipes;
use session::{Role, Session};
use stubs::Stub;
use table::Table;

use crate::rpc::frame::{Frame, RpcError};

/// The calls of one event. Methods never call back; what JavaScript has to do is taken by
/// [`take_effect`](Machine::take_effect).
pub struct Machine {
    limits: Limits,
    /// Where bytes are counted that wait.
    counter: Arc<AtomicUsize>,
    garbage: Rc<Garbage>,
    sessions: Table<SessionId, Session>,
    stubs: Table<StubId, Stub>,
    /// The last handle that was given out.
    handles: u32,
    calls: Table<CallId, Call>,
    /// What is to be done about calls before the machine comes to rest.
    steps: VecDeque<Step>,
    pipes: Pipes,
    effects: Effects,
    /// Pipelined calls that wait for a result, in bytes.
    waiting_bytes: usize,
    /// Sessions in which something has ended since the machine came to rest.
    stirred: Vec<SessionId>,
    /// Sessions that have ended since.
    ended: Vec<(SessionId, Option<RpcError>)>,
    is_closed: bool,
}

impl Machine {
    /// The machine of an event. Bytes that wait in it, or on their way from it, are counted in `counter`.
    pub fn new(limits: Limits, counter: &Arc<AtomicUsize>) -> Self {
        Self {
            limits,
            counter: Arc::clone(counter),
            garbage: Rc::default(),
            sessions: Table::new(),
            stubs: Table::new(),
            handles: 0,
            calls: Table::new(),
            steps: VecDeque::new(),
            pipes: Pipes::new(),
            effects: Effects::default(),
            waiting_bytes: 0,
            stirred: Vec::new(),
            ended: Vec::new(),
            is_closed: false,
        }
    }

    /// Does what follows from what was done: one thing after the other, since the chain of what ends because
    /// of something else may be longer than a stack is deep.
    fn run(&mut self) {
        loop {
            if let Some(step) = self.steps.pop_front() {
                match step {
                    Step::End { call, result, landing } => self.complete(call, result, landing),
                    Step::Sent(call) => self.follow_sent(call),
                }
                continue;
            }
            let dropped = self.garbage.take();
            if !dropped.is_empty() {
                for dropped in dropped {
                    self.clean(dropped);
                }
                continue;
            }
            let Some(session) = self.stirred.pop() else { break };
            if self.sessions.get(session).is_some_and(Session::is_idle) {
                self.end_session(session, None, true);
            }
        }
        for (session, reason) in std::mem::take(&mut self.ended) {
            self.effects.push(Queued::Closed { session, reason }, 0, None);
        }
    }

    fn clean(&mut self, dropped: Dropped) {
        match dropped {
            Dropped::Target(handle) => self.effects.push(Queued::Dispose(handle), 0, None),
            Dropped::Import { session, export } => {
                if let Some(open) = self.sessions.get_mut(session) {
                    open.imports = open.imports.saturating_sub(1);
                    self.stirred.push(session);
                    self.send(session, Frame::Release { export });
                }
            }
            Dropped::Root(session) => {
                if let Some(open) = self.sessions.get_mut(session)
                    && let Role::Caller { has_root } = &mut open.role
                {
                    *has_root = false;
                    self.stirred.push(session);
                }
            }
            Dropped::Stream { pipe, side } => self.lose(pipe, side),
        }
    }
}
