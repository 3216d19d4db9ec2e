//! The workers of a node: those of its configuration, loaded from their folders, and those that
//! were deployed, kept in the registry. How an event finds one is `dispatch`'s, how they change
//! is in `deployments/changes.rs`.

mod activations;
mod cache;
mod changes;
mod definition;
mod development;
mod environment;
mod error;
mod handlers;
mod loader;
mod owners;
mod routes;
mod shared;
mod sources;
mod target;
mod worker;

use std::collections::HashMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bundle::SourceMaps;
use parking_lot::Mutex;
use registry::Registry;
use runtime::{Failure, Runtime, StartReport, Version};
use tokio::sync::watch;

use crate::config::{Config, Mode, WorkerConfig};
use crate::refusal::{MapStack, Served};
use loader::Inbox;
use shared::Shared;

pub(crate) use changes::Arriving;
pub(crate) use target::Target;

pub use activations::Triggers;
pub use changes::{
    Change, ChangeError, Current, MAX_NOTE_CHARS, MAX_SECRET_BYTES, MAX_SECRETS, Precondition,
    Uploaded,
};
pub use development::{EnvEntry, EnvKind};
pub use error::DeployError;
pub use handlers::uncalled_handlers;
pub use worker::Worker;

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
    shared: Arc<Shared>,
    configs: Vec<WorkerConfig>,
    /// For the threads that are not started yet.
    inbox: Mutex<Option<Inbox>>,
}

impl Deployments {
    /// Loads every worker of the configuration and makes the route table; a node of these alone
    /// takes no deploys. Reads files and transpiles, on the calling thread; runs no code of the
    /// workers, see [`check`](Self::check).
    ///
    /// # Errors
    /// The first worker that cannot be loaded, or has what is another's.
    pub fn load(config: &Config, runtime: Runtime) -> Result<Self, DeployError> {
        let deployments = Self::prepare(config, runtime)?;
        deployments.begin()?;
        Ok(deployments)
    }

    /// The same, and beside them the workers that were deployed. Of these only the records are
    /// read: a version is read from the disk when it is first asked for.
    ///
    /// # Errors
    /// The first worker of the configuration that cannot be loaded or has what is another's, or what is
    /// wrong with the registry. A deployed worker is no reason: it is not served, and the log says so.
    pub fn open(
        config: &Config,
        runtime: Runtime,
        registry: Registry,
    ) -> Result<Self, DeployError> {
        let deployments = Self::prepare(config, runtime)?;
        deployments.add_deployed(registry)?;
        Ok(deployments)
    }

    /// Loads the workers of the configuration, and no others yet.
    pub(crate) fn prepare(config: &Config, runtime: Runtime) -> Result<Self, DeployError> {
        runtime.when_short_of_memory(SourceMaps::forget_decoded);
        let (shared, inbox) = Shared::new(config, runtime);
        let load = |worker| Worker::load(worker, &shared);
        let workers = config.workers.iter().map(load).collect::<Result<_, _>>()?;
        shared.begin(workers)?;
        let inbox = Mutex::new(Some(inbox));
        Ok(Self { shared: Arc::new(shared), configs: config.workers.clone(), inbox })
    }

    /// Adds the workers that were deployed. To be called once.
    pub(crate) fn add_deployed(&self, registry: Registry) -> Result<(), DeployError> {
        self.shared.add_deployed(registry)?;
        self.begin()
    }

    /// Gives the registry away, so that another process can take it: nothing is deployed any more,
    /// and versions that are not in memory are not served. Blocks until the change is over that is
    /// under way.
    pub(crate) fn release(&self) {
        if let Some(registry) = self.shared.registry.get() {
            registry.close();
        }
    }

    /// Starts the threads.
    fn begin(&self) -> Result<(), DeployError> {
        if let Some(inbox) = self.inbox.lock().take() {
            inbox.serve(&self.shared)?;
        }
        Ok(())
    }

    /// The version for a host in normal form and a path.
    pub(crate) fn resolve(&self, host: &str, path: &str) -> Option<Arc<Target>> {
        let target = self.shared.table.load().resolve(host, path).cloned()?;
        (!self.is_a_mistake(host, &target)).then_some(target)
    }

