//! Whether a limit has ended the code that is running: deno_core turns the end of a module that
//! is being loaded into an exception, which is not the worker's.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, op2, v8};

/// Asks for the event that has exceeded a limit in the slice that runs; 0 where it is not
/// known. Lives in the isolate's `OpState`, where the runtime puts it.
pub struct LimitCheck(Box<dyn Fn() -> Option<u32>>);

impl LimitCheck {
    /// A check that asks this function.
    pub fn new(exceeded: impl Fn() -> Option<u32> + 'static) -> LimitCheck {
        LimitCheck(Box::new(exceeded))
    }
}

/// The event that has exceeded a limit in the slice that runs.
pub(crate) fn exceeded(state: &OpState) -> Option<u32> {
    state.try_borrow::<LimitCheck>().and_then(|check| (check.0)())
}

/// Ends the running code where a limit has been exceeded (`loading.js`).
#[op2(nofast)]
pub(crate) fn op_compat_load_failed(scope: &mut v8::PinScope<'_, '_>, state: Rc<RefCell<OpState>>) {
    if exceeded(&state.borrow()).is_some() {
        scope.terminate_execution();
    }
}
