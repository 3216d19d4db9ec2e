//! A shard: one thread with its own event loop, which owns isolates and never shares them.
//! An event comes to it by message; on the shard's own thread that is a function call.
//! Not here: which shard an event goes to (`placement.rs`).

mod abandonment;
mod compiled;
mod handle;
mod inbox;
mod job;
mod making;
mod message;
mod slot;
mod spares;
mod starting;
mod thread;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use lru::LruCache;
use tokio::sync::oneshot;

use crate::eviction::Eviction;
use crate::fleet::Fleet;
use crate::outcome::Failure;
use crate::placement;
use crate::quarantine::Purpose;
use crate::services::Services;
use crate::version::{Residence, Version};

pub(crate) use handle::{Kind, Running, ShardHandle};
pub(crate) use job::{Answer, CheckJob, Job, Ticket};
pub(crate) use message::Message;
pub(crate) use thread::{spawn, spawn_slow};

use slot::{Slot, start_failure};
use spares::Spares;

/// Idle isolates evicted in one sweep, so that a sweep stays short.
const EVICTIONS_PER_SWEEP: usize = 8;

thread_local! {
    static SHARD: RefCell<Option<Rc<Shard>>> = const { RefCell::new(None) };
}

/// What a shard's thread owns.
pub(crate) struct Shard {
    handle: Arc<ShardHandle>,
    services: Arc<Services>,
    fleet: Arc<Fleet>,
    /// One isolate of each version at most, the least recently used last.
    slots: RefCell<LruCache<u64, Rc<Slot>>>,
    /// Those that get no new events and still have some.
    condemned: RefCell<Vec<Weak<Slot>>>,
    spares: Spares,
    disposals: Cell<u32>,
}

/// What became of an event that was handed to the shard of the calling thread.
pub(crate) enum Started {
    /// It was answered at once.
    Done(Answer),
    /// The answer will come.
    Waiting(oneshot::Receiver<Answer>),
}

impl Shard {
    fn new(handle: Arc<ShardHandle>, fleet: Arc<Fleet>) -> Rc<Shard> {
        let services = fleet.services.clone();
        let back_shards = services.config.back_shards.max(1);
        let spares = match (handle.kind(), services.config.spares_per_shard) {
            (Kind::Front, _) => 1,
            (Kind::Check, _) => 0,
            (Kind::Back, _) if handle.is_slow() => 0,
            // Nobody starts on a steady shard whose client waits for that.
            (Kind::Back, _) if placement::is_steady(&handle, back_shards) => 0,
            (Kind::Back, spares) => spares * back_shards / (back_shards - back_shards / 2),
        };
        Rc::new(Shard {
            handle,
            services,
            fleet,
            slots: RefCell::new(LruCache::unbounded()),
            condemned: RefCell::default(),
            spares: Spares::new(spares),
            disposals: Cell::new(0),
        })
    }

    /// The shard of the calling thread.
    pub(crate) fn current() -> Option<Rc<Shard>> {
        SHARD.with(|shard| shard.borrow().clone())
    }

    /// Its handle.
    pub(crate) fn handle(&self) -> &Arc<ShardHandle> {
        &self.handle
    }

    /// Whether an isolate of the version is ready here.
    pub(crate) fn has_ready(&self, version: u64) -> bool {
        self.slots.borrow().peek(&version).is_some_and(|slot| slot.is_ready())
    }

    /// Runs an event here by a function call, for the shard's own thread.
    pub(crate) fn call(self: &Rc<Self>, job: Job) -> Started {
        self.handle.events.fetch_add(1, Ordering::Relaxed);
        let slot = self.slots.borrow_mut().get(&job.version.key).cloned();
        match slot {
            Some(slot) => slot.call(job),
            None => Started::Done(Err(Failure::IsolateLost { reason: "it was evicted" })),
        }
    }

