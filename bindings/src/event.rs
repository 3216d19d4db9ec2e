//! The fetch event as a worker sees it: the table of the events that run in one isolate,
//! which the ops read and write and the runtime fills and empties.
//! Not here: which isolate an event runs in, and what its limits cost (the runtime).

pub mod body;
mod client;
mod console;
mod failures;
mod frame;
mod limits;
mod ops;
pub mod outgoing;
mod resource;
mod stream;
mod thrown;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use deno_core::{CancelHandle, OpState, v8};
use rustc_hash::FxHashMap;

use body::{RequestBody, ResponseBody};
use console::Allowance;
use outgoing::Untaken;
use stream::Unsent;

use crate::fetch::Connections;
use crate::hops::Hops;

pub use client::Client;
pub use console::{Console, Idle};
pub use frame::running_id;
pub(crate) use ops::isolane_bindings;
pub use ops::plain_text;
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
    id: u32,
    head: RefCell<Option<http::request::Parts>>,
    client: RefCell<Option<Arc<dyn Client>>>,
    body: RefCell<RequestBody>,
    answer: RefCell<Option<Answer>>,
    /// The stream that is the body of the answer, until that is taken.
    unsent: RefCell<Option<Unsent>>,
    answered: Cell<bool>,
    streaming: Cell<bool>,
    broken: Cell<bool>,
    body_failed: Cell<bool>,
    refused: Cell<Option<Untaken>>,
    waiting: Cell<u32>,
    subrequests_left: Cell<u32>,
    hops: Hops,
    connections: RefCell<Option<Arc<Connections>>>,
    /// What is given up when the event is over, by number.
    kept: RefCell<FxHashMap<u64, Rc<dyn Any>>>,
    last_kept: Cell<u64>,
    cancel: Rc<CancelHandle>,
    listens_for_abort: Cell<bool>,
    needs_finish: Cell<bool>,
    aborted: Cell<bool>,
    thrown: RefCell<Option<Thrown>>,
    console: Allowance,
}

impl Event {
    /// The id that JavaScript carries in its async context.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Sets who has sent the request.
    pub fn set_client(&self, client: Arc<dyn Client>) {
        *self.client.borrow_mut() = Some(client);
    }

    /// Whether the response, or a failure, has been decided.
    pub fn is_answered(&self) -> bool {
        self.answered.get()
    }

    /// Whether nothing of the event is left: answered, body sent, no `waitUntil` pending.
    pub fn is_over(&self) -> bool {
        self.answered.get() && !self.streaming.get() && self.waiting.get() == 0
    }

    /// Whether the response's body is still being read from the worker's stream.
    pub fn is_streaming(&self) -> bool {
        self.streaming.get()
    }

    /// Whether the response's body broke off before its end.
    pub fn is_broken(&self) -> bool {
        self.broken.get()
    }

    /// Whether the client's body broke off or was none, so that what the worker threw over it is
    /// not the worker's fault.
    pub fn has_bad_body(&self) -> bool {
        self.body_failed.get()
    }

    /// Why the worker's answer is not sent: too much of others is not taken yet.
    pub fn untaken(&self) -> Option<Untaken> {
        self.refused.get()
    }

    /// The first exception that was reported for the event, by a handler, a timer, a
    /// rejected `waitUntil` or an unhandled rejection.
    pub fn take_thrown(&self) -> Option<Thrown> {
        self.thrown.borrow_mut().take()
    }

    /// Takes the answer, once it is there. If its body is a stream, that begins to be sent, unless
    /// it fails at once: then the failure is the answer.
    pub fn take_answer(self: &Rc<Self>) -> Option<Answer> {
        let answer = self.answer.borrow_mut().take()?;
        let unsent = self.unsent.borrow_mut().take();
        let begun = unsent.map_or(Ok(()), |unsent| unsent.begin(self));
        Some(begun.and(answer))
    }

    /// Decides the event from outside (a limit was exceeded): a later answer of the worker
    /// is ignored.
    pub fn close(&self) {
        self.answered.set(true);
    }

    /// Marks the client as gone.
    pub fn abort(&self) {
        self.aborted.set(true);
    }

    /// Whether JavaScript is to be told that the client has gone. True once at most.
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

    fn answer_with(&self, answer: Answer) {
        if !self.answered.replace(true) {
            *self.answer.borrow_mut() = Some(answer);
        }
    }

    fn report(&self, thrown: Thrown) {
        self.thrown.borrow_mut().get_or_insert(thrown);
    }
}

/// The events that run in one isolate. Lives in the isolate's `OpState`; clones share it.
#[derive(Clone)]
pub struct Events(Rc<Table>);

struct Table {
    events: RefCell<FxHashMap<u32, Rc<Event>>>,
    changed: RefCell<Vec<Rc<Event>>>,
    next_id: Cell<u32>,
    /// The event that V8 last named as the running one.
    running: Cell<u32>,
    on_change: RefCell<Option<Box<dyn Fn()>>>,
}

