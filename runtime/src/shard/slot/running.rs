//! An event that runs in an isolate, as its slot knows it, and what is told of it in the end. What happens
//! on the way is the slot's.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bindings::dispatch::Ended;
use bindings::event::{Event, Thrown};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::super::job::{Answer, Job};
use crate::event::{Detail, EventBegan, EventReport};
use crate::outcome::{Failure, Outcome};
use crate::version::Version;

/// An event that runs.
pub(super) struct Running {
    pub(super) event: Rc<Event>,
    pub(super) reply: Option<oneshot::Sender<Answer>>,
    /// Unique in the process.
    pub(super) number: u64,
    submitted: Instant,
    cold: bool,
    /// What the event has come to, as far as it is decided.
    pub(super) outcome: Outcome,
    pub(super) exception: Option<(String, String)>,
    pub(super) detail: Option<Box<Detail>>,
    pub(super) is_traced: bool,
    pub(super) wall: Option<WallLimit>,
}

/// What ends an event that takes too long, for as long as this is not dropped.
pub(super) struct WallLimit(pub(super) AbortHandle);

impl Drop for WallLimit {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Running {
    pub(super) fn new(event: Rc<Event>, number: u64, submitted: Instant, cold: bool) -> Running {
        Running {
            event,
            reply: None,
            number,
            submitted,
            cold,
            outcome: Outcome::Ok,
            exception: None,
            detail: None,
            is_traced: false,
            wall: None,
        }
    }

    /// That it has begun.
    pub(super) fn began<'a>(&'a self, version: &'a Version) -> EventBegan<'a> {
        EventBegan {
            worker: version.worker(),
            version: version.id(),
            event: self.number,
            kind: self.event.kind(),
            entrypoint: self.event.call().entrypoint.as_ref(),
        }
    }

    /// Decides what it has come to, when nothing of it is left.
    pub(super) fn conclude(&mut self) {
        if let Some(thrown) = self.event.take_thrown() {
            self.exception = Some((thrown.message, thrown.stack));
        }
        self.outcome = match self.outcome {
            Outcome::Ok if self.exception.is_some() => Outcome::Exception,
            Outcome::Ok if self.event.is_cut_off() => Outcome::Canceled,
            Outcome::Ok if self.event.is_broken() => Outcome::ResponseStreamDisconnected,
            outcome => outcome,
        };
    }

    /// What it has come to so far, for whoever has sent it and waits for no more. To be asked once: it takes
    /// what the event has come to beside its outcome.
    pub(super) fn ended(&self) -> Ended {
        let exception = self.event.thrown().or_else(|| {
            let (message, stack) = self.exception.clone()?;
            Some(Thrown { message, stack })
        });
        let outcome = match self.outcome {
            Outcome::Ok if exception.is_some() => Outcome::Exception,
            outcome => outcome,
        };
        Ended { outcome, exception, result: self.event.take_result() }
    }

    /// The report of its end.
    pub(super) fn report(
        &mut self,
        version: &Version,
        cpu: Duration,
        cpu_limit: Duration,
    ) -> EventReport {
        EventReport {
            worker: version.worker().clone(),
            version: version.id().clone(),
            event: self.number,
            kind: self.event.kind(),
            entrypoint: self.event.call().entrypoint.clone(),
            detail: self.detail.take(),
            is_traced: self.is_traced,
            started: self.submitted,
            outcome: self.outcome,
            cpu,
            cpu_limit,
            wall: self.submitted.elapsed(),
            cold: self.cold,
            exception: self.exception.take(),
        }
    }
}

/// The report of an event that never ran.
pub(super) fn report_of_refused(
    job: &Job,
    failure: &Failure,
    cpu_limit: Duration,
    is_traced: bool,
) -> EventReport {
    let exception = match failure {
        Failure::CannotStart { message, stack, .. } => Some((message.clone(), stack.clone())),
        _ => None,
    };
    EventReport {
        worker: job.version.worker().clone(),
        version: job.version.id().clone(),
        event: job.number,
        kind: job.call.trigger.kind(),
        entrypoint: job.call.context.entrypoint.clone(),
        detail: Detail::of(&job.call.trigger, is_traced),
        is_traced,
        started: job.submitted,
        outcome: failure.outcome(),
        cpu: Duration::ZERO,
        cpu_limit,
        wall: job.submitted.elapsed(),
        cold: job.cold,
        exception,
    }
}
