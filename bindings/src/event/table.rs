//! The events that run in one isolate, by their number, and which of them is running.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use deno_core::OpState;
use deno_error::JsErrorBox;
use rustc_hash::FxHashMap;

use super::body::RequestBody;
use super::{CallContext, Event, EventId, Fetch, Trigger};
use crate::hops::Hops;

/// The events that run in one isolate. Lives in the isolate's `OpState`; clones share it.
#[derive(Clone)]
pub struct Events(Rc<Table>);

struct Table {
    events: RefCell<FxHashMap<EventId, Rc<Event>>>,
    changed: RefCell<Vec<Rc<Event>>>,
    next_id: Cell<EventId>,
    /// Whether there has been an event: before the first one the worker's top-level code runs.
    have_begun: Cell<bool>,
    /// The event that V8 last named as the running one.
    running: Cell<Option<EventId>>,
    on_change: RefCell<Option<Box<dyn Fn()>>>,
}

impl Default for Events {
    fn default() -> Self {
        Events(Rc::new(Table {
            events: RefCell::default(),
            changed: RefCell::default(),
            next_id: Cell::new(EventId::FIRST),
            have_begun: Cell::new(false),
            running: Cell::new(None),
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

    /// Adds an event, with the number of subrequests it may make. A request that has come from the
    /// network says by itself how far it has come.
    pub fn insert(&self, trigger: Trigger, mut call: CallContext, subrequests: u32) -> Rc<Event> {
        let id = self.0.next_id.get();
        self.0.next_id.set(id.next());
        self.0.have_begun.set(true);
        if let Trigger::Fetch(request) = &trigger
            && let Some(hops) = request.head.extensions.get::<Hops>()
        {
            call.hops = call.hops.max(*hops);
        }
        let event = Rc::new(Event::new(id, trigger, call, subrequests));
        self.0.events.borrow_mut().insert(id, event.clone());
        event
    }

    /// The event with this number, while it runs.
    pub fn get(&self, id: EventId) -> Option<Rc<Event>> {
        self.0.events.borrow().get(&id).cloned()
    }

    /// Removes an event that is over and closes what it has open.
    pub fn remove(&self, id: EventId) {
        let event = self.0.events.borrow_mut().remove(&id);
        if let Some(event) = event {
            event.end();
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

    /// What is thrown where an op needs an event and there is none. `what` is what the worker called:
    /// `fetch()`.
    pub(crate) fn no_event(&self, what: &str) -> JsErrorBox {
        JsErrorBox::generic(self.no_event_text(what))
    }

    /// The same as a text: at the top level in the words of Workers.
    pub(super) fn no_event_text(&self, what: &str) -> String {
        if self.0.have_begun.get() {
            return format!(
                "{what} belongs to no event: the one that it was called for is over, or the callback \
                 that called it comes from none. Call it in a handler, in what a handler awaits, or \
                 in what it gives to ctx.waitUntil()."
            );
        }
        format!(
            "Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or \
             connect()), setting a timeout, and generating random values are not allowed within \
             global scope. To fix this error, perform this operation within a handler: {what}."
        )
    }

    /// Whether there has been an event: then what belongs to none is not the worker's top level.
    pub(super) fn have_begun(&self) -> bool {
        self.0.have_begun.get()
    }

    /// Notes which event's code calls an op.
    pub(super) fn note_running(&self, id: Option<EventId>) {
        self.0.running.set(id);
    }

    /// The event whose code called the op that is running.
    pub(super) fn running(&self) -> Option<Rc<Event>> {
        self.get(self.0.running.get()?)
    }

    pub(super) fn changed(&self, event: &Rc<Event>) {
        self.0.changed.borrow_mut().push(event.clone());
    }

    pub(super) fn changed_outside(&self, event: &Rc<Event>) {
        self.changed(event);
        if let Some(call) = &*self.0.on_change.borrow() {
            call();
        }
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
    let request = Fetch { head, body: RequestBody::Empty, client: None };
    let events = state.borrow().borrow::<Events>().clone();
    events.insert(Trigger::Fetch(Box::new(request)), CallContext::default(), 1);
}

/// Removes what warming has left.
pub fn remove_warm_up_events(state: &RefCell<OpState>) {
    let events = state.borrow().borrow::<Events>().clone();
    for event in events.all() {
        events.remove(event.id());
    }
    events.take_changed();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Kind, KindResult, Scheduled};

    fn scheduled() -> Trigger {
        Trigger::Scheduled(Scheduled { cron: "* * * * *".into(), scheduled_time_ms: 0 })
    }

    fn request(hops: Option<Hops>) -> Trigger {
        let (mut head, ()) = http::Request::get("http://a.b/").body(()).unwrap().into_parts();
        if let Some(hops) = hops {
            head.extensions.insert(hops);
        }
        Trigger::Fetch(Box::new(Fetch { head, body: RequestBody::Empty, client: None }))
    }

    #[test]
    fn nobody_answers_for_an_event_that_is_over() {
        let events = Events::default();
        let first = events.insert(scheduled(), CallContext::default(), 1).id();
        let second = events.insert(scheduled(), CallContext::default(), 1).id();
        events.note_running(Some(first));
        assert_eq!(events.running().map(|event| event.id()), Some(first));
        events.remove(first);
        assert!(events.running().is_none());
        events.note_running(None);
        assert!(events.running().is_none());
        assert_eq!(events.get(second).map(|event| event.kind()), Some(Kind::Scheduled));
    }

    #[test]
    fn the_top_level_is_told_otherwise_than_a_callback_without_an_event() {
        let events = Events::default();
        let said = events.no_event_text("fetch()");
        assert!(said.starts_with("Disallowed operation called within global scope. "), "{said}");
        assert!(said.ends_with(": fetch()."), "{said}");
        let id = events.insert(scheduled(), CallContext::default(), 1).id();
        events.remove(id);
        let said = events.no_event_text("fetch()");
        assert!(said.starts_with("fetch() belongs to no event: "), "{said}");
    }

    #[test]
    fn a_request_has_come_as_far_as_it_says_or_as_who_calls_says() {
        let events = Events::default();
        let far = (0..3).fold(Hops::default(), |hops, _| hops.next());
        let near = Hops::default().next();
        for (says, called, expected) in
            [(Some(far), near, far), (Some(near), far, far), (None, near, near)]
        {
            let call = CallContext { hops: called, ..CallContext::default() };
            assert_eq!(events.insert(request(says), call, 1).call().hops, expected);
        }
    }

    #[test]
    fn what_a_binding_has_of_an_event_goes_with_it() {
        let events = Events::default();
        let event = events.insert(scheduled(), CallContext::default(), 1);
        let state = event.state_of::<Cell<u32>>();
        state.set(7);
        assert_eq!(event.state_of::<Cell<u32>>().get(), 7);
        assert_eq!(event.state_of::<Cell<u8>>().get(), 0);
        events.remove(event.id());
        assert_eq!(Rc::strong_count(&state), 1);
    }

    #[test]
    fn an_event_that_its_worker_gives_up_waits_for_nothing() {
        let events = Events::default();
        let event = events.insert(request(None), CallContext::default(), 1);
        event.waiting.set(3);
        let thrown = crate::event::Thrown { message: "Error: no".into(), stack: String::new() };
        event.abandon(&thrown);
        assert!(event.is_over());
        assert_eq!(event.take_answer().map(|answer| answer.unwrap_err()), Some(thrown.clone()));
        assert_eq!(event.take_thrown(), Some(thrown));
        assert!(matches!(event.take_result(), KindResult::Fetch));
    }
}
