//! Calls that other threads make for an event: what was reserved for each, what it took, and who
//! pays the difference. Not here: the threads (`lanes.rs`).

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;

use super::lanes::{self, Place};
use crate::event::EventId;

/// Who takes CPU time that is used for an event outside its isolate's thread.
pub trait CpuPayer {
    /// Charges an event, `None` for whoever runs, with a time. Answers whether that is more than its
    /// limit, or what runs is to end anyway. Where no slice of the isolate runs, an event that has
    /// no more than it has used ends before any of its code goes on.
    fn charge(&self, event: Option<EventId>, time: Duration) -> bool;

    /// CPU time that an event, `None` for whoever runs, has left.
    fn left(&self, event: Option<EventId>) -> Duration;

    /// CPU time that it may use in all.
    fn limit(&self, event: Option<EventId>) -> Duration;

    /// Whether a slice of the isolate runs: that is charged with all that its thread takes.
    fn is_running(&self) -> bool;

    /// Ends an event for which work was given up because it had no more CPU time: the rest of what
    /// it has is used up.
    fn use_up(&self, event: EventId);

    /// Calls that are under way. The payer looks whether they have ended before it says what an
    /// event has used, or has left.
    fn calls(&self) -> &Calls;
}

/// The payer of an isolate. Lives in its `OpState`, where the runtime puts it; without it nobody
/// is charged.
#[derive(Clone)]
pub struct CpuAccount(Rc<dyn CpuPayer>);

impl CpuAccount {
    /// An account that this one pays.
    pub fn new(payer: Rc<dyn CpuPayer>) -> CpuAccount {
        CpuAccount(payer)
    }

    pub(crate) fn charge(&self, event: Option<EventId>, time: Duration) -> bool {
        self.0.charge(event, time)
    }

    pub(super) fn left(&self, event: Option<EventId>) -> Duration {
        self.0.left(event)
    }

    pub(super) fn limit(&self, event: Option<EventId>) -> Duration {
        self.0.limit(event)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.0.is_running()
    }

    pub(super) fn use_up(&self, event: EventId) {
        self.0.use_up(event);
    }
}

/// A call that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The event that it was made for, if one was known.
    pub event: Option<EventId>,
    /// What the event was charged with before.
    pub reserved: Duration,
    /// What the call took.
    pub took: Duration,
}

/// The calls of an isolate that are under way.
#[derive(Default)]
pub struct Calls(RefCell<Vec<UnderWay>>);

struct UnderWay {
    event: Option<EventId>,
    reserved: Duration,
    end: Arc<End>,
}

/// The end of a call, once it is there.
#[derive(Default)]
pub(super) struct End {
    took: OnceLock<Duration>,
    there: Notify,
}

impl End {
    /// Whether it is there.
    pub(super) fn is_there(&self) -> bool {
        self.took.get().is_some()
    }

    /// Waits for it.
    pub(super) async fn wait(&self) {
        while !self.is_there() {
            self.there.notified().await;
        }
    }
}

impl Calls {
    /// Takes out those that have ended.
    pub fn take_ended(&self) -> Vec<Ended> {
        let mut calls = self.0.borrow_mut();
        let mut ended = Vec::new();
        calls.retain(|call| {
            let Some(&took) = call.end.took.get() else { return true };
            ended.push(Ended { event: call.event, reserved: call.reserved, took });
            false
        });
        ended
    }

    /// Whether none is under way.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

/// What a call was expected to take, and took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// The function: `digest`, `sign`.
    pub call: String,
    /// The algorithm, and what it depends on.
    pub algorithm: String,
    /// What was reserved.
    pub price: Duration,
    /// What it took.
    pub took: Duration,
}

type Watcher = Box<dyn Fn(&Measured) + Send + Sync>;

static WATCHER: OnceLock<Watcher> = OnceLock::new();

/// Has each call told to this function, on the thread that made it. The first one counts.
pub fn watch(watcher: impl Fn(&Measured) + Send + Sync + 'static) {
    let _ = WATCHER.set(Box::new(watcher));
}

/// What has been put on the lane ends there; the event is charged with what it
/// took, and the place is free again.
pub(super) fn end(
    place: Place,
    event: Option<EventId>,
    what: Measured,
    account: Option<&CpuAccount>,
) -> Arc<End> {
    let end = Arc::<End>::default();
    if let Some(account) = account {
        let call = UnderWay { event, reserved: what.price, end: end.clone() };
        account.0.calls().0.borrow_mut().push(call);
    }
    let (runtime, noted) = (place.runtime(), end.clone());
    runtime.spawn_blocking(move || {
        let measured = Measured { took: lanes::taken(), ..what };
        if let Some(watcher) = WATCHER.get() {
            watcher(&measured);
        }
        let _ = noted.took.set(measured.took);
        noted.there.notify_one();
        drop(place);
    });
    end
}
