//! The way out of the node: what all workers share of it (threads, requests, look-ups), and
//! the side of one worker, which has a client of its own. No connection, and nothing that TLS
//! remembers, is of two workers: what one makes a server say, another must not hear.
//! Not here: how a request is sent (`client.rs`).

mod account;
mod clients;
mod limits;
mod sides;

use std::fmt;
use std::io;
use std::num::NonZero;
use std::sync::{Arc, OnceLock};

use http::Request;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::{Handle, Runtime};
use tokio_util::sync::CancellationToken;

use self::clients::{Clients, Seat};
use self::sides::NodeSide;
use super::client::{Answer, Exchange, answer};
use super::connections::Place;
use super::error::FetchError;
use super::names::Names;
use super::policy::OutboundPolicy;
use super::shares::{Bounds, Shares};
use super::sockets::Sockets;
use super::upload::Upload;

pub use self::account::IoPayer;
pub use self::limits::OutboundLimits;
pub(crate) use self::sides::WorkerSide;
pub use self::sides::{OnRefusal, Refused};

/// Requests of one worker that may wait for their share, and for a look-up.
const WAITING_PER_WORKER: usize = 4096;
const MAX_IO_THREADS: usize = 2;

/// The way out, shared by all isolates of the process. Cloning it is cheap. It starts its
/// threads with the first request or with [`Outbound::start`], never before: V8's platform
/// must be there first.
#[derive(Clone)]
pub struct Outbound {
    shared: Arc<Shared>,
}

/// The way out for one worker, whatever its version and isolate. Cloning it is cheap.
#[derive(Clone)]
pub struct WorkerOutbound {
    shared: Arc<Shared>,
    seat: Arc<Seat>,
}

