//! What the requests, the changes and the threads of the deployments share.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use parking_lot::Mutex;
use registry::{Registry, WorkerRecord};
use router::{Pattern, RouteError, Table};
use runtime::Runtime;
use thiserror::Error;
use tokio::sync::Semaphore;

use super::DeployError;
use super::activations::{Activations, Asked, QueueTaken};
use super::cache::Cache;
use super::loader::{Inbox, Loader};
use super::owners::Owners;
use super::routes::{Claim, Claims, Reach};
use super::target::{Loaded, Target};
use super::worker::Worker;
use crate::config::{Config, Limits, Mode};
use crate::log::cut;
use crate::refusal::Served;

/// Versions that are validated at one time: each may take a start-up's CPU time and the memory of
/// a bundle several times over.
const VALIDATIONS: usize = 2;

pub(super) struct Shared {
    pub(super) runtime: Runtime,
    /// Where deployed workers are, once it is open; in development there are none.
    pub(super) registry: OnceLock<Registry>,
    pub(super) mode: Mode,
    /// What else is answered in development.
    pub(super) allowed_hosts: Vec<String>,
    /// Whether code is kept as it was written, for debuggers.
    pub(super) debuggable: bool,
    /// In development: whether projects are loaded as for a deploy.
    pub(super) as_deployed: bool,
    /// Where files are written while projects are loaded, if not the system's place.
    pub(super) scratch: Option<PathBuf>,
    pub(super) limits: Limits,
    pub(super) reach: Reach,
    /// Whose requests are whose: the one thing that they all read.
    pub(super) table: ArcSwap<Table<Arc<Target>>>,
    /// The workers by their names, for whoever calls one of them, and for the stacks of their errors.
    names: DashMap<Arc<str>, Arc<Target>>,
    /// What they are called for beside requests.
    pub(super) activations: Activations,
    /// Held while a worker is replaced, never on the path of a request.
    pub(super) state: Mutex<State>,
    /// Held by the one change of deployed workers that is under way, the disk included.
    pub(super) changing: Arc<tokio::sync::Mutex<()>>,
    pub(super) validations: Semaphore,
    pub(super) owners: Owners,
    pub(super) loader: Loader,
    pub(super) cache: Cache,
    epoch: Instant,
}

pub(super) struct State {
    /// Those of the configuration, in its order.
    pub(super) workers: Vec<Arc<Worker>>,
    pub(super) claims: Claims<Arc<Target>>,
    /// The table before the present one. It takes long to drop, which must not fall to the last
    /// request that reads it.
    table_before: Option<Arc<Table<Arc<Target>>>>,
}

