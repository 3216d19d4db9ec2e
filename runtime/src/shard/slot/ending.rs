//! How events and isolates end: answers, failures, limits, condemnation, disposal.

use std::rc::Rc;
use std::sync::atomic::Ordering;

use bindings::event::Event;
use bindings::event::outgoing::Untaken;

use super::super::job::{Answer, Job};
use super::{GRACE, IDLE_CPU, Slot, State};
use crate::event::EventReport;
use crate::eviction::Eviction;
use crate::incident::Resource;
use crate::isolate::ShortOf;
use crate::isolate::ledger::{Payer, Verdict};
use crate::outcome::{Failure, Outcome};

/// V8's words, and ours that are the same, for memory that was refused.
const REFUSED: [&str; 3] = [
    "Array buffer allocation failed",
    "could not allocate memory",
    "Unable to grow instance memory",
];

/// Why a worker's isolates go that has too much of the node's memory.
const EXPELLED: &str = "the node is short of memory";

/// Why an isolate leaves a shard of those with short slices.
const TOO_LARGE: &str = "it has become too large for its shard";

/// Why the last events of a version end that was replaced long ago.
const OUTSTAYED: &str = "its version was replaced, and so were too many after it";

impl Slot {
    /// From what the handler answered to what the client gets.
    pub(super) fn decide(&self, event: &Rc<Event>, answer: bindings::event::Answer) -> Answer {
        let answer = match answer {
            Ok(response) => {
                if !event.is_over() {
                    self.watch_wait_until(event.id());
                }
                return Ok(response);
            }
            Err(thrown)
                if REFUSED.iter().any(|words| thrown.message.contains(words))
                    && let Some(short_of) = self.take_refused() =>
            {
                Err(self.refused_memory(short_of))
            }
            Err(_) if let Some(untaken) = event.untaken() => {
                return Err(self.untaken(event.id(), untaken));
            }
            Err(_) if event.has_bad_body() => {
                event.take_thrown();
                Err(Failure::BadBody)
            }
            Err(thrown) => Err(Failure::Threw { message: thrown.message, stack: thrown.stack }),
        };
        if let (Err(failure), Some(running)) =
            (&answer, self.events.borrow_mut().get_mut(&event.id()))
        {
            running.outcome = failure.outcome();
        }
        answer
    }

    /// The failure of an event whose answer is not made, because clients do not take what there is.
    pub(super) fn untaken(&self, id: u32, untaken: Untaken) -> Failure {
        let failure = Failure::untaken(untaken);
        if let Some(running) = self.events.borrow_mut().get_mut(&id) {
            running.outcome = failure.outcome();
        }
        self.shard.shared.tell_refused(Resource::ClientBytes, &self.version, &failure);
        failure
    }

    /// Ends an event that has exceeded a limit, and the isolate with it. Answers the failure
    /// of `caller`'s event if it was that one.
    pub(super) fn judge(&self, verdict: Verdict, caller: Option<u32>) -> Option<Answer> {
        let (failure, event) = match verdict {
            Verdict::EventCpu(id) => (self.exceeded_cpu(), id),
            Verdict::Memory(id) => (self.exceeded_memory(), id),
            Verdict::NodeMemory(id) => (self.node_memory(), id),
            Verdict::StrayCpu | Verdict::StartCpu => (self.exceeded_cpu(), 0),
        };
        if let Verdict::Memory(_) = verdict {
            self.note_out_of_memory();
        }
        self.version.trust.offend(&self.version.standing.distrust);
        self.condemn_lossy(match verdict {
            Verdict::Memory(_) => "it exceeded its memory limit",
            Verdict::NodeMemory(_) => EXPELLED,
            _ => "one of its events exceeded its CPU limit",
        });
        if event != 0 {
            return self.fail(event, &failure, caller);
        }
        if let Verdict::Memory(_) | Verdict::NodeMemory(_) = verdict {
            // V8 does not say whose allocation it was: none of them can go on.
            let events: Vec<u32> = self.events.borrow().keys().copied().collect();
            let answers = events.into_iter().map(|id| self.fail(id, &failure, caller));
            return answers.fold(None, Option::or);
        }
        None
    }

    /// The node is short of memory, and the worker has the most of it: whatever runs here ends.
    pub(in crate::shard) fn expel(&self) {
        self.condemn(EXPELLED);
        let failure = self.node_memory();
        let events: Vec<u32> = self.events.borrow().keys().copied().collect();
        for id in events {
            self.fail(id, &failure, None);
        }
        self.dispose_if_done();
    }

