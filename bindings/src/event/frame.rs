//! The frame: what V8's async context holds while an `AsyncLocalStorage` has a value. It
//! carries the id of the event and, for JavaScript, the values (`frames.js`).
//! Not here: what charges an event (the runtime).

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, op2, v8};

use super::EventId;

/// The internal field that holds the event's id.
const EVENT_FIELD: usize = 0;

/// What frames are made from, once in each isolate.
struct FrameTemplate(v8::Global<v8::ObjectTemplate>);

/// The event that V8's async context names. Safe wherever V8 can be asked, in the
/// middle of a tenant's code too: an internal field is read from memory, no JavaScript runs.
#[must_use]
pub fn running_id(scope: &v8::PinScope<'_, '_>) -> Option<EventId> {
    let context = scope.get_continuation_preserved_embedder_data();
    if let Ok(id) = v8::Local::<v8::Integer>::try_from(context) {
        return event_of(id);
    }
    frame_id(scope, context)
}

fn frame_id(scope: &v8::PinScope<'_, '_>, context: v8::Local<'_, v8::Value>) -> Option<EventId> {
    let frame = v8::Local::<v8::Object>::try_from(context).ok()?;
    let field = frame.get_internal_field(scope, EVENT_FIELD)?;
    let value = v8::Local::<v8::Value>::try_from(field).ok()?;
    event_of(v8::Local::<v8::Integer>::try_from(value).ok()?)
}

fn event_of(id: v8::Local<'_, v8::Integer>) -> Option<EventId> {
    u32::try_from(id.value()).ok().and_then(EventId::new)
}

/// Makes a frame of an event, or of none (0). Its properties exist from the start, so that what a tenant has
/// put on `Object.prototype` does not see JavaScript fill them.
#[op2]
pub(super) fn op_event_frame<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] event: u32,
) -> Option<v8::Local<'s, v8::Value>> {
    let template = template(scope, &state)?;
    let frame = template.new_instance(scope)?;
    let id = v8::Integer::new_from_unsigned(scope, event);
    frame.set_internal_field(EVENT_FIELD, id.into());
    Some(frame.into())
}

fn template<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &RefCell<OpState>,
) -> Option<v8::Local<'s, v8::ObjectTemplate>> {
    if let Some(FrameTemplate(template)) = state.borrow().try_borrow::<FrameTemplate>() {
        return Some(v8::Local::new(scope, template));
    }
    let template = v8::ObjectTemplate::new(scope);
    template.set_internal_field_count(EVENT_FIELD + 1);
    for name in ["event", "stores"] {
        let name = v8::String::new(scope, name)?;
        let none = v8::undefined(scope);
        template.set(name.into(), none.into());
    }
    state.borrow_mut().put(FrameTemplate(v8::Global::new(scope, template)));
    Some(template)
}
