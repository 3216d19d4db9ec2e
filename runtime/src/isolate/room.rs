//! Whether an isolate may have more memory: asked by the bindings before it is given, looked at in
//! the middle of a slice and at its end. How much there is, the ledger knows.

use std::rc::Rc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bindings::event::EventId;
use bindings::memory::MemoryLimit;
use deno_core::v8;

use super::interrupt::running_event;
use super::ledger::Ledger;
use super::memory::ShortOf;
use crate::memory;

/// Suspended stacks in one isolate.
const STACKS_PER_ISOLATE: usize = 256;
/// Memory mappings of one suspended stack: itself and its guards.
pub(crate) const MAPPINGS_PER_STACK: usize = 3;
/// Suspended stacks of the process have at most one of so many of the mappings that the system
/// gives it.
const SHARE_OF_MAPPINGS: usize = 4;

/// Suspended stacks of all isolates; those of lost shards stay.
static STACKS: AtomicUsize = AtomicUsize::new(0);
static STACKS_OF_PROCESS: LazyLock<usize> =
    LazyLock::new(|| memory::mappings_limit() / SHARE_OF_MAPPINGS / MAPPINGS_PER_STACK);

/// The limit of one isolate, as the bindings ask it.
pub(super) struct Room(pub(super) Rc<Ledger>);

impl MemoryLimit for Room {
    fn limit_bytes(&self) -> usize {
        self.0.memory_limit_bytes()
    }

    fn has_room(&self, isolate: &mut v8::Isolate, bytes: usize) -> bool {
        let has_room = self.0.has_room(self.0.measure(isolate), bytes) || {
            isolate.low_memory_notification();
            self.0.has_room(self.0.measure(isolate), bytes)
        };
        if !has_room {
            self.0.note_refused(ShortOf::Isolate);
            return false;
        }
        let has_node_room = memory::admit(bytes);
        if !has_node_room {
            self.0.note_refused(ShortOf::Node);
        }
        has_node_room
    }

    fn exceed(&self, isolate: &mut v8::Isolate) {
        let running = running_event(isolate, &self.0);
        self.0.memory_exhausted_by(running);
        isolate.terminate_execution();
    }

    fn take_stack(&self) -> bool {
        self.0.set_lack_of_stacks(None);
        if self.0.stacks() >= STACKS_PER_ISOLATE {
            return false;
        }
        if STACKS.fetch_add(1, Ordering::Relaxed) >= *STACKS_OF_PROCESS {
            STACKS.fetch_sub(1, Ordering::Relaxed);
            self.0.set_lack_of_stacks(Some(*STACKS_OF_PROCESS));
            return false;
        }
        self.0.set_stacks(self.0.stacks() + 1);
        true
    }

    fn give_stack(&self) {
        if let Some(left) = self.0.stacks().checked_sub(1) {
            self.0.set_stacks(left);
            STACKS.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The isolate is gone, and with it the stacks that nobody has given back.
pub(super) fn give_all_stacks(ledger: &Ledger) {
    STACKS.fetch_sub(ledger.stacks(), Ordering::Relaxed);
    ledger.set_stacks(0);
}

/// Judges the isolate's memory; `running` is the event that V8 names. Answers whether execution has to be
/// terminated.
pub(super) fn judge(isolate: &mut v8::Isolate, ledger: &Ledger, running: Option<EventId>) -> bool {
    let bytes = ledger.measure(isolate);
    if ledger.is_expelled() {
        return ledger.expel(running);
    }
    if !ledger.wants_collection(bytes) {
        return false;
    }
    isolate.low_memory_notification();
    ledger.judge_memory(ledger.measure(isolate), running)
}
