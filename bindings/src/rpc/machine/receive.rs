//! What comes from the other end of a session. Not here: how it gets here.

use super::Machine;
use super::calls::{Call, Origin, Route, Step};
use super::ids::{CallId, SessionId};
use super::parcel::Request;
use crate::rpc::frame::{Export, Frame, Path, Payload, Question, RpcError, Target};

impl Machine {
    /// Takes a frame of a session. One that the other end cannot have meant ends the session.
    pub(in crate::rpc) fn receive(&mut self, session: SessionId, frame: Frame) {
        // After its end: the other end did not know it yet.
        if !self.is_open(session) {
            return;
        }
        let sound = match frame {
            Frame::Call { question, target, path, args } => {
                self.receive_call(session, question, target, path, args)
            }
            Frame::Return { question, result } => self.receive_return(session, question, result),
            Frame::Finish { question } => self.receive_finish(session, question),
            Frame::Release { export } => self.receive_release(session, export),
            Frame::Stream { channel, message } => {
                self.receive_stream(session, channel, message).then_some(())
            }
            Frame::Close { reason } => {
                self.end_session(session, reason, false);
                Some(())
            }
        };
        if sound.is_none() {
            self.end_session(session, Some(RpcError::broken_protocol()), true);
        }
        self.run();
    }

    fn receive_call(
        &mut self,
        session: SessionId,
        question: Question,
        target: Target,
        path: Path,
        args: Option<Payload>,
    ) -> Option<()> {
        let args = match args {
            Some(payload) => Some(self.unpack(session, payload)?),
            None => None,
        };
        let open = self.sessions.get_mut(session)?;
        let is_too_much = open.answers.len() >= self.limits.questions;
        if is_too_much || path.len() > self.limits.path || open.answers.contains_key(&question) {
            return None;
        }
        let route = match target {
            Target::Root => Route::On(open.root()?.clone()),
            Target::Export(export) => Route::On(open.exports.get(export)?.clone()),
            Target::Answer(on) => Route::Behind(*open.answers.get(&on)?),
        };
        let is_full = self.calls.len() >= self.limits.calls;
        let id = self.calls.add(Call::new(Origin::Peer { session, question }));
        open.answers.insert(question, id);
        if is_full {
            let most = self.limits.calls;
            self.fail(id, RpcError::too_many("RPC calls are open", most, "await some calls first"));
        } else {
            self.route(id, route, Request { path, args });
        }
        Some(())
    }

    fn receive_return(
        &mut self,
        session: SessionId,
        question: Question,
        result: Result<Payload, RpcError>,
    ) -> Option<()> {
        let call: CallId = *self.sessions.get(session)?.questions.get(question)?;
        if self.calls.get(call)?.is_returned {
            return None;
        }
        let result = match result {
            Ok(payload) => Ok(self.unpack(session, payload)?),
            Err(error) => Err(error),
        };
        self.steps.push_back(Step::End { call, result, landing: None });
        Some(())
    }

    fn receive_finish(&mut self, session: SessionId, question: Question) -> Option<()> {
        let call: CallId = *self.sessions.get(session)?.answers.get(&question)?;
        self.finish_call(call);
        Some(())
    }

    fn receive_release(&mut self, session: SessionId, export: Export) -> Option<()> {
        self.sessions.get_mut(session)?.exports.remove(export)?;
        self.stirred.push(session);
        Some(())
    }
}
