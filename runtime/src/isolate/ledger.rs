//! What an isolate and its events have used, and who pays for it. CPU time is counted on the
//! thread's clock. A slice that serves one event is paid by that event to the nanosecond; in
//! a slice that serves several, the watchdog's looks (one each millisecond of CPU) name the
//! event that is running, and it pays for the time since the last look. What it has of memory is in
//! `ledger/memory.rs`.

mod account;
mod memory;
mod payer;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bindings::blob::QuotaBlobStore;
use bindings::crypto::Calls;
use bindings::event::EventId;
use bindings::memory::Meter;
use deno_core::v8;
use rustc_hash::FxHashMap;

use self::account::{Account, Stray};
use self::memory::MemoryUse;
use super::clock::thread_cpu_ns;
use super::icu;
use super::memory::BufferQuota;
use super::pulse::NO_DEADLINE;

/// Time that no look has given to an event, and that the next look's event pays, at most.
const MAX_CARRIED_NS: u64 = 2_000_000;

/// Who pays for a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payer {
    /// The worker's top-level code.
    Start,
    /// One event.
    Event(EventId),
    /// Whichever event V8 says is running.
    Running,
}

/// Which limit ended a slice, and whose it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The start-up limit.
    StartCpu,
    /// An event's CPU limit.
    EventCpu(EventId),
    /// Code that outlived its event used an event's worth of CPU in a short time.
    StrayCpu,
    /// The isolate's memory; the event is the one that was running, if it is known.
    Memory(Option<EventId>),
    /// The node's memory, of which the worker has the most; the event as above.
    NodeMemory(Option<EventId>),
}

impl Verdict {
    /// The event that it is about, if it is about one.
    pub(crate) fn event(self) -> Option<EventId> {
        match self {
            Verdict::EventCpu(id) => Some(id),
            Verdict::Memory(id) | Verdict::NodeMemory(id) => id,
            Verdict::StartCpu | Verdict::StrayCpu => None,
        }
    }
}

/// The accounts of one isolate. Read and written on its thread only.
pub(crate) struct Ledger {
    events: RefCell<FxHashMap<EventId, Rc<Account>>>,
    /// How many of them may use more CPU time than a request of the worker.
    long_events: Cell<u32>,
    start: Rc<Account>,
    stray: Stray,
    /// What other threads do for the events.
    calls: Calls,
    payer: Cell<Payer>,
    mark_ns: Cell<u64>,
    carried_ns: Cell<u64>,
    in_slice: Cell<bool>,
    verdict: Cell<Option<Verdict>>,
    /// What was found while no slice ran.
    late: Cell<Option<Verdict>>,
    memory: MemoryUse,
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
            long_events: Cell::new(0),
            start: Rc::default(),
            stray: Stray::default(),
            calls: Calls::default(),
            payer: Cell::new(Payer::Running),
            mark_ns: Cell::new(0),
            carried_ns: Cell::new(0),
            in_slice: Cell::new(false),
            verdict: Cell::new(None),
            late: Cell::new(None),
            memory: MemoryUse::new(memory_limit_bytes, buffers, blobs, meter),
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
    pub(crate) fn open(&self, event: EventId, cpu_limit: Duration) {
        let account = Rc::new(Account::with_limit(cpu_limit));
        if self.is_long(&account) {
            self.long_events.set(self.long_events.get() + 1);
        }
        self.events.borrow_mut().insert(event, account);
    }

    /// Closes an event's account.
    pub(crate) fn close(&self, event: EventId) {
        let account = self.events.borrow_mut().remove(&event);
        if account.is_some_and(|account| self.is_long(&account)) {
            self.long_events.set(self.long_events.get().saturating_sub(1));
        }
    }

    /// CPU time charged to an event whose account is open, and its limit.
    pub(crate) fn account_of_event(&self, event: EventId) -> Option<(Duration, Duration)> {
        self.settle_calls();
        let account = self.events.borrow().get(&event).cloned()?;
        let limit = Duration::from_nanos(account.limit_ns.get());
        Some((Duration::from_nanos(account.used_ns.get()), limit))
    }

