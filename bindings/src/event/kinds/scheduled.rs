//! `scheduled`: a cron trigger that is due
//! (<https://developers.cloudflare.com/workers/runtime-apis/handlers/scheduled/>).
//! Not here: when it is due.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::{OpState, op2};

use crate::event::{Event, ops};

/// A cron trigger that is due.
#[derive(Debug, Clone)]
pub struct Scheduled {
    /// The expression, byte for byte as the configuration has it: workers compare it.
    pub cron: Arc<str>,
    /// The minute for which it is due, in milliseconds since the UNIX epoch.
    pub scheduled_time_ms: u64,
}

/// What the event needs while it runs.
pub(in crate::event) struct State {
    scheduled: Scheduled,
    no_retry: Cell<bool>,
}

impl State {
    pub(super) fn new(scheduled: Scheduled) -> State {
        State { scheduled, no_retry: Cell::new(false) }
    }

    pub(super) fn no_retry(&self) -> bool {
        self.no_retry.get()
    }
}

fn with<T>(state: &OpState, id: u32, read: impl FnOnce(&State) -> T) -> Option<T> {
    let event: Rc<Event> = ops::find(state, id)?;
    match &event.state {
        super::State::Scheduled(scheduled) => Some(read(scheduled)),
        _ => None,
    }
}

/// When it was due, in milliseconds since the UNIX epoch.
#[op2(fast)]
pub(in crate::event) fn op_event_scheduled_time(state: &mut OpState, #[smi] id: u32) -> f64 {
    with(state, id, |it| it.scheduled.scheduled_time_ms as f64).unwrap_or_default()
}

/// The expression.
#[op2]
#[string]
pub(in crate::event) fn op_event_scheduled_cron(state: &mut OpState, #[smi] id: u32) -> String {
    with(state, id, |it| it.scheduled.cron.to_string()).unwrap_or_default()
}

/// The worker does not want it to be tried again.
#[op2(fast)]
pub(in crate::event) fn op_event_scheduled_no_retry(state: &mut OpState, #[smi] id: u32) {
    with(state, id, |it| it.no_retry.set(true));
}
