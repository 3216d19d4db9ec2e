//! A project: the folder or file that a worker is written in, its configuration, its name, its
//! main module. Reading the modules is `load`'s.

mod place;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{self, Build, Config, Main};
use crate::dev_server::DevServer;
use crate::dev_vars::{self, DevVars};
use crate::error::{BundleError, ConfigError, Warning};
use crate::load::{self, LoadOptions, Rules};
use crate::name;
use crate::settings::Settings;
use place::Place;

/// The main module of a folder whose configuration names none, without its extension; the first
/// that exists.
const MAIN_STEMS: [&str; 6] = ["index", "src/index", "main", "src/main", "worker", "src/worker"];

/// Its extension; of one stem the first that exists.
const MAIN_EXTENSIONS: [&str; 5] = ["ts", "tsx", "js", "jsx", "mjs"];

/// How a project is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// The environment (`[env.NAME]`) whose configuration counts; without one, that of the top
    /// level.
    pub environment: Option<String>,
}

/// An opened project: its configuration is read and valid and its main module exists.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder that no import may leave, canonical.
    pub(crate) root: PathBuf,
    /// The same folder as the caller named it, for messages.
    pub(crate) shown: PathBuf,
    /// The main module's file, canonical, below `root`.
    pub(crate) main: PathBuf,
    pub(crate) name: String,
    pub(crate) build: Build,
    rules: Rules,
    pub(crate) settings: Settings,
    pub(crate) warnings: Vec<Warning>,
    dev_server: DevServer,
    /// The configuration file, canonical.
    pub(crate) config_file: Option<PathBuf>,
    /// The environment that the configuration was read for.
    environment: Option<String>,
    /// Where its variables of development are, canonical, and as messages name it.
    vars_folder: PathBuf,
    vars_shown: PathBuf,
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
    /// environment's name after it, unless the environment has a `name` of its own.
    ///
    /// # Errors
    ///
    /// As [`Project::open`], and when there is no such environment.
    pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Self, BundleError> {
        let canonical = path.canonicalize().map_err(BundleError::io(path))?;
        let environment = options.environment.as_deref();
        if canonical.is_dir() {
            return Self::of_folder(
                Place { folder: canonical, shown: path.to_owned() },
                environment,
            );
        }
        if !load::is_script(path) || !canonical.is_file() {
            return Err(BundleError::NotAProject { path: path.to_owned() });
        }
        let mut warnings = Vec::new();
        if let Some(place) = place::around(path) {
            let shown = place.shown.clone();
            // Nor does the build of the whole count for a part of it.
            let project = Self::configured(place, Some(&canonical), environment)?;
            if project.main == canonical {
                return Ok(project);
            }
            let file = project.config_file.as_deref().and_then(Path::file_name);
            let file = shown.join(file.unwrap_or_default());
            warnings.push(Warning {
                location: None,
                message: format!(
                    "{} does not count for {}, which is not its main module; for the project name the \
                     folder {}",
                    file.display(),
                    path.display(),
                    shown.display()
                ),
            });
        }
        match environment {
            Some(name) => Err(BundleError::NoEnvironment {
                name: name.to_owned(),
                project: path.to_owned(),
                known: Vec::new(),
            }),
            None => Ok(Self { warnings, ..Self::of_file(path)? }),
        }
    }

    /// The worker's name, a DNS label.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder that the modules are in, absolute: the one to watch for changes.
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
        self.load_with(&LoadOptions::default())
    }

    /// Bundles the main module with what it imports. The configuration is not read again.
    ///
    /// # Errors
    ///
    /// As [`Project::load`].
    pub fn load_with(&self, options: &LoadOptions) -> Result<crate::Bundle, BundleError> {
        load::load(self, options, load::MAX_BUNDLE_BYTES)
    }

    /// The file that says where a build is, where the project is one that was built.
    pub(crate) fn redirect_file(&self) -> Option<PathBuf> {
        (self.vars_folder != self.root).then(|| self.vars_folder.join(place::REDIRECT))
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
        let parts = below.iter().map(|part| part.to_string_lossy().into_owned());
        std::iter::repeat_n("..".to_owned(), up).chain(parts).collect::<Vec<_>>().join("/")
    }

    fn shown_path(&self, below: &Path) -> PathBuf {
        if self.shown == Path::new(".") { below.to_owned() } else { self.shown.join(below) }
    }

    fn of_file(path: &Path) -> Result<Self, BundleError> {
        let not_a_project = || BundleError::NotAProject { path: path.to_owned() };
        // The name and the folder of the link, if it is one, not those of its target.
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
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
            config_file: None,
            environment: None,
        })
    }

    fn of_folder(place: Place, environment: Option<&str>) -> Result<Self, BundleError> {
        let Some(built) = place::built(&place)? else {
            return Self::configured(place, None, environment);
        };
        let project = Self::configured(built, None, environment)?;
        Ok(Self { vars_folder: place.folder, vars_shown: place.shown, ..project })
    }

    /// What is in a folder. Without a main module in the configuration it is that one.
    fn configured(
        place: Place,
        main_by_default: Option<&Path>,
        environment: Option<&str>,
    ) -> Result<Self, BundleError> {
        let Place { folder: root, shown: path } = place;
        let path = path.as_path();
        let (config, config_file) = match config::of_folder(&root, path, environment)? {
            Some((config, file)) => (config, Some(file)),
            None => (Config::default(), None),
        };
        if let Some(name) = environment
            && !config.environments.iter().any(|known| known == name)
        {
            let file = config_file.as_ref().and_then(|file| file.file_name());
            return Err(BundleError::NoEnvironment {
                name: name.to_owned(),
                project: file.map_or_else(|| path.to_owned(), |file| path.join(file)),
                known: config.environments,
            });
        }
        let Config { name, main, mut build, settings, dev, warnings, has_own_name, .. } = config;
        if let Some((file, location)) = &mut build.tsconfig {
            *file = root.join(&file);
            if !file.is_file() {
                return Err(BundleError::Config(ConfigError {
                    location: location.clone(),
                    message: "the file that \"tsconfig\" names does not exist".to_owned(),
                }));
            }
        }
        let main = match main {
            Some(main) => configured_main(&root, main)?,
            None => {
                main_by_default.map_or_else(|| found_main(&root, path), |it| Ok(it.to_owned()))?
            }
        };
        let name = name.unwrap_or_else(|| {
            name::from_file_name(&root.file_name().unwrap_or_default().to_string_lossy())
        });
        let name = match environment {
            Some(environment) if !has_own_name => {
                name::from_file_name(&format!("{name}-{environment}"))
            }
            _ => name,
        };
        let shown = path.to_owned();
        let rules = Rules::new(&build.rules);
        Ok(Self {
            vars_folder: root.clone(),
            vars_shown: shown.clone(),
            root,
            shown,
            main,
            name,
            build,
            rules,
            settings,
            warnings,
            dev_server: dev,
            config_file,
            environment: environment.map(str::to_owned),
        })
    }
}

