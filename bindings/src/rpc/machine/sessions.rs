//! The beginning and the end of sessions. Not here: what is open in one (the session), and who carries
//! its frames.

use std::rc::Rc;

use super::Machine;
use super::calls::{Origin, Place, Step};
use super::held::{Held, Kind};
use super::ids::{CallId, Handle, SessionId, StubId};
use super::outbox::Outbox;
use super::session::{Role, Session};
use crate::rpc::frame::{Frame, RpcError};

impl Machine {
    /// Begins a session as its caller. The stub is the callee's entrypoint. The session ends by itself as
    /// soon as nothing is open in it: no call, no reference, no stream, in either direction.
    pub fn connect(&mut self) -> (SessionId, StubId) {
        let role = Role::Caller { has_root: true };
        let id = self.sessions.add_with(|id| Session::new(id, role));
        let link = self.sessions.get(id).map(|open| open.link.clone());
        let link = link.expect("the session was added just now");
        let stub = self.add_stub(Held::new(Kind::Root(link), &self.garbage));
        if self.is_closed {
            self.end_session(id, None, true);
            self.run();
        }
        (id, stub)
    }

    /// Begins a session as its callee. The handle is the entrypoint.
    pub fn accept(&mut self) -> (SessionId, Handle) {
        let handle = self.next_handle();
        let root = Held::new(Kind::Target(handle), &self.garbage);
        let id = self.sessions.add_with(|id| Session::new(id, Role::Callee { root }));
        if self.is_closed {
            self.end_session(id, None, true);
            self.run();
        }
        (id, handle)
    }

    /// Whether a session goes on.
    pub fn is_open(&self, session: SessionId) -> bool {
        self.sessions.get(session).is_some()
    }

    /// Ends a session at both ends. Calls that are open in it fail with the reason, without one with
    /// [`RpcError::gone`].
    pub fn close_session(&mut self, session: SessionId, reason: Option<RpcError>) {
        self.end_session(session, reason, true);
        self.run();
    }

    /// Ends everything, since the event is over. What waits for JavaScript is forgotten.
    pub fn close(&mut self, reason: Option<RpcError>) {
        if self.is_closed {
            return;
        }
        self.is_closed = true;
        self.effects.close();
        let sessions: Vec<SessionId> = self.sessions.keys().collect();
        for session in sessions {
            self.end_session(session, reason.clone(), true);
        }
        self.calls.clear();
        self.steps.clear();
        self.stubs.clear();
        self.pipes.clear();
        self.waiting_bytes = 0;
        self.run();
    }

    /// The other end of a session is gone, without a word.
    pub(in crate::rpc) fn disconnected(&mut self, session: SessionId) {
        self.end_session(session, None, false);
        self.run();
    }

    /// What a session has to send.
    pub(in crate::rpc) fn outbox(&self, session: SessionId) -> Option<Rc<Outbox>> {
        self.sessions.get(session).map(|open| Rc::clone(&open.outbox))
    }

    /// Whether anything more is received: JavaScript has to take first what is there.
    pub(in crate::rpc) fn has_room(&self) -> bool {
        self.effects.bytes() < self.limits.inbox_bytes
    }

    pub(super) fn send(&self, session: SessionId, frame: Frame) {
        if let Some(open) = self.sessions.get(session) {
            open.outbox.push(frame, &self.counter);
        }
    }

    /// Ends a session here, and at the other end if that is to be told.
    pub(super) fn end_session(&mut self, id: SessionId, reason: Option<RpcError>, is_told: bool) {
        let Some(session) = self.sessions.remove(id) else { return };
        let error = reason.clone().unwrap_or_else(RpcError::gone);
        session.link.is_over.set(true);
        if is_told {
            session.outbox.push(Frame::Close { reason: reason.clone() }, &self.counter);
        }
        session.outbox.close();
        let mut questions: Vec<CallId> = session.questions.into_values().collect();
        questions.sort_unstable();
        for call in questions {
            self.cut_off(call, &error);
        }
        for call in session.answers.into_values() {
            if let Some(call) = self.calls.get_mut(call) {
                call.origin = Origin::Nobody;
            }
            self.finish_call(call);
        }
        self.end_streams(id, &error);
        self.ended.push((id, reason));
    }

    /// A call will not return: the session over which it went is over.
    fn cut_off(&mut self, id: CallId, error: &RpcError) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.place = Place::Done(Err(error.clone()));
        if !call.is_returned {
            let result = Err(error.clone());
            self.steps.push_back(Step::End { call: id, result, landing: None });
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.close(None);
    }
}
