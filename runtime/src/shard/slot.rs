//! An isolate on a shard with the version it serves and the events that run in it: from
//! loading to disposal. Not here: what happens inside the isolate (`isolate/`).

mod answering;
mod canceling;
mod ending;
mod eviction;
mod loading;
mod running;
mod waiting;

pub(super) use loading::start_failure;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bindings::dispatch::Reply;
use bindings::event::{EventId, plain_text};
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use self::running::Running;
use super::job::{Answer, Job};
use super::{Shard, Started};
use crate::event::{Call, Detail};
use crate::eviction::Eviction;
use crate::isolate::ledger::Payer;
use crate::isolate::{Isolate, Opening, SliceEnd};
use crate::limits::Allowance;
use crate::outcome::Failure;
use crate::placement;
use crate::version::{Residence, Version};

/// A condemned isolate's events get this long to end by themselves: V8 drops an isolate's
/// microtasks when it terminates one event, and others may have waited for those.
const GRACE: Duration = Duration::from_secs(5);

/// After a slice that answered at once, the isolate's own loop need not turn each time.
const LAZY_TURN: Duration = Duration::from_millis(10);

/// An isolate in which no event is open gets this much CPU time, once, to put things in order.
const IDLE_CPU: Duration = Duration::from_millis(5);

/// One isolate of a version.
pub(super) struct Slot {
    this: Weak<Slot>,
    shard: Rc<Shard>,
    version: Arc<Version>,
    residence: Arc<Residence>,
    isolate: RefCell<Option<Isolate>>,
    events: RefCell<FxHashMap<EventId, Running>>,
    state: Cell<State>,
    /// Why it is condemned as soon as it is loaded.
    doomed: Cell<Option<&'static str>>,
    loop_waker: RefCell<Option<Waker>>,
    /// Why it did not start, for the event that it was to start for.
    failed_start: RefCell<Option<Failure>>,
    /// Whether a trace was wanted of any of its events.
    has_traced: Cell<bool>,
    last_used: Cell<Instant>,
    last_turn: Cell<Instant>,
    /// What is left of [`IDLE_CPU`] since the end of the last event.
    idle_cpu_left: Cell<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Loading,
    Ready,
    /// Gets no new events; goes when the present ones are over.
    Condemned(&'static str),
    /// The isolate has been disposed of.
    Gone,
}

/// What became of an event that was handed to the isolate.
enum Begun {
    /// It was answered at once, or never ran.
    Done(Answer),
    /// It runs, and the answer is still to come.
    Running(EventId),
}

impl Slot {
    pub(super) fn new(shard: &Rc<Shard>, version: &Arc<Version>) -> Rc<Slot> {
        let residence = version.move_in(&shard.handle);
        Rc::new_cyclic(|this| Slot {
            this: this.clone(),
            shard: shard.clone(),
            version: version.clone(),
            residence,
            isolate: RefCell::new(None),
            events: RefCell::default(),
            state: Cell::new(State::Loading),
            doomed: Cell::new(None),
            loop_waker: RefCell::default(),
            failed_start: RefCell::default(),
            has_traced: Cell::new(false),
            last_used: Cell::new(Instant::now()),
            last_turn: Cell::new(Instant::now()),
            idle_cpu_left: Cell::new(IDLE_CPU),
        })
    }

    /// Itself.
    pub(super) fn this(&self) -> Weak<Slot> {
        self.this.clone()
    }

    /// The version it serves.
    pub(super) fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// Whether events can run at once.
    pub(super) fn is_ready(&self) -> bool {
        self.state.get() == State::Ready
    }

    /// Whether nothing runs in it.
    pub(super) fn is_idle(&self) -> bool {
        self.is_ready() && self.events.borrow().is_empty()
    }

    /// The number by which observers know an event that runs here.
    pub(super) fn number_of(&self, id: EventId) -> Option<u64> {
        self.events.borrow().get(&id).map(|running| running.number)
    }

    /// When it last got an event.
    pub(super) fn last_used(&self) -> Instant {
        self.last_used.get()
    }

