//! A project: the folder or file that a worker is written in, its configuration, its name, its
//! main module. Which configuration counts is `project/meant.rs`'s, the main module
//! `project/main_module.rs`'s. Reading the modules is `load`'s.

mod main_module;
mod meant;
mod outline;
mod place;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::config::{Build, Config};
use crate::custom_build::CustomBuild;
use crate::dev_server::DevServer;
use crate::dev_vars::{self, DevVars};
use crate::error::{BundleError, ConfigError, Dependencies, LoadError, Warning};
use crate::load::{self, LoadOptions, Rules};
use crate::name;
use crate::paths;
use crate::settings::Settings;
use meant::{Configured, Meant};

pub use outline::Outline;

/// How a project is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// The environment (`[env.NAME]`) whose configuration counts; without one, that of the top
    /// level.
    pub environment: Option<String>,
    /// The configuration file, instead of the one that is found. Its folder is the project's.
    pub config: Option<PathBuf>,
}

/// An opened project: its configuration is read and valid and its main module exists.
#[derive(Debug, Clone)]
pub struct Project {
    /// The project's folder, canonical: paths of the configuration are below it.
    pub(crate) root: PathBuf,
    /// The same folder as the caller named it, for messages.
    pub(crate) shown: PathBuf,
    /// The main module's file, canonical.
    pub(crate) main: PathBuf,
    pub(crate) name: String,
    pub(crate) build: Build,
    rules: Rules,
    pub(crate) settings: Settings,
    pub(crate) warnings: Vec<Warning>,
    dev_server: DevServer,
    custom_build: Option<CustomBuild>,
    /// The configuration file, canonical.
    pub(crate) config_file: Option<PathBuf>,
    /// The environment that the configuration was read for.
    environment: Option<String>,
    /// Where its variables of development are, canonical, and as messages name it.
    vars_folder: PathBuf,
    vars_shown: PathBuf,
    /// The file that says where a build is, there or not, where one is looked for.
    redirect_file: Option<PathBuf>,
}

impl Project {
    /// Opens a module's file, which is a project without a configuration, or a folder.
    ///
    /// A folder's configuration is the first of `isolane.toml`, `wrangler.toml`,
    /// `wrangler.json` and `wrangler.jsonc`, or that of a build that `.wrangler/deploy/config.json`
    /// names. A file has that of the nearest folder above it, if it is the main module there. The
    /// worker's name is the configuration's, else it is made from the name of the file or folder: in
    /// lower case, whatever is no letter and no digit a hyphen, at most 63 characters, `worker` if
    /// nothing is left.
    ///
    /// # Errors
    ///
    /// When the path is no project, the configuration has a fault, there is no main module, or
    /// something cannot be read.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// Opens a module's file or a folder, for an environment of its configuration.
    ///
    /// The worker of an environment is called as the one without, with a hyphen and the
    /// environment's name after it, unless the environment has a `name` of its own. With a
    /// configuration that is named, the path is its folder, or the file of the main module.
    ///
    /// # Errors
    ///
    /// As [`Project::open`], and when there is no such environment.
    pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Self, BundleError> {
        match meant::by(path, options)? {
            Meant::Folder(configured) => Self::configured(*configured, options),
            Meant::File { warnings } => Ok(Self { warnings, ..Self::of_file(path)? }),
        }
    }

    /// The same; an error also tells which files may mend it.
    ///
    /// # Errors
    ///
    /// As [`Project::open_with`].
    pub fn open_watched(path: &Path, options: &OpenOptions) -> Result<Self, LoadError> {
        Self::open_with(path, options).map_err(|error| {
            let inputs = meant::files(path, options);
            LoadError { error, read: Box::new(Dependencies { inputs, folders: Vec::new() }) }
        })
    }

    /// The worker's name, a DNS label.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The project's folder, absolute: the one to watch for changes.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What the configuration says.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is worth knowing about the configuration.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Where the configuration wants the project to be served in development.
    pub fn dev_server(&self) -> DevServer {
        self.dev_server
    }

    /// The command that makes the project's modules. It has run, or what there is stays as it was.
    pub fn custom_build(&self) -> Option<&CustomBuild> {
        self.custom_build.as_ref()
    }

    /// The environment that the project was opened for.
    pub fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// The project's variables of development, read now, and the file that they are from
    /// ([`crate::dev_vars`]). They are no part of its bundle.
    ///
    /// # Errors
    ///
    /// As [`crate::dev_vars`].
    pub fn dev_vars(&self) -> Result<Option<DevVars>, BundleError> {
        dev_vars::of_folder(&self.vars_folder, &self.vars_shown, self.environment())
    }

