//! What an isolate has of memory, inside and outside of V8's heap, and what follows where it is too
//! much. When that is looked at, and who asks before memory is given, is `room.rs`'s.

use std::cell::Cell;
use std::sync::Arc;

use bindings::blob::QuotaBlobStore;
use bindings::event::EventId;
use bindings::memory::Meter;
use deno_core::v8;

use super::{Ledger, Verdict};
use crate::isolate::memory::{BufferQuota, ShortOf};
use crate::isolate::{icu, room};
use crate::memory::Holding;
use crate::placement::LargeSince;

/// An isolate may go beyond its memory limit by this part of it before it is terminated;
/// from the limit on it is condemned and gets no new events.
const TOLERANCE: usize = 8;

/// What an isolate has outside of V8's heap is looked at when it has grown by so much, in bytes.
const OUTSIDE_STEP: usize = 2 << 20;

/// CPU time of a thread between two ends of slices at which an isolate is measured, whether it has
/// grown or not.
const MEASURE_NS: u64 = 2_000_000;

thread_local! {
    /// When an isolate of this thread is measured next, on the thread's CPU clock.
    static NEXT_MEASURE_NS: Cell<u64> = const { Cell::new(0) };
}

/// The memory of one isolate.
pub(super) struct MemoryUse {
    limit_bytes: usize,
    collected_at_bytes: Cell<usize>,
    outside_seen_bytes: Cell<usize>,
    icu_bytes: Cell<isize>,
    stacks: Cell<usize>,
    /// How many the node has, where it has none left for this isolate.
    lack_of_stacks: Cell<Option<usize>>,
    meter: Meter,
    holding: Arc<Holding>,
    large_since: LargeSince,
    over_memory: Cell<bool>,
    buffers: Arc<BufferQuota>,
    blobs: Arc<QuotaBlobStore>,
}

impl MemoryUse {
    pub(super) fn new(
        limit_bytes: usize,
        buffers: Arc<BufferQuota>,
        blobs: Arc<QuotaBlobStore>,
        meter: Meter,
    ) -> MemoryUse {
        MemoryUse {
            limit_bytes,
            collected_at_bytes: Cell::new(0),
            outside_seen_bytes: Cell::new(0),
            icu_bytes: Cell::new(0),
            stacks: Cell::new(0),
            lack_of_stacks: Cell::new(None),
            meter,
            holding: Arc::default(),
            large_since: LargeSince::default(),
            over_memory: Cell::new(false),
            buffers,
            blobs,
        }
    }
}

impl Ledger {
    /// Whether the isolate has been seen above its memory limit.
    pub(crate) fn is_over_memory(&self) -> bool {
        self.memory.over_memory.get()
    }

    /// What the isolate may have, in bytes.
    pub(in crate::isolate) fn limit_bytes(&self) -> usize {
        self.memory.limit_bytes
    }

    /// Why memory was refused since the last call, if it was.
    pub(crate) fn take_refused(&self) -> Option<ShortOf> {
        self.memory.buffers.take_refused()
    }

    /// Whether the isolate's memory has grown so far that a garbage collection has to show
    /// how much of it is in use. `bytes` is all that it has.
    pub(in crate::isolate) fn wants_collection(&self, bytes: usize) -> bool {
        let step = self.memory.limit_bytes / 16;
        bytes > self.memory.limit_bytes.max(self.memory.collected_at_bytes.get() + step)
    }

    /// Judges the memory in use after a collection. Answers whether execution has to be
    /// terminated.
    pub(in crate::isolate) fn judge_memory(&self, bytes: usize, running: Option<EventId>) -> bool {
        self.memory.collected_at_bytes.set(bytes);
        if bytes > self.memory.limit_bytes {
            self.memory.over_memory.set(true);
        }
        if bytes > self.memory.limit_bytes + self.memory.limit_bytes / TOLERANCE {
            self.memory_exhausted_by(running);
        }
        self.is_judged()
    }

    /// V8 is out of heap: the slice is about to be terminated.
    pub(in crate::isolate) fn memory_exhausted(&self) {
        self.memory_exhausted_by(None);
    }

    /// The isolate's memory is used up: the slice is about to be terminated. `running` is the event
    /// that V8 names.
    pub(in crate::isolate) fn memory_exhausted_by(&self, running: Option<EventId>) {
        self.memory.over_memory.set(true);
        let event = self.event_of(running);
        self.verdict.set(Some(Verdict::Memory(event)));
    }

    /// The node's memory is used up, and the worker has the most of it. Answers that execution has
    /// to be terminated.
    pub(in crate::isolate) fn expel(&self, running: Option<EventId>) -> bool {
        self.memory.over_memory.set(true);
        self.verdict.set(Some(Verdict::NodeMemory(self.event_of(running))));
        true
    }

