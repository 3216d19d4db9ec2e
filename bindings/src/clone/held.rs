//! Copies of resizable `ArrayBuffer`s: V8 takes the memory of each from the system while it reads
//! what was written, and counts none of what is mapped for it. Here is what asks for room before, and
//! has the copies charged after. Not here: the charge itself (`global/array_buffers.js`).

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;

use crate::memory::Meter;

/// V8's tag for a resizable buffer, in the data of a value that has one.
const RESIZABLE: u8 = b'~';

/// The function that charges the isolate with the resizable buffers of a value.
struct Holder(v8::Global<v8::Function>);

/// Has a function see each copy from now on that may have resizable buffers in it: no value of the
/// isolate had any before.
#[op2(fast)]
pub(crate) fn op_clone_hold(
    state: &mut OpState,
    scope: &mut v8::PinScope<'_, '_>,
    function: v8::Local<'_, v8::Function>,
) {
    let function = v8::Global::new(scope, function);
    state.put(Holder(function));
}

/// Has a copy made by `read`, and charged where it may have resizable buffers.
///
/// # Errors
///
/// Those of `read`, and a `RangeError` where the isolate has no room for a copy. Where an exception
/// is pending instead, what is answered is not looked at.
pub(super) fn held<'s, 'i>(
    scope: &mut v8::PinScope<'s, 'i>,
    state: &Rc<RefCell<OpState>>,
    data: &[u8],
    read: impl FnOnce(&mut v8::PinScope<'s, 'i>) -> Result<v8::Local<'s, v8::Value>, JsErrorBox>,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let Some((holder, meter)) = holder_for(state, data) else { return read(scope) };
    if !meter.has_room(scope, data.len()) {
        return Err(JsErrorBox::range_error(
            "Array buffer allocation failed: the isolate has no room for the copy",
        ));
    }
    let copy = read(scope);
    let is_held = copy.as_ref().is_ok_and(|copy| is_held(scope, &holder, *copy));
    if !is_held {
        // What was made before it failed is held by nobody, and not counted.
        scope.low_memory_notification();
    }
    copy
}

fn holder_for(
    state: &Rc<RefCell<OpState>>,
    data: &[u8],
) -> Option<(v8::Global<v8::Function>, Meter)> {
    let state = state.borrow();
    let Holder(function) = state.try_borrow::<Holder>()?;
    data.contains(&RESIZABLE).then(|| (function.clone(), state.borrow::<Meter>().clone()))
}

/// Calls the function; where it throws, the exception is pending.
fn is_held(
    scope: &mut v8::PinScope<'_, '_>,
    holder: &v8::Global<v8::Function>,
    copy: v8::Local<'_, v8::Value>,
) -> bool {
    let holder = v8::Local::new(scope, holder);
    v8::tc_scope!(let scope, scope);
    let this = v8::undefined(scope).into();
    let is_held = holder.call(scope, this, &[copy]).is_some();
    if scope.has_caught() || scope.has_terminated() {
        scope.rethrow();
    }
    is_held
}
