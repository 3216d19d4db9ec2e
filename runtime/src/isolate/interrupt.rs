//! What runs on an isolate's thread when the watchdog asks for a look: charge the event that
//! is running, and terminate it where a limit is exceeded. V8 calls this in the middle of a
//! tenant's code, so nothing here runs JavaScript.

use std::ffi::c_void;
use std::ptr::null_mut;

use bindings::event::EventId;
use deno_core::v8;

use super::allocator;
use super::enter;
use super::ledger::Ledger;
use super::pulse::Pulse;
use super::room;

/// Asks for a look. Safe at any time, also while the isolate is parked: V8 then calls back
/// at its next entry, and the look finds nothing.
pub(super) fn request(isolate: &v8::IsolateHandle) {
    isolate.request_interrupt(on_interrupt, null_mut());
}

unsafe extern "C" fn on_interrupt(isolate: v8::UnsafeRawIsolatePtr, _data: *mut c_void) {
    // SAFETY: V8 passes the isolate that is running on this thread.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    let _terminated = look(&mut isolate);
}

/// Looks where V8 does not come to it by itself: it does when a function is entered and when a loop
/// begins again, which code need not do while it returns from ten thousand calls. Answers whether
/// what runs is to end: it does as soon as it comes to such a place.
pub(super) fn is_to_end(isolate: &mut v8::Isolate) -> bool {
    if enter::current_ledger().is_some_and(|ledger| ledger.is_judged()) {
        // Whatever was called meanwhile may have caught the first termination.
        isolate.terminate_execution();
        return true;
    }
    Pulse::current().is_some_and(|pulse| pulse.is_asked()) && look(isolate)
}

fn look(isolate: &mut v8::Isolate) -> bool {
    let Some(pulse) = Pulse::current() else { return false };
    pulse.answered();
    allocator::look();
    let Some(ledger) = enter::current_ledger() else { return false };
    let running = running_event(isolate, &ledger);
    // The node may have run short of memory while it waited.
    let terminate = judge(isolate, &ledger, running)
        || (pulse.wait_for_turn() && judge(isolate, &ledger, running));
    if terminate {
        isolate.terminate_execution();
    }
    terminate
}

fn judge(isolate: &mut v8::Isolate, ledger: &Ledger, running: Option<EventId>) -> bool {
    ledger.look(running) || room::judge(isolate, ledger, running)
}

/// The event whose async context is the current one, if there is one.
pub(super) fn running_event(isolate: &mut v8::Isolate, ledger: &Ledger) -> Option<EventId> {
    let context = ledger.context()?;
    v8::scope!(let scope, isolate);
    let context = v8::Local::new(scope, context);
    let scope = &mut v8::ContextScope::new(scope, context);
    bindings::event::running_id(scope)
}

/// Whether Wasm may be compiled from bytes: only where the worker's configuration allows it,
/// or for a module of its bundle.
pub(super) unsafe extern "C" fn allow_wasm(
    _context: v8::Local<v8::Context>,
    _source: v8::Local<v8::String>,
) -> bool {
    enter::current_ledger().is_some_and(|ledger| ledger.may_compile_wasm())
}