    /// Bundles the main module with what it imports, as for a deploy. The configuration is not
    /// read again: open the project for that.
    ///
    /// # Errors
    ///
    /// When a module has a syntax error or an import that leads nowhere, when the modules are
    /// larger than [`crate::MAX_BUNDLE_BYTES`], or when a file cannot be read.
    pub fn load(&self) -> Result<crate::Bundle, BundleError> {
        Ok(self.load_with(&LoadOptions::default())?)
    }

    /// Bundles the main module with what it imports. The configuration is not read again. An error
    /// also tells which files may mend it.
    ///
    /// # Errors
    ///
    /// As [`Project::load`].
    pub fn load_with(&self, options: &LoadOptions) -> Result<crate::Bundle, LoadError> {
        load::load(self, options, load::MAX_BUNDLE_BYTES)
    }

    /// The file that says where a build is, there or not, where one is looked for.
    pub(crate) fn redirect_file(&self) -> Option<&Path> {
        self.redirect_file.as_deref()
    }

    /// The path as messages name it.
    pub(crate) fn shown(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root)
            .map_or_else(|_| path.to_owned(), |below| self.shown_path(below))
    }

    /// What the files of the project are.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The path relative to the root with forward slashes, which goes up (`../x`) for a file
    /// outside of it.
    pub(crate) fn below(&self, path: &Path) -> String {
        let mut up = 0;
        let mut folder = self.root.as_path();
        let below = loop {
            match (path.strip_prefix(folder), folder.parent()) {
                (Ok(below), _) => break below,
                (Err(_), Some(parent)) => folder = parent,
                (Err(_), None) => break path,
            }
            up += 1;
        };
        let mut text = String::with_capacity(3 * up + below.as_os_str().len());
        let parts = std::iter::repeat_n(Cow::Borrowed(".."), up);
        for part in parts.chain(below.iter().map(OsStr::to_string_lossy)) {
            if !text.is_empty() {
                text.push('/');
            }
            text.push_str(&part);
        }
        text
    }

    fn shown_path(&self, below: &Path) -> PathBuf {
        if self.shown == Path::new(".") { below.to_owned() } else { self.shown.join(below) }
    }

    fn of_file(path: &Path) -> Result<Self, BundleError> {
        let not_a_project = || BundleError::NotAProject { path: path.to_owned() };
        // The name and the folder of the link, if it is one, not those of its target.
        let folder = paths::folder_of(path);
        let file_name = path.file_name().ok_or_else(not_a_project)?;
        let root = folder.canonicalize().map_err(BundleError::io(folder))?;
        let main = root.join(file_name).canonicalize().map_err(BundleError::io(path))?;
        if !load::is_script(Path::new(file_name)) || !main.is_file() {
            return Err(not_a_project());
        }
        // A linked module imports its neighbours, so the root is where it is.
        let (root, shown) = if main.starts_with(&root) {
            (root, folder.to_owned())
        } else {
            let root = main.parent().ok_or_else(not_a_project)?.to_owned();
            (root.clone(), root)
        };
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self {
            vars_folder: root.clone(),
            vars_shown: shown.clone(),
            root,
            shown,
            main,
            name: name::from_file_name(&stem),
            build: Build::default(),
            rules: Rules::new(&[]),
            settings: Settings::default(),
            warnings: Vec::new(),
            dev_server: DevServer::default(),
            custom_build: None,
            config_file: None,
            environment: None,
            redirect_file: None,
        })
    }

    fn configured(configured: Configured, options: &OpenOptions) -> Result<Self, BundleError> {
        let name = configured.name(options);
        let custom_build = configured.custom_build()?;
        let main = configured.main(custom_build.as_ref())?;
        let Configured { place, vars, config, file, redirect_file, .. } = configured;
        let (root, shown) = (place.folder, place.shown);
        let Config { mut build, settings, dev, warnings, .. } = config;
        if let Some((file, location)) = &mut build.tsconfig {
            *file = root.join(&file);
            if !file.is_file() {
                return Err(BundleError::Config(ConfigError {
                    location: location.clone(),
                    message: "the file that \"tsconfig\" names does not exist".to_owned(),
                }));
            }
        }
        let rules = Rules::new(&build.rules);
        Ok(Self {
            root,
            shown,
            main,
            name,
            build,
            rules,
            settings,
            warnings,
            dev_server: dev,
            custom_build,
            config_file: file.map(|file| file.path),
            environment: options.environment.clone(),
            vars_folder: vars.folder,
            vars_shown: vars.shown,
            redirect_file,
        })
    }
}
