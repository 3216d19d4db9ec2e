//! The results of calls, on their way back to who asked, and the end of calls. Not here: how a call gets
//! to where it runs.

use std::collections::VecDeque;

use super::Machine;
use super::calls::{Landing, Origin, Place, Route, Step};
use super::effects::Queued;
use super::ids::{CallId, SessionId};
use super::parcel::{Parcel, Request};
use crate::rpc::frame::{Frame, Question, RpcError};

impl Machine {
    /// Gives the result of a call to who asked, after what was pipelined on it is sent on.
    pub(super) fn complete(
        &mut self,
        id: CallId,
        result: Result<Parcel, RpcError>,
        landing: Option<Landing>,
    ) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if call.is_returned {
            return;
        }
        call.is_returned = true;
        if let Some(landing) = landing {
            call.place = Place::Done(landing);
        }
        let (origin, is_finished) = (call.origin, call.is_finished);
        let params = std::mem::take(&mut call.params);
        let waiting = std::mem::take(&mut call.waiting);
        let behind = call.behind.take();
        if let Some(on) = behind.and_then(|on| self.calls.get_mut(on)) {
            on.pipelined = on.pipelined.saturating_sub(1);
        }
        for param in params {
            self.stubs.remove(param);
        }
        self.send_on(id, waiting);
        match origin {
            Origin::Js if is_finished => {}
            Origin::Js => self.keep_result(id, result),
            Origin::Peer { session, question } => {
                self.give_back(session, question, result, is_finished);
            }
            Origin::Link(call) => {
                let result = result.map(Parcel::without_homes);
                self.steps.push_back(Step::End { call, result, landing: None });
            }
            Origin::Nobody => {}
        }
        if is_finished {
            self.forget(id);
        }
    }

    /// Sends on what waited for a call that has gone over a session, and only then that it is finished.
    pub(super) fn follow_sent(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else { return };
        let waiting = std::mem::take(&mut call.waiting);
        self.send_on(id, waiting);
        self.send_finish(id);
    }

    /// Sends on what waited for a call, in its order.
    pub(super) fn send_on(&mut self, id: CallId, waiting: VecDeque<(CallId, Request)>) {
        for (waiter, request) in waiting {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(request.cost());
            self.route(waiter, Route::Behind(id), request);
        }
    }

    fn keep_result(&mut self, id: CallId, result: Result<Parcel, RpcError>) {
        let cost = match &result {
            Ok(parcel) => parcel.cost(),
            Err(error) => error.cost(),
        };
        if let Some(call) = self.calls.get_mut(id) {
            call.result = Some(result);
            self.effects.push(Queued::Settle(id), cost, None);
        }
    }

    fn give_back(
        &mut self,
        session: SessionId,
        question: Question,
        result: Result<Parcel, RpcError>,
        is_finished: bool,
    ) {
        let packed = match result {
            // Who asked waits for the end of the call, and no longer for what it came to.
            Ok(_) if is_finished => Err(RpcError::promise_disposed()),
            Ok(parcel) => match self.check_outbox(session, parcel.cost()) {
                Ok(()) => self.pack(session, parcel, true),
                Err(error) => Err(error),
            },
            Err(error) => Err(match self.check_outbox(session, error.cost()) {
                Ok(()) => error,
                Err(smaller) => smaller,
            }),
        };
        let (result, attached) = match packed {
            Ok((payload, attached)) => (Ok(payload), attached),
            Err(error) => (Err(error), Vec::new()),
        };
        self.send(session, Frame::Return { question, result });
        self.replay_all(attached);
    }

    /// Who asked wants no more of a call.
    pub(super) fn finish_call(&mut self, id: CallId) {
        let mut next = Some(id);
        while let Some(id) = next.take() {
            let Some(call) = self.calls.get_mut(id) else { return };
            if call.is_finished {
                return;
            }
            call.is_finished = true;
            call.result = None;
            if let Place::Linked(other) = call.place {
                next = Some(other);
            }
            let is_returned = call.is_returned;
            // What waits to follow it is sent before.
            if call.waiting.is_empty() {
                self.send_finish(id);
            }
            if is_returned {
                self.forget(id);
            }
        }
    }

    /// Tells the other end of the session over which a call went that it is finished, once.
    fn send_finish(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if let Place::Remote { session, question } = call.place
            && call.is_finished
            && !call.is_finish_sent
        {
            call.is_finish_sent = true;
            self.send(session, Frame::Finish { question });
        }
    }

    /// Removes a call that has returned and was finished.
    fn forget(&mut self, id: CallId) {
        let Some(call) = self.calls.remove(id) else { return };
        if let Origin::Peer { session, question } = call.origin
            && let Some(open) = self.sessions.get_mut(session)
        {
            open.answers.remove(&question);
            self.stirred.push(session);
        }
        if let Place::Remote { session, question } = call.place
            && let Some(open) = self.sessions.get_mut(session)
        {
            open.questions.remove(question);
            self.stirred.push(session);
        }
    }
}