    /// Takes an event: it runs now, or once the isolate is loaded.
    pub(super) fn accept(&self, mut job: Job) {
        self.residence.events.fetch_add(1, Ordering::Relaxed);
        if self.state.get() == State::Loading {
            job.cold = true;
            self.shard.handle.starting.push(job, &self.residence);
            return;
        }
        if self.state.get() == State::Gone {
            self.uncount();
            let reason = "it was disposed of";
            let failure = self.failed_start.borrow_mut().take();
            let failure = failure.or_else(|| self.version.recent_failure());
            let failure = failure.unwrap_or(Failure::IsolateLost { reason });
            self.report_refused(&job, &failure);
            job.refuse(failure);
            return;
        }
        self.run_and_reply(job);
    }

    /// Runs an event for a caller on this thread, who gets the answer as a value if it is
    /// there at once.
    pub(super) fn call(&self, job: Job) -> Started {
        self.residence.events.fetch_add(1, Ordering::Relaxed);
        match self.run(job) {
            Begun::Done(answer) => Started::Done(answer),
            Begun::Running(id) => {
                let (reply, answer) = oneshot::channel();
                match self.events.borrow_mut().get_mut(&id) {
                    Some(running) => running.reply = Some(reply),
                    None => {
                        let reason = "the event ended without an answer";
                        return Started::Done(Err(Failure::IsolateLost { reason }));
                    }
                }
                Started::Waiting(answer)
            }
        }
    }

    fn run_and_reply(&self, mut job: Job) {
        let reply = job.reply.take();
        match (self.run(job), reply) {
            (Begun::Done(answer), Some(reply)) => {
                let _ = reply.send(answer);
            }
            (Begun::Running(id), reply) => {
                if let Some(running) = self.events.borrow_mut().get_mut(&id) {
                    running.reply = reply;
                }
            }
            (Begun::Done(_), None) => {}
        }
    }

    /// Calls the handler.
    fn run(&self, job: Job) -> Begun {
        let now = Instant::now();
        self.last_used.set(now);
        let Job { call: Call { trigger, context }, number, submitted, cold, .. } = job;
        let (services, limits) = (&self.shard.services, &self.version.definition.limits);
        let mut isolate = self.isolate.borrow_mut();
        let Some(inside) = isolate.as_mut() else {
            self.uncount();
            return Begun::Done(Err(Failure::IsolateLost { reason: "it was disposed of" }));
        };
        let allowance = Allowance::of(&trigger, limits, &services.config);
        let is_traced = services.observers.want_traces(self.version.worker());
        let detail = Detail::of(&trigger, is_traced);
        let opening = Opening::of(&trigger);
        let entrypoint = context.entrypoint.clone();
        let event = inside.events().insert(trigger, context, limits.subrequests);
        let id = event.id();
        inside.ledger().open(id, allowance.cpu);
        let mut running = Running::new(event, number, submitted, cold);
        running.detail = detail;
        running.is_traced = is_traced;
        running.wall = allowance.wall.map(|limit| self.watch_wall(id, limit));
        if is_traced {
            self.has_traced.set(true);
            services.observers.event_began(&running.began(&self.version));
        }
        self.events.borrow_mut().insert(id, running);
        self.shard.handle.set_running(Some(self.version.clone()));
        let outgoing = &self.version.outgoing;
        let (text, end) = inside.enter(Payer::Event(id), |slice| {
            slice.dispatch(id, &opening, entrypoint.as_deref(), outgoing)
        });
        let mut answer = None;
        if let Some(text) = text
            && end.verdict.is_none()
            && let Some(event) = inside.events().get(id)
            // Its code may have ended it by itself, and answered all the same.
            && !event.is_answered()
        {
            event.close();
            answer = Some(match text {
                Ok(text) => {
                    let response = plain_text(text);
                    self.note_status(id, &response);
                    Ok(Reply::Response(response))
                }
                Err(untaken) => Err(self.untaken(id, untaken)),
            });
        }
        drop(isolate);
        let mut answer = answer.or(self.after_slice(end, Some(id)));
        let is_over = self.is_over(id);
        if is_over {
            let ended = self.end(id);
            answer = answer.or(ended);
        }
        if !is_over || answer.is_none() || self.last_turn.get() + LAZY_TURN < now {
            self.wake_loop();
        }
        answer.map_or(Begun::Running(id), Begun::Done)
    }

