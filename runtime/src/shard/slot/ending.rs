//! How events and isolates end: failures, limits, condemnation, disposal. What events answer is in
//! `answering.rs`, what ends those that take too long in `waiting.rs`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bindings::dispatch::Reply;
use bindings::event::{EventId, Kind};

use super::super::job::{Answer, Job};
use super::running::report_of_refused;
use super::{GRACE, IDLE_CPU, Slot, State};
use crate::isolate::ledger::{Payer, Verdict};
use crate::limits::Allowance;
use crate::outcome::{Failure, Outcome};

/// Why a worker's isolates go that has too much of the node's memory.
const EXPELLED: &str = "the node is short of memory";

/// Why an isolate leaves a shard of those with short slices.
const TOO_LARGE: &str = "it has become too large for its shard";

/// Why the last events of a version end that was replaced long ago.
const OUTSTAYED: &str = "its version was replaced, and so were too many after it";

/// Why an event fails that has no client, and whose handler can never end.
const NEVER_SETTLES: &str = "the handler's promise never settles: nothing it waits for is pending";

impl Slot {
    /// Ends an event that has exceeded a limit, and the isolate with it. Answers the failure
    /// of `caller`'s event if it was that one.
    pub(super) fn judge(&self, verdict: Verdict, caller: Option<EventId>) -> Option<Answer> {
        let event = verdict.event();
        let failure = match verdict {
            Verdict::Memory(_) => self.exceeded_memory(),
            Verdict::NodeMemory(_) => self.node_memory(),
            Verdict::EventCpu(_) | Verdict::StrayCpu | Verdict::StartCpu => {
                self.exceeded_cpu(event)
            }
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
        if let Some(event) = event {
            return self.fail(event, &failure, caller);
        }
        if let Verdict::Memory(_) | Verdict::NodeMemory(_) = verdict {
            // V8 does not say whose allocation it was: none of them can go on.
            let answers = self.ids().into_iter().map(|id| self.fail(id, &failure, caller));
            return answers.fold(None, Option::or);
        }
        None
    }

    /// The node is short of memory, and the worker has the most of it: whatever runs here ends.
    pub(in crate::shard) fn expel(&self) {
        self.condemn(EXPELLED);
        let failure = self.node_memory();
        for id in self.ids() {
            self.fail(id, &failure, None);
        }
        self.dispose_if_done();
    }

    /// So many versions of its worker were replaced since this one was that whatever runs here ends.
    pub(in crate::shard) fn outstay(&self) {
        self.condemn(OUTSTAYED);
        let failure = Failure::IsolateLost { reason: OUTSTAYED };
        let events: Vec<(EventId, bool)> = {
            let events = self.events.borrow();
            events.iter().map(|(id, running)| (*id, running.event.is_answered())).collect()
        };
        if !events.is_empty() {
            self.shard.services.tell_outstayed(&self.version, events.len());
        }
        for (id, is_answered) in events {
            // Who was answered has had the time that there is for what comes after it.
            let outcome = if is_answered { Outcome::ExceededWallTime } else { failure.outcome() };
            self.fail_as(id, &failure, outcome, None);
        }
        self.dispose_if_done();
    }

    /// Ends an event with a failure.
    fn fail(&self, id: EventId, failure: &Failure, caller: Option<EventId>) -> Option<Answer> {
        self.fail_as(id, failure, failure.outcome(), caller)
    }

    fn fail_as(
        &self,
        id: EventId,
        failure: &Failure,
        outcome: Outcome,
        caller: Option<EventId>,
    ) -> Option<Answer> {
        let (event, unanswered) = {
            let mut events = self.events.borrow_mut();
            let running = events.get_mut(&id)?;
            let is_request = running.event.kind() == Kind::Fetch;
            running.outcome = outcome;
            // The tenant's code did not throw, but an operator asks why.
            let reason = match failure {
                Failure::IsolateLost { reason } => Some(*reason),
                Failure::NeverResponds if !is_request => Some(NEVER_SETTLES),
                _ => None,
            };
            if let Some(reason) = reason {
                running.exception.get_or_insert_with(|| (reason.to_owned(), String::new()));
            }
            let unanswered = !running.event.is_answered() || caller == Some(id);
            running.event.close();
            (running.event.clone(), unanswered)
        };
        if event.kind() != Kind::Fetch {
            // Whoever calls it over RPC waits for what it has been called for, not for its end.
            event.break_off(&failure.told());
            // It has run, and its end says what it has come to.
            return self.end(id).filter(|_| caller == Some(id));
        }
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
            // What a request has left after its answer is lost with the isolate; of others it is a part.
            let is_lost = matches!(failure, Failure::IsolateLost { .. });
            if !event.is_answered() || (is_lost && event.kind() != Kind::Fetch) {
                self.fail(event.id(), &failure, None);
            } else if !event.is_streaming() {
                // A promise given to `waitUntil` that cannot settle any more.
                self.end(event.id());
            }
        }
    }

