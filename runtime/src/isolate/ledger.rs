//! What an isolate and its events have used, and who pays for it. CPU time is counted on the
//! thread's clock. A slice that serves one event is paid by that event to the nanosecond; in
//! a slice that serves several, the watchdog's looks (one each millisecond of CPU) name the
//! event that is running, and it pays for the time since the last look.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bindings::blob::QuotaBlobStore;
use bindings::crypto::{Calls, CpuPayer};
use bindings::memory::Meter;
use deno_core::v8;
use rustc_hash::FxHashMap;

use super::clock::thread_cpu_ns;
use super::icu;
use super::memory::{BufferQuota, ShortOf};
use super::pulse::NO_DEADLINE;
use crate::memory::Holding;

/// Time that no look has given to an event, and that the next look's event pays, at most.
const MAX_CARRIED_NS: u64 = 2_000_000;

/// An isolate may go beyond its memory limit by this part of it before it is terminated;
/// from the limit on it is condemned and gets no new events.
const MEMORY_TOLERANCE: usize = 8;

/// What an isolate has outside of V8's heap is looked at when it has grown by so much, in bytes.
const OUTSIDE_STEP: usize = 2 << 20;

/// CPU time of a thread between two ends of slices at which an isolate is measured, whether it has
/// grown or not.
const MEASURE_NS: u64 = 2_000_000;

thread_local! {
    /// When an isolate of this thread is measured next, on the thread's CPU clock.
    static NEXT_MEASURE_NS: Cell<u64> = const { Cell::new(0) };
}

/// Who pays for a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payer {
    /// The worker's top-level code.
    Start,
    /// One event.
    Event(u32),
    /// Whichever event V8 says is running.
    Running,
}

/// Which limit ended a slice, and whose it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The start-up limit.
    StartCpu,
    /// An event's CPU limit.
    EventCpu(u32),
    /// Code that outlived its event used an event's worth of CPU in a short time.
    StrayCpu,
    /// The isolate's memory; the event is the one that was running, 0 if none is known.
    Memory(u32),
    /// The node's memory, of which the worker has the most; the event as above.
    NodeMemory(u32),
}

#[derive(Debug, Default)]
struct Account {
    used_ns: Cell<u64>,
    limit_ns: Cell<u64>,
}

impl Account {
    fn with_limit(limit: Duration) -> Account {
        let account = Account::default();
        account.limit_ns.set(limit.as_nanos() as u64);
        account
    }

    fn charge(&self, ns: u64) {
        self.used_ns.set(self.used_ns.get().saturating_add(ns));
    }

    fn is_overdrawn(&self) -> bool {
        self.used_ns.get() > self.limit_ns.get()
    }

    fn left_ns(&self) -> u64 {
        self.limit_ns.get().saturating_sub(self.used_ns.get())
    }
}

/// CPU time that nobody's code can be charged with: of code that outlived its event, and of looks
/// that fall between two events, which are many in a busy isolate. So it is not the sum that is
/// bounded, which grows with the isolate's age, but the share.
#[derive(Debug, Default)]
struct Stray {
    account: Rc<Account>,
    /// Since when the account counts, on the thread's CPU clock.
    since_ns: Cell<u64>,
}

/// The account begins anew when it has not been overdrawn in so many times its limit of CPU time:
/// a twentieth of the thread's time is what stray code may use.
const STRAY_WINDOW_LIMITS: u64 = 20;

impl Stray {
    /// Charges the time up to `now_ns`; answers whether it is too much.
    fn charge(&self, now_ns: u64, elapsed_ns: u64) -> bool {
        let window_ns = self.account.limit_ns.get().saturating_mul(STRAY_WINDOW_LIMITS);
        if now_ns.saturating_sub(self.since_ns.get()) > window_ns {
            self.since_ns.set(now_ns);
            self.account.used_ns.set(0);
        }
        self.account.charge(elapsed_ns);
        self.account.is_overdrawn()
    }
}

