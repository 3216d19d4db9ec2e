//! The HTTP front: from accepted sockets to requests for a [`Handler`], and from its replies to
//! responses. It knows nothing of workers' code, of the route table or of files.
//!
//! One [`Front`] serves all front shards. [`Front::serve`] runs on one shard for one listener;
//! everything below it stays on that thread.

mod answer;
mod authority;
mod connection;
mod hop;
mod listen;
mod pulse;
mod request;
mod service;
mod upload;

use std::future::Future;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use runtime::{FetchEvent, ResponseBody};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Limits;
use crate::log::RequestLog;
use crate::refusal::{MapStack, Refusal, Served};
use crate::tls::Tls;

pub use listen::bind;

/// Who answers requests.
pub trait Handler: Send + Sync + 'static {
    /// A TLS handshake for this host has begun, so a request for it is likely. `host` is in
    /// normal form. Returns at once.
    fn expect(&self, host: &str);

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
}

/// What a request led to.
#[derive(Debug)]
pub struct Reply {
    /// The worker that the request was for, if there is one.
    pub served: Option<Served>,
    /// Its response, or why there is none.
    pub result: Result<Response<ResponseBody>, Refusal>,
}

/// What all connections of a node share.
pub struct Front<H> {
    handler: Arc<H>,
    limits: Limits,
    log: Arc<dyn RequestLog>,
    /// There is one in development, where error pages show stacks.
    dev: Option<Arc<dyn MapStack>>,
    /// Connections that may still be opened.
    slots: Arc<Semaphore>,
    connections: TaskTracker,
    /// No new connections and no further requests on the present ones.
    stopping: CancellationToken,
    /// What still runs is cut off.
    killed: CancellationToken,
}

impl<H: Handler> Front<H> {
    /// A front without listeners.
    pub fn new(
        handler: Arc<H>,
        limits: Limits,
        log: Arc<dyn RequestLog>,
        dev: Option<Arc<dyn MapStack>>,
    ) -> Arc<Self> {
        let slots = Arc::new(Semaphore::new(limits.connections));
        Arc::new(Self {
            handler,
            limits,
            log,
            dev,
            slots,
            connections: TaskTracker::new(),
            stopping: CancellationToken::new(),
            killed: CancellationToken::new(),
        })
    }

    /// Accepts connections from `listener` and serves them, until `closed` is cancelled or the
    /// front is shut down. Connections that are open then go on. Must be run within a
    /// `LocalSet`, because connections stay on the thread.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Option<Arc<Tls>>,
        closed: CancellationToken,
    ) {
        listen::accept(self, listener, tls, closed).await;
    }

    /// Open connections.
    pub fn open_connections(&self) -> usize {
        self.connections.len()
    }

    /// Stops accepting, lets requests that run finish within `deadline`, then cuts off the rest.
    /// Returns the number of connections that were cut off.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        self.stopping.cancel();
        self.connections.close();
        if tokio::time::timeout(deadline, self.connections.wait()).await.is_ok() {
            return 0;
        }
        let cut = self.connections.len();
        self.killed.cancel();
        // A shard that is stuck in a worker's slice cannot drop its connections; it is not
        // waited for.
        let _ = tokio::time::timeout(KILL_TIMEOUT, self.connections.wait()).await;
        cut
    }
}

/// How long connections that are cut off may take to be dropped.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);