    /// One turn of the isolate's own loop.
    fn turn(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.state.get() == State::Gone {
            return Poll::Ready(());
        }
        self.last_turn.set(Instant::now());
        *self.loop_waker.borrow_mut() = Some(cx.waker().clone());
        self.judge_late();
        let is_idle = self.events.borrow().is_empty() && !self.is_inspected();
        if is_idle && self.idle_cpu_left.get().is_zero() {
            // What an event has left behind runs no more, nor does anybody wait for it.
            return Poll::Pending;
        }
        let mut isolate = self.isolate.borrow_mut();
        let Some(inside) = isolate.as_mut() else { return Poll::Ready(()) };
        self.shard.handle.set_running(Some(self.version.clone()));
        let (turn, end) = inside.enter(Payer::Running, |slice| slice.poll(cx));
        drop(isolate);
        if is_idle {
            let left = self.idle_cpu_left.get();
            self.idle_cpu_left.set(left.saturating_sub(end.cpu));
        }
        self.after_slice(end, None);
        match turn {
            Poll::Ready(Err(error)) if end.verdict.is_none() => {
                tracing::debug!(worker = %self.version.worker(), %error, "the event loop failed");
                self.condemn("its event loop failed");
                // The next turn tells what can still be answered.
                cx.waker().wake_by_ref();
            }
            Poll::Ready(_) => self.nothing_pending(),
            Poll::Pending => {}
        }
        if self.state.get() == State::Gone { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Ends the event that has exceeded its limit while no slice ran, before its code goes on.
    fn judge_late(&self) {
        let verdict = self.isolate.borrow().as_ref().and_then(|it| it.ledger().take_late());
        if let Some(verdict) = verdict {
            self.judge(verdict, None);
        }
    }

    /// Does what a slice has left to do. Answers the answer of `caller`'s event, if that is
    /// decided; all others are sent.
    fn after_slice(&self, end: SliceEnd, caller: Option<EventId>) -> Option<Answer> {
        self.shard.handle.set_running(None);
        let changed = match &*self.isolate.borrow() {
            Some(isolate) => {
                self.version.standing.bulk.holds(isolate.ledger().holding().bytes());
                isolate.events().take_changed()
            }
            None => Vec::new(),
        };
        let standing = &self.version.standing;
        let was_long = self.version.trust.slice_took(&standing.distrust, end.cpu, changed.len());
        if self.shard.handle.is_front() {
            standing.inline.charge(placement::inline_cost(end.cpu, changed.len()));
            self.shard.services.caution.held_up(end.cpu);
        } else {
            self.charge_share(placement::share_cost(&self.version, end.cpu, changed.len()));
        }
        let mut answer = None;
        for event in changed {
            let decided = match event.take_answer() {
                Some(decided) => Some(self.decide(&event, decided)),
                None => self.settled(&event),
            };
            if let Some(decided) = decided {
                if caller == Some(event.id()) {
                    answer = Some(decided);
                } else {
                    self.reply(event.id(), decided);
                }
            }
            self.tell_abort(&event);
            if caller != Some(event.id()) {
                self.end_if_over(event.id());
            }
        }
        if let Some(verdict) = end.verdict {
            answer = self.judge(verdict, caller).or(answer);
        }
        if self.is_over_memory() {
            self.evict(Eviction::OverLimit);
        } else if self.shard.handle.is_front() && was_long {
            self.condemn("its slices are too long for a front shard");
        } else if self.shard.handle.is_front() && standing.inline.is_heavy() {
            self.condemn("it takes too much of a front shard");
        }
        answer
    }

    /// The worker pays with its share of the machine. A back shard on which those that have used
    /// theirs up take more than one of them may becomes a slow one.
    fn charge_share(&self, cpu: Duration) {
        let (shard, share) = (&self.shard.handle, &self.version.standing.share);
        share.charge(cpu);
        if !shard.is_slow() && share.is_heavy() && shard.heavy.charge(cpu) {
            self.shard.fleet.demote(shard);
        }
    }

    fn is_over_memory(&self) -> bool {
        let isolate = self.isolate.borrow();
        isolate.as_ref().is_some_and(|isolate| isolate.ledger().is_over_memory())
    }

    fn reply(&self, id: EventId, answer: Answer) {
        if let Some(running) = self.events.borrow_mut().get_mut(&id)
            && let Some(reply) = running.reply.take()
        {
            let _ = reply.send(answer);
        }
    }

    fn is_inspected(&self) -> bool {
        self.shard.services.config.inspect.is_some()
    }

    fn wake_loop(&self) {
        if let Some(waker) = &*self.loop_waker.borrow() {
            waker.wake_by_ref();
        }
    }
}