/// The accounts of one isolate. Read and written on its thread only.
pub(crate) struct Ledger {
    events: RefCell<FxHashMap<u32, Rc<Account>>>,
    start: Rc<Account>,
    stray: Stray,
    /// What other threads do for the events.
    calls: Calls,
    payer: Cell<Payer>,
    mark_ns: Cell<u64>,
    carried_ns: Cell<u64>,
    verdict: Cell<Option<Verdict>>,
    memory_limit_bytes: usize,
    collected_at_bytes: Cell<usize>,
    outside_seen_bytes: Cell<usize>,
    icu_bytes: Cell<isize>,
    stacks: Cell<usize>,
    meter: Meter,
    holding: Arc<Holding>,
    over_memory: Cell<bool>,
    buffers: Arc<BufferQuota>,
    blobs: Arc<QuotaBlobStore>,
    compiling: Rc<Cell<bool>>,
    unsafe_eval: Cell<bool>,
    /// The isolate's only context, for the looks in the middle of a slice.
    context: RefCell<Option<v8::Global<v8::Context>>>,
}

impl Ledger {
    pub(super) fn new(
        memory_limit_bytes: usize,
        buffers: Arc<BufferQuota>,
        blobs: Arc<QuotaBlobStore>,
        meter: Meter,
    ) -> Ledger {
        Ledger {
            events: RefCell::default(),
            start: Rc::default(),
            stray: Stray::default(),
            calls: Calls::default(),
            payer: Cell::new(Payer::Running),
            mark_ns: Cell::new(0),
            carried_ns: Cell::new(0),
            verdict: Cell::new(None),
            memory_limit_bytes,
            collected_at_bytes: Cell::new(0),
            outside_seen_bytes: Cell::new(0),
            icu_bytes: Cell::new(0),
            stacks: Cell::new(0),
            meter,
            holding: Arc::default(),
            over_memory: Cell::new(false),
            buffers,
            blobs,
            compiling: Rc::default(),
            unsafe_eval: Cell::new(false),
            context: RefCell::new(None),
        }
    }

    /// Sets the isolate's context; taken away before the isolate is disposed of.
    pub(super) fn set_context(&self, context: Option<v8::Global<v8::Context>>) {
        *self.context.borrow_mut() = context;
    }

    /// The isolate's context.
    pub(super) fn context(&self) -> Option<v8::Global<v8::Context>> {
        self.context.borrow().clone()
    }

    /// Sets the limits of a worker that is about to start.
    pub(super) fn open_start(&self, start_cpu: Duration, event_cpu: Duration, unsafe_eval: bool) {
        self.start.limit_ns.set(start_cpu.as_nanos() as u64);
        self.stray.account.limit_ns.set(event_cpu.as_nanos() as u64);
        self.unsafe_eval.set(unsafe_eval);
    }

    /// Opens an event's account.
    pub(crate) fn open(&self, event: u32, cpu_limit: Duration) {
        self.events.borrow_mut().insert(event, Rc::new(Account::with_limit(cpu_limit)));
    }

    /// Closes an event's account.
    pub(crate) fn close(&self, event: u32) {
        self.events.borrow_mut().remove(&event);
    }

    /// CPU time charged to an event whose account is open.
    pub(crate) fn used_by(&self, event: u32) -> Duration {
        self.settle_calls();
        let account = self.events.borrow().get(&event).cloned();
        Duration::from_nanos(account.map_or(0, |account| account.used_ns.get()))
    }

    /// CPU time that the start took.
    pub(crate) fn used_by_start(&self) -> Duration {
        Duration::from_nanos(self.start.used_ns.get())
    }

    /// Whether the isolate has been seen above its memory limit.
    pub(crate) fn is_over_memory(&self) -> bool {
        self.over_memory.get()
    }

    /// Why memory was refused since the last call, if it was.
    pub(crate) fn take_refused(&self) -> Option<ShortOf> {
        self.buffers.take_refused()
    }

    pub(super) fn compiling(&self) -> Rc<Cell<bool>> {
        self.compiling.clone()
    }

    pub(super) fn may_compile_wasm(&self) -> bool {
        self.compiling.get() || self.unsafe_eval.get()
    }

