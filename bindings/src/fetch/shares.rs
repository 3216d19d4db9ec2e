//! Places of something that the node has a bounded number of, shared fairly between workers: a
//! ceiling for all, a share for each, and queues that take turns, so that a worker with many
//! requests waits for itself. Not here: what the places are for.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use deno_core::parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

#[cfg(test)]
mod tests;

/// How many places there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// What is counted, in the plural, for messages.
    pub(crate) what: &'static str,
    pub(crate) all: usize,
    pub(crate) per_worker: usize,
    /// Requests of one worker that may wait for a place.
    pub(crate) waiting_per_worker: usize,
}

/// Why there was no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Shortage {
    #[error(
        "this worker has {count} {what}, as many as one worker may have, and none became free \
         within {} s", waited.as_secs()
    )]
    Worker { what: &'static str, count: usize, waited: Duration },
    #[error(
        "the node has {count} {what}, as many as it may have, and none became free within {} s",
        waited.as_secs()
    )]
    Node { what: &'static str, count: usize, waited: Duration },
    #[error(
        "this worker has {count} {what} and {waiting} requests that wait for one, as many as may"
    )]
    Queue { what: &'static str, count: usize, waiting: usize },
}

/// The places. Clones share them.
#[derive(Clone)]
pub(crate) struct Shares(Arc<Inner>);

struct Inner {
    bounds: Bounds,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    workers: HashMap<Arc<str>, Worker>,
    /// The workers that wait and may have one more, in turn.
    turns: VecDeque<Arc<str>>,
    next_ticket: u64,
}

#[derive(Default)]
struct Worker {
    taken: usize,
    waiting: BTreeMap<u64, oneshot::Sender<Share>>,
    has_turn: bool,
}

/// One place, given back when it is dropped.
pub(crate) struct Share {
    inner: Arc<Inner>,
    worker: Arc<str>,
}

/// A request that waits. Dropping it gives up its place in the queue at once.
struct Waiting {
    inner: Arc<Inner>,
    worker: Arc<str>,
    ticket: u64,
    granted: oneshot::Receiver<Share>,
}

impl Shares {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Inner { bounds, state: Mutex::default() }))
    }

    /// A place for this worker, waited for until the limit.
    pub(crate) async fn take(&self, worker: &Arc<str>, limit: Duration) -> Result<Share, Shortage> {
        let waiting = match self.ask(worker)? {
            Asked::Granted(share) => return Ok(share),
            Asked::Queued(waiting) => waiting,
        };
        timeout(limit, waiting).await.map_err(|_| self.shortage(worker, limit))
    }

    /// A place for this worker where it need not be waited for.
    pub(crate) fn try_take(&self, worker: &Arc<str>) -> Option<Share> {
        match self.ask(worker) {
            Ok(Asked::Granted(share)) => Some(share),
            Ok(Asked::Queued(_)) | Err(_) => None,
        }
    }

    /// The places that are taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.state.lock().taken
    }

    fn ask(&self, name: &Arc<str>) -> Result<Asked, Shortage> {
        let Bounds { what, all, per_worker, waiting_per_worker } = self.0.bounds;
        let mut state = self.0.state.lock();
        let state = &mut *state;
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let worker = state.workers.entry(name.clone()).or_default();
        if worker.taken < per_worker && state.taken < all && worker.waiting.is_empty() {
            worker.taken += 1;
            state.taken += 1;
            let share = Share { inner: self.0.clone(), worker: name.clone() };
            return Ok(Asked::Granted(share));
        }
        let waiting = worker.waiting.len();
        if waiting >= waiting_per_worker {
            return Err(Shortage::Queue { what, count: worker.taken, waiting });
        }
        let (sender, granted) = oneshot::channel();
        worker.waiting.insert(ticket, sender);
        if worker.taken < per_worker && !worker.has_turn {
            worker.has_turn = true;
            state.turns.push_back(name.clone());
        }
        let (inner, worker) = (self.0.clone(), name.clone());
        Ok(Asked::Queued(Waiting { inner, worker, ticket, granted }))
    }

    fn shortage(&self, name: &Arc<str>, waited: Duration) -> Shortage {
        let Bounds { what, per_worker, .. } = self.0.bounds;
        let state = self.0.state.lock();
        match state.workers.get(name).map_or(0, |worker| worker.taken) {
            count if count >= per_worker => Shortage::Worker { what, count, waited },
            _ => Shortage::Node { what, count: state.taken, waited },
        }
    }
}

enum Asked {
    Granted(Share),
    Queued(Waiting),
}

impl State {
    /// Counts free places to those whose turn it is.
    fn grant(&mut self, bounds: &Bounds) -> Vec<(Arc<str>, oneshot::Sender<Share>)> {
        let mut granted = Vec::new();
        while self.taken < bounds.all
            && let Some(name) = self.turns.pop_front()
        {
            let Some(worker) = self.workers.get_mut(&name) else { continue };
            worker.has_turn = false;
            if worker.taken >= bounds.per_worker {
                continue;
            }
            let Some((_, sender)) = worker.waiting.pop_first() else { continue };
            worker.taken += 1;
            self.taken += 1;
            if worker.taken < bounds.per_worker && !worker.waiting.is_empty() {
                worker.has_turn = true;
                self.turns.push_back(name.clone());
            }
            granted.push((name, sender));
        }
        granted
    }

    /// Forgets a worker that has nothing and waits for nothing.
    fn tidy(&mut self, name: &Arc<str>) {
        let is_done = |worker: &Worker| worker.taken == 0 && worker.waiting.is_empty();
        if self.workers.get(name).is_some_and(is_done) {
            self.workers.remove(name);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let granted = {
            let mut state = self.inner.state.lock();
            let state = &mut *state;
            state.taken = state.taken.saturating_sub(1);
            if let Some(worker) = state.workers.get_mut(&self.worker) {
                worker.taken = worker.taken.saturating_sub(1);
                if !worker.waiting.is_empty() && !worker.has_turn {
                    worker.has_turn = true;
                    state.turns.push_back(self.worker.clone());
                }
            }
            let granted = state.grant(&self.inner.bounds);
            state.tidy(&self.worker);
            granted
        };
        // Without the lock: one that is not wanted any more comes back here.
        for (worker, sender) in granted {
            drop(sender.send(Share { inner: self.inner.clone(), worker }));
        }
    }
}

impl Future for Waiting {
    type Output = Share;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Share> {
        match Pin::new(&mut self.granted).poll(cx) {
            Poll::Ready(Ok(share)) => Poll::Ready(share),
            // The sender stays in the queue until it is used: this does not happen.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock();
        if let Some(worker) = state.workers.get_mut(&self.worker) {
            worker.waiting.remove(&self.ticket);
        }
        state.tidy(&self.worker);
    }
}
