//! The memory of ICU, behind `Intl`: V8 does not count it, and a small object of JavaScript's may
//! hold tens of kilobytes of it. ICU is told to allocate here, where the bytes are counted for the
//! isolate that is entered on the thread. What it keeps for the process counts for whoever asked
//! first.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::null;

thread_local! {
    /// Bytes allocated, less those freed, since the slice began.
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

type Allocate = unsafe extern "C" fn(*const c_void, usize) -> *mut c_void;
type Reallocate = unsafe extern "C" fn(*const c_void, *mut c_void, usize) -> *mut c_void;
type Free = unsafe extern "C" fn(*const c_void, *mut c_void);

// Of the ICU that is linked into V8; its functions carry the version in their names, so that with
// another one this does not link.
unsafe extern "C" {
    fn u_setMemoryFunctions_77(
        context: *const c_void,
        allocate: Allocate,
        reallocate: Reallocate,
        free: Free,
        status: *mut i32,
    );
}

/// Has ICU allocate here. To be called once, before V8 is initialised.
pub(crate) fn install() {
    let mut status = 0;
    // SAFETY: the three functions keep to the contracts of `malloc`, `realloc` and `free`, and ICU
    // has allocated nothing yet.
    unsafe { u_setMemoryFunctions_77(null(), allocate, reallocate, free, &raw mut status) };
    debug_assert!(status <= 0, "ICU refused its allocator: {status}");
}

/// A slice begins on this thread.
pub(super) fn begin() {
    BYTES.set(0);
}

/// Bytes that the slice has taken so far; negative where it gave back more.
pub(super) fn since_begin() -> isize {
    BYTES.get()
}

fn count(bytes: isize) {
    // No thread-local is left while a thread ends.
    let _ = BYTES.try_with(|counter| counter.set(counter.get().wrapping_add(bytes)));
}

fn size_of(block: *mut c_void) -> isize {
    // SAFETY: null, or a block of the C library's that has not been freed.
    unsafe { libc::malloc_usable_size(block) }.cast_signed()
}

unsafe extern "C" fn allocate(_context: *const c_void, bytes: usize) -> *mut c_void {
    // SAFETY: as `malloc`.
    let block = unsafe { libc::malloc(bytes) };
    count(size_of(block));
    block
}

unsafe extern "C" fn reallocate(
    _context: *const c_void,
    block: *mut c_void,
    bytes: usize,
) -> *mut c_void {
    let before = size_of(block);
    // SAFETY: as `realloc`: ICU gives a block that it got here.
    let moved = unsafe { libc::realloc(block, bytes) };
    if !moved.is_null() {
        count(size_of(moved) - before);
    }
    moved
}

unsafe extern "C" fn free(_context: *const c_void, block: *mut c_void) {
    count(-size_of(block));
    // SAFETY: as `free`: ICU gives a block that it got here, or null.
    unsafe { libc::free(block) };
}
