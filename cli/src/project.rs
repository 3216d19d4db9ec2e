//! The project that a command is about: a folder, or the one that the command is called in.

use std::path::Path;

use anyhow::Context as _;
use bundle::{OpenOptions, Project};

/// Opens a project, in one of its environments.
pub(crate) fn open(path: &Path, environment: Option<&str>) -> anyhow::Result<Project> {
    let options = OpenOptions { environment: environment.map(str::to_owned) };
    Ok(Project::open_with(path, &options)?)
}

/// The name of the worker that is meant: the one that is given, or that of the project in the
/// current folder.
pub(crate) fn worker(given: Option<&str>, environment: Option<&str>) -> anyhow::Result<String> {
    match given {
        Some(name) => Ok(name.to_owned()),
        None => Ok(open(Path::new("."), environment)
            .context("no worker is named, and the current folder is no project that would be")?
            .name()
            .to_owned()),
    }
}