    /// A slice begins; answers when its payer's CPU time is used up, on the thread's clock.
    pub(super) fn begin(&self, payer: Payer, now_ns: u64) -> u64 {
        icu::begin();
        self.payer.set(payer);
        self.mark_ns.set(now_ns);
        self.verdict.set(None);
        self.settle_calls();
        let left = match payer {
            Payer::Start => Some(self.start.left_ns()),
            Payer::Event(id) => self.events.borrow().get(&id).map(|account| account.left_ns()),
            Payer::Running => self.only_event().map(|(_, account)| account.left_ns()),
        };
        left.map_or(NO_DEADLINE, |left| now_ns.saturating_add(left))
    }

    /// CPU time of earlier slices for which nobody has been found yet: the watchdog looks as soon
    /// as that and the slice that begins have lasted long enough, however short each of them is.
    pub(super) fn unpaid_ns(&self) -> u64 {
        match self.payer.get() {
            Payer::Running => self.carried_ns.get(),
            Payer::Start | Payer::Event(_) => 0,
        }
    }

    /// The slice is over: the payer is charged with what no look has charged yet.
    pub(super) fn end(&self, now_ns: u64) -> Option<Verdict> {
        let elapsed = now_ns.saturating_sub(self.mark_ns.get());
        self.mark_ns.set(now_ns);
        match self.payer.get() {
            Payer::Start => self.start.charge(elapsed),
            Payer::Event(id) => self.charge_event(id, elapsed),
            Payer::Running => match self.only_event() {
                Some((id, _)) => self.charge_event(id, elapsed),
                None => {
                    let carried_ns = self.carried_ns.get() + elapsed;
                    self.carried_ns.set(carried_ns.min(MAX_CARRIED_NS));
                }
            },
        }
        self.verdict.take()
    }

    /// The event that has exceeded a limit in the slice that runs; 0 where none is known.
    pub(crate) fn exceeded(&self) -> Option<u32> {
        self.verdict.get().map(|verdict| match verdict {
            Verdict::EventCpu(id) | Verdict::Memory(id) | Verdict::NodeMemory(id) => id,
            Verdict::StartCpu | Verdict::StrayCpu => 0,
        })
    }

    /// Charges whoever is running, in the middle of a slice; `running` is the event that V8
    /// names, 0 for none. Answers whether execution has to be terminated.
    pub(super) fn look(&self, running: u32) -> bool {
        let now_ns = thread_cpu_ns();
        let elapsed = now_ns.saturating_sub(self.mark_ns.get());
        self.mark_ns.set(now_ns);
        let carried = self.carried_ns.take();
        let verdict = match self.payer_of(running) {
            Payer::Start => {
                self.start.charge(elapsed);
                self.start.is_overdrawn().then_some(Verdict::StartCpu)
            }
            Payer::Event(id) => {
                self.charge_event(id, elapsed + carried);
                let overdrawn =
                    self.events.borrow().get(&id).is_some_and(|account| account.is_overdrawn());
                overdrawn.then_some(Verdict::EventCpu(id))
            }
            Payer::Running => {
                // Of code that outlived its event it is known that it ran before, too.
                let before = if running == 0 { 0 } else { carried };
                self.stray.charge(now_ns, elapsed + before).then_some(Verdict::StrayCpu)
            }
        };
        if !self.is_judged() {
            self.verdict.set(verdict);
        }
        self.is_judged()
    }

    /// Whether the slice has been found to exceed a limit.
    pub(super) fn is_judged(&self) -> bool {
        self.verdict.get().is_some()
    }

    /// Whether the isolate's memory has grown so far that a garbage collection has to show
    /// how much of it is in use. `bytes` is all that it has.
    pub(super) fn wants_collection(&self, bytes: usize) -> bool {
        let step = self.memory_limit_bytes / 16;
        bytes > self.memory_limit_bytes.max(self.collected_at_bytes.get() + step)
    }

