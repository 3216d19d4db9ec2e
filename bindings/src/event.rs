//! The events of one isolate: what all of them share, whatever they are called for. The ops read and
//! write it, and the runtime makes and ends it. What a kind needs beside that is in `kinds`, which
//! events run is in `table`.
//! Not here: which isolate an event runs in, and what its limits cost (the runtime).

mod answer;
pub mod body;
mod call;
mod client;
mod console;
mod failures;
mod frame;
mod id;
mod kinds;
mod limits;
mod ops;
mod outcome;
pub mod outgoing;
mod redaction;
mod resource;
mod stream;
mod table;
mod thrown;

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use deno_core::{CancelHandle, OpState, v8};
use rustc_hash::FxHashMap;

use body::ResponseBody;
use console::Allowance;
use kinds::State;
use outgoing::Untaken;

use crate::fetch::Connections;

pub use answer::plain_text;
pub use call::{CallContext, GivenProps};
pub use client::Client;
pub use console::{Console, Idle};
pub use frame::running_id;
pub use id::EventId;
pub use kinds::{Fetch, Kind, KindResult, QueueBatch, RpcSession, Scheduled, TailBatch, Trigger};
pub(crate) use ops::isolane_bindings;
pub use outcome::Outcome;
pub use redaction::redact_request;
pub use table::{Events, insert_warm_up_event, remove_warm_up_events};
pub use thrown::{IllegibleRejection, describe, legible};

/// Open outgoing connections per event (product.md, Limits; the figure is that of Workers).
pub const CONNECTIONS_PER_EVENT: usize = 6;

/// What a handler threw: one line for the log, and V8's stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thrown {
    /// `Error: message`.
    pub message: String,
    /// The stack as V8 gives it, empty where there is none.
    pub stack: String,
}

/// What a handler answered.
pub type Answer = Result<http::Response<ResponseBody>, Thrown>;

/// One event of an isolate, from its dispatch to its end.
pub struct Event {
    id: EventId,
    call: CallContext,
    state: State,
    /// Whether its handler has settled, or somebody else has decided what becomes of it.
    answered: Cell<bool>,
    /// Whether the worker itself has given it up.
    abandoned: Cell<bool>,
    waiting: Cell<u32>,
    subrequests_left: Cell<u32>,
    connections: RefCell<Option<Arc<Connections>>>,
    /// What is given up when the event is over, by number.
    kept: RefCell<FxHashMap<u64, Rc<dyn Any>>>,
    last_kept: Cell<u64>,
    /// What bindings have of the event, by type.
    states: RefCell<FxHashMap<TypeId, Rc<dyn Any>>>,
    cancel: Rc<CancelHandle>,
    listens_for_abort: Cell<bool>,
    needs_finish: Cell<bool>,
    aborted: Cell<bool>,
    thrown: RefCell<Option<Thrown>>,
    console: Allowance,
}

impl Event {
    fn new(id: EventId, trigger: Trigger, call: CallContext, subrequests: u32) -> Event {
        Event {
            id,
            call,
            state: State::of(trigger),
            answered: Cell::new(false),
            abandoned: Cell::new(false),
            waiting: Cell::new(0),
            subrequests_left: Cell::new(subrequests),
            connections: RefCell::default(),
            kept: RefCell::default(),
            last_kept: Cell::new(0),
            states: RefCell::default(),
            cancel: CancelHandle::new_rc(),
            listens_for_abort: Cell::new(false),
            needs_finish: Cell::new(false),
            aborted: Cell::new(false),
            thrown: RefCell::default(),
            console: Allowance::default(),
        }
    }

    /// The number that JavaScript carries in its async context.
    pub fn id(&self) -> EventId {
        self.id
    }

    /// What the worker is called for.
    pub fn kind(&self) -> Kind {
        self.state.kind()
    }

    /// How it is called.
    pub fn call(&self) -> &CallContext {
        &self.call
    }

    /// Whether the handler has settled, or a failure has been decided: of a request, that there is a
    /// response.
    pub fn is_answered(&self) -> bool {
        self.answered.get()
    }

    /// Whether nothing of the event is left: answered, body sent, no `waitUntil` pending.
    pub fn is_over(&self) -> bool {
        self.answered.get() && !self.is_streaming() && self.waiting.get() == 0
    }

    /// Whether the response's body is still being read from the worker's stream.
    pub fn is_streaming(&self) -> bool {
        self.fetch().is_some_and(|fetch| fetch.streaming.get())
    }

    /// Whether the response's body broke off before its end.
    pub fn is_broken(&self) -> bool {
        self.fetch().is_some_and(|fetch| fetch.broken.get())
    }

    /// Whether the client's body broke off or was none, so that what the worker threw over it is
    /// not the worker's fault.
    pub fn has_bad_body(&self) -> bool {
        self.fetch().is_some_and(|fetch| fetch.body_failed.get())
    }

    /// Why the worker's answer is not sent: too much of others is not taken yet.
    pub fn untaken(&self) -> Option<Untaken> {
        self.fetch()?.refused.get()
    }

    /// The first exception that was reported for the event, by a handler, a timer, a
    /// rejected `waitUntil` or an unhandled rejection.
    pub fn take_thrown(&self) -> Option<Thrown> {
        self.thrown.borrow_mut().take()
    }

