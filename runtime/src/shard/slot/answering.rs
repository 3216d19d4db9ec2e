//! From what a handler has answered, or thrown, to what whoever waits for it gets. How events end that answer
//! nothing is in `ending.rs`.

use std::rc::Rc;

use bindings::dispatch::Reply;
use bindings::event::outgoing::Untaken;
use bindings::event::{Event, EventId, Kind, Thrown};

use super::super::job::Answer;
use super::Slot;
use crate::event::ResponseBody;
use crate::eviction::Eviction;
use crate::incident::Resource;
use crate::isolate::ShortOf;
use crate::outcome::{Failure, Outcome};

/// V8's words, and ours that are the same, for memory that was refused.
const REFUSED: [&str; 3] = [
    "Array buffer allocation failed",
    "could not allocate memory",
    "Unable to grow instance memory",
];

impl Slot {
    /// From what the handler of a request answered to what the client gets.
    pub(super) fn decide(&self, event: &Rc<Event>, answer: bindings::event::Answer) -> Answer {
        let thrown = match answer {
            Ok(response) => {
                self.note_status(event.id(), &response);
                if !event.is_over() {
                    self.watch_wait_until(event.id());
                }
                return Ok(Reply::Response(response));
            }
            Err(thrown) => thrown,
        };
        let failure = if let Some(failure) = self.lacked_memory(&thrown) {
            failure
        } else if let Some(untaken) = event.untaken() {
            return Err(self.untaken(event.id(), untaken));
        } else if event.has_bad_body() {
            event.take_thrown();
            Failure::BadBody
        } else {
            Failure::Threw { message: thrown.message, stack: thrown.stack }
        };
        if let Some(running) = self.events.borrow_mut().get_mut(&event.id()) {
            running.outcome = failure.outcome();
        }
        Err(failure)
    }

    /// An event that is no request has changed: its handler has settled, or it is over. Answers what
    /// whoever sent it learns before it is over, where its kind's rules are so.
    pub(super) fn settled(&self, event: &Rc<Event>) -> Option<Answer> {
        if event.kind() == Kind::Fetch {
            return None;
        }
        if let Some(failure) = event.thrown().and_then(|thrown| self.lacked_memory(&thrown))
            && let Some(running) = self.events.borrow_mut().get_mut(&event.id())
            && running.outcome == Outcome::Ok
        {
            running.outcome = failure.outcome();
        }
        if event.is_over() || !event.owes_result() {
            return None;
        }
        self.watch_wait_until(event.id());
        let events = self.events.borrow();
        events.get(&event.id()).map(|running| Ok(Reply::Ended(running.ended())))
    }

    /// The failure of an event whose answer is not made, because clients do not take what there is.
    pub(super) fn untaken(&self, id: EventId, untaken: Untaken) -> Failure {
        let failure = Failure::untaken(untaken);
        if let Some(running) = self.events.borrow_mut().get_mut(&id) {
            running.outcome = failure.outcome();
        }
        self.shard.services.tell_refused(Resource::ClientBytes, &self.version, &failure);
        failure
    }

    /// Takes note of the status of a response, where somebody wants traces.
    pub(super) fn note_status(&self, id: EventId, response: &http::Response<ResponseBody>) {
        if self.has_traced.get()
            && let Some(running) = self.events.borrow_mut().get_mut(&id)
            && let Some(detail) = &mut running.detail
        {
            detail.set_status(response.status().as_u16());
        }
    }

    /// The failure of an event that has thrown because it did not get memory.
    fn lacked_memory(&self, thrown: &Thrown) -> Option<Failure> {
        if !REFUSED.iter().any(|words| thrown.message.contains(words)) {
            return None;
        }
        Some(match self.take_refused()? {
            ShortOf::Isolate => {
                self.evict(Eviction::OverLimit);
                self.exceeded_memory()
            }
            ShortOf::Node => self.node_full(),
        })
    }

    fn take_refused(&self) -> Option<ShortOf> {
        self.isolate.borrow().as_ref()?.ledger().take_refused()
    }

    fn node_full(&self) -> Failure {
        let failure = Failure::NodeFull;
        self.shard.services.tell_refused(Resource::Memory, &self.version, &failure);
        failure
    }
}
