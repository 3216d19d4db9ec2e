//! What JavaScript answers to the calls that run here. Not here: how the answer gets to who asked.

use super::Machine;
use super::calls::{Call, Origin, Place, Route, Step};
use super::ids::{AnswerId, CallId, QuestionId, StubId};
use super::parcel::{Parcel, Request};
use super::value::{Delivered, Got, Message, On};
use crate::rpc::frame::{Path, RpcError};

/// How many promises may wait for each other in a row: looking for a cycle takes as many steps.
const LINKS: usize = 1000;

impl Machine {
    /// The arguments of a call, once. Its stubs are disposed of when the call has returned, and have to be
    /// duplicated by who keeps them; its streams are JavaScript's.
    pub fn take_args(&mut self, answer: AnswerId) -> Option<Delivered> {
        let id = answer.into();
        let parcel = self.untaken_args(id)?;
        let args = self.hand_over(parcel, false);
        if let Some(call) = self.calls.get_mut(id) {
            call.params.extend(args.caps.iter().filter_map(|got| match got {
                Got::Stub(stub) => Some(*stub),
                Got::Readable(_) | Got::Writable(_) => None,
            }));
        }
        self.run();
        Some(args)
    }

    /// Ends a call that runs here. Calls that are pipelined on it land on `pipeline`, which belongs to the
    /// machine from then on: a duplicate of a result that is a stub itself, a stub of one that is an object,
    /// nothing for one on which nothing can be called. A second answer does nothing.
    pub fn answer(
        &mut self,
        answer: AnswerId,
        result: Result<Message, RpcError>,
        pipeline: Option<StubId>,
    ) {
        self.end_running(answer.into(), result, pipeline);
        self.run();
    }

    /// What is not needed of the answer is dropped here, before the machine looks what was dropped.
    fn end_running(
        &mut self,
        call: CallId,
        result: Result<Message, RpcError>,
        pipeline: Option<StubId>,
    ) {
        let landing = pipeline.and_then(|stub| Some(self.stubs.get(stub)?.held().clone()));
        let result = result.and_then(|message| self.pick_up(message));
        if let Some(stub) = pipeline {
            self.stubs.remove(stub);
        }
        if self.is_running(call) {
            let result = result.map_err(|error| self.bounded(error));
            let landing = match &result {
                Ok(_) => Ok(landing),
                Err(error) => Err(error.clone()),
            };
            self.steps.push_back(Step::End { call, result, landing: Some(landing) });
        }
    }

    /// Ends a call that runs here by what another call comes to that was made here: a method has returned
    /// the promise of it. What is pipelined on the answer goes straight there. The question is the machine's
    /// from then on: it is not settled. One whose result JavaScript has taken already, or that waits for the
    /// answer itself, fails the answer, and stays JavaScript's.
    pub fn link(&mut self, answer: AnswerId, question: QuestionId) {
        let (id, other) = (answer.into(), question.into());
        if !self.is_running(id) {
            return;
        }
        let is_open = self.calls.get(other).is_some_and(|call| {
            matches!(call.origin, Origin::Js)
                && !call.is_finished
                && (!call.is_returned || call.result.is_some())
        });
        if !is_open {
            self.fail(id, RpcError::promise_disposed());
        } else if self.waits_for(other, id) {
            self.fail(id, RpcError::cycle());
        } else {
            if let Some(call) = self.calls.get_mut(other) {
                call.origin = Origin::Link(id);
                if let Some(result) = call.result.take() {
                    let result = result.map(Parcel::without_homes);
                    self.steps.push_back(Step::End { call: id, result, landing: None });
                }
            }
            self.follow(id, other);
        }
        self.run();
    }

    /// Ends a call that runs here by the same call on something else: its path has led to a stub or promise.
    /// The arguments must not have been taken; they go on as they came.
    pub fn pass_on(&mut self, answer: AnswerId, on: On, path: Path) {
        let id = answer.into();
        if !self.is_running(id) {
            return;
        }
        match self.route_onward(id, on, &path) {
            Ok(route) => {
                let args = self.untaken_args(id);
                let other = self.calls.add(Call::new(Origin::Link(id)));
                self.route(other, route, Request { path, args });
                self.follow(id, other);
            }
            Err(error) => self.fail(id, error),
        }
        self.run();
    }

    fn route_onward(&self, id: CallId, on: On, path: &[String]) -> Result<Route, RpcError> {
        let route = self.route_of(on)?;
        if let Route::Behind(other) = route
            && self.waits_for(other, id)
        {
            return Err(RpcError::cycle());
        }
        if path.len() > self.limits.path {
            return Err(RpcError::path_too_deep(self.limits.path));
        }
        Ok(route)
    }

    /// The result of a call that runs here is another one's from now on.
    fn follow(&mut self, id: CallId, other: CallId) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.place = Place::Linked(other);
        let waiting = std::mem::take(&mut call.waiting);
        let is_finished = call.is_finished;
        self.send_on(id, waiting);
        if is_finished {
            self.finish_call(other);
        }
    }

    fn untaken_args(&mut self, id: CallId) -> Option<Parcel> {
        match &mut self.calls.get_mut(id)?.place {
            Place::Running { args, .. } => args.take(),
            _ => None,
        }
    }

    fn is_running(&self, id: CallId) -> bool {
        let call = self.calls.get(id);
        call.is_some_and(|call| matches!(call.place, Place::Running { .. }) && !call.is_returned)
    }

    /// Whether a call waits for another one, itself or through others.
    fn waits_for(&self, id: CallId, wanted: CallId) -> bool {
        let mut next = id;
        for _ in 0..LINKS {
            if next == wanted {
                return true;
            }
            match self.calls.get(next).map(|call| &call.place) {
                Some(Place::Linked(other) | Place::Waiting(other)) => next = *other,
                _ => return false,
            }
        }
        true
    }

    fn bounded(&self, error: RpcError) -> RpcError {
        let bytes = error.cost();
        if bytes > self.limits.payload_bytes { RpcError::too_large(bytes) } else { error }
    }
}
