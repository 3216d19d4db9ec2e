//! The ops through which an event learns what nobody has caught: its handler's exception, and those
//! that do not decide the response. How an exception is put into words is `thrown.rs`'s.

use std::rc::Rc;

use deno_core::{OpState, op2, v8};

use super::thrown::{IllegibleRejection, describe};
use super::{Events, Thrown};

#[op2(nofast)]
pub(super) fn op_event_fail<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<std::cell::RefCell<OpState>>,
    #[smi] id: u32,
    error: v8::Local<'s, v8::Value>,
) {
    // The rejection of an import that a limit has ended: the limit is why the event fails.
    if crate::compat::exceeded(&state.borrow()) == Some(id) {
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

/// An exception that does not decide the response: of a timer, a `waitUntil`, a stream, an
/// unhandled rejection.
#[op2(nofast)]
pub(super) fn op_event_report<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<std::cell::RefCell<OpState>>,
    #[smi] id: u32,
    error: v8::Local<'s, v8::Value>,
) {
    let thrown = describe(scope, error);
    let events = state.borrow().borrow::<Events>().clone();
    match events.get_or_oldest(id) {
        Some(event) => event.report(thrown),
        None => IllegibleRejection::note(&mut state.borrow_mut(), thrown),
    }
}

/// In the place of deno_core's `op_dispatch_exception`.
#[op2(nofast)]
pub(super) fn op_event_unhandled<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<std::cell::RefCell<OpState>>,
    error: v8::Local<'s, v8::Value>,
    _promise: bool,
) {
    let thrown = describe(scope, error);
    let running = super::running_id(scope);
    let events = state.borrow().borrow::<Events>().clone();
    if let Some(event) = events.get_or_oldest(running) {
        event.report(thrown);
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
