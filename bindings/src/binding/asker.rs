//! Who asks a binding: the event whose code calls an op. All that bindings need of an event is behind
//! it: its line, its end, and `Event::state_of` for what a binding keeps for it.

use std::rc::{Rc, Weak};

use deno_core::{OpState, v8};
use deno_error::JsErrorBox;

use super::line::Line;
use crate::event::{self, Event, Events};

/// The event that asks; none in an isolate that has no events.
#[derive(Clone)]
pub struct Asker {
    event: Option<Weak<Event>>,
}

impl Asker {
    /// The event whose code calls the op that is running.
    ///
    /// # Errors
    ///
    /// No event's does. `what` is what the worker called, to be said in words: `env.X.get()`.
    pub fn running(
        scope: &v8::PinScope<'_, '_>,
        state: &OpState,
        what: &str,
    ) -> Result<Self, JsErrorBox> {
        let Some(events) = state.try_borrow::<Events>() else { return Ok(Self { event: None }) };
        match event::running(scope, state) {
            Some(event) => Ok(Self { event: Some(event) }),
            None => Err(events.no_event(what)),
        }
    }

    /// One that is this event.
    pub fn of(event: &Rc<Event>) -> Self {
        Self { event: Some(Rc::downgrade(event)) }
    }

    /// The event, while it is not over.
    pub fn event(&self) -> Option<Rc<Event>> {
        self.event.as_ref().and_then(Weak::upgrade)
    }

    /// Whether it is not over.
    pub fn is_on(&self) -> bool {
        self.event.as_ref().is_none_or(|event| event.strong_count() > 0)
    }

    /// The line in which its operations wait for each other; none where there is no event.
    pub fn line(&self) -> Option<Rc<Line>> {
        self.event().map(|event| event.state_of())
    }
}
