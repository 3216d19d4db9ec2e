//! What an isolate keeps for the binding: its version's namespaces, and the operations that its
//! events wait for.

use std::collections::HashMap;

use bytes::Bytes;
use deno_core::futures::future::BoxFuture;
use kv::{Lookup, Namespace, Store, StoreError};

use super::KvNamespaces;
use super::error::KvError;
use super::reply::{Form, Reply};

type Outcome = Result<Reply, StoreError>;

pub(super) struct KvState {
    version: KvNamespaces,
    waiting: HashMap<i32, Waiting>,
    last_token: i32,
    /// The value that the script is making room for, between two calls in one turn.
    pub(super) to_fill: Option<Bytes>,
}

/// An answer that is at hand, or the token to wait for it with: always below zero.
pub(super) enum Answer {
    Now(Outcome),
    Later(i32),
}

struct Waiting {
    form: Form,
    progress: Progress,
}

enum Progress {
    Asked(BoxFuture<'static, Outcome>),
    Polled,
    Answered(Outcome),
}

impl KvState {
    pub(super) fn new(version: KvNamespaces) -> Self {
        Self { version, waiting: HashMap::new(), last_token: 0, to_fill: None }
    }

    pub(super) fn namespace(&self, index: u32) -> Result<(&dyn Store, &Namespace), KvError> {
        let namespace = self.version.namespaces.get(index as usize).ok_or(KvError::NotBound)?;
        Ok((&*self.version.store, namespace))
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.version.store
    }

    pub(super) fn answer(&mut self, form: Form, lookup: Lookup<Reply>) -> Answer {
        match lookup {
            Lookup::Ready(outcome) => Answer::Now(outcome),
            Lookup::Pending(future) => {
                let token = self.free_token();
                let waiting = Waiting { form, progress: Progress::Asked(future) };
                self.waiting.insert(token, waiting);
                Answer::Later(token)
            }
        }
    }

    /// The future of an operation, for the one who polls it.
    pub(super) fn start(&mut self, token: i32) -> Option<BoxFuture<'static, Outcome>> {
        let waiting = self.waiting.get_mut(&token)?;
        match std::mem::replace(&mut waiting.progress, Progress::Polled) {
            Progress::Asked(future) => Some(future),
            other => {
                waiting.progress = other;
                None
            }
        }
    }

    pub(super) fn finish(&mut self, token: i32, outcome: Outcome) {
        if let Some(waiting) = self.waiting.get_mut(&token) {
            waiting.progress = Progress::Answered(outcome);
        }
    }

    /// The answer to an operation that has been waited for.
    pub(super) fn take(&mut self, token: i32) -> Option<(Form, Outcome)> {
        match self.waiting.remove(&token)? {
            Waiting { form, progress: Progress::Answered(outcome) } => Some((form, outcome)),
            Waiting { .. } => None,
        }
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