    /// Takes an event that was sent here.
    fn accept(self: &Rc<Self>, job: Job) {
        let is_new = !self.slots.borrow().contains(&job.version.key);
        if is_new && self.fleet.keeps_away(&job.version, &self.handle) {
            self.send_away(job);
            return;
        }
        job.version.end_to_wait();
        if job.is_canceled() {
            self.handle.events.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        // What is refused gets no isolate, though it was sent here before: that another shard was
        // lost to the worker, or its memory ran out, has happened since.
        let refusal = job.version.standing.refusal(Purpose::Serve).or_else(|| {
            let failure = job.version.recent_failure().filter(|_| is_new);
            failure.filter(|failure| matches!(failure, Failure::NodeMemory { .. }))
        });
        if let Some(failure) = refusal {
            self.handle.events.fetch_sub(1, Ordering::Relaxed);
            self.services.tell_turned_away(job.version.worker(), &failure);
            job.refuse(failure);
            return;
        }
        self.slot(&job.version).accept(job);
    }

    /// An event was on its way when the isolate that it was to run in left for its size: it goes to
    /// where another may be.
    fn send_away(&self, job: Job) {
        let version = job.version.clone();
        version.move_out(&self.handle);
        if self.fleet.place(&version, Message::Event(Box::new(job))).is_none() {
            version.end_to_wait();
        }
        // After it counts there: who waits for the end of all events sees it all the time.
        self.handle.events.fetch_sub(1, Ordering::Relaxed);
    }

    /// Who waits for an event has gone away.
    pub(crate) fn cancel(&self, version: u64, number: u64) {
        if let Some(mut job) = self.handle.starting.remove(number) {
            job.leave();
            self.handle.events.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        self.slots_of(version).iter().for_each(|slot| slot.cancel(number));
    }

    /// Loads a version where it is not loaded.
    pub(crate) fn warm(self: &Rc<Self>, version: &Arc<Version>) {
        if self.fleet.keeps_away(version, &self.handle) {
            // Its isolates have become large since: none is to take the place of those elsewhere.
            version.settling.store(false, Ordering::Relaxed);
            return;
        }
        if version.recent_failure().is_none() && !version.retired.load(Ordering::Relaxed) {
            self.slot(version);
        }
    }

    /// Starts a version in an isolate that is thrown away.
    fn check(self: &Rc<Self>, job: CheckJob) {
        let Some(version) = self.handle.begin_check(job) else { return };
        // Not one of the version's own, for no event is to come here; and never idle.
        let residence = Arc::new(Residence {
            shard: self.handle.clone(),
            events: AtomicU32::new(1),
            ready: AtomicBool::new(false),
        });
        let made = self.make(&version, &residence, &Weak::new());
        self.dispose(made.isolate, &version);
        if made.loaded.is_ok() {
            // Its first event may come when nothing of this is in memory any more.
            self.keep_code(made.coming_code);
        }
        let start_cpu = self.services.config.start_cpu;
        let result = made.loaded.map_err(|error| start_failure(&version, start_cpu, &error));
        if let Some(job) = self.handle.take_check() {
            let _ = job.reply.send(result);
        }
    }

    /// No new events come here for this version: its isolate goes when its events are over.
    fn retire(self: &Rc<Self>, version: u64) {
        let slot = self.slots.borrow().peek(&version).cloned();
        if let Some(slot) = slot {
            slot.condemn("its version was replaced, or is served elsewhere");
        }
    }

    /// The shard has become a slow one: whoever may run elsewhere does, from the next event on.
    fn leave(&self) {
        self.spares.clear();
        self.handle.spares.store(0, Ordering::Relaxed);
        let slots: Vec<_> = self.slots.borrow().iter().map(|(_, slot)| slot.clone()).collect();
        for slot in slots.into_iter().filter(|slot| !slot.version().standing.share.is_heavy()) {
            slot.condemn("its shard became a slow one");
        }
    }

    /// The node is short of memory.
    fn evict(&self, version: u64, expel: bool) {
        if expel {
            self.slots_of(version).iter().for_each(|slot| slot.expel());
            return;
        }
        let present = self.slots.borrow().peek(&version).cloned();
        if let Some(slot) = present.filter(|slot| slot.is_idle()) {
            slot.evict(Eviction::Shortage);
        }
    }

    /// Too many versions of its worker came after this one.
    fn end(&self, version: u64) {
        self.slots_of(version).iter().for_each(|slot| slot.outstay());
    }

    /// The isolates of a version, those that get no new events first.
    fn slots_of(&self, version: u64) -> Vec<Rc<Slot>> {
        let condemned = self.condemned.borrow();
        let condemned = condemned.iter().filter_map(Weak::upgrade);
        let condemned = condemned.filter(|slot| slot.version().key == version);
        condemned.chain(self.slots.borrow().peek(&version).cloned()).collect()
    }

    fn slot(self: &Rc<Self>, version: &Arc<Version>) -> Rc<Slot> {
        if let Some(slot) = self.slots.borrow_mut().get(&version.key) {
            return slot.clone();
        }
        self.make_room();
        let slot = Slot::new(self, version);
        self.slots.borrow_mut().put(version.key, slot.clone());
        slot.begin_loading();
        slot
    }

    /// Evicts the least recently used isolate where the process has too many.
    fn make_room(&self) {
        let resident = self.services.isolates.load(Ordering::Relaxed);
        if resident < self.services.config.resident_isolates {
            return;
        }
        let idle = self
            .slots
            .borrow()
            .iter()
            .rev()
            .find(|(_, slot)| slot.is_idle())
            .map(|(_, slot)| slot.clone());
        if let Some(slot) = idle {
            slot.evict(Eviction::TooMany);
        }
    }

    /// Evicts what has been idle for too long.
    fn evict_idle(&self) {
        let now = Instant::now();
        let timeout = self.services.config.idle_timeout;
        let idle: Vec<_> = self
            .slots
            .borrow()
            .iter()
            .rev()
            .take_while(|(_, slot)| now.duration_since(slot.last_used()) >= timeout)
            .filter(|(_, slot)| slot.is_idle())
            .take(EVICTIONS_PER_SWEEP)
            .map(|(_, slot)| slot.clone())
            .collect();
        for slot in idle {
            slot.evict(Eviction::Idle);
        }
    }

    /// Forgets a slot: new events of its version get a new isolate.
    fn forget(&self, slot: &Slot) {
        let mut slots = self.slots.borrow_mut();
        let key = slot.version().key;
        if slots.peek(&key).is_some_and(|present| std::ptr::eq(Rc::as_ptr(present), slot)) {
            slots.pop(&key);
            let mut condemned = self.condemned.borrow_mut();
            condemned.retain(|slot| slot.strong_count() > 0);
            condemned.push(slot.this());
            slot.version().move_out(&self.handle);
        }
    }

    /// Drops everything, when the shard stops.
    fn clear(&self) {
        let slots: Vec<_> = self.slots.borrow().iter().map(|(_, slot)| slot.clone()).collect();
        for slot in slots {
            slot.condemn("the node is shutting down");
            slot.lose("the node is shutting down");
        }
        self.spares.clear();
    }
}
