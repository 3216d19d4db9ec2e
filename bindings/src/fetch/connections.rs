//! The connections that one event may have open at a time, each from its request until its
//! response has arrived whole, was cancelled or was dropped (Workers, "Simultaneous open
//! connections"). Where all of them stand still and another request waits, the one that was
//! used least recently is given up, as on Workers: else the event would wait for ever. One may also
//! be given up for another worker.
//! Not here: what all events of a worker may have, and who gives up what for others (`shares.rs`).

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use deno_core::parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::shares::{Holder, now_ms};

/// How often one of the requests that wait looks whether the others stand still, and how often it
/// must see that in a row. A worker that computes is not taken for one that stands still: looks are
/// made on its own thread, and so not while it does.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const STILL_LOOKS: u32 = 10;

/// The connections of an event.
pub struct Connections {
    most: usize,
    places: Arc<Semaphore>,
    /// Counts what happens on the connections.
    clock: AtomicU64,
    open: Mutex<Vec<Weak<Connection>>>,
    /// Whoever of those that wait looks whether the others stand still: one at a time.
    looker: tokio::sync::Mutex<()>,
}

/// One of them, as the isolate's thread knows it.
pub(crate) struct Connection {
    event: Arc<Connections>,
    /// What is under way: the head of the response, a read, a write.
    busy: AtomicUsize,
    /// By the event's clock.
    last_used: AtomicU64,
    moved_ms: AtomicU64,
    /// Its place is free again: the response has arrived whole, or never will.
    closed: AtomicBool,
    given_up: OnceLock<GivenUpFor>,
    request: CancellationToken,
}

/// For whom a connection was given up.
#[derive(Debug, Clone, Copy)]
enum GivenUpFor {
    /// Another request of the event.
    Event,
    /// Another worker.
    Worker,
}

/// The place of a connection, free when it is dropped.
pub(crate) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
    connection: Arc<Connection>,
}

/// Something that is under way on a connection.
pub(crate) struct Busy(Arc<Connection>);

impl Connections {
    /// For an event that may have so many.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            places: Arc::new(Semaphore::new(most)),
            clock: AtomicU64::new(0),
            open: Mutex::default(),
            looker: tokio::sync::Mutex::default(),
        })
    }

    /// The connections that the event may still open.
    pub fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// Waits for a place. `request` is cancelled if the connection is given up later.
    pub(crate) async fn enter(
        self: Arc<Self>,
        request: CancellationToken,
    ) -> (Place, Arc<Connection>) {
        let permit = match self.places.clone().try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => self.wait().await,
        };
        let connection = Arc::new(Connection {
            last_used: AtomicU64::new(self.tick()),
            moved_ms: AtomicU64::new(now_ms()),
            busy: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            given_up: OnceLock::new(),
            request,
            event: self.clone(),
        });
        let mut open = self.open.lock();
        open.retain(|other| other.upgrade().is_some_and(|it| it.is_open()));
        open.push(Arc::downgrade(&connection));
        drop(open);
        (Place { _permit: permit, connection: connection.clone() }, connection)
    }

    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let mut permit = std::pin::pin!(self.places.clone().acquire_owned());
        loop {
            tokio::select! {
                biased;
                permit = &mut permit => return permit.ok(),
                () = self.all_stand_still() => self.give_up_one(),
            }
        }
    }

    /// Waits for its turn to look, and then until all connections have stood still for a while.
    async fn all_stand_still(&self) {
        let _turn = self.looker.lock().await;
        let (mut seen, mut still) = (None, 0);
        while still < STILL_LOOKS {
            sleep(LOOK_EVERY).await;
            let now = self.standstill();
            still = if now.is_some() && now == seen { still + 1 } else { 0 };
            seen = now;
        }
    }

    /// The time, if nothing is under way.
    fn standstill(&self) -> Option<u64> {
        let open = self.open.lock();
        let is_busy = |it: Arc<Connection>| it.is_open() && it.busy.load(Ordering::Relaxed) > 0;
        let any_busy = open.iter().filter_map(Weak::upgrade).any(is_busy);
        (!any_busy).then(|| self.clock.load(Ordering::Relaxed))
    }

    fn give_up_one(&self) {
        let open = self.open.lock();
        let held = open.iter().filter_map(Weak::upgrade);
        let oldest = held
            .filter(|it| it.is_open() && !it.request.is_cancelled())
            .min_by_key(|it| it.last_used.load(Ordering::Relaxed));
        drop(open);
        if let Some(oldest) = oldest {
            oldest.give_up_for(GivenUpFor::Event);
            self.tick();
        }
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }
}

impl Connection {
    fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Relaxed)
    }

    /// Marks that something is under way, until what this returns is dropped.
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.moved();
        Busy(self.clone())
    }

    /// Why the request or its response broke off, if it was given up for another one.
    pub(crate) fn reason_given_up(&self) -> Option<String> {
        Some(match self.given_up.get()? {
            GivenUpFor::Event => format!(
                "it was given up for a request that waited: an event has at most {} connections \
                 open, and nothing was read from any of them; read or cancel every response",
                self.event.most
            ),
            GivenUpFor::Worker => {
                "it was given up for another worker: the node has as many outgoing requests under \
                 way as it may have, this worker has most of them, and this one had stood still \
                 longest; make fewer at a time, and read or cancel every response"
                    .to_owned()
            }
        })
    }

    fn give_up_for(&self, whom: GivenUpFor) {
        // The first reason stays.
        let _ = self.given_up.set(whom);
        self.request.cancel();
    }

    fn moved(&self) {
        self.last_used.store(self.event.tick(), Ordering::Relaxed);
        self.moved_ms.store(now_ms(), Ordering::Relaxed);
    }
}

impl Holder for Connection {
    fn moved_ms(&self) -> u64 {
        self.moved_ms.load(Ordering::Relaxed)
    }

    fn give_up(&self) {
        self.give_up_for(GivenUpFor::Worker);
    }
}

impl Place {
    /// Who can be made to give up the connection.
    pub(crate) fn holder(&self) -> Arc<dyn Holder> {
        self.connection.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connection.closed.store(true, Ordering::Relaxed);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let connection = &self.0;
        connection.busy.fetch_sub(1, Ordering::Relaxed);
        connection.moved();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::{Context, Poll, Wake, Waker};

    use super::*;

    /// Counts how often something that waits is woken.
    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wakes {
        fn count(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn one_of_those_that_wait_looks_whether_the_others_stand_still() {
        let connections = Connections::new(1);
        let (_place, connection) = connections.clone().enter(CancellationToken::new()).await;
        let _busy = connection.busy();
        let mut first = Box::pin(connections.clone().enter(CancellationToken::new()));
        let mut second = Box::pin(connections.enter(CancellationToken::new()));
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut looks = 0;
        poll_fn(|context| {
            assert!(first.as_mut().poll(context).is_pending());
            if looks == 0 {
                let mut context = Context::from_waker(&waker);
                assert!(second.as_mut().poll(&mut context).is_pending());
            }
            looks += 1;
            if looks > 3 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert_eq!(wakes.count(), 0, "it looks too");
        drop(first);
        assert_eq!(wakes.count(), 1, "nobody looks any more");
    }

    #[tokio::test]
    async fn one_that_is_given_up_for_another_worker_says_so() {
        let request = CancellationToken::new();
        let (place, connection) = Connections::new(1).enter(request.clone()).await;
        assert_eq!(connection.reason_given_up(), None);
        place.holder().give_up();
        assert!(request.is_cancelled());
        let reason = connection.reason_given_up().unwrap();
        assert!(reason.contains("for another worker"), "{reason}");
    }
}
