//! Places of something that the node has a bounded number of, shared fairly between workers: a
//! ceiling for each, and one for all whose last part is kept for workers that have few. Of those
//! that wait, whoever has fewest is next; and where that does not help, whoever has most gives one
//! up. So it is of no use to split what is greedy into many names.
//! Not here: what the places are for; how they are counted (`shares/state.rs`).

mod state;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use deno_core::parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use self::state::{Asked, Granted, State};

/// One part in so many of all places is for workers that have few.
const KEPT_PART: usize = 8;
/// A worker with less than one part in so many of its ceiling has few.
const FEW_PART: usize = 16;
/// How long a worker waits before another one gives up a place for it, and before the next one is.
const PRESS_EVERY: Duration = Duration::from_millis(250);

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
        "the node has {count} {what}, as many as it may have for a worker that has {own} of them, \
         and none became free within {} s", waited.as_secs()
    )]
    Node { what: &'static str, count: usize, own: usize, waited: Duration },
    #[error(
        "this worker has {count} {what} and {waiting} requests that wait for one, as many as may"
    )]
    Queue { what: &'static str, count: usize, waiting: usize },
}

/// Whoever has a place and can be made to give it back.
pub(crate) trait Holder: Send + Sync {
    /// When something last happened there, by [`now_ms`].
    fn moved_ms(&self) -> u64;

    /// Ends what the place is for, for the sake of another worker.
    fn give_up(&self);
}

/// The places. Clones share them.
#[derive(Clone)]
pub(crate) struct Shares(Arc<Inner>);

struct Inner {
    bounds: Bounds,
    state: Mutex<State>,
}

/// One place, given back when it is dropped.
pub(crate) struct Share {
    inner: Arc<Inner>,
    worker: Arc<str>,
    number: u64,
}

/// What there is for a request at once.
pub(crate) enum Turn {
    Now(Share),
    Later(Waiting),
}

/// A request that waits. Dropping it gives up its place in the queue at once.
pub(crate) struct Waiting {
    inner: Arc<Inner>,
    worker: Arc<str>,
    number: u64,
    granted: oneshot::Receiver<Share>,
}

impl Bounds {
    /// Whether a worker that has so many places may have one more, where so many are taken.
    fn have_room(&self, taken_by_all: usize, taken: usize) -> bool {
        let kept = if self.is_few(taken) { 0 } else { self.all / KEPT_PART };
        taken < self.per_worker && taken_by_all < self.all - kept
    }

    /// Whether a worker that has so many places has few.
    fn is_few(&self, taken: usize) -> bool {
        taken < (self.per_worker / FEW_PART).max(1)
    }
}

impl Shares {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Inner { bounds, state: Mutex::default() }))
    }

    /// A place for this worker, waited for until the limit.
    pub(crate) async fn take(&self, worker: &Arc<str>, limit: Duration) -> Result<Share, Shortage> {
        match self.turn(worker)? {
            Turn::Now(share) => Ok(share),
            Turn::Later(waiting) => {
                timeout(limit, waiting).await.map_err(|_| self.shortage(worker, limit))
            }
        }
    }

    /// The same. While a worker that has few waits, the one that has most gives up those of its
    /// places where nothing has happened for longest, as long as it has more; and `holder` can be
    /// made to give up this one.
    pub(crate) async fn claim(
        &self,
        worker: &Arc<str>,
        limit: Duration,
        holder: Arc<dyn Holder>,
    ) -> Result<Share, Shortage> {
        let mut waiting = match self.ask(worker, Some(holder))? {
            Turn::Now(share) => return Ok(share),
            Turn::Later(waiting) => waiting,
        };
        let granted = async {
            loop {
                tokio::select! {
                    biased;
                    share = &mut waiting => return share,
                    () = sleep(PRESS_EVERY) => self.press(worker),
                }
            }
        };
        timeout(limit, granted).await.map_err(|_| self.shortage(worker, limit))
    }

    /// A place for this worker where it need not be waited for.
    pub(crate) fn try_take(&self, worker: &Arc<str>) -> Option<Share> {
        match self.turn(worker) {
            Ok(Turn::Now(share)) => Some(share),
            Ok(Turn::Later(_)) | Err(_) => None,
        }
    }

    /// A place for this worker, or the wait for one.
    pub(crate) fn turn(&self, worker: &Arc<str>) -> Result<Turn, Shortage> {
        self.ask(worker, None)
    }

    /// The places that are taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.state.lock().taken()
    }

    fn ask(&self, name: &Arc<str>, holder: Option<Arc<dyn Holder>>) -> Result<Turn, Shortage> {
        let (number, asked) = self.0.state.lock().ask(&self.0.bounds, name, holder)?;
        let (inner, worker) = (self.0.clone(), name.clone());
        Ok(match asked {
            Asked::Granted => Turn::Now(Share { inner, worker, number }),
            Asked::Queued(granted) => Turn::Later(Waiting { inner, worker, number, granted }),
        })
    }

    /// Has whoever has most give one up, if the worker has few and waits, and this leaves the other
    /// with no fewer than it then has itself.
    fn press(&self, worker: &Arc<str>) {
        let holder = self.0.state.lock().displace(&self.0.bounds, worker, now_ms());
        // Without the lock: the place may come back at once.
        if let Some(holder) = holder {
            holder.give_up();
        }
    }

    fn shortage(&self, name: &Arc<str>, waited: Duration) -> Shortage {
        let Bounds { what, per_worker, .. } = self.0.bounds;
        let state = self.0.state.lock();
        match state.taken_by(name) {
            count if count >= per_worker => Shortage::Worker { what, count, waited },
            own => Shortage::Node { what, count: state.taken(), own, waited },
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let (holder, granted) = {
            let mut state = self.inner.state.lock();
            let holder = state.give_back(&self.inner.bounds, &self.worker, self.number);
            (holder, state.grant(&self.inner.bounds))
        };
        // Without the lock: one that is not wanted any more comes back here.
        drop(holder);
        for Granted { worker, number, sender } in granted {
            drop(sender.send(Share { inner: self.inner.clone(), worker, number }));
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
        let wanted =
            self.inner.state.lock().leave_queue(&self.inner.bounds, &self.worker, self.number);
        drop(wanted);
    }
}

/// Milliseconds on the process's clock.
pub(crate) fn now_ms() -> u64 {
    static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
    EPOCH.elapsed().as_millis() as u64
}