    /// Whether a host in development is the name of a worker that there is not: the first worker,
    /// which has what is no other's, is not meant. Where there is but one, each name is its own.
    fn is_a_mistake(&self, host: &str, target: &Target) -> bool {
        let name = host.strip_suffix(".localhost").filter(|_| self.shared.mode == Mode::Dev);
        name.is_some_and(|name| {
            let is_meant = name == &*target.served().worker || self.is_named(host);
            !is_meant && self.shared.state.lock().workers.len() > 1
        })
    }

    /// Whether the routes of a project or the developer name a host.
    fn is_named(&self, host: &str) -> bool {
        let named = |worker: &Arc<Worker>| worker.routes.iter().any(|route| route.names(host));
        self.shared.allowed_hosts.iter().any(|allowed| allowed == host)
            || self.shared.state.lock().workers.iter().any(named)
    }

    /// The hosts of the workers in development; in production that is nobody's business.
    pub(crate) fn hosts_in_development(&self) -> Vec<String> {
        if self.shared.mode == Mode::Serve {
            return Vec::new();
        }
        let state = self.shared.state.lock();
        state.workers.iter().map(|worker| format!("{}.localhost", worker.served().worker)).collect()
    }

    /// Whether requests for this host, in normal form, are answered. In development only for those
    /// that no page of a stranger can make a browser ask for: names of this machine, addresses,
    /// what the projects' routes name, and what the developer has allowed.
    pub(crate) fn is_open_to(&self, host: &str) -> bool {
        if self.shared.mode == Mode::Serve || is_local(host) {
            return true;
        }
        self.is_named(host)
    }

    /// Whether there is a worker of that name, in memory or not.
    pub fn has(&self, name: &str) -> bool {
        self.shared.has(name)
    }

    /// What the workers are called for beside requests, as it is now.
    pub fn triggers(&self) -> Arc<Triggers> {
        self.shared.activations.triggers()
    }

    /// The number of the [`triggers`](Self::triggers), which is another after each change of them.
    pub fn triggers_changed(&self) -> watch::Receiver<u64> {
        self.shared.activations.changed()
    }

    /// What calls the worker of that name lead to, if one by that caller may; the node itself calls
    /// all.
    pub(crate) fn callee(&self, name: &Arc<str>, caller: Option<&Arc<str>>) -> Option<Arc<Target>> {
        let may_call = caller.is_none_or(|caller| self.shared.owners.may_call(caller, name));
        self.shared.named(name).filter(|_| may_call)
    }

