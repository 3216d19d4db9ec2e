//! What every part of a runtime uses and nothing of it is above: the configuration, the observers, the
//! bindings, the way out, caches, accounts of memory and of losses. It knows no list of shards: where
//! events go is the fleet's (`fleet.rs`), which stands on this.

mod told;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bindings::binding::{BindingKinds, GrantError, Grantee};
use bindings::event::outgoing::{Outgoing, Pool};
use bindings::fetch::{Outbound, Refused};
use parking_lot::Mutex;

use crate::caution::Caution;
use crate::code_cache::CodeCaches;
use crate::config::Config;
use crate::definition::Definition;
use crate::eviction::Evictions;
use crate::incident::Resource;
use crate::isolate::process;
use crate::memory::Memory;
use crate::observers::Observers;
use crate::quarantine::Losses;
use crate::version::Version;

/// How much lower than the front shards the threads run that drive the connections of `fetch()`.
const OUTBOUND_NICE: i32 = 5;

type OnClientsToBlame = Box<dyn Fn() -> bool + Send + Sync>;

/// What the parts of a runtime share.
pub(crate) struct Services {
    pub(crate) config: Config,
    pub(crate) observers: Observers,
    /// What `env` can have.
    bindings: Arc<BindingKinds>,
    pub(crate) outbound: Outbound,
    /// The bodies of answers on their way to clients, of all workers.
    pub(crate) outgoing: Arc<Pool>,
    code_caches: CodeCaches,
    pub(crate) memory: Memory,
    pub(crate) losses: Losses,
    /// After trusted code has held up a front shard.
    pub(crate) caution: Caution,
    /// Isolates with a worker in them, on all shards.
    pub(crate) isolates: AtomicUsize,
    /// Isolates that were given up.
    pub(crate) evictions: Evictions,
    /// Events that wait whose worker has something in the data folder.
    waiting_for_data: Arc<AtomicUsize>,
    /// Workers and versions whose slices were short before this process, and which it has not seen.
    proven_before: Mutex<HashSet<(Arc<str>, Arc<str>)>>,
    on_clients_to_blame: OnceLock<OnClientsToBlame>,
}

impl Services {
    /// Services without any thread.
    ///
    /// # Errors
    /// Where one of the roots that `fetch()` is to trust is no certificate.
    pub(crate) fn new(
        config: Config,
        bindings: Arc<BindingKinds>,
        observers: Observers,
    ) -> std::io::Result<Arc<Services>> {
        let outbound = Outbound::new(config.outbound.clone(), config.outbound_roots.clone())
            .map_err(std::io::Error::other)?;
        let outbound = outbound
            .telling(Box::new(refusals_to(observers.clone())))
            .preparing(|| process::set_thread_nice(OUTBOUND_NICE));
        Ok(Arc::new(Services {
            observers,
            bindings,
            outbound,
            outgoing: Pool::new(config.outgoing_bytes),
            code_caches: CodeCaches::new(config.cache_dir.clone()),
            memory: Memory::new(config.memory_bytes),
            losses: Losses::new(config.lost_shards),
            caution: Caution::default(),
            isolates: AtomicUsize::new(0),
            evictions: Evictions::default(),
            waiting_for_data: Arc::default(),
            proven_before: Mutex::default(),
            on_clients_to_blame: OnceLock::new(),
            config,
        }))
    }

    /// A version as the node grants it: its environment resolved, with what is known of its worker.
    ///
    /// # Errors
    /// What of its environment cannot be granted.
    pub(crate) fn version(&self, mut definition: Definition) -> Result<Arc<Version>, GrantError> {
        if self.config.inspect.is_some() {
            definition.limits.cpu = self.config.max_cpu;
            definition.limits.is_cpu_named = true;
        }
        let worker = &definition.worker;
        let environment = self.bindings.grant(
            &definition.env,
            &Grantee {
                worker,
                compatibility: definition.compatibility,
                on_full: self.on_full(worker),
            },
        )?;
        let cache = self.code_caches.of(worker, &definition.version);
        let standing = self.losses.standing(worker);
        let of_worker = standing.outgoing(self.config.outgoing_worker_bytes);
        let outgoing = Outgoing::new(of_worker, self.outgoing.clone());
        let waiting = &self.waiting_for_data;
        let version = Version::new(definition, environment, cache, standing, outgoing, waiting);
        let version = Arc::new(version);
        self.recognise(&version);
        Ok(version)
    }

    /// Takes note of who has shown short slices before this process.
    pub(crate) fn trust_again(&self, proven: impl IntoIterator<Item = (Arc<str>, Arc<str>)>) {
        self.proven_before.lock().extend(proven);
    }

    /// Looks whether a version is one of those.
    pub(crate) fn recognise(&self, version: &Version) {
        let named = (version.worker().clone(), version.id().clone());
        if self.proven_before.lock().remove(&named) {
            version.trust.prove();
        }
    }

    /// Whether an event runs or waits whose worker has something in the data folder.
    pub(crate) fn needs_data(&self) -> bool {
        self.waiting_for_data.load(Ordering::Relaxed) > 0 || self.memory.needs_data()
    }

    /// Sets who is asked for memory of clients. The first one stays: there is one owner of the sockets.
    pub(crate) fn on_clients_to_blame(&self, call: OnClientsToBlame) {
        let _ = self.on_clients_to_blame.set(call);
    }

    /// Asks the owner of the sockets to take memory from clients. Answers whether some is given back.
    pub(crate) fn take_from_clients(&self) -> bool {
        self.on_clients_to_blame.get().is_some_and(|call| call())
    }
}

/// Tells the observers what the way out refuses.
fn refusals_to(observers: Observers) -> impl Fn(&Arc<str>, Refused, String) + Send + Sync {
    move |worker, what, detail| {
        let resource = match what {
            Refused::Connections => Resource::Connections,
            Refused::Lookups => Resource::Lookups,
        };
        observers.refused(worker, resource, detail);
    }
}