fn configured_main(root: &Path, main: Main) -> Result<PathBuf, BundleError> {
    let Main { path, location } = main;
    let fault = |what: &str| {
        let message = format!("the main module \"{path}\" {what}");
        Err(BundleError::Config(ConfigError { location: location.clone(), message }))
    };
    match fs::canonicalize(root.join(&path)) {
        Err(_) => fault("does not exist"),
        Ok(file) if !file.is_file() => fault("is not a file"),
        Ok(file) if !file.starts_with(root) => fault("is outside of the project's folder"),
        Ok(file) if !load::is_script(&file) => {
            fault("is not a module: expected .js, .mjs, .ts, .mts, .jsx or .tsx")
        }
        Ok(file) => Ok(file),
    }
}

fn found_main(root: &Path, shown: &Path) -> Result<PathBuf, BundleError> {
    let names = MAIN_STEMS.iter().flat_map(|stem| {
        MAIN_EXTENSIONS.iter().map(move |extension| format!("{stem}.{extension}"))
    });
    let found = names.map(|name| root.join(name)).find(|path| path.is_file());
    let path = found.ok_or_else(|| BundleError::NoMain {
        folder: shown.to_owned(),
        stems: &MAIN_STEMS,
        extensions: &MAIN_EXTENSIONS,
    })?;
    let file = path.canonicalize().map_err(BundleError::io(&path))?;
    // A link to a file outside of the folder is no module of the project.
    if file.starts_with(root) {
        Ok(file)
    } else {
        Err(BundleError::NotAProject { path: path.to_owned() })
    }
}