    /// The runtime that runs the workers.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.shared.runtime
    }

    /// Whether the node serves tenants or one developer.
    pub(crate) fn mode(&self) -> Mode {
        self.shared.mode
    }

    /// What is odd on a node about how a worker of the configuration is called, or whom it calls, among
    /// those that there are now. No reason not to serve it: what is missing may be deployed later.
    pub fn oddities(&self, worker: &Worker) -> Vec<String> {
        if self.shared.mode == Mode::Dev {
            return Vec::new();
        }
        let name = worker.name();
        let state = self.shared.state.lock();
        let has_routes = state.claims.get(name).is_some_and(|claim| !claim.routes.is_empty());
        let others = state.workers.iter().filter(|other| other.name() != name);
        let is_referred = others.flat_map(|other| &other.referred).any(|it| **it == *name);
        drop(state);
        let mut odd = Vec::new();
        if !has_routes && !is_referred && !self.shared.activations.are_of(name) {
            odd.push(format!(
                "nothing leads to {name}: it has no route, no cron and no queue, and no worker of the \
                 configuration calls it; set \"routes\" in its configuration or in node.toml (\"*\" is \
                 every host), or a \"domain\" in node.toml for all workers (domain = \
                 \"workers.example.com\" leads {name}.workers.example.com to it)"
            ));
        }
        let missing = worker.referred.iter().filter(|it| !self.shared.has(it));
        odd.extend(missing.map(|it| format!("{name} calls {it}, which is not there: deploy it")));
        odd
    }

    /// A version, ready to run. It is read from the disk first where it has to be, which the
    /// calling shard does not wait for.
    pub(crate) async fn ready(&self, target: &Arc<Target>) -> Result<Arc<Version>, Failure> {
        Ok(Arc::clone(&self.shared.load(target).await?.version))
    }

    /// Has a version made ready and started ahead of a request that is only likely. Returns at once.
    pub(crate) fn warm(&self, target: &Arc<Target>) {
        self.shared.warm(target);
    }

    /// Has those workers that still have that version made ready on the front shards.
    pub(crate) async fn warm_in_front(&self, hot: HashMap<Arc<str>, Arc<str>>) {
        for (worker, version) in hot {
            let Some(target) = self.shared.target(&Served { worker, version }) else { continue };
            if let Ok(loaded) = self.shared.load(&target).await {
                self.shared.runtime.warm_in_front(&loaded.version);
            }
        }
    }

    /// Versions in memory that have shown short slices in another process begin as such here.
    pub(crate) fn recognise(&self, proven: HashMap<Arc<str>, Arc<str>>) {
        for (worker, version) in proven {
            let target = self.shared.target(&Served { worker, version });
            if let Some(loaded) = target.and_then(|target| target.loaded()) {
                self.shared.runtime.recognise(&loaded.version);
            }
        }
    }

    /// The workers of the configuration, in its order.
    pub fn workers(&self) -> Vec<Arc<Worker>> {
        self.shared.state.lock().workers.clone()
    }

    /// Loads a worker again, by its place in the configuration. If it is another version, new
    /// requests go to it from one moment on, and the old version ends when its requests have.
    /// Reads files and transpiles on the calling thread, which must not be a shard.
    ///
    /// # Errors
    /// When it cannot be loaded, or has what is another's; the present version then goes on.
    pub fn reload(&self, index: usize) -> Result<Reload, DeployError> {
        let config = self.configs.get(index).ok_or(DeployError::NoWorker { index })?;
        let fresh = Worker::load(config, &self.shared)?;
        let mut state = self.shared.state.lock();
        let mut workers = state.workers.clone();
        let slot = workers.get_mut(index).ok_or(DeployError::NoWorker { index })?;
        let same = slot.served().version == fresh.served().version && slot.name() == fresh.name();
        if same {
            // What is not part of the version may differ: files that were read, warnings.
            let worker = Arc::clone(slot);
            worker.read_again(&fresh);
            return Ok(Reload { worker, changed: false });
        }
        let old = std::mem::replace(slot, Arc::clone(&fresh));
        let others = workers.iter().filter(|worker| !Arc::ptr_eq(worker, &fresh));
        shared::not_named_like(&fresh, others)?;
        let name = &old.served().worker;
        // Only for the moment: nobody sees the claims before they are published.
        let claim = state.claims.replace(name, None).ok().flatten();
        let asked = self.shared.activations.replace(name, None).ok().flatten();
        if let Err(error) = self.shared.claim_folder(&mut state.claims, &fresh, index == 0) {
            // They were its own a moment ago.
            let _ = state.claims.replace(name, claim);
            let _ = self.shared.activations.replace(name, asked);
            return Err(error);
        }
        if old.name() != fresh.name() {
            self.shared.rename(name, None);
        }
        state.workers = workers;
        self.shared.publish(&mut state);
        drop(state);
        self.shared.activations.tell();
        self.shared.retire(&old.target);
        Ok(Reload { worker: fresh, changed: true })
    }

    /// Starts one worker in an isolate of its own and throws it away.
    ///
    /// # Errors
    /// Why it would answer every request with a 503.
    pub async fn try_start(&self, worker: &Worker) -> Result<StartReport, Failure> {
        self.shared.runtime.check(worker.version()).await
    }

    /// Starts every worker of the configuration in an isolate of its own and throws it away: a
    /// worker that fails here would answer every request with a 503.
    pub async fn check(&self) -> Vec<(Arc<Worker>, Result<StartReport, Failure>)> {
        let mut reports = Vec::new();
        for worker in self.workers() {
            let report = self.shared.runtime.check(worker.version()).await;
            reports.push((worker, report));
        }
        reports
    }
}

/// A name that always means this machine (RFC 6761 section 6.3), or an address.
fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.starts_with('[')
        || host.parse::<Ipv4Addr>().is_ok()
}

impl fmt::Debug for Deployments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployments").field("workers", &self.workers()).finish_non_exhaustive()
    }
}

impl MapStack for Deployments {
    fn map_stack(&self, served: &Served, stack: &str) -> String {
        let loaded = self.shared.find(served);
        loaded.map_or_else(|| stack.to_owned(), |loaded| loaded.program.maps.map_stack(stack))
    }

    fn source(&self, served: &Served, file: &str) -> Option<String> {
        let workers = self.workers();
        workers.iter().find(|worker| worker.is(served))?.source(file)
    }
}