    /// Judges the memory in use after a collection. Answers whether execution has to be
    /// terminated.
    pub(super) fn judge_memory(&self, bytes: usize, running: u32) -> bool {
        self.collected_at_bytes.set(bytes);
        if bytes > self.memory_limit_bytes {
            self.over_memory.set(true);
        }
        if bytes > self.memory_limit_bytes + self.memory_limit_bytes / MEMORY_TOLERANCE {
            self.memory_exhausted_by(running);
        }
        self.is_judged()
    }

    /// V8 is out of heap: the slice is about to be terminated.
    pub(super) fn memory_exhausted(&self) {
        self.memory_exhausted_by(0);
    }

    /// The isolate's memory is used up: the slice is about to be terminated. `running` is the event
    /// that V8 names, 0 for none.
    pub(super) fn memory_exhausted_by(&self, running: u32) {
        self.over_memory.set(true);
        let event = self.event_of(running);
        self.verdict.set(Some(Verdict::Memory(event)));
    }

    /// The node's memory is used up, and the worker has the most of it. Answers that execution has
    /// to be terminated.
    pub(super) fn expel(&self, running: u32) -> bool {
        self.over_memory.set(true);
        self.verdict.set(Some(Verdict::NodeMemory(self.event_of(running))));
        true
    }

    /// Whether the worker has to go, for the node's memory.
    pub(super) fn is_expelled(&self) -> bool {
        self.holding.is_expelled()
    }

    /// What other threads see of the isolate's memory.
    pub(crate) fn holding(&self) -> &Arc<Holding> {
        &self.holding
    }

    /// The memory limit of the isolate.
    pub(super) fn memory_limit_bytes(&self) -> usize {
        self.memory_limit_bytes
    }

    /// Whether there is room for so much more beside what there is.
    pub(super) fn has_room(&self, present_bytes: usize, bytes: usize) -> bool {
        present_bytes.saturating_add(bytes) <= self.memory_limit_bytes
    }

    /// Memory was refused: where that is why an event fails, the limit is to be named.
    pub(super) fn note_refused(&self, short_of: ShortOf) {
        self.buffers.note_refused(short_of);
    }

    /// Whether V8, which asks for more heap, wants a buffer in truth that it did not get. Where that
    /// is for what the isolate holds already, it gets no new events: they would all miss it.
    pub(super) fn wants_a_buffer(&self) -> bool {
        let wants = self.buffers.is_asked_for();
        if wants && self.buffers.used_bytes() > self.memory_limit_bytes / 2 {
            self.over_memory.set(true);
        }
        wants
    }

    /// The isolate is gone.
    pub(super) fn let_go(&self) {
        self.meter.set_limit(None);
        super::room::give_all_stacks(self);
    }

    /// Suspended stacks.
    pub(super) fn stacks(&self) -> usize {
        self.stacks.get()
    }

    pub(super) fn set_stacks(&self, stacks: usize) {
        self.stacks.set(stacks);
    }

    /// All memory of the isolate, in bytes: the heap, what V8 counts outside of it, and what V8
    /// knows nothing of.
    pub(super) fn measure(&self, isolate: &mut v8::Isolate) -> usize {
        let statistics = isolate.get_heap_statistics();
        let outside = self.outside_bytes(isolate);
        self.outside_seen_bytes.set(outside);
        let mappings = self.stacks.get() * super::room::MAPPINGS_PER_STACK + self.meter.mappings();
        self.holding.set(statistics.total_heap_size() + outside, mappings);
        statistics.used_heap_size() + outside
    }

    /// The memory outside of V8's heap. Takes some nanoseconds.
    fn outside_bytes(&self, isolate: &mut v8::Isolate) -> usize {
        // V8 answers the sum of what it has been told of: buffers, Wasm memories and code, and
        // what the bindings hold. Its statistics name the buffers only.
        let external = isolate.adjust_amount_of_external_allocated_memory(0);
        let icu = self.icu_bytes.get().saturating_add(icu::since_begin());
        usize::try_from(external).unwrap_or_default()
            + usize::try_from(icu).unwrap_or_default()
            + self.blobs.used_bytes()
            + self.meter.queued_bytes()
    }

