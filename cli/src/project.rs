//! The projects that a command is about: how arguments name them, what makes their modules
//! (`project/build.rs`), and which worker a project is.

pub(crate) mod build;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bundle::{Outline, Project};
use clap::Args;
use node::{Config, WorkerConfig};

use crate::admin::NodeArgs;
use crate::failure::BadArgument;
use crate::terminal::WARNING;

/// What is said of a project beside its folder.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct OfProject {
    /// The project's configuration, instead of isolane.toml, wrangler.toml, wrangler.json or
    /// wrangler.jsonc in its folder.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The environment of the project's configuration.
    #[arg(short, long, value_name = "NAME")]
    env: Option<String>,
}

impl OfProject {
    /// What is meant beside a node: a node's configuration that stands where the project's should is
    /// taken for what it is, with a notice.
    ///
    /// # Errors
    /// When the node is named in another way, too.
    pub(crate) fn settle(&self, node: &NodeArgs) -> anyhow::Result<(Self, NodeArgs)> {
        let Some(config) = self.config.as_deref().filter(|path| Config::recognises(path)) else {
            return Ok((self.clone(), node.clone()));
        };
        if node.node.is_some() || node.data.is_some() || node.node_config.is_some() {
            let message = format!(
                "{} is a node's configuration, and another node is named: --config is for a \
                 project's",
                config.display()
            );
            return Err(BadArgument(message).into());
        }
        say_that_it_is_a_nodes(config);
        let node = NodeArgs { node_config: Some(config.to_owned()), ..node.clone() };
        Ok((Self { config: None, env: self.env.clone() }, node))
    }

    /// The project that is meant: by its folder, its main module, its configuration, or the current
    /// folder.
    ///
    /// # Errors
    /// When a folder and a configuration are those of two projects.
    pub(crate) fn meant(&self, path: Option<&Path>) -> anyhow::Result<WorkerConfig> {
        let paths: Vec<_> = path.map(Path::to_owned).into_iter().collect();
        let mut all = all(&paths, self.config.as_slice(), self.env.as_deref())?;
        // One is asked for.
        Ok(all.pop().unwrap_or_else(|| WorkerConfig::at(".")))
    }

    /// The name of the worker that is meant: the one that is given, or that of the project.
    ///
    /// # Errors
    /// When both are named, or there is no project.
    pub(crate) fn worker(&self, given: Option<&str>) -> anyhow::Result<String> {
        match given {
            Some(_) if self.config.is_some() || self.env.is_some() => {
                let message = "a worker is named, and a project's --config or --env: one of them \
                               says which worker is meant";
                Err(BadArgument(message.to_owned()).into())
            }
            Some(name) => Ok(name.to_owned()),
            None => {
                let project = self.meant(None)?;
                let outline = outline(&project).with_context(|| {
                    let place = project.path.display();
                    format!("no worker is named, and {place} is no project that would be")
                })?;
                Ok(outline.name)
            }
        }
    }
}

/// The projects that files, folders and configurations name, in this order; without any, the one in
/// the current folder.
///
/// # Errors
/// When a configuration does not say of which of the others it is.
pub(crate) fn all(
    paths: &[PathBuf],
    configs: &[PathBuf],
    environment: Option<&str>,
) -> anyhow::Result<Vec<WorkerConfig>> {
    let at = |path: &Path, config: Option<&PathBuf>| WorkerConfig {
        environment: environment.map(str::to_owned),
        config_file: config.cloned(),
        ..WorkerConfig::at(path)
    };
    match (paths, configs) {
        ([], []) => Ok(vec![at(Path::new("."), None)]),
        (paths, []) => Ok(paths.iter().map(|path| at(path, None)).collect()),
        ([], configs) => Ok(configs.iter().map(|it| at(folder_of(it), Some(it))).collect()),
        // Its main module, or its folder once more.
        ([path], [config]) => Ok(vec![at(path, Some(config))]),
        _ => {
            let message = "with --config, at most one file or folder can be named, which is that \
                           project's: name each project by its configuration, or by its folder";
            Err(BadArgument(message.to_owned()).into())
        }
    }
}

/// What a project's configuration says, before its modules are there.
pub(crate) fn outline(project: &WorkerConfig) -> anyhow::Result<Outline> {
    Ok(Outline::read(&project.path, &project.open_options())?)
}

/// Opens a project.
pub(crate) fn open(project: &WorkerConfig) -> anyhow::Result<Project> {
    Ok(Project::open_with(&project.path, &project.open_options())?)
}

/// Tells of a node's configuration that was taken for what it is.
pub(crate) fn say_that_it_is_a_nodes(config: &Path) {
    anstream::eprintln!(
        "{WARNING}notice{WARNING:#}: {} is a node's configuration, which is named with \
         --node-config; --config is for a project's",
        config.display()
    );
}

fn folder_of(config: &Path) -> &Path {
    match config.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
