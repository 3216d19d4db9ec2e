//! Memory that an isolate holds outside of V8's heap and that V8 does not know of: what is held
//! for a JavaScript object (`hold`), messages that nobody has read yet, the stacks of suspended
//! Wasm. Not here: what the limit is, and what happens beyond it (the runtime).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use deno_core::{OpState, op2, v8};

/// A Wasm memory has one for what is in use and one for what is set aside.
const MAPPINGS_PER_HOLD: usize = 2;

/// Who says how much memory an isolate may have.
pub trait MemoryLimit {
    /// The limit, in bytes.
    fn limit_bytes(&self) -> usize;

    /// Whether the isolate may have that much more. Collects garbage before it says no.
    fn has_room(&self, isolate: &mut v8::Isolate, bytes: usize) -> bool;

    /// Ends the event that is running because of the isolate's memory.
    fn exceed(&self, isolate: &mut v8::Isolate);

    /// Whether there may be one more suspended stack, in the isolate and in the process.
    fn take_stack(&self) -> bool;

    /// A stack is there no longer.
    fn give_stack(&self);
}

/// What one isolate holds. Clones are the same meter.
#[derive(Clone, Default)]
pub struct Meter(Rc<Inner>);

#[derive(Default)]
struct Inner {
    limit: RefCell<Option<Rc<dyn MemoryLimit>>>,
    holds: RefCell<HashMap<u32, Hold>>,
    next: Cell<u32>,
    queued_bytes: Arc<AtomicUsize>,
}

/// Something that lives as long as a JavaScript object, or until it is given back.
struct Hold {
    bytes: usize,
    is_stack: bool,
    /// Keeps the finalizer.
    _object: v8::Weak<v8::Object>,
}

/// Counts in a number of bytes until it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    bytes: usize,
    counter: Arc<AtomicUsize>,
}

impl Charge {
    pub(crate) fn new(bytes: usize, counter: &Arc<AtomicUsize>) -> Charge {
        counter.fetch_add(bytes, Ordering::Relaxed);
        Charge { bytes, counter: counter.clone() }
    }