    /// So many versions of its worker were replaced since this one was that whatever runs here ends.
    pub(in crate::shard) fn outstay(&self) {
        self.condemn(OUTSTAYED);
        let failure = Failure::IsolateLost { reason: OUTSTAYED };
        let events: Vec<(u32, bool)> = {
            let events = self.events.borrow();
            events.iter().map(|(id, running)| (*id, running.event.is_answered())).collect()
        };
        if !events.is_empty() {
            self.shard.shared.tell_outstayed(&self.version, events.len());
        }
        for (id, is_answered) in events {
            // Who was answered has had the time that there is for what comes after it.
            let outcome = if is_answered { Outcome::ExceededWallTime } else { failure.outcome() };
            self.fail_as(id, &failure, outcome, None);
        }
        self.dispose_if_done();
    }

    /// Ends an event with a failure.
    fn fail(&self, id: u32, failure: &Failure, caller: Option<u32>) -> Option<Answer> {
        self.fail_as(id, failure, failure.outcome(), caller)
    }

    fn fail_as(
        &self,
        id: u32,
        failure: &Failure,
        outcome: Outcome,
        caller: Option<u32>,
    ) -> Option<Answer> {
        let unanswered = {
            let mut events = self.events.borrow_mut();
            let running = events.get_mut(&id)?;
            running.outcome = outcome;
            if let Failure::IsolateLost { reason } = failure {
                // The tenant's code did not throw, but an operator asks why.
                running.exception.get_or_insert_with(|| ((*reason).to_owned(), String::new()));
            }
            let unanswered = !running.event.is_answered() || caller == Some(id);
            running.event.close();
            unanswered
        };
        if caller == Some(id) {
            self.end(id);
            return Some(Err(failure.clone()));
        }
        if unanswered {
            self.reply(id, Err(failure.clone()));
        }
        self.end(id);
        None
    }

    /// Nothing in the isolate is pending: what has not been answered never will be.
    pub(super) fn nothing_pending(&self) {
        let failure = match self.state.get() {
            // Nothing that it waits for was lost with that.
            State::Condemned(reason) if reason != TOO_LARGE => Failure::IsolateLost { reason },
            _ => Failure::NeverResponds,
        };
        let events: Vec<_> =
            self.events.borrow().values().map(|running| running.event.clone()).collect();
        for event in events {
            if !event.is_answered() {
                self.fail(event.id(), &failure, None);
            } else if !event.is_streaming() {
                // A promise given to `waitUntil` that cannot settle any more.
                self.end(event.id());
            }
        }
    }

    /// Ends an event of which nothing is left; answers whether it was.
    pub(super) fn end_if_over(&self, id: u32) -> bool {
        let over = self.events.borrow().get(&id).is_some_and(|running| running.event.is_over());
        if over {
            self.end(id);
        }
        over
    }

    fn end(&self, id: u32) {
        let Some(mut running) = self.events.borrow_mut().remove(&id) else { return };
        let event = &running.event;
        if let Some(thrown) = event.take_thrown() {
            running.exception = Some((thrown.message, thrown.stack));
        }
        let outcome = match running.outcome {
            Outcome::Ok if running.exception.is_some() => Outcome::Exception,
            Outcome::Ok if event.is_broken() => Outcome::ResponseStreamDisconnected,
            outcome => outcome,
        };
        let mut cpu = std::time::Duration::ZERO;
        if let Some(inside) = self.isolate.borrow_mut().as_mut() {
            cpu = inside.ledger().used_by(id);
            inside.ledger().close(id);
            if event.needs_finish() {
                self.shard.handle.set_running(Some(self.version.clone()));
                inside.enter(Payer::Running, |slice| slice.finish(id));
                self.shard.handle.set_running(None);
            }
            inside.events().remove(id);
        }
        self.uncount();
        self.idle_cpu_left.set(IDLE_CPU);
        self.shard.shared.observer.event_ended(&EventReport {
            worker: self.version.worker().clone(),
            version: self.version.id().clone(),
            outcome,
            cpu,
            cpu_limit: self.cpu_limit(),
            wall: running.submitted.elapsed(),
            cold: running.cold,
            exception: running.exception.take(),
        });
        self.dispose_if_done();
        self.leave_if_large();
    }

    /// Gives the isolate up where it has been too large for some seconds for the shard that it is on: the
    /// next event is placed elsewhere, and those that run go on. That never nothing runs is no reason to
    /// stay.
    fn leave_if_large(&self) {
        if !self.is_ready() || !self.is_large_for_long() {
            return;
        }
        // Before it leaves, so that no other comes here for the events that are on their way.
        self.version.standing.bulk.stays_large();
        if !self.shard.shared.is_left_by_large(&self.shard.handle) {
            return;
        }
        let Some(slot) = self.this.upgrade() else { return };
        // Its disposal, where nothing else runs, takes long: whoever waits for its last answer gets that
        // before.
        tokio::task::spawn_local(async move { slot.condemn(TOO_LARGE) });
    }