/// What a worker asks for is another's.
#[derive(Debug, Error)]
enum Taken {
    #[error(transparent)]
    Route(#[from] RouteError),
    #[error(transparent)]
    Queue(#[from] QueueTaken),
}

impl Shared {
    pub(super) fn new(config: &Config, runtime: Runtime) -> (Self, Inbox) {
        let (loader, inbox) = Loader::new();
        let shared = Self {
            runtime,
            registry: OnceLock::new(),
            mode: config.mode,
            allowed_hosts: config.allowed_hosts.clone(),
            debuggable: config.debuggable,
            as_deployed: config.as_deployed,
            scratch: config.scratch.clone(),
            limits: config.limits.clone(),
            reach: Reach::of(config),
            table: ArcSwap::default(),
            names: DashMap::new(),
            activations: Activations::new(),
            state: Mutex::new(State {
                workers: Vec::new(),
                claims: Claims::new(),
                table_before: None,
            }),
            changing: Arc::default(),
            validations: Semaphore::new(VALIDATIONS),
            owners: Owners::new(config),
            loader,
            cache: Cache::new(config.deploys.cache_bytes),
            epoch: Instant::now(),
        };
        (shared, inbox)
    }

    /// The node's own clock.
    pub(super) fn now_ms(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }

    /// Makes the table of the workers of the configuration.
    pub(super) fn begin(&self, workers: Vec<Arc<Worker>>) -> Result<(), DeployError> {
        let mut state = self.state.lock();
        for (index, worker) in workers.iter().enumerate() {
            not_named_like(worker, workers.iter().take(index))?;
            self.claim_folder(&mut state.claims, worker, index == 0)?;
        }
        state.workers = workers;
        self.publish(&mut state);
        self.activations.tell();
        Ok(())
    }

    /// Adds the deployed workers to the table. What the configuration names comes first: a
    /// deployed worker that it contradicts is not served, and the log says so.
    pub(super) fn add_deployed(&self, registry: Registry) -> Result<(), DeployError> {
        let deployed = registry.workers()?;
        // Once in the life of a node.
        let _ = self.registry.set(registry);
        let mut state = self.state.lock();
        if !deployed.is_empty() {
            tracing::info!(workers = deployed.len(), "serving what was deployed");
        }
        for record in deployed {
            if let Err(problem) = self.claim_deployed(&mut state, &record) {
                tracing::error!(
                    worker = record.name,
                    "a deployed worker is not served: {}",
                    cut(&problem)
                );
            }
        }
        self.publish(&mut state);
        self.activations.tell();
        Ok(())
    }

    /// Gives a worker of the configuration its routes, and what else it is called for.
    pub(super) fn claim_folder(
        &self,
        claims: &mut Claims<Arc<Target>>,
        worker: &Arc<Worker>,
        is_first: bool,
    ) -> Result<(), DeployError> {
        let name = worker.name();
        let fault = |source| DeployError::Route { worker: name.to_owned(), source };
        let routes = self.reach.routes(name, &worker.routes, is_first).map_err(fault)?;
        let claim = Claim { routes, target: Arc::clone(&worker.target) };
        let asked = worker.asked.clone();
        self.claim(claims, &worker.served().worker, claim, asked).map_err(|taken| match taken {
            Taken::Route(source) => fault(source),
            Taken::Queue(QueueTaken { queue, owner }) => DeployError::QueueTaken {
                worker: name.to_owned(),
                queue: queue.to_string(),
                owner: owner.to_string(),
            },
        })
    }

    /// Gives a worker its routes, which may be none, and what else it is called for.
    ///
    /// # Errors
    /// When another worker has one of them; nothing has changed then.
    fn claim(
        &self,
        claims: &mut Claims<Arc<Target>>,
        name: &Arc<str>,
        claim: Claim<Arc<Target>>,
        asked: Asked,
    ) -> Result<(), Taken> {
        let target = Arc::clone(&claim.target);
        let before = claims.replace(name, Some(claim))?;
        if let Err(taken) = self.activations.replace(name, Some(asked)) {
            // They were its own a moment ago.
            let _ = claims.replace(name, before);
            return Err(taken.into());
        }
        self.names.insert(Arc::clone(name), target);
        Ok(())
    }

    fn claim_deployed(&self, state: &mut State, record: &WorkerRecord) -> Result<(), String> {
        if state.has_folder(&record.name) {
            return Err("node.toml has a worker of that name".to_owned());
        }
        let own = record.active.routes.iter().map(|route| Pattern::parse(route));
        let routes = own
            .collect::<Result<Vec<_>, _>>()
            .and_then(|own| self.reach.routes(&record.name, &own, false))
            .map_err(|error| error.to_string())?;
        let served = served(record);
        let name = Arc::clone(&served.worker);
        let claim = Claim { routes, target: Target::on_disk(served) };
        let asked = Asked::of_triggers(&record.active.triggers);
        let claimed = self.claim(&mut state.claims, &name, claim, asked);
        claimed.map_err(|taken| taken.to_string())
    }

    /// From this moment on requests go where the claims say.
    pub(super) fn publish(&self, state: &mut State) {
        let table = Arc::new(state.claims.table());
        self.publish_table(state, table);
    }

    /// Whether requests are led to that version of that worker.
    pub(super) fn serves(&self, worker: &str, version: &str) -> bool {
        let state = self.state.lock();
        state.claims.get(worker).is_some_and(|claim| &*claim.target.served().version == version)
    }

    /// The same with a table that was made of them before.
    pub(super) fn publish_table(&self, state: &mut State, table: Arc<Table<Arc<Target>>>) {
        state.table_before = Some(self.table.swap(table));
    }

    /// What is for a worker by its name goes to this target, or nowhere; its stacks are mapped with that.
    pub(super) fn rename(&self, name: &Arc<str>, target: Option<&Arc<Target>>) {
        match target {
            Some(target) => drop(self.names.insert(Arc::clone(name), Arc::clone(target))),
            None => drop(self.names.remove(name)),
        }
    }

    /// Nothing leads to this target any more.
    pub(super) fn retire(&self, target: &Arc<Target>) {
        target.retire();
        if let Some(loaded) = target.loaded() {
            // Before it leaves the target: a request that was on its way finds it in one of the two.
            self.cache.leave(&self.runtime, loaded);
            drop(target.evict());
            self.loader.sweep();
        }
    }

    /// Whether a worker has that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// The target of the worker of that name.
    pub(super) fn named(&self, name: &str) -> Option<Arc<Target>> {
        self.names.get(name).map(|target| Arc::clone(&target))
    }

    /// A worker's target, if it leads to that version.
    pub(super) fn target(&self, served: &Served) -> Option<Arc<Target>> {
        let target = self.named(&served.worker);
        target.filter(|target| target.served().version == served.version)
    }

    /// A version in memory, also one whose last events are not over.
    pub(super) fn find(&self, served: &Served) -> Option<Arc<Loaded>> {
        self.target(served)
            .and_then(|target| target.loaded())
            .or_else(|| self.cache.find_leaving(served))
    }

    /// Removes what a process left that was killed.
    pub(super) fn remove_orphans(&self) {
        let Some(registry) = self.registry.get() else { return };
        match registry.remove_orphans() {
            Ok(0) => {}
            Ok(archives) => {
                tracing::info!(archives, "removed archives of uploads that never ended")
            }
            Err(error) => tracing::warn!(%error, "cannot look for archives that nobody needs"),
        }
    }
}

/// That none of the others has the worker's name.
pub(super) fn not_named_like<'a>(
    worker: &Worker,
    mut others: impl Iterator<Item = &'a Arc<Worker>>,
) -> Result<(), DeployError> {
    match others.find(|other| other.name() == worker.name()) {
        None => Ok(()),
        Some(other) => Err(DeployError::SameName {
            name: worker.name().to_owned(),
            first: other.path.clone(),
            second: worker.path.clone(),
        }),
    }
}

impl State {
    /// Whether the configuration has a worker of that name.
    pub(super) fn has_folder(&self, name: &str) -> bool {
        self.workers.iter().any(|worker| worker.name() == name)
    }
}

/// The active version of a deployed worker.
pub(super) fn served(record: &WorkerRecord) -> Served {
    Served { worker: record.name.as_str().into(), version: record.active.version.as_str().into() }
}