impl Default for Events {
    fn default() -> Self {
        Events(Rc::new(Table {
            events: RefCell::default(),
            changed: RefCell::default(),
            next_id: Cell::new(1),
            running: Cell::new(0),
            on_change: RefCell::default(),
        }))
    }
}

impl Events {
    /// Sets what is called when an event changes while no JavaScript runs (the end of a
    /// response's body): the runtime's wake-up.
    pub fn on_change(&self, call: impl Fn() + 'static) {
        *self.0.on_change.borrow_mut() = Some(Box::new(call));
    }

    /// Adds an event, with the number of subrequests it may make.
    pub fn insert(
        &self,
        head: http::request::Parts,
        body: RequestBody,
        subrequests: u32,
    ) -> Rc<Event> {
        let id = self.0.next_id.get();
        // Smi range: an id is an integer in V8's async context without an allocation.
        self.0.next_id.set(if id >= 0x3fff_fff0 { 1 } else { id + 1 });
        let hops = head.extensions.get::<Hops>().copied().unwrap_or_default();
        let event = Rc::new(Event {
            id,
            head: RefCell::new(Some(head)),
            client: RefCell::default(),
            body: RefCell::new(body),
            answer: RefCell::default(),
            unsent: RefCell::default(),
            answered: Cell::new(false),
            streaming: Cell::new(false),
            broken: Cell::new(false),
            body_failed: Cell::new(false),
            refused: Cell::new(None),
            waiting: Cell::new(0),
            subrequests_left: Cell::new(subrequests),
            hops,
            connections: RefCell::default(),
            kept: RefCell::default(),
            last_kept: Cell::new(0),
            cancel: CancelHandle::new_rc(),
            listens_for_abort: Cell::new(false),
            needs_finish: Cell::new(false),
            aborted: Cell::new(false),
            thrown: RefCell::default(),
            console: Allowance::default(),
        });
        self.0.events.borrow_mut().insert(id, event.clone());
        event
    }

    /// The event with this id, while it runs.
    pub fn get(&self, id: u32) -> Option<Rc<Event>> {
        self.0.events.borrow().get(&id).cloned()
    }

    /// The event with this id or, where JavaScript has lost track (a callback without async
    /// context), the one that has run for longest.
    pub fn get_or_oldest(&self, id: u32) -> Option<Rc<Event>> {
        let events = self.0.events.borrow();
        events.get(&id).or_else(|| events.values().min_by_key(|event| event.id)).cloned()
    }

    /// The event whose code called the op that is running.
    fn running(&self) -> Option<Rc<Event>> {
        self.get_or_oldest(self.0.running.get())
    }

    /// Removes an event that is over and closes what it has open.
    pub fn remove(&self, id: u32) {
        let event = self.0.events.borrow_mut().remove(&id);
        if let Some(event) = event {
            event.cancel.cancel();
            // It knows the table of events, which knows it.
            event.unsent.take();
            event.kept.take();
        }
    }

    /// Takes the events that were answered, or ended, since the last call.
    pub fn take_changed(&self) -> Vec<Rc<Event>> {
        std::mem::take(&mut *self.0.changed.borrow_mut())
    }

    /// How many events run.
    pub fn len(&self) -> usize {
        self.0.events.borrow().len()
    }

    /// Whether no event runs.
    pub fn is_empty(&self) -> bool {
        self.0.events.borrow().is_empty()
    }

    /// All events that run.
    pub fn all(&self) -> Vec<Rc<Event>> {
        self.0.events.borrow().values().cloned().collect()
    }

    fn changed(&self, event: &Rc<Event>) {
        self.0.changed.borrow_mut().push(event.clone());
    }

    fn changed_outside(&self, event: &Rc<Event>) {
        self.changed(event);
        if let Some(call) = &*self.0.on_change.borrow() {
            call();
        }
    }
}

/// The event that calls an op.
pub(crate) fn running(scope: &v8::PinScope<'_, '_>, state: &OpState) -> Option<Weak<Event>> {
    let events = state.try_borrow::<Events>()?;
    events.get_or_oldest(running_id(scope)).map(|event| Rc::downgrade(&event))
}

/// Notes which event calls an op, for what the op asks of its limits.
pub(crate) fn note_running(scope: &v8::PinScope<'_, '_>, state: &OpState) {
    if let Some(events) = state.try_borrow::<Events>() {
        events.0.running.set(running_id(scope));
    }
}

/// Adds the event that the snapshot is warmed with.
pub fn insert_warm_up_event(state: &RefCell<OpState>) {
    let request = http::Request::get("http://a.b/c?d=e")
        .header("a", "b")
        .header("content-type", "application/json")
        .body(())
        .expect("a literal that is a request");
    let (head, ()) = request.into_parts();
    state.borrow().borrow::<Events>().insert(head, RequestBody::Empty, 1);
}

/// Removes what warming has left.
pub fn remove_warm_up_events(state: &RefCell<OpState>) {
    let events = state.borrow().borrow::<Events>().clone();
    for event in events.all() {
        events.remove(event.id);
    }
    events.take_changed();
}