    /// Looks at the memory at the end of a slice, for slices may be too short for looks in their
    /// middle. Answers the verdict where it is one.
    pub(super) fn look_at_end(&self, isolate: &mut v8::Isolate, now_ns: u64) -> Option<Verdict> {
        let outside = self.outside_bytes(isolate);
        let has_grown = outside > self.outside_seen_bytes.get() + OUTSIDE_STEP;
        let is_due = has_grown || self.is_expelled() || now_ns >= NEXT_MEASURE_NS.get();
        if is_due {
            NEXT_MEASURE_NS.set(now_ns + MEASURE_NS);
            super::room::judge(isolate, self, 0);
        }
        self.icu_bytes.set(self.icu_bytes.get().saturating_add(icu::since_begin()).max(0));
        icu::begin();
        self.verdict.take()
    }

    /// The event that pays for what happens while V8 names this one; 0 where none is known.
    fn event_of(&self, running: u32) -> u32 {
        match self.payer_of(running) {
            Payer::Event(id) => id,
            Payer::Start | Payer::Running => 0,
        }
    }

    fn payer_of(&self, running: u32) -> Payer {
        if self.events.borrow().contains_key(&running) {
            return Payer::Event(running);
        }
        match self.payer.get() {
            // An id without an account is that of an event that is over.
            Payer::Running if running != 0 => Payer::Running,
            Payer::Running => self.only_event().map_or(Payer::Running, |(id, _)| Payer::Event(id)),
            payer => payer,
        }
    }

    fn only_event(&self) -> Option<(u32, Rc<Account>)> {
        let events = self.events.borrow();
        match events.len() {
            1 => events.iter().next().map(|(id, account)| (*id, account.clone())),
            _ => None,
        }
    }

    /// Charges events with what calls have taken that other threads made for them.
    fn settle_calls(&self) {
        if self.calls.is_empty() {
            return;
        }
        for call in self.calls.take_ended() {
            let (reserved, took) = (ns_of(call.reserved), ns_of(call.took));
            let account = self.events.borrow().get(&call.event).cloned();
            match account {
                Some(account) => {
                    let used = account.used_ns.get().saturating_add(took);
                    account.used_ns.set(used.saturating_sub(reserved));
                }
                // Nobody gets back what an event that is over has reserved.
                None => self.stray.account.charge(took.saturating_sub(reserved)),
            }
        }
    }

    fn charge_event(&self, id: u32, ns: u64) {
        if let Some(account) = self.events.borrow().get(&id) {
            account.charge(ns);
        }
    }
}

impl CpuPayer for Ledger {
    fn charge(&self, event: u32, time: Duration) -> bool {
        self.settle_calls();
        let (account, verdict) = match self.payer_of(event) {
            Payer::Start => (Some(self.start.clone()), Verdict::StartCpu),
            Payer::Event(id) => (self.events.borrow().get(&id).cloned(), Verdict::EventCpu(id)),
            Payer::Running => (Some(self.stray.account.clone()), Verdict::StrayCpu),
        };
        let Some(account) = account else { return false };
        account.charge(ns_of(time));
        if account.is_overdrawn() && !self.is_judged() {
            self.verdict.set(Some(verdict));
        }
        account.is_overdrawn()
    }

    fn calls(&self) -> &Calls {
        &self.calls
    }
}

fn ns_of(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn stray(limit_ms: u64) -> Stray {
        let stray = Stray::default();
        stray.account.limit_ns.set(limit_ms * MS);
        stray
    }

    #[test]
    fn looks_between_events_do_not_add_up_for_ever() {
        let stray = stray(50);
        for hundredth in 0..100_000 {
            assert!(!stray.charge(hundredth * 100 * MS, MS), "after {hundredth} looks");
        }
    }

    #[test]
    fn code_that_outlived_its_event_is_stopped() {
        for limit_ms in [1, 50, 30_000] {
            let stray = stray(limit_ms);
            let stopped = (1..).find(|look| stray.charge(1_000_000 * MS + look * MS, MS));
            assert_eq!(stopped, Some(limit_ms + 1));
        }
    }
}
