//! The workers of a node: loaded from their folders, reachable by the route table, replaced
//! while the node serves. How a request finds one is `dispatch`'s.

mod definition;
mod development;
mod routes;

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use bundle::{BundleError, OpenOptions, Project, SourceMaps, Warning};
use parking_lot::Mutex;
use router::{RouteError, Table};
use runtime::{Failure, Runtime, StartReport, Version};
use thiserror::Error;

use crate::config::{Config, Limits, Mode, WorkerConfig};
use crate::refusal::{MapStack, Served};

pub use development::{Binding, BindingKind};

/// Versions whose stacks can still be mapped after they were replaced, because their last
/// events may not be over.
const RETIRED_KEPT: usize = 8;

/// Why workers cannot be deployed. Their author or the operator is at fault.
#[derive(Debug, Error)]
pub enum DeployError {
    /// A project cannot be opened or loaded.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A route is malformed or taken.
    #[error("worker {worker}: {source}")]
    Route {
        /// The worker's name.
        worker: String,
        /// What is wrong.
        source: RouteError,
    },
    /// Two workers have one name.
    #[error(
        "two workers are named {name}: {} and {}; give one another \"name\"",
        first.display(),
        second.display()
    )]
    SameName {
        /// The name.
        name: String,
        /// The first worker's folder.
        first: PathBuf,
        /// The other one's.
        second: PathBuf,
    },
    /// No request could ever reach a worker.
    #[error(
        "worker {worker} has no routes, so no request could reach it: set \"routes\" in its \
         configuration or in node.toml (\"*\" is every host)"
    )]
    NoRoutes {
        /// The worker's name.
        worker: String,
    },
    /// A binding says nothing of which namespace it is bound to.
    #[error(
        "worker {worker}: the KV binding {binding} names no namespace: give its entry in \
         \"kv_namespaces\" an \"id\", such as id = \"{worker}-{}\"", .binding.to_lowercase()
    )]
    NoNamespace {
        /// The worker's name.
        worker: String,
        /// The binding's name.
        binding: String,
    },
    /// There is no worker with that number.
    #[error("there is no worker number {index}")]
    NoWorker {
        /// The number, from 0.
        index: usize,
    },
}

/// One version of a worker that the node serves.
pub struct Worker {
    served: Served,
    version: Arc<Version>,
    maps: SourceMaps,
    path: PathBuf,
    root: PathBuf,
    routes: Vec<router::Pattern>,
    inputs: Vec<PathBuf>,
    warnings: Vec<Warning>,
    /// When the files began to be read, the last time that they gave this version.
    loaded: Mutex<SystemTime>,
    bindings: Vec<Binding>,
}

impl Worker {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.served.worker
    }

    /// Its name and version.
    pub fn served(&self) -> &Served {
        &self.served
    }

    /// The version, as the runtime knows it.
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// The project's folder, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it is a project's folder, and not a single file.
    pub fn is_folder(&self) -> bool {
        self.path.is_dir()
    }

    /// Every file that the version was made from, absolute.
    pub fn inputs(&self) -> &[PathBuf] {
        &self.inputs
    }

    /// The routes that lead to it in production.
    pub fn routes(&self) -> &[router::Pattern] {
        &self.routes
    }

    /// What its author should know.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// What it finds in `env`.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("served", &self.served).finish_non_exhaustive()
    }
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of a worker that was loaded again.
#[derive(Debug)]
pub struct Reload {
    /// The worker as it is now.
    pub worker: Arc<Worker>,
    /// Whether it is another version than before.
    pub changed: bool,
}

/// The workers of a node.
pub struct Deployments {
    runtime: Runtime,
    mode: Mode,
    limits: Limits,
    configs: Vec<WorkerConfig>,
    table: ArcSwap<Table<Arc<Worker>>>,
    /// Held while a worker is replaced, never on the path of a request.
    state: Mutex<State>,
}

struct State {
    /// In the order of the configuration.
    workers: Vec<Arc<Worker>>,
    retired: VecDeque<Arc<Worker>>,
}

impl Deployments {
    /// Loads every worker and makes the route table. Reads files and transpiles, on the calling
    /// thread; runs no code of the workers, see [`check`](Self::check).
    ///
    /// # Errors
    /// The first worker that cannot be loaded or reached.
    pub fn load(config: &Config, runtime: Runtime) -> Result<Self, DeployError> {
        let workers = config
            .workers
            .iter()
            .map(|worker| load(worker, config.mode, &config.limits, &runtime))
            .collect::<Result<Vec<_>, _>>()?;
        let table = table(config.mode, &workers)?;
        Ok(Self {
            runtime,
            mode: config.mode,
            limits: config.limits.clone(),
            configs: config.workers.clone(),
            table: ArcSwap::from_pointee(table),
            state: Mutex::new(State { workers, retired: VecDeque::new() }),
        })
    }

    /// The worker for a host in normal form and a path.
    pub fn resolve(&self, host: &str, path: &str) -> Option<Arc<Worker>> {
        self.table.load().resolve(host, path).cloned()
    }

