//! The HTTP front: from accepted sockets to requests for a [`Handler`], and from its replies to
//! responses. It knows nothing of workers' code, of the route table or of files.
//!
//! One [`Front`] serves all front shards. [`Front::serve`] runs on one shard for one listener;
//! everything below it stays on that thread.

mod addresses;
mod ahead;
mod answer;
mod authority;
mod client;
mod connection;
mod frames;
mod heads;
mod hop;
mod listen;
mod monitored;
mod normal;
mod ours;
mod pace;
mod pulse;
mod request;
mod service;
mod shedding;
mod sockets;
mod tally;
mod upgrade;
mod upload;

use std::future::Future;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use runtime::FetchEvent;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cf::Cf;
use crate::config::Limits;
use crate::log::RequestLog;
use crate::refusal::{MapStack, Refusal, Served};
use crate::tls::Tls;

use addresses::Addresses;
use ahead::Ahead;
use shedding::Shedding;
use tally::Tally;

pub use listen::bind;
pub(crate) use listen::{adopt, begin};
pub use pulse::Underway;
pub use sockets::Sockets;
pub use tally::TurnedAway;

/// A shard that does within so long nothing of what takes no time is stuck in a worker's slice.
const STUCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Who answers requests.
pub trait Handler: Send + Sync + 'static {
    /// A TLS handshake for this host has begun, so a request for it is likely. It is not known to be
    /// one of a client, and not told of each, see `tls/hellos.rs`. `host` is in normal form. Returns
    /// at once.
    fn expect(&self, host: &str);

    /// Whether there is somebody for this host, in normal form, and path of a URL. It is asked before a
    /// body is waited for, so that one that nobody gets costs nothing.
    ///
    /// # Errors
    /// What `handle` would answer.
    fn look_up(&self, host: &Arc<str>, path: &str) -> Result<(), Refusal>;

    /// Answers a request. The future runs on the shard of the connection; it is dropped when the
    /// client goes away.
    fn handle(&self, arrival: Arrival) -> impl Future<Output = Reply>;
}

/// A request that passed the front's checks.
#[derive(Debug)]
pub struct Arrival {
    /// The host in normal form.
    pub host: Arc<str>,
    /// Head and body. The URI is absolute, hop-by-hop headers are gone.
    pub event: FetchEvent,
    /// To be dropped when the request has come to its worker.
    pub underway: Underway,
}

/// What a request led to.
#[derive(Debug)]
pub struct Reply {
    /// The worker that the request was for, if there is one.
    pub served: Option<Served>,
    /// Its response, or what takes the connection; or why there is neither.
    pub result: Result<runtime::Reply, Refusal>,
}

/// What all connections of a node share.
pub struct Front<H> {
    handler: Arc<H>,
    limits: Limits,
    cf: Arc<Cf>,
    log: Arc<dyn RequestLog>,
    /// There is one in development, where error pages show stacks.
    dev: Option<Arc<dyn MapStack>>,
    /// Connections that may still be opened.
    slots: Arc<Semaphore>,
    /// How many of them each client address has.
    addresses: Arc<Addresses>,
    /// What is kept of requests.
    ahead: Arc<Ahead>,
    shedding: Shedding,
    tally: Tally,
    connections: TaskTracker,
    /// Those of them on which a request may come or is on its way to its worker.
    asked: TaskTracker,
    /// Loops that accept connections.
    listeners: TaskTracker,
    /// No new connections and no further requests on the present ones.
    stopping: CancellationToken,
    /// The same, as the requests see it.
    leaving: AtomicBool,
    /// Whether another process has the listening sockets, too.
    handing_over: AtomicBool,
    /// What still runs is cut off.
    killed: CancellationToken,
}

impl<H: Handler> Front<H> {
    /// A front without listeners.
    pub fn new(
        handler: Arc<H>,
        limits: Limits,
        cf: Arc<Cf>,
        log: Arc<dyn RequestLog>,
        dev: Option<Arc<dyn MapStack>>,
    ) -> Arc<Self> {
        let slots = Arc::new(Semaphore::new(limits.connections));
        let addresses = Addresses::new(&limits);
        let ahead = Ahead::new(&limits);
        Arc::new(Self {
            handler,
            limits,
            cf,
            log,
            dev,
            slots,
            addresses,
            ahead,
            shedding: Shedding::default(),
            tally: Tally::new(),
            connections: TaskTracker::new(),
            asked: TaskTracker::new(),
            listeners: TaskTracker::new(),
            stopping: CancellationToken::new(),
            leaving: AtomicBool::new(false),
            handing_over: AtomicBool::new(false),
            killed: CancellationToken::new(),
        })
    }

    /// Accepts connections from `listener` and serves them, until `closed` is cancelled or the
    /// front is shut down. Connections that are open then go on, and are in `sockets` meanwhile. Must be run within a
    /// `LocalSet`, because connections stay on the thread.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Option<Arc<Tls>>,
        closed: CancellationToken,
        sockets: Sockets,
    ) {
        let _tracked = self.listeners.token();
        listen::accept(Arc::clone(&self), listener, tls, closed, sockets).await;
    }

    /// Open connections.
    pub fn open_connections(&self) -> usize {
        self.connections.len()
    }

    /// Closes connections of the client address that holds the most, because memory is short, or of
    /// trusted proxies where no address holds more than its share; of those in these sockets, and only
    /// what is more than a share. Answers whether any are closed, now or a moment ago.
    pub fn shed(&self, shards: &[Sockets]) -> bool {
        self.shedding.shed(shards)
    }

    /// How many connections were closed because memory was short.
    pub(crate) fn shed_connections(&self) -> &Counter {
        self.shedding.closed()
    }

    /// What was refused since the start, and who was cut off.
    pub fn turned_away(&self) -> TurnedAway {
        self.tally.turned_away(self.addresses.refused(), self.ahead.crumbled())
    }

    /// Accepts no more, and leaves the connections that wait to the process that has the listening
    /// sockets, too. No further requests are taken but those that are on their way.
    pub fn hand_over(&self) {
        self.handing_over.store(true, Ordering::Relaxed);
        self.stop();
    }

    /// Waits until every request has come to its worker that was sent before the front was told to
    /// stop or hand over; at most for the time given.
    pub async fn arrived(&self, limit: Duration) {
        let arrived = async {
            self.listeners.wait().await;
            self.asked.wait().await;
        };
        // What takes longer does without what is waited for.
        let _ = timeout(limit, arrived).await;
    }

    fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    fn is_handing_over(&self) -> bool {
        self.handing_over.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.stopping.cancel();
        self.listeners.close();
        self.connections.close();
        self.asked.close();
    }

    /// Stops accepting, lets requests that run finish within `deadline`, then cuts off the rest.
    /// Returns the number of connections that were cut off.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        self.stop();
        let ended = async {
            // A connection that the kernel had accepted becomes one of ours before its listener
            // ends. One on a shard that is stuck is not waited for.
            let _ = timeout(STUCK_TIMEOUT, self.listeners.wait()).await;
            self.connections.wait().await;
        };
        if timeout(deadline, ended).await.is_ok() {
            return 0;
        }
        let cut = self.connections.len();
        self.killed.cancel();
        // Nor is the end of connections on a stuck shard.
        let _ = timeout(STUCK_TIMEOUT, self.connections.wait()).await;
        cut
    }
}