    fn is_large_for_long(&self) -> bool {
        self.isolate.borrow().as_ref().is_some_and(|it| it.ledger().is_large_for_long())
    }

    /// Reports an event that never ran.
    pub(super) fn report_refused(&self, job: &Job, failure: &Failure) {
        let exception = match failure {
            Failure::CannotStart { message, stack, .. } => Some((message.clone(), stack.clone())),
            _ => None,
        };
        self.shard.shared.observer.event_ended(&EventReport {
            worker: self.version.worker().clone(),
            version: self.version.id().clone(),
            outcome: failure.outcome(),
            cpu: std::time::Duration::ZERO,
            cpu_limit: self.cpu_limit(),
            wall: job.submitted.elapsed(),
            cold: job.cold,
            exception,
        });
    }

    /// Ends `waitUntil` work that goes on for too long after the response, or after the client has
    /// gone.
    pub(super) fn watch_wait_until(&self, id: u32) {
        let Some(slot) = self.this.upgrade() else { return };
        let limit = self.shard.shared.config.wait_until;
        tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(limit).await;
                let streaming = {
                    let mut events = slot.events.borrow_mut();
                    let Some(running) = events.get_mut(&id) else { return };
                    if !running.event.is_streaming() {
                        running.outcome = Outcome::ExceededWallTime;
                    }
                    running.event.is_streaming()
                };
                if !streaming {
                    slot.end(id);
                    return;
                }
            }
        });
    }

    /// The isolate gets no new events, and goes when its present ones are over.
    pub(in crate::shard) fn condemn(&self, reason: &'static str) {
        match self.state.get() {
            State::Ready => self.state.set(State::Condemned(reason)),
            State::Loading => self.doomed.set(Some(reason)),
            State::Condemned(_) | State::Gone => return,
        }
        self.shard.forget(self);
        self.dispose_if_done();
    }

    /// Like [`Slot::condemn`], where V8 has thrown away what other events may have waited
    /// for: they get some time to end by themselves.
    fn condemn_lossy(&self, reason: &'static str) {
        self.condemn(reason);
        if let (State::Condemned(_), Some(slot)) = (self.state.get(), self.this.upgrade()) {
            tokio::task::spawn_local(async move {
                tokio::time::sleep(GRACE).await;
                slot.lose(reason);
            });
        }
    }

    /// Ends all events that are left.
    pub(in crate::shard) fn lose(&self, reason: &'static str) {
        let events: Vec<u32> = self.events.borrow().keys().copied().collect();
        for id in events {
            self.fail(id, &Failure::IsolateLost { reason }, None);
        }
        self.dispose_if_done();
    }

    /// Disposes of a condemned isolate in which nothing runs.
    pub(super) fn dispose_if_done(&self) {
        let condemned = matches!(self.state.get(), State::Condemned(_));
        if !condemned || !self.events.borrow().is_empty() {
            return;
        }
        let isolate = self.isolate.borrow_mut().take();
        self.state.set(State::Gone);
        if let Some(isolate) = isolate {
            self.shard.shared.memory.moves_out(isolate.ledger().holding());
            // Whose it is, should its end cost the shard.
            self.shard.handle.set_running(Some(self.version.clone()));
            self.shard.dispose(isolate);
            self.shard.handle.set_running(None);
            self.shard.handle.isolates.fetch_sub(1, Ordering::Relaxed);
            self.shard.shared.isolates.fetch_sub(1, Ordering::Relaxed);
        }
        self.wake_loop();
    }

    fn take_refused(&self) -> Option<ShortOf> {
        self.isolate.borrow().as_ref()?.ledger().take_refused()
    }

    /// The failure of an event that did not get the memory that it asked for.
    fn refused_memory(&self, short_of: ShortOf) -> Failure {
        if short_of == ShortOf::Isolate {
            self.evict(Eviction::OverLimit);
            return self.exceeded_memory();
        }
        self.node_full()
    }

    fn node_full(&self) -> Failure {
        let failure = Failure::NodeFull;
        self.shard.shared.tell_refused(Resource::Memory, &self.version, &failure);
        failure
    }

    fn exceeded_cpu(&self) -> Failure {
        Failure::ExceededCpu { limit_ms: self.cpu_limit().as_millis() as u64 }
    }

    /// The CPU time that an event may use.
    pub(super) fn cpu_limit(&self) -> std::time::Duration {
        self.version.definition.limits.cpu.min(self.shard.shared.config.max_cpu)
    }

    fn node_memory(&self) -> Failure {
        Failure::NodeMemory { worker: self.version.worker().to_string() }
    }

    fn exceeded_memory(&self) -> Failure {
        let limit = self.version.definition.limits.memory_bytes;
        Failure::ExceededMemory { limit_mb: (limit >> 20) as u64 }
    }
}
