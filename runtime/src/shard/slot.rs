//! An isolate on a shard with the version it serves and the events that run in it: from
//! loading to disposal. Not here: what happens inside the isolate (`isolate/`).

mod ending;
mod eviction;
mod loading;

pub(super) use loading::start_failure;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bindings::event::{Event, plain_text};
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::job::{Answer, Job};
use super::{Shard, Started};
use crate::eviction::Eviction;
use crate::isolate::ledger::Payer;
use crate::isolate::{Isolate, SliceEnd};
use crate::outcome::{Failure, Outcome};
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
    events: RefCell<FxHashMap<u32, Running>>,
    state: Cell<State>,
    /// Why it is condemned as soon as it is loaded.
    doomed: Cell<Option<&'static str>>,
    loop_waker: RefCell<Option<Waker>>,
    /// Why it did not start, for the event that it was to start for.
    failed_start: RefCell<Option<Failure>>,
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

/// An event that runs.
struct Running {
    event: Rc<Event>,
    reply: Option<oneshot::Sender<Answer>>,
    ticket: u64,
    submitted: Instant,
    cold: bool,
    /// What the event has come to, as far as it is decided.
    outcome: Outcome,
    exception: Option<(String, String)>,
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
            (_, Some(answer)) => Started::Done(answer),
            (id, None) => {
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
            ((_, Some(answer)), Some(reply)) => {
                let _ = reply.send(answer);
            }
            ((id, None), reply) => {
                if let Some(running) = self.events.borrow_mut().get_mut(&id) {
                    running.reply = reply;
                }
            }
            ((_, Some(_)), None) => {}
        }
    }

    /// Calls the handler. Answers the event's id, and its answer if it is there at once.
    fn run(&self, job: Job) -> (u32, Option<Answer>) {
        let now = Instant::now();
        self.last_used.set(now);
        let method = job.event.head.method.clone();
        let has_body = matches!(job.event.body, crate::event::RequestBody::Stream(_));
        let limits = &self.version.definition.limits;
        let mut isolate = self.isolate.borrow_mut();
        let Some(inside) = isolate.as_mut() else {
            self.uncount();
            return (0, Some(Err(Failure::IsolateLost { reason: "it was disposed of" })));
        };
        let event = inside.events().insert(job.event.head, job.event.body, limits.subrequests);
        let id = event.id();
        if let Some(client) = job.event.client {
            event.set_client(client);
        }
        inside.ledger().open(id, limits.cpu.min(self.shard.shared.config.max_cpu));
        let running = Running {
            event,
            reply: None,
            ticket: job.ticket.number,
            submitted: job.submitted,
            cold: job.cold,
            outcome: Outcome::Ok,
            exception: None,
        };
        self.events.borrow_mut().insert(id, running);
        self.shard.handle.set_running(Some(self.version.clone()));
        let outgoing = &self.version.outgoing;
        let (text, end) =
            inside.enter(Payer::Event(id), |slice| slice.dispatch(id, &method, has_body, outgoing));
        let mut answer = None;
        if let Some(text) = text
            && end.verdict.is_none()
            && let Some(event) = inside.events().get(id)
        {
            event.close();
            answer = Some(match text {
                Ok(text) => Ok(plain_text(text)),
                Err(untaken) => Err(self.untaken(id, untaken)),
            });
        }
        drop(isolate);
        let answer = answer.or(self.after_slice(end, Some(id)));
        if answer.is_some() && self.end_if_over(id) {
            if self.last_turn.get() + LAZY_TURN < now {
                self.wake_loop();
            }
        } else {
            self.wake_loop();
        }
        (id, answer)
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
    fn after_slice(&self, end: SliceEnd, caller: Option<u32>) -> Option<Answer> {
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
            self.shard.shared.caution.held_up(end.cpu);
        } else {
            self.charge_share(placement::share_cost(&self.version, end.cpu, changed.len()));
        }
        let mut answer = None;
        for event in changed {
            if let Some(decided) = event.take_answer() {
                let decided = self.decide(&event, decided);
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
            self.shard.shared.demote(shard);
        }
    }

    fn is_over_memory(&self) -> bool {
        let isolate = self.isolate.borrow();
        isolate.as_ref().is_some_and(|isolate| isolate.ledger().is_over_memory())
    }

    fn reply(&self, id: u32, answer: Answer) {
        if let Some(running) = self.events.borrow_mut().get_mut(&id)
            && let Some(reply) = running.reply.take()
        {
            let _ = reply.send(answer);
        }
    }

    fn is_inspected(&self) -> bool {
        self.shard.shared.config.inspect.is_some()
    }

    fn wake_loop(&self) {
        if let Some(waker) = &*self.loop_waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// The client of an event that may have begun here has gone away.
    pub(super) fn cancel(&self, ticket: u64) {
        let found = self.events.borrow_mut().iter_mut().find_map(|(id, running)| {
            let is_it = running.ticket == ticket && !running.event.is_answered();
            is_it.then(|| {
                running.outcome = Outcome::Canceled;
                running.reply = None;
                (*id, running.event.clone())
            })
        });
        let Some((id, event)) = found else { return };
        event.close();
        event.abort();
        self.tell_abort(&event);
        if !self.end_if_over(id) && self.events.borrow().contains_key(&id) {
            self.watch_wait_until(id);
        }
        self.wake_loop();
    }

    /// Tells JavaScript that the client of an event has gone away, where it wants to know.
    fn tell_abort(&self, event: &Event) {
        let id = event.id();
        if !event.owes_abort() || !self.events.borrow().contains_key(&id) {
            return;
        }
        let mut isolate = self.isolate.borrow_mut();
        self.shard.handle.set_running(Some(self.version.clone()));
        let end = isolate
            .as_mut()
            .map(|inside| inside.enter(Payer::Event(id), |slice| slice.abort(id)).1);
        drop(isolate);
        if let Some(end) = end {
            self.after_slice(end, None);
        }
    }
}
