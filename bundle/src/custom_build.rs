//! A command of the project's own that makes its modules before they are bundled. That is no part of
//! a bundle. Running it is the command line's: here is what is to run, where, and what it is made of.

use std::path::{Path, PathBuf};

use crate::error::{BundleError, ConfigError, Location};

/// What is watched where the configuration does not say, if there is such a folder; else the
/// project's.
const WATCHED: &str = "src";

/// What `build` of the configuration says
/// (<https://developers.cloudflare.com/workers/wrangler/custom-builds/>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomBuild {
    /// `command`, for a shell.
    pub command: String,
    /// `cwd`, the folder to run it in, absolute.
    pub folder: PathBuf,
    /// Where the configuration names that folder.
    pub(crate) folder_location: Location,
    /// `watch_dir`: the folders and files whose changes have the command run again in development,
    /// absolute.
    pub watched: Vec<PathBuf>,
    /// Where the configuration names the command.
    pub location: Location,
}

impl CustomBuild {
    /// The same with absolute paths, below the folder of the configuration, which is canonical.
    pub(crate) fn below(self, root: &Path) -> Result<Self, BundleError> {
        let absolute = |path: &Path| {
            let path = root.join(path);
            path.canonicalize().unwrap_or(path)
        };
        let folder = absolute(&self.folder);
        if !folder.is_dir() {
            return Err(BundleError::Config(ConfigError {
                location: self.folder_location,
                message: "the folder that \"build.cwd\" names does not exist".to_owned(),
            }));
        }
        let mut watched: Vec<_> = self.watched.iter().map(|path| absolute(path)).collect();
        if watched.is_empty() {
            let usual = root.join(WATCHED);
            watched.push(if usual.is_dir() { usual } else { root.to_owned() });
        }
        Ok(Self { folder, watched, ..self })
    }
}
