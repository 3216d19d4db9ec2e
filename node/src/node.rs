//! A running node: its workers, its listeners on the front shards, its start and its end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use registry::RegistryError;
use runtime::{FrontShard, Runtime};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Mode};
use crate::deployments::{DeployError, Deployments};
use crate::descriptors;
use crate::dispatch::Dispatch;
use crate::front::{self, Front, Sockets};
use crate::log::RequestLog;
use crate::refusal::MapStack;
use crate::signals::{Ask, Signals};
use crate::storage::open_registry;
use crate::tls::{Tls, TlsError, Watch};

/// Why a node cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A worker cannot be deployed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The registry of deployed workers cannot be used.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
}

/// A running node. Dropping it closes nothing that runs on the shards: use
/// [`shutdown`](Self::shutdown).
pub struct Node {
    runtime: Runtime,
    front: Arc<Front<Dispatch>>,
    deployments: Arc<Deployments>,
    addresses: Vec<SocketAddr>,
    /// One for each front shard; empty after the node has stopped.
    slots: Mutex<Vec<Slot>>,
    tls: Option<Arc<Tls>>,
    mode: Mode,
    shutdown_timeout: Duration,
    _watch: Option<Watch>,
}

/// The listening sockets of one front shard. They are kept here, too, so that another shard can
/// take them over together with the connections that wait in them.
struct Slot {
    sockets: Vec<Socket>,
    /// Ends the accepting on the shard that has the sockets now.
    closed: CancellationToken,
    /// The connections of that shard.
    connections: Sockets,
}

struct Socket {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
}

impl Node {
    /// Loads the workers and the certificates, opens the registry of deployed workers (in
    /// development there is none), and begins to serve on the runtime's front shards.
    /// The calling thread reads files; it needs no tokio runtime.
    ///
    /// # Errors
    /// When a worker cannot be loaded or reached, a certificate cannot be used, or an address
    /// cannot be listened on. Nothing is served then.
    pub fn start(
        config: &Config,
        runtime: Runtime,
        log: Arc<dyn RequestLog>,
    ) -> Result<Self, StartError> {
        descriptors::raise(config);
        let deployments = Arc::new(match config.mode {
            Mode::Dev => Deployments::load(config, runtime.clone())?,
            Mode::Serve => Deployments::open(config, runtime.clone(), open_registry(config)?)?,
        });
        let tls = match config.certificates.is_empty() {
            true => None,
            false => Some(Arc::new(Tls::load(&config.certificates)?)),
        };
        let shards = runtime.front();
        let (addresses, slots) = bind(config, tls.as_ref(), shards.len())?;
        let dev = match config.mode {
            Mode::Serve => None,
            Mode::Dev => Some(Arc::clone(&deployments) as Arc<dyn MapStack>),
        };
        let dispatch = Arc::new(Dispatch::new(runtime.clone(), Arc::clone(&deployments)));
        let watch = tls.as_ref().and_then(|tls| {
            Watch::start(tls.certificates())
                .inspect_err(|error| tracing::warn!(%error, "cannot watch the certificates"))
                .ok()
        });
        let node = Self {
            front: Front::new(dispatch, config.limits.clone(), log, dev),
            runtime,
            deployments,
            addresses,
            slots: Mutex::new(slots),
            tls,
            mode: config.mode,
            shutdown_timeout: config.limits.shutdown_timeout,
            _watch: watch,
        };
        for (slot, shard) in shards.iter().enumerate() {
            node.listen_on(slot, shard).map_err(|source| {
                let address = node.addresses.first().copied();
                StartError::Listen { address: address.unwrap_or_else(unspecified), source }
            })?;
        }
        Ok(node)
    }

    /// The addresses that the node listens on, in the order of the configuration, with the ports
    /// that were taken for port 0.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The runtime that runs its workers.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The workers.
    pub fn deployments(&self) -> &Arc<Deployments> {
        &self.deployments
    }

    /// Open connections.
    pub fn open_connections(&self) -> usize {
        self.front.open_connections()
    }

