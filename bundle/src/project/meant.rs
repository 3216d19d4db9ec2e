//! Which configuration counts for a path, before it is asked for its main module: that of a folder,
//! the nearest one of a file, the one that is named.

use std::path::{Path, PathBuf};

use super::OpenOptions;
use super::main_module;
use super::place::{self, Place};
use crate::config::{self, Config, File};
use crate::custom_build::CustomBuild;
use crate::error::{BundleError, ConfigError, Location, Warning};
use crate::load;
use crate::name;
use crate::paths;

/// What a path means.
pub(super) enum Meant {
    /// A folder with what its configuration says, if it has one.
    Folder(Box<Configured>),
    /// A module's file without a configuration.
    File { warnings: Vec<Warning> },
}

/// What is said of a folder.
pub(super) struct Configured {
    pub(super) place: Place,
    /// Where the variables of development are.
    pub(super) vars: Place,
    pub(super) config: Config,
    /// Where that was read.
    pub(super) file: Option<File>,
    /// The file that leads to another folder than the one that was asked for, or would if it were
    /// there.
    pub(super) redirect_file: Option<PathBuf>,
    /// Whether it has led there, to what a build has made.
    is_built: bool,
    /// The main module, canonical, where the caller names it.
    main: Option<PathBuf>,
}

/// What is meant by a path and by what is said beside it.
///
/// # Errors
///
/// When the path is no project, or its configuration has a fault.
pub(super) fn by(path: &Path, options: &OpenOptions) -> Result<Meant, BundleError> {
    let canonical = path.canonicalize().map_err(BundleError::io(path))?;
    let is_folder = canonical.is_dir();
    if !is_folder && (!load::is_script(path) || !canonical.is_file()) {
        return Err(BundleError::NotAProject { path: path.to_owned() });
    }
    let configured = |configured| Ok(Meant::Folder(Box::new(configured)));
    if let Some(config) = &options.config {
        let (place, file) = place::of_config(config)?;
        if is_folder && canonical != place.folder {
            let location = Location { path: config.clone(), line: 1, column: 1 };
            let message = format!(
                "the project of this configuration is in {}, not in {}",
                place.shown.display(),
                path.display()
            );
            return Err(BundleError::Config(ConfigError { location, message }));
        }
        let main = (!is_folder).then_some(canonical);
        return configured(Configured::read(place, Some(file), main, options)?);
    }
    if is_folder {
        return configured(of_folder(
            Place { folder: canonical, shown: path.to_owned() },
            options,
        )?);
    }
    // Nor does the build of the whole count for a part of it.
    let warning = match place::around(path) {
        None => None,
        Some((place, file)) => match of_file(path, &canonical, place, file, options)? {
            Around::Counts(found) => return configured(*found),
            Around::DoesNot(warning) => Some(warning),
        },
    };
    match &options.environment {
        Some(name) => Err(BundleError::NoEnvironment {
            name: name.clone(),
            project: path.to_owned(),
            known: Vec::new(),
        }),
        None => Ok(Meant::File { warnings: warning.into_iter().collect() }),
    }
}

fn of_folder(place: Place, options: &OpenOptions) -> Result<Configured, BundleError> {
    let redirect_file = Some(place.folder.join(place::REDIRECT));
    let Some(built) = place::built(&place, options.environment.as_deref())? else {
        let file = File::of_folder(&place.folder, &place.shown);
        return Ok(Configured { redirect_file, ..Configured::read(place, file, None, options)? });
    };
    let file = File::of_folder(&built.place.folder, &built.place.shown);
    let of_build = OpenOptions { environment: built.environment, config: None };
    let configured = Configured::read(built.place, file, None, &of_build)?;
    Ok(Configured { vars: place, redirect_file, is_built: true, ..configured })
}

/// The files that decide what is meant, and those that it names, as far as that can be told of what is
/// no project as it is; absolute, also such as are not there.
pub(super) fn files(path: &Path, options: &OpenOptions) -> Vec<PathBuf> {
    let named = options.config.as_deref();
    let folder = named.map_or(path, paths::folder_of);
    let Ok(folder) = folder.canonicalize() else { return Vec::new() };
    let mut files = Vec::new();
    if named.is_none() && folder.is_dir() {
        files.push(folder.join(place::REDIRECT));
        files.extend(place::built_config(&folder).as_deref().map(paths::real));
        files.extend(config::FILES.iter().map(|(name, _)| folder.join(name)));
        files.extend(main_module::usual(&folder));
    }
    files.extend(named.and_then(Path::file_name).map(|name| folder.join(name)));
    if let Ok(Meant::Folder(configured)) = by(path, options) {
        files.extend(configured.named_files());
    }
    files
}

