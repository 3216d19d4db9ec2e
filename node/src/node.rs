//! A running node: its workers, its listeners on the front shards, its start and its end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use registry::{Registry, RegistryError};
use runtime::{BindingKinds, FrontShard, Runtime};
use thiserror::Error;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::cf::{Cf, CfError};
use crate::config::{Config, Mode};
use crate::deployments::{DeployError, Deployments};
use crate::descriptors;
use crate::dispatch::Dispatch;
use crate::front::Front;
use crate::inherit::{Inherited, Place};
use crate::listeners::{self, Slot};
use crate::local;
use crate::log::RequestLog;
use crate::metrics::FrontFigures;
use crate::refusal::MapStack;
use crate::signals::{Ask, Signals};
use crate::tls::{Tls, TlsError, Watch};

/// How long a node that hands over keeps the data folder for requests that are on their way to
/// their worker: whoever sends half of one and no more must not hold up the others.
const ARRIVAL_GRACE: Duration = Duration::from_secs(1);

/// How long it keeps the folder in all, for events that use it.
const DATA_GRACE: Duration = Duration::from_secs(2);

/// How often it looks whether any event needs the folder.
const DATA_TICK: Duration = Duration::from_millis(5);

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
    /// A database of clients' addresses cannot be used.
    #[error(transparent)]
    Cf(#[from] CfError),
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

impl Node {
    /// Starts a node for development, which has no workers on disk: [`prepare`](Self::prepare) and
    /// [`serve`](Self::serve).
    ///
    /// # Errors
    /// As for these.
    pub fn start(
        config: &Config,
        runtime: Runtime,
        bindings: &BindingKinds,
        log: Arc<dyn RequestLog>,
    ) -> Result<Self, StartError> {
        let deployments = Deployments::load(config, runtime.clone())?;
        let mut left = Inherited::default();
        let node = Self::with(config, runtime, bindings, log, deployments, &mut left)?;
        node.serve()?;
        Ok(node)
    }

    /// Loads the workers of the configuration and the certificates, and listens: on the sockets
    /// that the process before has left, and on others for addresses that have none. Nothing is
    /// accepted yet, and nothing in the data folder is read. From now on workers call each other
    /// through the bindings, which are those of the runtime. The calling thread reads files; it needs
    /// no tokio runtime.
    ///
    /// # Errors
    /// When a worker cannot be loaded or has what is another's, a certificate cannot be used, or an
    /// address cannot be listened on.
    pub fn prepare(
        config: &Config,
        runtime: Runtime,
        bindings: &BindingKinds,
        log: Arc<dyn RequestLog>,
        left: &mut Inherited,
    ) -> Result<Self, StartError> {
        let deployments = Deployments::prepare(config, runtime.clone())?;
        Self::with(config, runtime, bindings, log, deployments, left)
    }

    fn with(
        config: &Config,
        runtime: Runtime,
        bindings: &BindingKinds,
        log: Arc<dyn RequestLog>,
        deployments: Deployments,
        left: &mut Inherited,
    ) -> Result<Self, StartError> {
        let mut limits = descriptors::raise(config);
        // The configuration may leave it to the machine.
        limits.memory_bytes = Some(runtime.memory().ceiling_bytes);
        let deployments = Arc::new(deployments);
        bindings.set_dispatcher(local::dispatcher(config, &deployments));
        let tls = match config.certificates.is_empty() {
            true => None,
            false => Some(Arc::new(Tls::load(&config.certificates)?)),
        };
        let cf = Arc::new(Cf::load(config)?);
        let shards = runtime.front().len();
        let (addresses, slots) = listeners::bind(config, tls.as_ref(), shards, left)?;
        let dev = match config.mode {
            Mode::Serve => None,
            Mode::Dev => Some(Arc::clone(&deployments) as Arc<dyn MapStack>),
        };
        let dispatch = Dispatch::new(runtime.clone(), Arc::clone(&deployments));
        let dispatch = Arc::new(dispatch.with(&config.development));
        let watch = tls.as_ref().and_then(|tls| {
            Watch::start(tls.certificates())
                .inspect_err(|error| tracing::warn!(%error, "cannot watch the certificates"))
                .ok()
        });
        Ok(Self {
            front: Front::new(dispatch, limits, cf, log, dev),
            runtime,
            deployments,
            addresses,
            slots: Mutex::new(slots),
            tls,
            mode: config.mode,
            shutdown_timeout: config.limits.shutdown_timeout,
            _watch: watch,
        })
    }

    /// Adds the workers that were deployed. To be called once, before the node serves.
    ///
    /// # Errors
    /// What is wrong with the registry.
    pub fn add_deployed(&self, registry: Registry) -> Result<(), StartError> {
        Ok(self.deployments.add_deployed(registry)?)
    }

    /// Begins to accept and to serve, on the runtime's front shards.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn serve(&self) -> Result<(), StartError> {
        for (slot, shard) in self.runtime.front().iter().enumerate() {
            self.listen_on(slot, shard).map_err(|source| {
                let address = self.addresses.first().copied();
                StartError::Listen { address: address.unwrap_or_else(unspecified), source }
            })?;
        }
        Ok(())
    }

    /// Shows each listening socket with what it is for, so that it can be kept for the process
    /// after this one.
    pub fn each_listener(&self, mut show: impl FnMut(Place, &TcpListener)) {
        for slot in self.slots.lock().iter() {
            slot.listeners().for_each(|(place, listener)| show(place, listener));
        }
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

    /// Closes connections of the client address that holds the most, because memory is short and no
    /// worker has most of it. Answers whether any are closed, now or a moment ago. Blocks, but not for
    /// long; once the node has stopped it does nothing.
    pub fn shed_clients(&self) -> bool {
        let slots = self.slots.lock();
        let shards: Vec<_> = slots.iter().map(|slot| slot.connections.clone()).collect();
        drop(slots);
        self.front.shed(&shards)
    }

    /// How many connections were closed because memory was short.
    pub(crate) fn shed_connections(&self) -> &Counter {
        self.front.shed_connections()
    }

    /// What the front has refused, at the moment it is asked for.
    pub(crate) fn front_figures(&self) -> FrontFigures {
        let front = Arc::clone(&self.front);
        FrontFigures(Box::new(move || front.turned_away()))
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
        let sockets = slot.sockets()?;
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

    /// Leaves what comes to the process that has the listening sockets, too, and waits until no
    /// request that was sent before needs the data folder; but not for long. It is to be given
    /// away then, and [`shutdown`](Self::shutdown) is to follow. Needs a tokio runtime.
    pub async fn hand_over(&self) {
        self.front.hand_over();
        self.slots.lock().clear();
        let unneeded = async {
            self.front.arrived(ARRIVAL_GRACE).await;
            while self.runtime.needs_data() {
                sleep(DATA_TICK).await;
            }
        };
        // Events that are not over do without it from then on.
        let _ = timeout(DATA_GRACE, unneeded).await;
    }

    /// Gives the registry of deployed workers away. Blocks, but not for long.
    pub fn release(&self) {
        self.deployments.release();
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
        loop {
            match signals.next().await {
                Ask::Reload => self.reload(),
                Ask::Restart => {}
                Ask::Stop(_) => break,
            }
        }
        let second = async {
            loop {
                if let Ask::Stop(code) = signals.next().await {
                    return code;
                }
            }
        };
        tokio::select! {
            () = self.stop() => Ok(0),
            code = second => Ok(code),
        }
    }

    /// Reads the certificates again, and says in the log what has become of it.
    pub fn reload(&self) {
        match self.reload_certificates() {
            Ok(()) => tracing::info!("the certificates were read again"),
            Err(error) => tracing::warn!(%error, "the certificates stay as they are"),
        }
    }

    /// Shuts down within the configured time, and says so in the log.
    pub async fn stop(&self) {
        tracing::info!(connections = self.open_connections(), "shutting down");
        self.finish().await;
    }

    /// The same for a node that has handed over: what it had begun goes on to its end.
    pub async fn finish(&self) {
        let cut = self.shutdown(self.shutdown_timeout).await;
        if cut > 0 {
            tracing::warn!(connections = cut, "cut off at the end of the shutdown time");
        }
    }
}

fn unspecified() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 0))
}