    /// Gives the listening sockets of a slot to a shard: the shard that `runtime.front()` has at
    /// that place, or the one that replaces it. A shard that had them before is lost: it accepts no
    /// more, the connections that it had are closed, and those that wait in the sockets go to the
    /// new one.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn listen_on(&self, slot: usize, shard: &FrontShard) -> io::Result<()> {
        let mut slots = self.slots.lock();
        let Some(slot) = slots.get_mut(slot) else { return Ok(()) };
        let sockets = slot
            .sockets
            .iter()
            .map(|socket| Ok((socket.listener.try_clone()?, socket.tls.clone())))
            .collect::<io::Result<Vec<_>>>()?;
        slot.closed.cancel();
        slot.closed = CancellationToken::new();
        let lost = std::mem::take(&mut slot.connections).shut_down(shard.replaces_stopped());
        if lost > 0 {
            tracing::warn!(connections = lost, "closed, because their shard was lost");
        }
        for (listener, tls) in sockets {
            let front = Arc::clone(&self.front);
            let (closed, connections) = (slot.closed.clone(), slot.connections.clone());
            shard.spawn(move || front.serve(listener, tls, closed, connections));
        }
        Ok(())
    }

    /// Reads the certificates again.
    ///
    /// # Errors
    /// When they cannot be used; the present ones then stay.
    pub fn reload_certificates(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.certificates().reload())
    }

    /// Stops accepting, lets requests and `waitUntil` work finish within `deadline`, then cuts
    /// off the rest. Returns the number of connections that were cut off.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        let end = Instant::now() + deadline;
        self.slots.lock().clear();
        let cut = self.front.shutdown(deadline).await;
        self.runtime.drain(end.saturating_duration_since(Instant::now())).await;
        cut
    }

    /// Serves until SIGINT or SIGTERM, then shuts down within the configured time. Returns the
    /// exit code: 0, or that of a second signal, which ends the process at once. What SIGHUP does
    /// is said by the [`Mode`].
    ///
    /// Needs a tokio runtime with I/O and time, which must not be one of the shards.
    ///
    /// # Errors
    /// When the signals cannot be listened to.
    pub async fn run_until_signal(&self) -> io::Result<u8> {
        let mut signals = Signals::listen(self.mode)?;
        while signals.next().await == Ask::Reload {
            match self.reload_certificates() {
                Ok(()) => tracing::info!("the certificates were read again"),
                Err(error) => tracing::warn!(%error, "the certificates stay as they are"),
            }
        }
        tracing::info!(connections = self.open_connections(), "shutting down");
        let second = async {
            loop {
                if let Ask::Stop(code) = signals.next().await {
                    return code;
                }
            }
        };
        tokio::select! {
            cut = self.shutdown(self.shutdown_timeout) => {
                if cut > 0 {
                    tracing::warn!(connections = cut, "cut off at the end of the shutdown time");
                }
                Ok(0)
            }
            code = second => Ok(code),
        }
    }
}

/// A listening socket for each address and shard, all before the first is served.
fn bind(
    config: &Config,
    tls: Option<&Arc<Tls>>,
    shards: usize,
) -> Result<(Vec<SocketAddr>, Vec<Slot>), StartError> {
    let mut slots: Vec<Slot> = Vec::new();
    slots.resize_with(shards, || Slot {
        sockets: Vec::new(),
        closed: CancellationToken::new(),
        connections: Sockets::default(),
    });
    let mut addresses = Vec::new();
    for listen in &config.listen {
        let mut address = listen.address;
        let fault = |source| StartError::Listen { address, source };
        let listeners = front::bind(address, slots.len()).map_err(fault)?;
        for (slot, listener) in slots.iter_mut().zip(listeners) {
            let fault = |source| StartError::Listen { address, source };
            address = listener.local_addr().map_err(fault)?;
            let tls = if listen.tls { Some(tls.ok_or(TlsError::None)?) } else { None };
            slot.sockets.push(Socket { listener, tls: tls.cloned() });
        }
        addresses.push(address);
    }
    Ok((addresses, slots))
}

fn unspecified() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 0))
}