    /// The same, left where it is.
    pub fn thrown(&self) -> Option<Thrown> {
        self.thrown.borrow().clone()
    }

    /// Takes the answer to a request, once it is there. If its body is a stream, that begins to be
    /// sent, unless it fails at once: then the failure is the answer. Other events have none.
    pub fn take_answer(self: &Rc<Self>) -> Option<Answer> {
        let fetch = self.fetch()?;
        let answer = fetch.answer.borrow_mut().take()?;
        let unsent = fetch.unsent.borrow_mut().take();
        let begun = unsent.map_or(Ok(()), |unsent| unsent.begin(self));
        Some(begun.and(answer))
    }

    /// Whether whoever called is told now what the event has come to, although its `waitUntil` goes
    /// on. True once at most.
    pub fn owes_result(&self) -> bool {
        self.state.owes_result() && !self.is_over()
    }

    /// Takes what the event has come to beside its outcome. What the worker says of it from then on
    /// counts for nothing.
    pub fn take_result(&self) -> KindResult {
        self.state.take_result()
    }

    /// Decides the event from outside (a limit was exceeded): a later answer of the worker
    /// is ignored.
    pub fn close(&self) {
        self.answered.set(true);
    }

    /// Marks the caller as gone: of a request, the client.
    pub fn abort(&self) {
        self.aborted.set(true);
    }

    /// Whether JavaScript is to be told that the caller has gone. True once at most.
    pub fn owes_abort(&self) -> bool {
        self.aborted.get() && self.listens_for_abort.take()
    }

    /// Whether JavaScript's `finish` has something to let go when the event is over.
    pub fn needs_finish(&self) -> bool {
        self.needs_finish.get()
    }

    /// Counts one subrequest; false when the event has none left.
    pub fn charge_subrequest(&self) -> bool {
        let left = self.subrequests_left.get();
        self.subrequests_left.set(left.saturating_sub(1));
        left > 0
    }

    /// The outgoing connections of the event.
    pub fn connections(&self) -> Arc<Connections> {
        self.connections
            .borrow_mut()
            .get_or_insert_with(|| Connections::new(CONNECTIONS_PER_EVENT))
            .clone()
    }

    /// What a binding has of the event: made when it is first asked for, given up at the event's
    /// end.
    pub fn state_of<T: Default + 'static>(&self) -> Rc<T> {
        let mut states = self.states.borrow_mut();
        let make = || -> Rc<dyn Any> { Rc::new(T::default()) };
        let state = states.entry(TypeId::of::<T>()).or_insert_with(make).clone();
        // What stands under a type is of that type.
        state.downcast().unwrap_or_default()
    }

    /// Keeps something for as long as the event is not over. Answers the number that it has.
    pub(crate) fn keep(&self, kept: Rc<dyn Any>) -> u64 {
        let number = self.last_kept.get() + 1;
        self.last_kept.set(number);
        self.kept.borrow_mut().insert(number, kept);
        number
    }

    /// Keeps it no more.
    pub(crate) fn let_go(&self, number: u64) {
        let kept = self.kept.borrow_mut().remove(&number);
        drop(kept);
    }

    /// Cancelled when the event is over: what it still has open outside is closed then.
    pub fn cancel_handle(&self) -> Rc<CancelHandle> {
        self.cancel.clone()
    }

    /// What it has as a request.
    fn fetch(&self) -> Option<&kinds::fetch::State> {
        match &self.state {
            State::Fetch(fetch) => Some(fetch),
            State::Scheduled(_) | State::Queue(_) | State::Tail(_) | State::Rpc(_) => None,
        }
    }

    /// Decides the event, unless that is done.
    fn answer_with(&self, answer: Answer) {
        if !self.answered.replace(true)
            && let Some(fetch) = self.fetch()
        {
            *fetch.answer.borrow_mut() = Some(answer);
        }
    }

    fn report(&self, thrown: Thrown) {
        self.thrown.borrow_mut().get_or_insert(thrown);
    }

    /// The worker gives the event up, with all that it still waits for.
    fn abandon(&self, thrown: &Thrown) {
        self.report(thrown.clone());
        let was_answered = self.answered.replace(true);
        if let Some(fetch) = self.fetch() {
            fetch.abandon(was_answered, thrown);
        }
        self.abandoned.set(true);
        self.waiting.set(0);
        self.cancel.cancel();
    }

    /// Closes what the event has open.
    fn end(&self) {
        self.cancel.cancel();
        if let Some(fetch) = self.fetch() {
            // It knows the table of events, which knows it.
            drop(fetch.unsent.take());
        }
        drop(self.kept.take());
        drop(self.states.take());
    }
}

/// The event that calls an op; none where no event's code is running. It is nobody else's then.
pub(crate) fn running(scope: &v8::PinScope<'_, '_>, state: &OpState) -> Option<Weak<Event>> {
    let events = state.try_borrow::<Events>()?;
    events.get(running_id(scope)?).map(|event| Rc::downgrade(&event))
}

/// Notes which event calls an op, for what the op asks of its limits.
pub(crate) fn note_running(scope: &v8::PinScope<'_, '_>, state: &OpState) {
    if let Some(events) = state.try_borrow::<Events>() {
        events.note_running(running_id(scope));
    }
}
