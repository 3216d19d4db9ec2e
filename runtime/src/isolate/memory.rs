//! The memory of `ArrayBuffer`s, which V8 keeps outside of its heap and so outside of the
//! heap's limit: an allocator with a quota for each isolate.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicUsize, Ordering};

use deno_core::v8;

use crate::memory;

/// What V8 expects of a buffer's address.
const ALIGNMENT: usize = 16;

/// Whose memory was too little for what an isolate asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ShortOf {
    /// The isolate's own limit.
    Isolate = 1,
    /// The node's ceiling.
    Node,
}

/// Bytes of one isolate's buffers. Shared with V8's sweeper threads.
#[derive(Debug)]
pub(crate) struct BufferQuota {
    used_bytes: AtomicUsize,
    limit_bytes: usize,
    /// What the last refusal was for; zero for none.
    refused: AtomicU8,
    /// Refusals since the last buffer that was given, or since V8 was told that it wants no heap.
    refusals_in_turn: AtomicI32,
}

/// V8 asks so often for a buffer, with collections in between, before it asks for more heap, collects
/// whatever there is, and asks for the last time.
const ASKED_BEFORE_HEAP: i32 = 3;

impl BufferQuota {
    pub(super) fn new(limit_bytes: usize) -> Arc<BufferQuota> {
        Arc::new(BufferQuota {
            used_bytes: AtomicUsize::new(0),
            limit_bytes,
            refused: AtomicU8::new(0),
            refusals_in_turn: AtomicI32::new(0),
        })
    }

    /// Why memory has been refused since the last call, if it has.
    pub(crate) fn take_refused(&self) -> Option<ShortOf> {
        match self.refused.swap(0, Ordering::Relaxed) {
            0 => None,
            by if by == ShortOf::Node as u8 => Some(ShortOf::Node),
            _ => Some(ShortOf::Isolate),
        }
    }

    /// What the buffers take, in bytes.
    pub(super) fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Whether V8 asks for more heap only because it did not get a buffer: the heap has room, and
    /// what the tenant's code gets is an error.
    pub(super) fn is_asked_for(&self) -> bool {
        let asked = self.refusals_in_turn.load(Ordering::Relaxed) >= ASKED_BEFORE_HEAP;
        if asked {
            // The last time is still to come.
            self.refusals_in_turn.store(-1, Ordering::Relaxed);
        }
        asked
    }

    /// Memory has been refused.
    pub(super) fn note_refused(&self, short_of: ShortOf) {
        self.refused.store(short_of as u8, Ordering::Relaxed);
    }

    fn allocate(&self, bytes: usize, allocate: unsafe fn(Layout) -> *mut u8) -> *mut c_void {
        let used = self.used_bytes.fetch_add(bytes, Ordering::Relaxed);
        let layout = Layout::from_size_align(bytes.max(1), ALIGNMENT);
        let mut short_of = ShortOf::Isolate;
        if let Ok(layout) = layout
            && used.saturating_add(bytes) <= self.limit_bytes
        {
            short_of = ShortOf::Node;
            if memory::admit(bytes) {
                // SAFETY: the layout's size is not zero.
                let buffer = unsafe { allocate(layout) };
                if !buffer.is_null() {
                    self.refusals_in_turn.store(0, Ordering::Relaxed);
                    return buffer.cast();
                }
                memory::give_back(bytes);
            }
        }
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.note_refused(short_of);
        self.refusals_in_turn.fetch_add(1, Ordering::Relaxed);
        null_mut()
    }
}

static VTABLE: v8::RustAllocatorVtable<BufferQuota> = v8::RustAllocatorVtable {
    allocate: allocate_zeroed,
    allocate_uninitialized,
    free,
    drop: drop_quota,
};

/// An allocator that counts against the quota.
pub(super) fn allocator(quota: Arc<BufferQuota>) -> v8::UniqueRef<v8::Allocator> {
    // SAFETY: the pointer comes from `Arc::into_raw` and is given back in `drop_quota`; the
    // table's functions take exactly this type.
    unsafe { v8::new_rust_allocator(Arc::into_raw(quota), &VTABLE) }
}

unsafe extern "C" fn allocate_zeroed(quota: &BufferQuota, bytes: usize) -> *mut c_void {
    quota.allocate(bytes, alloc_zeroed)
}

unsafe extern "C" fn allocate_uninitialized(quota: &BufferQuota, bytes: usize) -> *mut c_void {
    quota.allocate(bytes, alloc)
}

unsafe extern "C" fn free(quota: &BufferQuota, buffer: *mut c_void, bytes: usize) {
    quota.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    memory::give_back(bytes);
    // SAFETY: V8 gives back what `allocate` made, with the length it asked for.
    unsafe {
        let layout = Layout::from_size_align_unchecked(bytes.max(1), ALIGNMENT);
        dealloc(buffer.cast(), layout);
    }
}

unsafe extern "C" fn drop_quota(quota: *const BufferQuota) {
    // SAFETY: the pointer that `allocator` made, given back once.
    drop(unsafe { Arc::from_raw(quota) });
}
