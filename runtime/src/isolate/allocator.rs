//! The program's allocator: the C library's, but that a slice gets large blocks for some times the
//! memory of its isolate only. What an op copies into Rust in one piece (one text in a list ten
//! thousand times, blanks by the billion) nobody could look at in time, and the system would end the
//! process. A refused block ends the shard, as V8's own fatal errors do (`fatal.rs`), where the code
//! that asks has no other answer: V8's serializer throws.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;

/// Smaller blocks are not judged, in bytes.
const LARGE_BYTES: usize = 1 << 20;

/// What a slice may take in large blocks between two looks, in times of the isolate's memory, and
/// beyond that in bytes: what the worker has is copied once or twice on its way, what is given back on
/// another thread (buffers that V8 sweeps) is not seen here, and a look may be late.
const TIMES: isize = 2;
const ALLOWANCE_BYTES: isize = 256 << 20;

/// Outside of slices nothing is judged.
const NO_SLICE: isize = isize::MAX;

thread_local! {
    /// What the slice may still take, in bytes.
    static LEFT: Cell<isize> = const { Cell::new(NO_SLICE) };
    /// What it may take between two looks.
    static ALLOWED: Cell<isize> = const { Cell::new(NO_SLICE) };
}

#[global_allocator]
static ALLOCATOR: Judge = Judge;

struct Judge;

/// A slice begins on this thread, in an isolate that may have so much memory.
pub(super) fn begin(limit_bytes: usize) {
    let limit_bytes = isize::try_from(limit_bytes).unwrap_or(NO_SLICE);
    ALLOWED.set(limit_bytes.saturating_mul(TIMES).saturating_add(ALLOWANCE_BYTES));
    LEFT.set(ALLOWED.get());
}

/// The slice was looked at: it is in nothing that takes memory in one piece.
pub(super) fn look() {
    if LEFT.get() != NO_SLICE {
        LEFT.set(ALLOWED.get());
    }
}

/// The slice is over.
pub(super) fn end() {
    LEFT.set(NO_SLICE);
}

/// Takes bytes of a block of that size from what is left; answers whether there was enough.
fn take(block_bytes: usize, bytes: usize) -> bool {
    if block_bytes < LARGE_BYTES {
        return true;
    }
    // No thread-local is left while a thread ends.
    let taken = LEFT.try_with(|left| {
        let now = left.get();
        let after = isize::try_from(bytes).map_or(-1, |bytes| now.saturating_sub(bytes));
        if now != NO_SLICE && after >= 0 {
            left.set(after);
        }
        now == NO_SLICE || after >= 0
    });
    taken.unwrap_or(true)
}

fn give(block_bytes: usize, bytes: usize) {
    if block_bytes < LARGE_BYTES {
        return;
    }
    let _ = LEFT.try_with(|left| {
        if left.get() != NO_SLICE {
            left.set(left.get().saturating_add(bytes.cast_signed()).min(NO_SLICE - 1));
        }
    });
}

// SAFETY: each block is the system allocator's, asked for and given back with the layout that the
// caller has; null, which stands for no memory, may be answered at any time.
unsafe impl GlobalAlloc for Judge {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !take(layout.size(), layout.size()) {
            return null_mut();
        }
        // SAFETY: as for this call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !take(layout.size(), layout.size()) {
            return null_mut();
        }
        // SAFETY: as for this call.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as for this call.
        unsafe { System.dealloc(block, layout) }
        give(layout.size(), layout.size());
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_bytes: usize) -> *mut u8 {
        if !take(new_bytes, new_bytes.saturating_sub(layout.size())) {
            return null_mut();
        }
        // SAFETY: as for this call.
        let block = unsafe { System.realloc(block, layout, new_bytes) };
        give(layout.size(), layout.size().saturating_sub(new_bytes));
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_room_for(bytes: usize) -> bool {
        Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
    }

    #[test]
    fn a_slice_gets_large_blocks_for_some_times_its_isolates_memory() {
        let most = 2 * (8 << 20) + (256 << 20);
        begin(8 << 20);
        assert!(has_room_for(most));
        assert!(!has_room_for(most + 1));
        let mut held: Vec<u8> = Vec::with_capacity(most / 2);
        assert!(!has_room_for(most - LARGE_BYTES));
        assert!(held.try_reserve_exact(most + 1).is_err(), "nor does one grow beyond it");
        let moved = std::thread::spawn(move || drop(held));
        moved.join().unwrap();
        assert!(!has_room_for(most));
        look();
        assert!(has_room_for(most));
        end();
        assert!(has_room_for(most + 1));
    }

    #[test]
    fn small_blocks_are_not_judged() {
        begin(0);
        let small: Vec<Vec<u8>> = (0..600).map(|_| Vec::with_capacity(LARGE_BYTES / 2)).collect();
        assert_eq!(small.len(), 600);
        end();
    }
}
