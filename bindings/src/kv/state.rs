//! What an isolate keeps for the binding: its version's namespaces, and the operations that its
//! events wait for. As on Workers, an event has six of them under way at a time; what it asks
//! beside these waits in its line (`line.rs`). Values on their way in are in `sinks.rs`.

use std::rc::{Rc, Weak};
use std::sync::Arc;

use bytes::Bytes;
use deno_core::futures::future::LocalBoxFuture;
use deno_core::{OpState, v8};
use kv::{Lookup, Namespace, Store, StoreError};
use rustc_hash::FxHashMap;

use super::KvNamespaces;
use super::error::{KvError, Method};
use super::line::Line;
use super::operation::Operation;
use super::reply::{Form, Reply};
use super::sinks::Sinks;
use crate::event::Event;
use crate::memory::Charge;

type Outcome = Result<Reply, StoreError>;

/// So many operations are looked through each time for those that nobody waits for any more.
const FEW_WAITING: usize = 64;

pub(super) struct KvState {
    version: KvNamespaces,
    waiting: FxHashMap<i32, Waiting>,
    last_token: i32,
    /// The lines of events that have operations under way.
    lines: FxHashMap<u32, Rc<Line>>,
    /// At so many that wait, it is looked who of them is nobody's.
    crowded_at: usize,
    pub(super) sinks: Sinks,
    /// The value that the script is making room for, between two calls in one turn.
    pub(super) to_fill: Option<Bytes>,
}

/// The event that asks; none where there are no events.
#[derive(Clone)]
pub(super) struct Asker {
    event: Option<Weak<Event>>,
    line: u32,
}

/// An answer that is at hand, or the token to wait for it with: always below zero.
pub(super) enum Answer {
    Now(Outcome),
    Later(i32),
}

struct Waiting {
    form: Form,
    asker: Asker,
    progress: Progress,
}

enum Progress {
    Asked(LocalBoxFuture<'static, Outcome>),
    Polled,
    Answered(Outcome),
}

impl Asker {
    /// Who calls the op.
    pub(super) fn running(scope: &v8::PinScope<'_, '_>, state: &OpState) -> Self {
        let event = crate::event::running(scope, state);
        let line = event.as_ref().and_then(Weak::upgrade).map_or(0, |event: Rc<Event>| event.id());
        Self { event, line }
    }

    /// One that is an event.
    #[cfg(test)]
    pub(super) fn of(event: &Rc<Event>) -> Self {
        Self { event: Some(Rc::downgrade(event)), line: event.id() }
    }

    /// The event, while it is not over.
    pub(super) fn event(&self) -> Option<Rc<Event>> {
        self.event.as_ref().and_then(Weak::upgrade)
    }

    /// Whether it is not over.
    pub(super) fn is_on(&self) -> bool {
        self.event.as_ref().is_none_or(|event| event.strong_count() > 0)
    }
}

impl KvState {
    pub(super) fn new(version: KvNamespaces) -> Self {
        Self {
            version,
            waiting: FxHashMap::default(),
            last_token: 0,
            lines: FxHashMap::default(),
            crowded_at: FEW_WAITING,
            sinks: Sinks::default(),
            to_fill: None,
        }
    }

    pub(super) fn namespace(&self, index: u32) -> Result<(&Arc<dyn Store>, &Namespace), KvError> {
        let namespace = self.version.namespaces.get(index as usize).ok_or(KvError::NotBound)?;
        Ok((&self.version.store, namespace))
    }

    /// What a worker is told of an operation that failed; the operator is told more.
    pub(super) fn failed(&self, method: Method, error: StoreError) -> KvError {
        let is_full = match &error {
            StoreError::Full { .. } | StoreError::DiskFull { .. } => true,
            // A namespace that has as much as it may.
            StoreError::Refused(refused) => refused.status == 507,
            StoreError::Closed | StoreError::Failed { .. } => false,
        };
        match &self.version.on_full {
            Some(tell) if is_full => {
                tell(format!("KV {} was refused: {error}", method.name()));
                method.refused(error.into_refused())
            }
            _ => method.failed(error),
        }
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.version.store
    }

