//! What is known of a project before its modules: also of one whose main module is yet to be made.

use std::path::{Path, PathBuf};

use super::meant::{self, Meant};
use super::{OpenOptions, Project};
use crate::custom_build::CustomBuild;
use crate::dev_server::DevServer;
use crate::error::BundleError;

/// What a project's configuration says of it, before anybody looks for its main module.
#[derive(Debug, Clone)]
pub struct Outline {
    /// The worker's name, a DNS label.
    pub name: String,
    /// Where the configuration wants the project to be served in development.
    pub dev_server: DevServer,
    /// The command that has to run before the project is opened.
    pub custom_build: Option<CustomBuild>,
    /// The configuration file, canonical, if there is one.
    pub config_file: Option<PathBuf>,
}

impl Outline {
    /// Reads the configuration that [`Project::open_with`] would.
    ///
    /// # Errors
    ///
    /// As [`Project::open_with`], but for those of the main module.
    pub fn read(path: &Path, options: &OpenOptions) -> Result<Self, BundleError> {
        match meant::by(path, options)? {
            Meant::Folder(configured) => Ok(Self {
                name: configured.name(options),
                dev_server: configured.config.dev,
                custom_build: configured.custom_build()?,
                config_file: configured.file.map(|file| file.path),
            }),
            Meant::File { .. } => Ok(Self {
                name: Project::of_file(path)?.name,
                dev_server: DevServer::default(),
                custom_build: None,
                config_file: None,
            }),
        }
    }
}
