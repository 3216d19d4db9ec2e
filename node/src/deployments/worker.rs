//! A worker of the node's own configuration: a project's folder, read and transpiled when the node
//! starts, and again when its files change in development.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bundle::{LoadOptions, Project, Warning};
use parking_lot::Mutex;
use router::Pattern;
use runtime::Version;

use super::DeployError;
use super::activations::Asked;
use super::definition::{self, Origin};
use super::development::{self, EnvEntry};
use super::loader;
use super::shared::Shared;
use super::target::{Loaded, Target};
use crate::config::{Mode, WorkerConfig};
use crate::refusal::Served;

/// One version of a worker that the node serves from its folder.
pub struct Worker {
    pub(super) loaded: Arc<Loaded>,
    pub(super) target: Arc<Target>,
    pub(super) path: PathBuf,
    root: PathBuf,
    pub(super) routes: Vec<Pattern>,
    inputs: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    warnings: Vec<Warning>,
    /// When the files began to be read, the last time that they gave this version.
    read_at: Mutex<SystemTime>,
    bindings: Vec<EnvEntry>,
    /// What it is called for beside requests.
    pub(super) asked: Asked,
    /// The workers that it calls, or that are told of its events.
    pub(super) referred: Vec<Arc<str>>,
}

impl Worker {
    /// Reads the project.
    pub(super) fn load(config: &WorkerConfig, shared: &Shared) -> Result<Arc<Self>, DeployError> {
        let read_at = SystemTime::now();
        let project = Project::open_watched(&config.path, &config.open_options())?;
        let (mut bundle, local) = match shared.mode {
            Mode::Dev if !shared.as_deployed => development::load(&project, shared.debuggable)?,
            Mode::Dev | Mode::Serve => {
                let scratch = shared.scratch.clone();
                (project.load_with(&LoadOptions { scratch, ..LoadOptions::default() })?, None)
            }
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
                .map(|route| Pattern::parse(route))
                .collect::<Result<_, _>>()
                .map_err(|source| DeployError::Route { worker: bundle.name.clone(), source })?,
        };
        let inputs = std::mem::take(&mut bundle.inputs);
        let folders = std::mem::take(&mut bundle.folders);
        let mut warnings = std::mem::take(&mut bundle.warnings);
        if let (Mode::Serve, Some(build)) = (shared.mode, project.custom_build()) {
            // A node runs nothing but workers.
            warnings.push(Warning {
                location: Some(build.location.clone()),
                message: format!(
                    "a node does not run the build command \"{}\": what it has made last is served",
                    build.command
                ),
            });
        }
        if shared.as_deployed {
            warnings.extend(definition::refused_by_nodes(&bundle));
        }
        let asked = Asked::of(&bundle.settings, shared.mode);
        let services = bundle.settings.services.iter();
        let services = services.map(|service| Arc::<str>::from(service.service.as_str()));
        let referred = services.chain(asked.tails.iter().cloned()).collect();
        let loaded = loader::load(shared, bundle, Origin::folder(config), &mut warnings)?;
        let bindings = development::bindings(&loaded.version.definition().env, local.as_ref());
        Ok(Arc::new(Self {
            target: Target::in_memory(Arc::clone(&loaded)),
            loaded,
            path: config.path.clone(),
            root: project.root().to_owned(),
            routes,
            inputs,
            folders,
            warnings,
            read_at: Mutex::new(read_at),
            bindings,
            asked,
            referred,
        }))
    }

    /// Whether it is that version of that worker.
    pub(super) fn is(&self, served: &Served) -> bool {
        self.served().worker == served.worker && self.served().version == served.version
    }

    /// Its files were read again, and gave the same version.
    pub(super) fn read_again(&self, fresh: &Self) {
        *self.read_at.lock() = *fresh.read_at.lock();
    }

    /// The text of a file that it was made from, unless that has changed since.
    pub(super) fn source(&self, file: &str) -> Option<String> {
        development::source(&self.root, &self.inputs, *self.read_at.lock(), file)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.loaded.served.worker
    }

    /// Its name and version.
    pub fn served(&self) -> &Served {
        &self.loaded.served
    }

    /// The version, as the runtime knows it.
    pub fn version(&self) -> &Arc<Version> {
        &self.loaded.version
    }

    /// The project's folder, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it is a project's folder, and not a single file.
    pub fn is_folder(&self) -> bool {
        self.path.is_dir()
    }

    /// What it finds in `env`.
    pub fn bindings(&self) -> &[EnvEntry] {
        &self.bindings
    }

    /// Every file that the version was made from, absolute.
    pub fn inputs(&self) -> &[PathBuf] {
        &self.inputs
    }

    /// Folders, absolute, in which a file that comes or goes, at any depth, can make it another
    /// version.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The routes that lead to it in production. It need not have any: other workers, crons and queues
    /// find it by its name.
    pub fn routes(&self) -> &[Pattern] {
        &self.routes
    }

    /// The expressions at whose minutes it is called, byte for byte.
    pub fn crons(&self) -> &[Arc<str>] {
        &self.asked.crons
    }

    /// The queues whose messages it is called for.
    pub fn consumes(&self) -> impl Iterator<Item = &Arc<str>> {
        self.asked.consumers.iter().map(|(queue, _)| queue)
    }

    /// The workers that are told of its events.
    pub fn tails(&self) -> &[Arc<str>] {
        &self.asked.tails
    }

    /// What its author should know.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("served", self.served()).finish_non_exhaustive()
    }
}
