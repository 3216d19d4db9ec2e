//! Calls, from whoever asks to wherever they run. One that comes over a session and leads into another is
//! one call here. Not here: what becomes of their results, and what JavaScript answers.

use std::collections::VecDeque;

use super::Machine;
use super::effects::Queued;
use super::held::{Held, Kind};
use super::ids::{CallId, QuestionId, SessionId, StubId};
use super::parcel::{Parcel, Request};
use super::stubs::Stub;
use super::value::{Message, On};
use crate::rpc::frame::{Frame, Path, Question, RpcError, Target};

/// What to do where too many calls are open.
const AWAIT: &str = "await some calls first";

/// A call that is open.
pub(super) struct Call {
    pub(super) origin: Origin,
    pub(super) place: Place,
    /// What is pipelined on it and cannot be sent on yet.
    pub(super) waiting: VecDeque<(CallId, Request)>,
    /// The stubs of its arguments, until it has returned.
    pub(super) params: Vec<StubId>,
    /// What it came to, until JavaScript takes it.
    pub(super) result: Option<Result<Parcel, RpcError>>,
    /// The call on whose result the other end of the session runs it, until it has returned.
    pub(super) behind: Option<CallId>,
    /// How many such calls there are of this one.
    pub(super) pipelined: usize,
    /// Its result is with who asked.
    pub(super) is_returned: bool,
    /// Who asked wants no more of it.
    pub(super) is_finished: bool,
    /// The other end of the session over which it went knows that.
    pub(super) is_finish_sent: bool,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    Js,
    Peer {
        session: SessionId,
        question: Question,
    },
    /// A call whose result is this one's.
    Link(CallId),
    /// Who asked is gone.
    Nobody,
}

/// Where it runs.
pub(super) enum Place {
    /// Nowhere yet.
    New,
    /// On the result of another call, as soon as there is one.
    Waiting(CallId),
    /// Here: JavaScript answers it.
    Running { target: Held, args: Option<Parcel> },
    /// At the other end of a session.
    Remote { session: SessionId, question: Question },
    /// Its result is another call's.
    Linked(CallId),
    /// It has run: on what pipelined calls land.
    Done(Landing),
}

/// On what calls land that are pipelined on a result: `None` if on nothing.
pub(super) type Landing = Result<Option<Held>, RpcError>;

/// Where a call is to run.
pub(super) enum Route {
    On(Held),
    Behind(CallId),
}

/// What is to be done about a call, one after the other.
pub(super) enum Step {
    /// It has come to its end.
    End {
        call: CallId,
        result: Result<Parcel, RpcError>,
        /// If it ran here.
        landing: Option<Landing>,
    },
    /// It was sent over a session: what waited for that follows it.
    Sent(CallId),
}

impl Call {
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            origin,
            place: Place::New,
            waiting: VecDeque::new(),
            params: Vec::new(),
            result: None,
            behind: None,
            pipelined: 0,
            is_returned: false,
            is_finished: false,
            is_finish_sent: false,
        }
    }
}

impl Machine {
    /// Calls something with arguments, or asks for the value of a property without. The end of it comes as
    /// [`Effect::Settle`](super::Effect::Settle).
    ///
    /// # Errors
    ///
    /// If the stub or promise was disposed of, the path is too deep, the arguments are too large or refer to
    /// what was given away already, or too many calls are open.
    pub fn call(
        &mut self,
        on: On,
        path: Path,
        args: Option<Message>,
    ) -> Result<QuestionId, RpcError> {
        let begun = self.begin(on, path, args);
        self.run();
        begun
    }

    fn begin(&mut self, on: On, path: Path, args: Option<Message>) -> Result<QuestionId, RpcError> {
        let args = args.map(|message| self.pick_up(message)).transpose()?;
        let route = self.route_of(on)?;
        if self.is_closed {
            return Err(RpcError::gone());
        }
        if path.len() > self.limits.path {
            return Err(RpcError::path_too_deep(self.limits.path));
        }
        if self.calls.len() >= self.limits.calls {
            return Err(RpcError::too_many("RPC calls are open", self.limits.calls, AWAIT));
        }
        let id = self.calls.add(Call::new(Origin::Js));
        self.route(id, route, Request { path, args });
        Ok(id.question())
    }

    /// JavaScript wants no more of a call that was made here: neither its result, if it has not taken it, nor
    /// to pipeline on it. The call itself runs all the same.
    pub fn finish(&mut self, question: QuestionId) {
        let id = question.into();
        if self.calls.get(id).is_some_and(|call| matches!(call.origin, Origin::Js)) {
            self.finish_call(id);
            self.run();
        }
    }

    pub(super) fn route_of(&self, on: On) -> Result<Route, RpcError> {
        match on {
            On::Stub(stub) => {
                let held = self.stubs.get(stub).map(Stub::held).cloned();
                held.map(Route::On).ok_or_else(RpcError::stub_disposed)
            }
            On::Promise(question) => {
                let id = question.into();
                match self.calls.get(id) {
                    Some(Call { origin: Origin::Js, is_finished: false, .. }) => {
                        Ok(Route::Behind(id))
                    }
                    _ => Err(RpcError::promise_disposed()),
                }
            }
        }
    }