    /// Counts in another number of bytes from now on.
    pub(crate) fn set(&mut self, bytes: usize) {
        self.counter.fetch_add(bytes, Ordering::Relaxed);
        self.counter.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.counter.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Bytes that wait.
struct Queued {
    bytes: Vec<u8>,
    _charge: Charge,
}

impl AsRef<[u8]> for Queued {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Meter {
    /// Sets the limit, or takes it away.
    pub fn set_limit(&self, limit: Option<Rc<dyn MemoryLimit>>) {
        *self.0.limit.borrow_mut() = limit;
    }

    /// Bytes of messages that wait to be read. What is held for objects is told to V8, which
    /// counts it among its external memory.
    pub fn queued_bytes(&self) -> usize {
        self.0.queued_bytes.load(Ordering::Relaxed)
    }

    /// Memory mappings of what is held, about.
    pub fn mappings(&self) -> usize {
        self.0.holds.borrow().len() * MAPPINGS_PER_HOLD
    }

    pub(crate) fn queued(&self) -> &Arc<AtomicUsize> {
        &self.0.queued_bytes
    }

    /// Bytes that wait in Rust for something, and count among the isolate's until the last of their
    /// slices is dropped.
    pub(crate) fn queue(&self, bytes: Vec<u8>) -> Bytes {
        let charge = Charge::new(bytes.len(), self.queued());
        Bytes::from_owner(Queued { bytes, _charge: charge })
    }

    fn limit(&self) -> Option<Rc<dyn MemoryLimit>> {
        self.0.limit.borrow().clone()
    }

    /// The most that one Wasm memory of the isolate may have, in bytes.
    pub(crate) fn limit_bytes(&self) -> Option<usize> {
        self.limit().map(|limit| limit.limit_bytes())
    }

    /// Whether the isolate has room for so many bytes more.
    pub(crate) fn has_room(&self, isolate: &mut v8::Isolate, bytes: usize) -> bool {
        self.limit().is_none_or(|limit| limit.has_room(isolate, bytes))
    }

    /// Ends the running event where the isolate has no room for so much more; answers whether it
    /// has.
    pub(crate) fn demand(&self, isolate: &mut v8::Isolate, bytes: usize) -> bool {
        let Some(limit) = self.limit() else { return true };
        let has_room = limit.has_room(isolate, bytes);
        if !has_room {
            limit.exceed(isolate);
        }
        has_room
    }

    fn hold(
        &self,
        isolate: &mut v8::Isolate,
        object: v8::Local<'_, v8::Object>,
        bytes: usize,
        is_stack: bool,
    ) -> u32 {
        let id = self.0.next.get();
        self.0.next.set(id.wrapping_add(1));
        // May collect garbage, and so run finalizers.
        isolate.adjust_amount_of_external_allocated_memory(signed(bytes));
        let inner = Rc::downgrade(&self.0);
        let object = v8::Weak::with_finalizer(
            isolate,
            object,
            Box::new(move |isolate| {
                if let Some(inner) = inner.upgrade() {
                    Meter(inner).release(isolate, id);
                }
            }),
        );
        let hold = Hold { bytes, is_stack, _object: object };
        self.0.holds.borrow_mut().insert(id, hold);
        id
    }

    fn release(&self, isolate: &mut v8::Isolate, id: u32) {
        let Some(hold) = self.0.holds.borrow_mut().remove(&id) else { return };
        isolate.adjust_amount_of_external_allocated_memory(-signed(hold.bytes));
        if hold.is_stack
            && let Some(limit) = self.limit()
        {
            limit.give_stack();
        }
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// What JavaScript asks for: a whole number that is not negative, cut to what one may ask for.
fn asked(bytes: f64) -> usize {
    /// Far more than any limit, and far less than V8 calls unreasonable.
    const MOST: f64 = (1_u64 << 40) as f64;
    bytes.clamp(0.0, MOST) as usize
}

fn meter(state: &Rc<RefCell<OpState>>) -> Meter {
    state.borrow().borrow::<Meter>().clone()
}

/// Charges the isolate with memory that is there as long as an object. Answers the number to give
/// it back with.
#[op2(nofast)]
#[smi]
pub(crate) fn op_memory_hold<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    object: v8::Local<'s, v8::Object>,
    bytes: f64,
) -> u32 {
    meter(&state).hold(scope, object, asked(bytes), false)
}

/// Gives back what is held, before the object is gone.
#[op2(nofast)]
pub(crate) fn op_memory_release(
    scope: &mut v8::PinScope<'_, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] id: u32,
) {
    meter(&state).release(scope, id);
}

/// Whether the isolate has room for so many bytes more.
#[op2(nofast)]
pub(crate) fn op_memory_has_room(
    scope: &mut v8::PinScope<'_, '_>,
    state: Rc<RefCell<OpState>>,
    bytes: f64,
) -> bool {
    meter(&state).has_room(scope, asked(bytes))
}

/// The same, and ends the running event where it has not.
#[op2(nofast)]
pub(crate) fn op_memory_demand(
    scope: &mut v8::PinScope<'_, '_>,
    state: Rc<RefCell<OpState>>,
    bytes: f64,
) -> bool {
    meter(&state).demand(scope, asked(bytes))
}

/// The limit of the isolate, in bytes; zero where there is none.
#[op2(nofast)]
#[number]
pub(crate) fn op_memory_limit(state: Rc<RefCell<OpState>>) -> usize {
    meter(&state).limit_bytes().unwrap_or_default()
}

/// Takes a stack for a call that may be suspended. Ends the running event where there are too
/// many; answers whether there are not.
#[op2(nofast)]
pub(crate) fn op_memory_stack_take(
    scope: &mut v8::PinScope<'_, '_>,
    state: Rc<RefCell<OpState>>,
) -> bool {
    let Some(limit) = meter(&state).limit() else { return true };
    let taken = limit.take_stack() || {
        // Those of promises that nobody can settle any more come back.
        scope.low_memory_notification();
        limit.take_stack()
    };
    if !taken {
        limit.exceed(scope);
    }
    taken
}

/// The call was not suspended, or threw.
#[op2(nofast)]
pub(crate) fn op_memory_stack_give(state: Rc<RefCell<OpState>>) {
    if let Some(limit) = meter(&state).limit() {
        limit.give_stack();
    }
}

/// A call is suspended: its stack is there as long as its promise, or until it is given back.
#[op2(nofast)]
#[smi]
pub(crate) fn op_memory_stack_hold<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    promise: v8::Local<'s, v8::Object>,
    bytes: f64,
) -> u32 {
    meter(&state).hold(scope, promise, asked(bytes), true)
}