    /// Whether the worker has to go, for the node's memory.
    pub(in crate::isolate) fn is_expelled(&self) -> bool {
        self.memory.holding.is_expelled()
    }

    /// What other threads see of the isolate's memory.
    pub(crate) fn holding(&self) -> &Arc<Holding> {
        &self.memory.holding
    }

    /// Whether the isolate has been large for some seconds, at each of its measures.
    pub(crate) fn is_large_for_long(&self) -> bool {
        self.memory.large_since.is_long()
    }

    /// The memory limit of the isolate.
    pub(in crate::isolate) fn memory_limit_bytes(&self) -> usize {
        self.memory.limit_bytes
    }

    /// Whether there is room for so much more beside what there is.
    pub(in crate::isolate) fn has_room(&self, present_bytes: usize, bytes: usize) -> bool {
        present_bytes.saturating_add(bytes) <= self.memory.limit_bytes
    }

    /// Memory was refused: where that is why an event fails, the limit is to be named.
    pub(in crate::isolate) fn note_refused(&self, short_of: ShortOf) {
        self.memory.buffers.note_refused(short_of);
    }

    /// Whether V8, which asks for more heap, wants a buffer in truth that it did not get. Where that
    /// is for what the isolate holds already, it gets no new events: they would all miss it.
    pub(in crate::isolate) fn wants_a_buffer(&self) -> bool {
        let wants = self.memory.buffers.is_asked_for();
        if wants && self.memory.buffers.used_bytes() > self.memory.limit_bytes / 2 {
            self.memory.over_memory.set(true);
        }
        wants
    }

    /// The isolate is gone.
    pub(in crate::isolate) fn let_go(&self) {
        self.memory.meter.set_limit(None);
        room::give_all_stacks(self);
    }

    /// Suspended stacks.
    pub(in crate::isolate) fn stacks(&self) -> usize {
        self.memory.stacks.get()
    }

    pub(in crate::isolate) fn set_stacks(&self, stacks: usize) {
        self.memory.stacks.set(stacks);
    }

    /// The node has so many and none left for the isolate, or that was not so at the last try.
    pub(in crate::isolate) fn set_lack_of_stacks(&self, of_node: Option<usize>) {
        self.memory.lack_of_stacks.set(of_node);
    }

    /// How many the node has, if that is why the isolate did not get one at the last try.
    pub(crate) fn take_lack_of_stacks(&self) -> Option<usize> {
        self.memory.lack_of_stacks.take()
    }

    /// All memory of the isolate, in bytes: the heap, what V8 counts outside of it, and what V8
    /// knows nothing of.
    pub(in crate::isolate) fn measure(&self, isolate: &mut v8::Isolate) -> usize {
        let statistics = isolate.get_heap_statistics();
        let outside = self.outside_bytes(isolate);
        self.memory.outside_seen_bytes.set(outside);
        let mappings =
            self.memory.stacks.get() * room::MAPPINGS_PER_STACK + self.memory.meter.mappings();
        let committed = statistics.total_heap_size() + outside;
        self.memory.large_since.measured(committed);
        self.memory.holding.set(committed, mappings);
        statistics.used_heap_size() + outside
    }

    /// The memory outside of V8's heap. Takes some nanoseconds.
    fn outside_bytes(&self, isolate: &mut v8::Isolate) -> usize {
        // V8 answers the sum of what it has been told of: buffers, Wasm memories and code, and
        // what the bindings hold. Its statistics name the buffers only.
        let external = isolate.adjust_amount_of_external_allocated_memory(0);
        let icu = self.memory.icu_bytes.get().saturating_add(icu::since_begin());
        usize::try_from(external).unwrap_or_default()
            + usize::try_from(icu).unwrap_or_default()
            + self.memory.blobs.used_bytes()
            + self.memory.meter.queued_bytes()
    }

    /// Looks at the memory at the end of a slice, for slices may be too short for looks in their
    /// middle. Answers the verdict where it is one.
    pub(in crate::isolate) fn look_at_end(
        &self,
        isolate: &mut v8::Isolate,
        now_ns: u64,
    ) -> Option<Verdict> {
        let outside = self.outside_bytes(isolate);
        let has_grown = outside > self.memory.outside_seen_bytes.get() + OUTSIDE_STEP;
        let is_due = has_grown || self.is_expelled() || now_ns >= NEXT_MEASURE_NS.get();
        if is_due {
            NEXT_MEASURE_NS.set(now_ns + MEASURE_NS);
            room::judge(isolate, self, None);
        }
        self.memory
            .icu_bytes
            .set(self.memory.icu_bytes.get().saturating_add(icu::since_begin()).max(0));
        icu::begin();
        self.verdict.take()
    }
}
