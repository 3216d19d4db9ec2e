//! Whether a limit has ended the code that is running: deno_core turns the end of a module that
//! is being loaded into an exception, which is not the worker's.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, op2, v8};

use crate::event::EventId;

/// Asks whether a limit was exceeded in the slice that runs, and by which event, where that is
/// known. Lives in the isolate's `OpState`, where the runtime puts it.
pub struct LimitCheck(Box<dyn Fn() -> Option<Option<EventId>>>);

impl LimitCheck {
    /// A check that asks this function.
    pub fn new(exceeded: impl Fn() -> Option<Option<EventId>> + 'static) -> LimitCheck {
        LimitCheck(Box::new(exceeded))
    }
}

/// Whether a limit was exceeded in the slice that runs, and by which event, where that is known.
pub(crate) fn exceeded(state: &OpState) -> Option<Option<EventId>> {
    state.try_borrow::<LimitCheck>().and_then(|check| (check.0)())
}

/// Ends the running code where a limit has been exceeded (`loading.js`).
#[op2(nofast)]
pub(crate) fn op_compat_load_failed(scope: &mut v8::PinScope<'_, '_>, state: Rc<RefCell<OpState>>) {
    if exceeded(&state.borrow()).is_some() {
        scope.terminate_execution();
    }
}