    /// Asks the store, at once or when the event has fewer operations under way. `charge` is held
    /// until the answer is there.
    pub(super) fn ask(
        &mut self,
        asker: Asker,
        form: Form,
        namespace: u32,
        operation: Operation<'_>,
        charge: Option<Charge>,
    ) -> Result<Answer, KvError> {
        let (store, namespace) = self.namespace(namespace)?;
        let written_bytes = operation.written_bytes();
        if let Some(line) = self.lines.get(&asker.line)
            && line.is_full_for(written_bytes)
        {
            let turn = Line::wait(line, written_bytes);
            let (asks, operation) = (asker.clone(), operation.into_owned());
            let (store, namespace) = (Arc::clone(store), namespace.clone());
            let in_line = async move {
                let _held = (turn.await, charge);
                if !asks.is_on() {
                    return Err(StoreError::Closed);
                }
                operation.start(&*store, &namespace).await
            };
            return Ok(self.later(asker, form, Box::pin(in_line)));
        }
        match operation.start(&**store, namespace) {
            Lookup::Ready(outcome) => Ok(Answer::Now(outcome)),
            Lookup::Pending(running) => {
                let line = self.lines.entry(asker.line).or_default();
                let held = (Line::enter(line, written_bytes), charge);
                let under_way = async move {
                    let _held = held;
                    running.await
                };
                Ok(self.later(asker, form, Box::pin(under_way)))
            }
        }
    }

    /// The answer of an operation that was asked outside of the event's line.
    pub(super) fn answer(
        &mut self,
        asker: Asker,
        form: Form,
        lookup: Lookup<Reply>,
        charge: Option<Charge>,
    ) -> Answer {
        match lookup {
            Lookup::Ready(outcome) => Answer::Now(outcome),
            Lookup::Pending(running) => {
                let under_way = async move {
                    let _held = charge;
                    running.await
                };
                self.later(asker, form, Box::pin(under_way))
            }
        }
    }

    /// The future of an operation, for the one who polls it.
    pub(super) fn start(&mut self, token: i32) -> Option<LocalBoxFuture<'static, Outcome>> {
        let waiting = self.waiting.get_mut(&token)?;
        match std::mem::replace(&mut waiting.progress, Progress::Polled) {
            Progress::Asked(future) => Some(future),
            other => {
                waiting.progress = other;
                None
            }
        }
    }

    /// Keeps the answer to an operation, if somebody is there to take it.
    pub(super) fn finish(&mut self, token: i32, outcome: Outcome) {
        let Some(waiting) = self.waiting.get_mut(&token) else { return };
        let line = waiting.asker.line;
        if waiting.asker.is_on() {
            waiting.progress = Progress::Answered(outcome);
        } else {
            self.waiting.remove(&token);
        }
        if self.lines.get(&line).is_some_and(is_idle) {
            self.lines.remove(&line);
        }
    }

    /// The answer to an operation that has been waited for, and who asked.
    pub(super) fn take(&mut self, token: i32) -> Option<(Form, Asker, Outcome)> {
        match self.waiting.remove(&token)? {
            Waiting { form, asker, progress: Progress::Answered(outcome) } => {
                Some((form, asker, outcome))
            }
            Waiting { .. } => None,
        }
    }

    fn later(
        &mut self,
        asker: Asker,
        form: Form,
        future: LocalBoxFuture<'static, Outcome>,
    ) -> Answer {
        self.forget_over();
        let token = self.free_token();
        self.waiting.insert(token, Waiting { form, asker, progress: Progress::Asked(future) });
        Answer::Later(token)
    }

    /// Forgets what events have left that are over: answers that they have not taken, and what they
    /// have not waited for. Seldom, where there is much to look through.
    fn forget_over(&mut self) {
        if self.waiting.len() > FEW_WAITING && self.waiting.len() < self.crowded_at {
            return;
        }
        // What is polled is forgotten when it is done.
        self.waiting.retain(|_, waiting| {
            waiting.asker.is_on() || matches!(waiting.progress, Progress::Polled)
        });
        self.lines.retain(|_, line| !is_idle(line));
        self.crowded_at = FEW_WAITING.max(self.waiting.len() * 2);
    }

    fn free_token(&mut self) -> i32 {
        loop {
            self.last_token = self.last_token.checked_sub(1).unwrap_or(-1);
            if !self.waiting.contains_key(&self.last_token) {
                return self.last_token;
            }
        }
    }
}

/// Whether nobody has a place in the line, nor waits for one.
fn is_idle(line: &Rc<Line>) -> bool {
    Rc::strong_count(line) == 1
}
