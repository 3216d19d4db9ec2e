//! How much of a shard's stack V8 may be found on. JavaScript gets V8's default, a megabyte; what it
//! calls in Rust and C++ goes deeper, and V8 ends the process where it throws an exception or
//! collects garbage more than 40 KB below that. So it is told of nearly the whole stack.

use deno_core::v8;

/// The stack of a shard's thread.
pub(crate) const STACK_BYTES: usize = 8 << 20;
/// What of it V8 may be found on. The rest is for the frames below the isolate.
const KNOWN_BYTES: usize = 7 << 20;

/// Tells V8 of the stack of this thread, which must be a shard's: the isolate is for it alone.
pub(super) fn known(params: v8::CreateParams) -> v8::CreateParams {
    let here = 0_u8;
    let end = std::ptr::from_ref(&here).addr() - KNOWN_BYTES;
    // SAFETY: V8 takes it for an address to compare with, and reads nothing there. The limit of
    // JavaScript is not this one: V8 sets that from its flag `--stack-size` afterwards
    // (`StackGuard::InitThread`).
    unsafe { params.set_stack_limit(std::ptr::without_provenance_mut(end)) }
}