/// Whether the configuration above a file counts for it.
enum Around {
    Counts(Box<Configured>),
    DoesNot(Warning),
}

fn of_file(
    path: &Path,
    canonical: &Path,
    place: Place,
    file: File,
    options: &OpenOptions,
) -> Result<Around, BundleError> {
    let is_it = |main: &str| {
        let named = place.folder.join(main);
        named.canonicalize().is_ok_and(|main| main == canonical)
    };
    match file.read(options.environment.as_deref()) {
        Ok(config) => {
            let main = config.main.as_ref();
            if main.is_some_and(|main| !is_it(&main.path)) {
                let message = format!(
                    "{} does not count for {}, which is not its main module; for the project name \
                     the folder {}",
                    file.shown.display(),
                    path.display(),
                    place.shown.display()
                );
                return Ok(Around::DoesNot(Warning { location: None, message }));
            }
            let main = Some(canonical.to_owned());
            let configured = Configured::new(place, config, Some(file), main, options)?;
            Ok(Around::Counts(Box::new(configured)))
        }
        Err(error) => {
            let is_its_project = match file.main_at_least(options.environment.as_deref()) {
                Some(main) => is_it(&main),
                // It names none, or that cannot be read.
                None => {
                    canonical.parent() == Some(&*place.folder)
                        || main_module::is_usual(&place.folder, canonical)
                }
            };
            if is_its_project {
                return Err(error);
            }
            let what = match &error {
                BundleError::Config(error) => error.message.clone(),
                error => error.to_string(),
            };
            Ok(Around::DoesNot(Warning {
                location: error.location().cloned(),
                message: format!(
                    "{what}; so this configuration does not count for {}",
                    path.display()
                ),
            }))
        }
    }
}

impl Configured {
    fn read(
        place: Place,
        file: Option<File>,
        main: Option<PathBuf>,
        options: &OpenOptions,
    ) -> Result<Self, BundleError> {
        let config = match &file {
            Some(file) => file.read(options.environment.as_deref())?,
            None => Config::default(),
        };
        Self::new(place, config, file, main, options)
    }

    fn new(
        place: Place,
        config: Config,
        file: Option<File>,
        main: Option<PathBuf>,
        options: &OpenOptions,
    ) -> Result<Self, BundleError> {
        if let Some(name) = &options.environment
            && !config.environments.contains(name)
        {
            return Err(BundleError::NoEnvironment {
                name: name.clone(),
                project: file.map_or(place.shown, |file| file.shown),
                known: config.environments,
            });
        }
        let (redirect_file, is_built) = (None, false);
        Ok(Self { vars: place.clone(), place, config, file, redirect_file, is_built, main })
    }

    /// The files that the configuration names, and itself; absolute, and there or not.
    fn named_files(&self) -> impl Iterator<Item = PathBuf> {
        let main = self.config.main.as_ref().map(|main| Path::new(&main.path));
        let tsconfig = self.config.build.tsconfig.as_ref().map(|(file, _)| file.as_path());
        let absolute = |named: &Path| match named.is_absolute() {
            true => Some(named.to_owned()),
            false => paths::join(&self.place.folder, &named.to_string_lossy()),
        };
        let named = main.into_iter().chain(tsconfig).filter_map(absolute);
        let file = self.file.as_ref().map(|file| file.path.clone());
        named.map(|named| paths::real(&named)).chain(file)
    }

    /// The worker's name.
    pub(super) fn name(&self, options: &OpenOptions) -> String {
        let folder = self.place.folder.file_name().unwrap_or_default();
        let of_folder = || name::from_file_name(&folder.to_string_lossy());
        let name = self.config.name.clone().unwrap_or_else(of_folder);
        match &options.environment {
            // What was built for an environment has its name already.
            Some(environment) if !self.config.has_own_name && !self.is_built => {
                name::from_file_name(&format!("{name}-{environment}"))
            }
            _ => name,
        }
    }

    /// The command that makes the modules.
    pub(super) fn custom_build(&self) -> Result<Option<CustomBuild>, BundleError> {
        let build = self.config.custom_build.clone();
        build.map(|build| build.below(&self.place.folder)).transpose()
    }

    /// The main module's file, canonical.
    pub(super) fn main(&self, build: Option<&CustomBuild>) -> Result<PathBuf, BundleError> {
        let Place { folder, shown } = &self.place;
        match (&self.main, &self.config.main) {
            (Some(named), _) => Ok(named.clone()),
            (None, Some(main)) => main_module::configured(folder, main, build),
            (None, None) => main_module::found(folder, shown),
        }
    }
}
