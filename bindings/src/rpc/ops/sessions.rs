//! From the first call of an event, or for it, to its end; and what comes in between.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;

use deno_core::{OpState, op2, v8};

use super::error_of;
use crate::event::{EventId, Events};
use crate::rpc::calls::Calls;
use crate::rpc::desk::Desk;
use crate::rpc::told::{Told, ToldValue};

/// The event makes calls, or gets some, from now on; false where it is over.
#[op2(fast)]
pub(in crate::rpc) fn op_rpc_begin(state: &mut OpState, #[smi] id: u32) -> bool {
    Calls::of(state, id).is_some()
}

/// Begins with the session that the event is for. Answers the handle of the entrypoint; -1 where there is
/// none.
#[op2(fast)]
#[smi]
pub(in crate::rpc) fn op_rpc_accept(state: &mut OpState, #[smi] id: u32) -> i32 {
    let handle = Calls::of(state, id).and_then(|(event, calls)| calls.serve(&event));
    handle.and_then(|handle| i32::try_from(handle.get()).ok()).unwrap_or(-1)
}

/// Ends all calls of the event, which is given up, with what it is given up with.
#[op2(nofast)]
pub(in crate::rpc) fn op_rpc_close(
    scope: &mut v8::PinScope<'_, '_>,
    state: &mut OpState,
    #[smi] id: u32,
    #[string] name: &str,
    message: v8::Local<'_, v8::String>,
    has_data: bool,
) {
    let reason = error_of(scope, state.borrow_mut::<Desk>(), name, message, has_data);
    if let Some((event, calls)) = Calls::of(state, id) {
        calls.serve(&event);
        if let Some(machine) = calls.machine() {
            machine.borrow_mut().close(Some(reason));
        }
    }
}

/// The caller of the event has gone, and what it had called still runs.
#[op2(fast)]
pub(in crate::rpc) fn op_rpc_cut_off(state: &mut OpState, #[smi] id: u32) {
    if let Some((event, _)) = Calls::of(state, id) {
        event.cut_off();
    }
}

/// Waits until there is something to do; answers false where there never will be.
#[op2(async(deferred), fast)]
pub(in crate::rpc) async fn op_rpc_wait(state: Rc<RefCell<OpState>>, #[smi] id: u32) -> bool {
    // Nothing of the event is held while this waits: its end ends the calls, and this.
    let found = Calls::of(&state.borrow(), id)
        .and_then(|(_, calls)| Some((calls.machine()?, Rc::downgrade(&calls))));
    let Some((machine, calls)) = found else { return false };
    let effect = poll_fn(|cx| machine.borrow_mut().poll_effect(cx)).await;
    match (effect, calls.upgrade()) {
        (Some(effect), Some(calls)) => {
            calls.keep(effect);
            true
        }
        _ => false,
    }
}

/// What there is to do next.
#[op2]
pub(in crate::rpc) fn op_rpc_effect(state: &mut OpState, #[smi] id: u32) -> Told {
    let Some((_, calls)) = Calls::of(state, id) else { return Told::nothing() };
    match calls.next_effect() {
        Some(effect) => Told::of(effect, &calls, state.borrow_mut::<Desk>()),
        None => Told::nothing(),
    }
}

/// The `ctx.props` that the worker itself has given the event: the slots of the workers that they refer
/// to, and the number by which they are read.
#[op2]
pub(in crate::rpc) fn op_rpc_props(state: &mut OpState, #[smi] id: u32) -> ToldValue {
    let event = EventId::new(id).and_then(|id| state.try_borrow::<Events>()?.get(id));
    let Some(given) = event.and_then(|event| event.call().given.clone()) else {
        return ToldValue::default();
    };
    let services = given.services.iter().cloned();
    let caps = services.map(|service| crate::services::add(state, service)).collect();
    let data = state.borrow_mut::<Desk>().put(given.data);
    ToldValue { caps, data }
}
