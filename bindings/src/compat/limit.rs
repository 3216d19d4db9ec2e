//! What a script that fails to load asks: whether a limit has ended it.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, op2, v8};

/// Whether the code that is running has exceeded a limit. Lives in the isolate's `OpState`,
/// where the runtime puts it.
pub struct LimitCheck(Box<dyn Fn() -> bool>);

impl LimitCheck {
    /// A check that asks this function.
    pub fn new(exceeded: impl Fn() -> bool + 'static) -> LimitCheck {
        LimitCheck(Box::new(exceeded))
    }
}

/// Ends the running code where a limit has been exceeded (`loading.js`).
#[op2(nofast)]
pub(crate) fn op_compat_load_failed(scope: &mut v8::PinScope<'_, '_>, state: Rc<RefCell<OpState>>) {
    let exceeded = state.borrow().try_borrow::<LimitCheck>().is_some_and(|check| (check.0)());
    if exceeded {
        scope.terminate_execution();
    }
}
