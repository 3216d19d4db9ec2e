//! A worker of the node's own configuration: a project's folder, read and transpiled when the node
//! starts, and again when its files change in development.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bundle::{Project, Warning};
use router::Pattern;
use runtime::Version;

use super::DeployError;
use super::definition::Origin;
use super::loader;
use super::shared::Shared;
use super::target::{Loaded, Target};
use crate::config::WorkerConfig;
use crate::refusal::Served;

/// One version of a worker that the node serves from its folder.
pub struct Worker {
    pub(super) loaded: Arc<Loaded>,
    pub(super) target: Arc<Target>,
    pub(super) path: PathBuf,
    root: PathBuf,
    pub(super) routes: Vec<Pattern>,
    inputs: Vec<PathBuf>,
    warnings: Vec<Warning>,
}

impl Worker {
    /// Reads the project.
    pub(super) fn load(config: &WorkerConfig, shared: &Shared) -> Result<Arc<Self>, DeployError> {
        let project = Project::open(&config.path)?;
        let mut bundle = project.load()?;
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
        let mut warnings = std::mem::take(&mut bundle.warnings);
        let loaded = loader::load(shared, bundle, Origin::folder(config), &mut warnings)?;
        Ok(Arc::new(Self {
            target: Target::in_memory(Arc::clone(&loaded)),
            loaded,
            path: config.path.clone(),
            root: project.root().to_owned(),
            routes,
            inputs,
            warnings,
        }))
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

    /// Every file that the version was made from, absolute.
    pub fn inputs(&self) -> &[PathBuf] {
        &self.inputs
    }

    /// The routes that lead to it in production.
    pub fn routes(&self) -> &[Pattern] {
        &self.routes
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
