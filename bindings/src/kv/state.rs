//! What an isolate keeps for the binding: its version's namespaces, and the operations that its
//! events wait for. As on Workers, an event has six of them under way at a time; what it asks
//! beside these waits in its line (`binding/line.rs`). Values on their way in are in `sinks.rs`.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use deno_core::futures::future::LocalBoxFuture;
use kv::{Lookup, Namespace, Store, StoreError};

use super::error::{KvError, Method};
use super::operation::Operation;
use super::reply::{Form, Reply};
use super::sinks::Sinks;
use crate::binding::{Asker, Line, OnFull, Pending};
use crate::memory::Charge;

type Outcome = Result<Reply, StoreError>;

pub(super) struct KvState {
    store: Arc<dyn Store>,
    /// What the worker's slots stand for.
    namespaces: Vec<Namespace>,
    on_full: OnFull,
    pending: Pending<Form, Outcome>,
    /// Where there are no events.
    line: Rc<Line>,
    pub(super) sinks: Sinks,
    /// The value that the script is making room for, between two calls in one turn.
    pub(super) to_fill: Option<Bytes>,
}

/// An answer that is at hand, or the token to wait for it with: always below zero.
pub(super) enum Answer {
    Now(Outcome),
    Later(i32),
}

impl KvState {
    pub(super) fn new(store: Arc<dyn Store>, on_full: OnFull) -> Self {
        Self {
            store,
            namespaces: Vec::new(),
            on_full,
            pending: Pending::default(),
            line: Rc::default(),
            sinks: Sinks::default(),
            to_fill: None,
        }
    }

    /// The slot of a namespace.
    pub(super) fn bind(&mut self, namespace: Namespace) -> u32 {
        self.namespaces.push(namespace);
        (self.namespaces.len() - 1) as u32
    }

    pub(super) fn namespace(&self, slot: u32) -> Result<(&Arc<dyn Store>, &Namespace), KvError> {
        let namespace = self.namespaces.get(slot as usize).ok_or(KvError::NotBound)?;
        Ok((&self.store, namespace))
    }

    /// What a worker is told of an operation that failed; the operator is told more.
    pub(super) fn failed(&self, method: Method, error: StoreError) -> KvError {
        let is_full = match &error {
            StoreError::Full { .. } | StoreError::DiskFull { .. } => true,
            // A namespace that has as much as it may.
            StoreError::Refused(refused) => refused.status == 507,
            StoreError::Closed | StoreError::Failed { .. } => false,
        };
        if !is_full {
            return method.failed(error);
        }
        (self.on_full)(format!("KV {} was refused: {error}", method.name()));
        method.refused(error.into_refused())
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
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
        let line = asker.line().unwrap_or_else(|| Rc::clone(&self.line));
        if line.is_full_for(written_bytes) {
            let turn = Line::wait(&line, written_bytes);
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
                let held = (Line::enter(&line, written_bytes), charge);
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
        self.pending.start(token)
    }

    /// Keeps the answer to an operation, if somebody is there to take it.
    pub(super) fn finish(&mut self, token: i32, outcome: Outcome) {
        self.pending.finish(token, outcome);
    }

    /// The answer to an operation that has been waited for, and who asked.
    pub(super) fn take(&mut self, token: i32) -> Option<(Form, Asker, Outcome)> {
        self.pending.take(token)
    }

    fn later(
        &mut self,
        asker: Asker,
        form: Form,
        future: LocalBoxFuture<'static, Outcome>,
    ) -> Answer {
        Answer::Later(self.pending.add(asker, form, future))
    }
}
