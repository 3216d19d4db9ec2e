//! Operations whose answers a script waits for, by tokens. The op that begins one answers with a token,
//! an asynchronous op waits, and a third one takes the answer (`env/promises.js`): so no answer passes
//! through a promise that a worker could have changed.

use deno_core::futures::future::LocalBoxFuture;
use rustc_hash::FxHashMap;

use super::Asker;

/// So many operations are looked through each time for those that nobody waits for any more.
const FEW_WAITING: usize = 64;

/// The operations of an isolate that are waited for. `F` says how an answer is to be told, `T` is the
/// answer.
pub struct Pending<F, T> {
    waiting: FxHashMap<i32, Waiting<F, T>>,
    last_token: i32,
    /// At so many that wait, it is looked who of them is nobody's.
    crowded_at: usize,
}

struct Waiting<F, T> {
    form: F,
    asker: Asker,
    progress: Progress<T>,
}

enum Progress<T> {
    Asked(LocalBoxFuture<'static, T>),
    Polled,
    Answered(T),
}

impl<F, T> Default for Pending<F, T> {
    fn default() -> Self {
        Self { waiting: FxHashMap::default(), last_token: 0, crowded_at: FEW_WAITING }
    }
}

impl<F, T> Pending<F, T> {
    /// Adds an operation. The token to wait for it with is always below zero.
    pub fn add(&mut self, asker: Asker, form: F, operation: LocalBoxFuture<'static, T>) -> i32 {
        self.forget_over();
        let token = self.free_token();
        let progress = Progress::Asked(operation);
        self.waiting.insert(token, Waiting { form, asker, progress });
        token
    }

    /// The operation, for the one who polls it.
    pub fn start(&mut self, token: i32) -> Option<LocalBoxFuture<'static, T>> {
        let waiting = self.waiting.get_mut(&token)?;
        match std::mem::replace(&mut waiting.progress, Progress::Polled) {
            Progress::Asked(operation) => Some(operation),
            other => {
                waiting.progress = other;
                None
            }
        }
    }

    /// Keeps the answer to an operation, if somebody is there to take it.
    pub fn finish(&mut self, token: i32, answer: T) {
        let Some(waiting) = self.waiting.get_mut(&token) else { return };
        if waiting.asker.is_on() {
            waiting.progress = Progress::Answered(answer);
        } else {
            self.waiting.remove(&token);
        }
    }

    /// The answer to an operation that has been waited for, how it is to be told, and who asked.
    pub fn take(&mut self, token: i32) -> Option<(F, Asker, T)> {
        match self.waiting.remove(&token)? {
            Waiting { form, asker, progress: Progress::Answered(answer) } => {
                Some((form, asker, answer))
            }
            Waiting { .. } => None,
        }
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

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::event::{CallContext, Event, Events, Scheduled, Trigger};

    fn event(events: &Events) -> Rc<Event> {
        let scheduled = Scheduled { cron: "* * * * *".into(), scheduled_time_ms: 0 };
        events.insert(Trigger::Scheduled(scheduled), CallContext::default(), 1)
    }

    fn add(pending: &mut Pending<&'static str, u8>, event: &Rc<Event>) -> i32 {
        pending.add(Asker::of(event), "form", Box::pin(async { 1 }))
    }

    #[test]
    fn an_answer_is_taken_once_and_told_as_it_was_asked() {
        let (events, mut pending) = (Events::default(), Pending::default());
        let event = event(&events);
        let token = add(&mut pending, &event);
        assert!(token < 0);
        assert!(pending.start(token).is_some());
        assert!(pending.start(token).is_none(), "it is polled already");
        pending.finish(token, 7);
        let taken = pending.take(token).map(|(form, asker, answer)| (form, asker.is_on(), answer));
        assert_eq!(taken, Some(("form", true, 7)));
        assert!(pending.take(token).is_none());
    }

    #[test]
    fn what_events_leave_that_are_over_is_forgotten() {
        let (events, mut pending) = (Events::default(), Pending::default());
        let (one, other) = (event(&events), event(&events));
        let (first, second) = (add(&mut pending, &one), add(&mut pending, &other));
        assert!(pending.start(second).is_some());
        events.remove(one.id());
        events.remove(other.id());
        drop((one, other));
        let event = event(&events);
        add(&mut pending, &event);
        assert!(pending.start(first).is_none(), "nobody has waited for it");
        pending.finish(second, 2);
        assert!(pending.take(second).is_none(), "nobody is there to take it");
        assert_eq!(pending.waiting.len(), 1);
    }
}