    /// The workers, in the order of the configuration.
    pub fn workers(&self) -> Vec<Arc<Worker>> {
        self.state.lock().workers.clone()
    }

    /// Loads a worker again, by its place in the configuration. If it is another version, new
    /// requests go to it from one moment on, and the old version ends when its requests have.
    /// Reads files and transpiles on the calling thread, which must not be a shard.
    ///
    /// # Errors
    /// When it cannot be loaded or reached; the present version then goes on.
    pub fn reload(&self, index: usize) -> Result<Reload, DeployError> {
        let config = self.configs.get(index).ok_or(DeployError::NoWorker { index })?;
        let fresh = load(config, self.mode, &self.limits, &self.runtime)?;
        let mut state = self.state.lock();
        let mut workers = state.workers.clone();
        let slot = workers.get_mut(index).ok_or(DeployError::NoWorker { index })?;
        let same = slot.served.version == fresh.served.version
            && slot.served.worker == fresh.served.worker;
        if same {
            // What is not part of the version may differ: files that were read, warnings.
            let worker = Arc::clone(slot);
            *worker.loaded.lock() = *fresh.loaded.lock();
            return Ok(Reload { worker, changed: false });
        }
        let old = std::mem::replace(slot, Arc::clone(&fresh));
        self.table.store(Arc::new(table(self.mode, &workers)?));
        state.workers = workers;
        self.runtime.retire(&old.version);
        state.retired.push_back(old);
        if state.retired.len() > RETIRED_KEPT {
            state.retired.pop_front();
        }
        Ok(Reload { worker: fresh, changed: true })
    }

    /// A version that is served, or was until a moment ago.
    fn known(&self, served: &Served) -> Option<Arc<Worker>> {
        let state = self.state.lock();
        let mut known = state.workers.iter().chain(&state.retired);
        let is_it = |known: &&Arc<Worker>| {
            known.served.worker == served.worker && known.served.version == served.version
        };
        known.find(is_it).cloned()
    }

    /// Starts one worker in an isolate of its own and throws it away.
    ///
    /// # Errors
    /// Why it would answer every request with a 503.
    pub async fn try_start(&self, worker: &Worker) -> Result<StartReport, Failure> {
        self.runtime.check(&worker.version).await
    }

    /// Starts every worker in an isolate of its own and throws it away: a worker that fails here
    /// would answer every request with a 503.
    pub async fn check(&self) -> Vec<(Arc<Worker>, Result<StartReport, Failure>)> {
        let mut reports = Vec::new();
        for worker in self.workers() {
            let report = self.runtime.check(&worker.version).await;
            reports.push((worker, report));
        }
        reports
    }
}

impl MapStack for Deployments {
    fn map_stack(&self, served: &Served, stack: &str) -> String {
        match self.known(served) {
            Some(worker) => worker.maps.map_stack(stack),
            None => stack.to_owned(),
        }
    }

    fn source(&self, served: &Served, file: &str) -> Option<String> {
        let worker = self.known(served)?;
        development::source(&worker.root, &worker.inputs, *worker.loaded.lock(), file)
    }
}

fn load(
    config: &WorkerConfig,
    mode: Mode,
    limits: &Limits,
    runtime: &Runtime,
) -> Result<Arc<Worker>, DeployError> {
    let loaded = SystemTime::now();
    let options = OpenOptions { environment: config.environment.clone() };
    let project = Project::open_with(&config.path, &options)?;
    let (mut bundle, local) = match mode {
        Mode::Dev => development::load(&project)?,
        Mode::Serve => (project.load()?, None),
    };
    if let Some(name) = &config.name {
        bundle.name.clone_from(name);
    }
    let routes = match &config.routes {
        Some(routes) => routes.clone(),
        None => bundle
            .settings
            .routes
            .iter()
            .map(|route| router::Pattern::parse(route))
            .collect::<Result<_, _>>()
            .map_err(|source| DeployError::Route { worker: bundle.name.clone(), source })?,
    };
    let maps = SourceMaps::of(&bundle);
    let inputs = std::mem::take(&mut bundle.inputs);
    let mut warnings = std::mem::take(&mut bundle.warnings);
    let definition = definition::of(bundle, config, mode, limits, &mut warnings)?;
    let bindings = development::bindings(&definition, local.as_ref());
    let served =
        Served { worker: Arc::clone(&definition.worker), version: Arc::clone(&definition.version) };
    Ok(Arc::new(Worker {
        served,
        version: runtime.version(definition),
        maps,
        path: config.path.clone(),
        root: project.root().to_owned(),
        routes,
        inputs,
        warnings,
        loaded: Mutex::new(loaded),
        bindings,
    }))
}

fn table(mode: Mode, workers: &[Arc<Worker>]) -> Result<Table<Arc<Worker>>, DeployError> {
    let entries: Vec<_> = workers
        .iter()
        .map(|worker| routes::Entry {
            name: worker.name(),
            path: &worker.path,
            routes: &worker.routes,
            target: Arc::clone(worker),
        })
        .collect();
    routes::table(mode, &entries)
}
