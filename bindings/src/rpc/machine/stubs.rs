//! The references that JavaScript holds. Not here: how they come and go with calls.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::Machine;
use super::held::{Held, Kind};
use super::ids::{Handle, StubId};
use crate::memory::Charge;
use crate::rpc::frame::RpcError;

/// What a reference takes, in bytes: JavaScript can make as many as it has memory.
const STUB_BYTES: usize = 128;

/// A reference that JavaScript holds.
pub(super) struct Stub {
    held: Held,
    _charge: Charge,
}

impl Stub {
    pub(super) fn new(held: Held, counter: &Arc<AtomicUsize>) -> Self {
        Self { held, _charge: Charge::new(STUB_BYTES, counter) }
    }

    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    pub(super) fn into_held(self) -> Held {
        self.held
    }

    /// Whether it leads out of this event.
    fn is_remote(&self) -> bool {
        !matches!(self.held.kind(), Kind::Target(_))
    }
}

impl Machine {
    /// A handle for an object of this event, and the first reference to it. The handle is taken back by
    /// [`Effect::Dispose`](super::Effect::Dispose) when the last reference is gone.
    pub fn wrap(&mut self) -> (Handle, StubId) {
        let handle = self.next_handle();
        let held = Held::new(Kind::Target(handle), &self.garbage);
        (handle, self.add_stub(held))
    }

    /// Another reference to the same.
    ///
    /// # Errors
    ///
    /// If the stub was disposed of.
    pub fn dup(&mut self, stub: StubId) -> Result<StubId, RpcError> {
        let held = self.stubs.get(stub).ok_or_else(RpcError::stub_disposed)?.held().clone();
        Ok(self.add_stub(held))
    }

    /// Drops a reference. Whether there was one: to dispose of a stub again does nothing.
    pub fn dispose(&mut self, stub: StubId) -> bool {
        let was_there = self.stubs.remove(stub).is_some();
        self.run();
        was_there
    }

    /// Whether a stub was neither disposed of nor moved away. What it leads to may be gone all the same.
    pub fn is_alive(&self, stub: StubId) -> bool {
        self.stubs.get(stub).is_some()
    }

    /// The object, where a stub leads to one of this event.
    pub fn local_target(&self, stub: StubId) -> Option<Handle> {
        match self.stubs.get(stub)?.held().kind() {
            Kind::Target(handle) => Some(*handle),
            Kind::Import(..) | Kind::Root(_) => None,
        }
    }

    /// How many stubs JavaScript holds that lead to other events.
    pub fn undisposed(&self) -> usize {
        self.stubs.values().filter(|stub| stub.is_remote()).count()
    }

    pub(super) fn add_stub(&mut self, held: Held) -> StubId {
        self.stubs.add(Stub::new(held, &self.counter))
    }

    pub(super) fn next_handle(&mut self) -> Handle {
        self.handles = self.handles.wrapping_add(1);
        Handle::new(self.handles)
    }
}
