//! The ops through which an event learns what nobody has caught: its handler's exception, and those
//! that do not decide the response. What belongs to no event goes to the console. How an exception is put
//! into words is `thrown.rs`'s.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, op2, v8};

use super::console::{Console, ERROR};
use super::thrown::{IllegibleRejection, describe};
use super::{EventId, Events, Thrown};

#[op2(nofast)]
pub(super) fn op_event_fail<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] id: u32,
    error: v8::Local<'s, v8::Value>,
) {
    let Some(id) = EventId::new(id) else { return };
    // The rejection of an import that a limit has ended: the limit is why the event fails.
    if crate::compat::exceeded(&state.borrow()) == Some(Some(id)) {
        return;
    }
    let thrown = describe(scope, error);
    let events = state.borrow().borrow::<Events>().clone();
    if let Some(event) = events.get(id) {
        event.report(thrown.clone());
        event.answer_with(Err(thrown));
        events.changed(&event);
    }
}

/// The worker gives the event up (`ctx.abort()`): it fails with `error`, and nothing that it still waits
/// for counts.
#[op2(nofast)]
pub(super) fn op_event_abandon<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] id: u32,
    error: v8::Local<'s, v8::Value>,
) {
    let thrown = describe(scope, error);
    let events = state.borrow().borrow::<Events>().clone();
    if let Some(event) = EventId::new(id).and_then(|id| events.get(id)) {
        event.abandon(&thrown);
        events.changed(&event);
    }
}

/// An exception that does not decide the response: of a timer, a `waitUntil`, a stream, an
/// unhandled rejection.
#[op2(nofast)]
pub(super) fn op_event_report<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] id: u32,
    error: v8::Local<'s, v8::Value>,
) {
    let thrown = describe(scope, error);
    report(&state, EventId::new(id), thrown);
}

/// In the place of deno_core's `op_dispatch_exception`.
#[op2(nofast)]
pub(super) fn op_event_unhandled<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    error: v8::Local<'s, v8::Value>,
    _promise: bool,
) {
    let thrown = describe(scope, error);
    report(&state, super::running_id(scope), thrown);
}

/// It is the exception of the event, while that is not over. What is nobody's is told to the worker's
/// author; at the top level, where it may be why the worker does not start, whoever starts it tells.
fn report(state: &RefCell<OpState>, id: Option<EventId>, thrown: Thrown) {
    let events = state.borrow().borrow::<Events>().clone();
    if let Some(event) = id.and_then(|id| events.get(id)) {
        event.report(thrown);
        return;
    }
    if !events.have_begun() {
        IllegibleRejection::note(&mut state.borrow_mut(), thrown);
        return;
    }
    let console = state.borrow().try_borrow::<Console>().cloned();
    if let Some(console) = console {
        // The stack begins with the message.
        let text = if thrown.stack.is_empty() { &thrown.message } else { &thrown.stack };
        console.write(None, ERROR, &format!("Uncaught {text}"));
    }
}

/// In the place of deno_core's `op_destructure_error`, which ends the thread over a text that is
/// too long: what an `ErrorEvent` says of an error.
#[op2(reentrant)]
#[serde]
pub(super) fn op_event_destructure<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    error: v8::Local<'s, v8::Value>,
) -> serde_json::Value {
    let Thrown { message, stack } = describe(scope, error);
    let frames: Vec<_> = stack.lines().find_map(place).into_iter().collect();
    serde_json::json!({ "exceptionMessage": format!("Uncaught {message}"), "frames": frames })
}

/// The place that a line of a stack names: `at f (worker:///index.js:1:2)`.
fn place(line: &str) -> Option<serde_json::Value> {
    let text = line.trim().strip_prefix("at ")?.trim_end_matches(')');
    let (text, column) = text.rsplit_once(':')?;
    let (text, line) = text.rsplit_once(':')?;
    let (line, column) = (line.parse::<u32>().ok()?, column.parse::<u32>().ok()?);
    let file = text.rsplit_once('(').map_or(text, |(_, file)| file);
    Some(serde_json::json!({ "fileName": file, "lineNumber": line, "columnNumber": column }))
}

/// In the place of deno_core's `op_drain_pending_rejections`.
#[op2(fast)]
pub(super) fn op_event_no_rejections() {}