    /// Whether nothing is left of an event that was not ended yet.
    pub(super) fn is_over(&self, id: EventId) -> bool {
        self.events.borrow().get(&id).is_some_and(|running| running.event.is_over())
    }

    /// Ends an event of which nothing is left; answers whether it was.
    pub(super) fn end_if_over(&self, id: EventId) -> bool {
        let over = self.is_over(id);
        if over {
            self.end(id);
        }
        over
    }

    /// Ends an event, and tells whoever has sent it, if it is no request, what it has come to. Answers that
    /// where nobody waits for it yet: it is then for whoever runs the event.
    pub(super) fn end(&self, id: EventId) -> Option<Answer> {
        let event = {
            let mut events = self.events.borrow_mut();
            let running = events.get_mut(&id)?;
            running.conclude();
            running.event.clone()
        };
        let (mut cpu, mut cpu_limit) = (Duration::ZERO, self.version.definition.limits.cpu);
        if let Some(inside) = self.isolate.borrow_mut().as_mut() {
            (cpu, cpu_limit) = inside.ledger().account_of_event(id).unwrap_or((cpu, cpu_limit));
            inside.ledger().close(id);
            if event.needs_finish() {
                self.shard.handle.set_running(Some(self.version.clone()));
                // What that prints is of the event, which is known until then.
                inside.enter(Payer::Running, |slice| slice.finish(id));
                self.shard.handle.set_running(None);
            }
            inside.events().remove(id);
        }
        let mut running = self.events.borrow_mut().remove(&id)?;
        self.uncount();
        self.idle_cpu_left.set(IDLE_CPU);
        let mut answer = match running.event.kind() {
            Kind::Fetch => None,
            _ => Some(Ok(Reply::Ended(running.ended()))),
        };
        let report = running.report(&self.version, cpu, cpu_limit);
        self.shard.services.observers.event_ended(&report);
        if let Some(reply) = running.reply.take()
            && let Some(answer) = answer.take()
        {
            let _ = reply.send(answer);
        }
        self.dispose_if_done();
        self.leave_if_large();
        answer
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
        if !self.shard.fleet.is_left_by_large(&self.shard.handle) {
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
        let services = &self.shard.services;
        let limits = &self.version.definition.limits;
        let cpu_limit = Allowance::of(&job.call.trigger, limits, &services.config).cpu;
        let is_traced = services.observers.want_traces(self.version.worker());
        let report = report_of_refused(job, failure, cpu_limit, is_traced);
        services.observers.event_ended(&report);
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
        for id in self.ids() {
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
            self.shard.dispose(isolate, &self.version);
            self.shard.handle.isolates.fetch_sub(1, Ordering::Relaxed);
            self.shard.services.isolates.fetch_sub(1, Ordering::Relaxed);
        }
        self.wake_loop();
    }

    fn ids(&self) -> Vec<EventId> {
        self.events.borrow().keys().copied().collect()
    }

    fn exceeded_cpu(&self, event: Option<EventId>) -> Failure {
        let isolate = self.isolate.borrow();
        let account = isolate.as_ref().zip(event);
        let account = account.and_then(|(it, event)| it.ledger().account_of_event(event));
        let limit = account.map_or(self.version.definition.limits.cpu, |(_, limit)| limit);
        Failure::ExceededCpu { limit_ms: limit.as_millis() as u64 }
    }

    fn node_memory(&self) -> Failure {
        Failure::NodeMemory { worker: self.version.worker().to_string() }
    }

    pub(super) fn exceeded_memory(&self) -> Failure {
        let limit = self.version.definition.limits.memory_bytes;
        Failure::ExceededMemory { limit_mb: (limit >> 20) as u64 }
    }
}