    /// Sends a new call to where it is to run.
    pub(super) fn route(&mut self, id: CallId, mut to: Route, request: Request) {
        loop {
            let on = match to {
                Route::On(held) => return self.run_on(id, held, request),
                Route::Behind(on) => on,
            };
            let Some(call) = self.calls.get(on) else {
                return self.fail(id, RpcError::promise_disposed());
            };
            to = match &call.place {
                Place::New | Place::Waiting(_) | Place::Running { .. } => {
                    return self.wait(id, on, request);
                }
                Place::Remote { session, question } => {
                    let (session, target) = (*session, Target::Answer(*question));
                    return self.ask(id, session, target, request, Some(on));
                }
                Place::Linked(other) => Route::Behind(*other),
                Place::Done(Ok(Some(held))) => Route::On(held.clone()),
                Place::Done(Ok(None)) => return self.fail(id, RpcError::no_object()),
                Place::Done(Err(error)) => {
                    let error = error.clone();
                    return self.fail(id, error);
                }
            };
        }
    }

    fn run_on(&mut self, id: CallId, held: Held, request: Request) {
        let (link, target) = match held.kind() {
            Kind::Target(_) => return self.run_here(id, held, request),
            Kind::Import(link, export) => (link, Target::Export(*export)),
            Kind::Root(link) => (link, Target::Root),
        };
        // Also where it was given up for a reason: that is of the calls that were open then.
        match link.is_over.get() {
            true => self.fail(id, RpcError::gone()),
            false => self.ask(id, link.session, target, request, None),
        }
    }

    fn run_here(&mut self, id: CallId, target: Held, request: Request) {
        let cost = request.cost();
        let Request { path, args } = request;
        if let Some(call) = self.calls.get_mut(id) {
            call.place = Place::Running { target, args };
            self.effects.push(Queued::Deliver { call: id, path }, cost, None);
        }
    }

    fn wait(&mut self, id: CallId, on: CallId, request: Request) {
        let most = self.limits.waiting_bytes;
        let cost = request.cost();
        if self.waiting_bytes + cost > most {
            let what = "bytes of pipelined RPC calls wait";
            return self.fail(id, RpcError::too_many(what, most, AWAIT));
        }
        if let Some(call) = self.calls.get_mut(id) {
            call.place = Place::Waiting(on);
        }
        if let Some(call) = self.calls.get_mut(on) {
            call.waiting.push_back((id, request));
            self.waiting_bytes += cost;
        }
    }

    /// Sends a call over a session.
    fn ask(
        &mut self,
        id: CallId,
        session: SessionId,
        target: Target,
        request: Request,
        behind: Option<CallId>,
    ) {
        match self.try_ask(id, session, target, request) {
            Ok(()) => {
                if let Some(on) = behind.and_then(|on| self.calls.get_mut(on)) {
                    on.pipelined += 1;
                }
                if let Some(call) = self.calls.get_mut(id) {
                    call.behind = behind;
                    if call.is_finished || !call.waiting.is_empty() {
                        self.steps.push_back(Step::Sent(id));
                    }
                }
            }
            Err(error) => self.fail(id, error),
        }
    }

    fn try_ask(
        &mut self,
        id: CallId,
        session: SessionId,
        target: Target,
        request: Request,
    ) -> Result<(), RpcError> {
        let open = self.sessions.get(session).ok_or_else(RpcError::gone)?;
        if open.questions.len() >= self.limits.questions {
            let most = self.limits.questions;
            return Err(RpcError::too_many("RPC calls to another worker are open", most, AWAIT));
        }
        self.check_outbox(session, request.cost())?;
        let Request { path, args } = request;
        let packed = args.map(|args| self.pack(session, args, false)).transpose()?;
        let (args, attached) = packed.unzip();
        let Some(open) = self.sessions.get_mut(session) else { return Err(RpcError::gone()) };
        let question = open.questions.add(id);
        self.send(session, Frame::Call { question, target, path, args });
        self.replay_all(attached.unwrap_or_default());
        if let Some(call) = self.calls.get_mut(id) {
            call.place = Place::Remote { session, question };
        }
        Ok(())
    }

    /// Whether so many bytes more may wait to be sent.
    pub(super) fn check_outbox(&self, session: SessionId, bytes: usize) -> Result<(), RpcError> {
        let most = self.limits.outbox_bytes;
        match self.sessions.get(session) {
            Some(open) if open.outbox.bytes() + bytes > most => {
                let what = "bytes wait to be sent to another worker";
                Err(RpcError::too_many(what, most, AWAIT))
            }
            _ => Ok(()),
        }
    }

    /// Ends a call that has not run.
    pub(super) fn fail(&mut self, id: CallId, error: RpcError) {
        let landing = Some(Err(error.clone()));
        self.steps.push_back(Step::End { call: id, result: Err(error), landing });
    }
}