    /// Whether an event may use more than a request, which is what code may that is nobody's.
    fn is_long(&self, account: &Account) -> bool {
        account.limit_ns.get() > self.stray.account.limit_ns.get()
    }

    /// CPU time that the start took.
    pub(crate) fn used_by_start(&self) -> Duration {
        Duration::from_nanos(self.start.used_ns.get())
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
        self.in_slice.set(true);
        self.verdict.set(None);
        self.settle_calls();
        let left = match payer {
            Payer::Start => Some(self.start.left_ns()),
            Payer::Event(id) => self.events.borrow().get(&id).map(|account| account.left_ns()),
            Payer::Running => match self.only_event() {
                Some((_, account)) => Some(account.left_ns()),
                None => self.left_of_long_ns(),
            },
        };
        left.map_or(NO_DEADLINE, |left| now_ns.saturating_add(left))
    }

    /// What the events have left, the one with the most, where some may use more than a request: a slice of
    /// several is overdue later then.
    fn left_of_long_ns(&self) -> Option<u64> {
        if self.long_events.get() == 0 {
            return None;
        }
        self.events.borrow().values().map(|account| account.left_ns()).max()
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
        self.in_slice.set(false);
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

    /// Whether the slice that runs has exceeded a limit, and the event that has, where it is known.
    pub(crate) fn exceeded(&self) -> Option<Option<EventId>> {
        self.verdict.get().map(Verdict::event)
    }

    /// The event that has been found to exceed its limit while no slice ran, for what other threads
    /// or the bindings do for it: it is to end before its code goes on.
    pub(crate) fn take_late(&self) -> Option<Verdict> {
        self.late.take()
    }

    /// Charges whoever is running, in the middle of a slice; `running` is the event that V8
    /// names. Answers whether execution has to be terminated.
    pub(super) fn look(&self, running: Option<EventId>) -> bool {
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
                let before = if running.is_none() { 0 } else { carried };
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

    /// The event that pays for what happens while V8 names this one, where it is known.
    fn event_of(&self, running: Option<EventId>) -> Option<EventId> {
        match self.payer_of(running) {
            Payer::Event(id) => Some(id),
            Payer::Start | Payer::Running => None,
        }
    }

    fn payer_of(&self, running: Option<EventId>) -> Payer {
        if let Some(id) = running.filter(|id| self.events.borrow().contains_key(id)) {
            return Payer::Event(id);
        }
        match self.payer.get() {
            // An id without an account is that of an event that is over.
            Payer::Running if running.is_some() => Payer::Running,
            Payer::Running => self.only_event().map_or(Payer::Running, |(id, _)| Payer::Event(id)),
            payer => payer,
        }
    }

    /// Who pays while V8 names this event, and what it means where that is more than there is.
    fn account_of(&self, running: Option<EventId>) -> (Option<Rc<Account>>, Verdict) {
        match self.payer_of(running) {
            Payer::Start => (Some(self.start.clone()), Verdict::StartCpu),
            Payer::Event(id) => (self.events.borrow().get(&id).cloned(), Verdict::EventCpu(id)),
            Payer::Running => (Some(self.stray.account.clone()), Verdict::StrayCpu),
        }
    }

    fn only_event(&self) -> Option<(EventId, Rc<Account>)> {
        let events = self.events.borrow();
        match events.len() {
            1 => events.iter().next().map(|(id, account)| (*id, account.clone())),
            _ => None,
        }
    }

    /// Notes what is to end, now or before the next turn of the isolate's loop.
    fn note(&self, verdict: Verdict) {
        let noted = if self.in_slice.get() { &self.verdict } else { &self.late };
        let is_known = self.in_slice.get() || matches!(verdict, Verdict::EventCpu(_));
        if is_known && noted.get().is_none() {
            noted.set(Some(verdict));
        }
    }

    fn charge_event(&self, id: EventId, ns: u64) {
        if let Some(account) = self.events.borrow().get(&id) {
            account.charge(ns);
        }
    }
}
