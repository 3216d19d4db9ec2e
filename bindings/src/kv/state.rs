//! What an isolate keeps for the binding: its version's namespaces, and the operations that its
//! events wait for.

use std::collections::HashMap;
use std::rc::Weak;

use bytes::Bytes;
use deno_core::futures::future::BoxFuture;
use kv::{Lookup, Namespace, Store, StoreError, ValueSink};

use super::KvNamespaces;
use super::error::KvError;
use super::reply::{Form, Reply};
use crate::event::Event;

type Outcome = Result<Reply, StoreError>;

/// The most values that an isolate may be writing piece by piece at a time: each has a part of its
/// value in the process's memory.
const MAX_SINKS: usize = 64;

pub(super) struct KvState {
    version: KvNamespaces,
    waiting: HashMap<i32, Waiting>,
    last_token: i32,
    pub(super) sinks: Sinks,
    /// The value that the script is making room for, between two calls in one turn.
    pub(super) to_fill: Option<Bytes>,
}

/// A value that comes piece by piece.
struct Open {
    sink: Box<dyn ValueSink>,
    /// Who writes it, where there are events.
    event: Option<Weak<Event>>,
}

/// The values that come piece by piece, by number.
#[derive(Default)]
pub(super) struct Sinks {
    open: HashMap<u32, Open>,
    last: u32,
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
        Self {
            version,
            waiting: HashMap::new(),
            last_token: 0,
            sinks: Sinks::default(),
            to_fill: None,
        }
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

impl Sinks {
    /// The number of a sink, unless there are too many.
    ///
    /// `event` is the one that writes: when it is over, so is the value.
    pub(super) fn add(
        &mut self,
        sink: Box<dyn ValueSink>,
        event: Option<Weak<Event>>,
    ) -> Option<u32> {
        let is_on = |event: &Weak<Event>| event.strong_count() > 0;
        self.open.retain(|_, open| open.event.as_ref().is_none_or(is_on));
        if self.open.len() == MAX_SINKS {
            return None;
        }
        self.last = (1..)
            .map(|step| self.last.wrapping_add(step))
            .find(|number| !self.open.contains_key(number))?;
        self.open.insert(self.last, Open { sink, event });
        Some(self.last)
    }

    pub(super) fn get(&mut self, number: u32) -> Option<&mut dyn ValueSink> {
        self.open.get_mut(&number).map(|open| &mut *open.sink as _)
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<Box<dyn ValueSink>> {
        self.open.remove(&number).map(|open| open.sink)
    }
}