/// Why the way out cannot be built or started.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// A root certificate of the configuration is not one.
    #[error("extra root certificate {number} cannot be used: {reason}")]
    Root {
        /// Its place in the list, from 1.
        number: usize,
        /// What is wrong with it.
        reason: rustls::Error,
    },
    /// The TLS library refused its configuration.
    #[error("TLS cannot be configured: {0}")]
    Tls(#[from] rustls::Error),
    /// The operating system gave no threads.
    #[error("the client's threads cannot be started: {0}")]
    Threads(#[from] io::Error),
}

struct Shared {
    node: Arc<NodeSide>,
    clients: Arc<Clients>,
    /// What each thread does first.
    prepare: OnceLock<fn()>,
    runtime: OnceLock<Runtime>,
}

impl Outbound {
    /// A way out that keeps to `policy` and trusts the roots of Mozilla's programme and
    /// `extra_roots`.
    ///
    /// # Errors
    ///
    /// When one of the roots is not a certificate.
    pub fn new(
        policy: OutboundPolicy,
        extra_roots: Vec<CertificateDer<'static>>,
    ) -> Result<Self, OutboundError> {
        Self::with_limits(policy, extra_roots, OutboundLimits::default())
    }

    /// The same with limits of one's own.
    ///
    /// # Errors
    ///
    /// When one of the roots is not a certificate.
    pub fn with_limits(
        policy: OutboundPolicy,
        extra_roots: Vec<CertificateDer<'static>>,
        limits: OutboundLimits,
    ) -> Result<Self, OutboundError> {
        let lookups = Bounds {
            what: "look-ups of names",
            all: limits.lookups,
            per_worker: limits.lookups_per_worker,
            waiting_per_worker: WAITING_PER_WORKER,
        };
        let connections = Bounds {
            what: "outgoing requests under way",
            all: limits.connections,
            per_worker: limits.connections_per_worker,
            waiting_per_worker: WAITING_PER_WORKER,
        };
        let node = NodeSide {
            names: Names::new(policy.name_servers.clone(), lookups),
            policy,
            limits,
            shares: Shares::new(connections),
            sockets: Sockets::new(limits.connections, limits.connections_per_worker),
            turns: account::turns(),
            on_refusal: OnceLock::new(),
        };
        let node = Arc::new(node);
        let clients = Arc::new(Clients::new(node.clone(), tls_config(extra_roots)?));
        let (prepare, runtime) = (OnceLock::new(), OnceLock::new());
        Ok(Self { shared: Arc::new(Shared { node, clients, prepare, runtime }) })
    }

    /// Sets who is told of refusals; the first one stays.
    #[must_use]
    pub fn telling(self, on_refusal: OnRefusal) -> Self {
        let _ = self.shared.node.on_refusal.set(on_refusal);
        self
    }

    /// Sets what each of the threads does first (the runtime lowers its priority); the first one
    /// stays.
    #[must_use]
    pub fn preparing(self, prepare: fn()) -> Self {
        let _ = self.shared.prepare.set(prepare);
        self
    }

    /// The way out for a worker. Isolates of one worker share its connections.
    pub fn for_worker(&self, worker: &Arc<str>) -> WorkerOutbound {
        let seat = Seat::new(self.shared.clients.clone(), worker.clone(), None);
        WorkerOutbound { shared: self.shared.clone(), seat: Arc::new(seat) }
    }

    /// Starts the threads now instead of with the first request.
    ///
    /// # Errors
    ///
    /// When the operating system gives no threads.
    pub fn start(&self) -> Result<(), OutboundError> {
        self.shared.runtime().map(|_| ())
    }

    /// The number of connections that are open now, idle ones included.
    pub fn open_connections(&self) -> usize {
        self.shared.node.sockets.count()
    }

    /// The number of requests that are under way now, each until its response has ended.
    pub fn requests(&self) -> usize {
        self.shared.node.shares.taken()
    }

    /// The number of look-ups that are under way now.
    pub fn lookups(&self) -> usize {
        self.shared.node.names.under_way()
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("started", &self.shared.runtime.get().is_some())
            .field("open_connections", &self.open_connections())
            .finish()
    }
}

impl WorkerOutbound {
    /// The same, and the CPU time that the worker's requests and connections take is charged.
    /// Whose client is there already goes on with whoever paid first.
    #[must_use]
    pub fn paid_by(self, payer: Arc<dyn IoPayer>) -> Self {
        Self { seat: Arc::new(self.seat.paid_by(payer)), ..self }
    }

    pub(crate) fn worker(&self) -> &Arc<str> {
        self.seat.worker()
    }

    /// Sends a request and waits for the head of its response. `cancelled` ends the request
    /// and its response at any time; dropping what this returns ends the response too. The
    /// event's place is given back when the connection is free.
    pub(crate) async fn send(
        &self,
        host: &str,
        request: Request<Upload>,
        place: Place,
        cancelled: CancellationToken,
    ) -> Result<Answer, FetchError> {
        let runtime = self.shared.runtime().map_err(|error| FetchError::Exchange {
            host: host.to_owned(),
            reason: error.to_string(),
        })?;
        let (exchange, answered) = Exchange::new(request, place, cancelled);
        if let Some(client) = self.seat.made() {
            client.begin(runtime.handle(), exchange);
        } else {
            let seat = self.seat.clone();
            runtime.spawn(async move { seat.client().begin(&Handle::current(), exchange) });
        }
        answer(host, answered).await
    }
}

impl fmt::Debug for WorkerOutbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerOutbound").field("worker", self.worker()).finish()
    }
}

impl Shared {
    fn runtime(&self) -> Result<&Runtime, OutboundError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let prepare = self.prepare.get().copied();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores.min(MAX_IO_THREADS))
            .thread_name("isolane-fetch")
            .on_thread_start(move || {
                if let Some(prepare) = prepare {
                    prepare();
                }
            })
            .enable_all()
            .build()?;
        if let Err(unused) = self.runtime.set(runtime) {
            // Another shard was faster.
            unused.shutdown_background();
        }
        Ok(self.runtime.get().expect("it was set just now"))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The last owner may be a shard, which must not wait.
            runtime.shutdown_background();
        }
    }
}

fn tls_config(extra_roots: Vec<CertificateDer<'static>>) -> Result<ClientConfig, OutboundError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for (index, root) in extra_roots.into_iter().enumerate() {
        let number = index + 1;
        roots.add(root).map_err(|reason| OutboundError::Root { number, reason })?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_that_is_no_certificate_is_named_by_its_place() {
        let nonsense = CertificateDer::from(vec![1, 2, 3]);
        let error = Outbound::new(OutboundPolicy::default(), vec![nonsense]).unwrap_err();
        assert!(matches!(error, OutboundError::Root { number: 1, .. }), "{error}");
    }

    #[test]
    fn no_thread_is_started_before_it_is_asked_for() {
        let outbound = Outbound::new(OutboundPolicy::default(), Vec::new()).unwrap();
        assert!(outbound.shared.runtime.get().is_none());
        outbound.start().unwrap();
        assert!(outbound.shared.runtime.get().is_some());
    }
}
