//! What an isolate keeps for the binding: the queues that its version sends to, and what its events
//! wait for. As on Workers, a call counts as one of the six connections of its event: further ones wait
//! in the event's line.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use deno_core::futures::future::{BoxFuture, LocalBoxFuture};
use queue::{Broker, Metrics, NewMessage, SendError};

use super::error::{Form, Method, ProducerError};
use crate::binding::{Asker, Late, Line, Pending};
use crate::memory::Charge;

pub(super) type Outcome = Result<Metrics, SendError>;

/// A queue that a version sends to.
#[derive(Clone)]
pub(super) struct Producer {
    pub(super) queue: Arc<str>,
    pub(super) delay: Option<Duration>,
    /// Who sends.
    pub(super) worker: Arc<str>,
    pub(super) shows_codes: bool,
    pub(super) broker: Late<dyn Broker>,
}

#[derive(Default)]
pub(super) struct QueueState {
    /// What the worker's slots stand for.
    producers: Vec<Producer>,
    pending: Pending<Form, Outcome>,
    /// Where there are no events.
    line: Rc<Line>,
}

impl Producer {
    pub(super) fn form(&self, method: Method) -> Form {
        Form { method, shows_codes: self.shows_codes }
    }

    /// Sends messages. Those that say nothing of a delay have that of the call, or else of the binding.
    pub(super) fn send(
        &self,
        messages: Vec<NewMessage>,
        batch_delay: Option<Duration>,
    ) -> BoxFuture<'static, Outcome> {
        match self.broker.get() {
            Some(broker) => {
                broker.send(&self.queue, messages, batch_delay.or(self.delay), &self.worker)
            }
            None => unavailable(),
        }
    }

    pub(super) fn metrics(&self) -> BoxFuture<'static, Outcome> {
        match self.broker.get() {
            Some(broker) => broker.metrics(&self.queue),
            None => unavailable(),
        }
    }
}

fn unavailable() -> BoxFuture<'static, Outcome> {
    let error = SendError::unavailable("This node has no queues");
    Box::pin(std::future::ready(Err(error)))
}

impl QueueState {
    /// The slot of a queue.
    pub(super) fn bind(&mut self, producer: Producer) -> u32 {
        self.producers.push(producer);
        (self.producers.len() - 1) as u32
    }

    pub(super) fn producer(&self, slot: u32) -> Result<Producer, ProducerError> {
        self.producers.get(slot as usize).cloned().ok_or(ProducerError::NotBound)
    }

    /// Asks the broker, at once or when the event has fewer calls under way. `charge` is held until the
    /// answer is there. Answers with the token to wait with.
    pub(super) fn ask(
        &mut self,
        asker: Asker,
        form: Form,
        charge: Option<Charge>,
        ask: impl FnOnce() -> BoxFuture<'static, Outcome> + 'static,
    ) -> i32 {
        let line = asker.line().unwrap_or_else(|| Rc::clone(&self.line));
        let operation: LocalBoxFuture<'static, Outcome> = if line.is_full_for(None) {
            let (turn, asks) = (Line::wait(&line, None), asker.clone());
            Box::pin(async move {
                let _held = (turn.await, charge);
                if !asks.is_on() {
                    // Nobody is there to be told.
                    return Err(SendError::unavailable("The event is over"));
                }
                ask().await
            })
        } else {
            let (held, asked) = ((Line::enter(&line, None), charge), ask());
            Box::pin(async move {
                let _held = held;
                asked.await
            })
        };
        self.pending.add(asker, form, operation)
    }

    /// The future of a call, for the one who polls it.
    pub(super) fn start(&mut self, token: i32) -> Option<LocalBoxFuture<'static, Outcome>> {
        self.pending.start(token)
    }

    /// Keeps the answer to a call, if somebody is there to take it.
    pub(super) fn finish(&mut self, token: i32, outcome: Outcome) {
        self.pending.finish(token, outcome);
    }

    /// The answer to a call that has been waited for.
    pub(super) fn take(&mut self, token: i32) -> Option<(Form, Outcome)> {
        self.pending.take(token).map(|(form, _, outcome)| (form, outcome))
    }
}
