//! What the `tsconfig.json` files say of a project that the bundler does not take from there itself,
//! or takes otherwise than wrangler: how JSX is compiled, whether there are decorators. One that it
//! would refuse to read is read by `tsconfig/lenient.rs`, and given to it by `tsconfig/solution.rs`.

mod lenient;
mod solution;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use oxc_resolver::{
    CompilerOptions, ExtendsField, ResolveOptions, Resolver, TsConfig, TsconfigDiscovery,
    TsconfigOptions, TsconfigReferences,
};
use rolldown::JsxOptions;

use self::lenient::{Lenient, Reader};
use self::solution::Solution;
use crate::error::{BundleError, Warning};
use crate::paths;
use crate::project::Project;

/// The functions that JSX becomes calls of where nothing names others; wrangler's.
const FACTORY: &str = "React.createElement";
const FRAGMENT: &str = "React.Fragment";

/// What a project's `tsconfig.json` files say. Which ones count shows while modules are read: each has
/// that of the nearest folder above it.
#[derive(Debug, Default)]
pub(super) struct Tsconfigs {
    /// Those that were looked at, because one of them will not be taken.
    known: BTreeMap<PathBuf, Lenient>,
    is_lenient: bool,
    files: BTreeSet<PathBuf>,
    warnings: Vec<Warning>,
    solution: Option<Solution>,
    /// Where copies are written; without it where the system has its temporary files.
    scratch: Option<PathBuf>,
    /// The one that became known last, of those that copies are made of.
    last: PathBuf,
}

/// What counts for the main module.
#[derive(Debug)]
pub(super) struct Tsconfig {
    pub(super) jsx: JsxOptions,
    pub(super) has_decorators: bool,
    /// The files that this depends on, also such as are not there.
    pub(super) files: Vec<PathBuf>,
}

impl Tsconfigs {
    /// None are known yet. `scratch` is the folder for copies, if not the system's.
    pub(super) fn new(scratch: Option<PathBuf>) -> Self {
        Self { scratch, ..Self::default() }
    }

    /// What counts for the main module: the file that the configuration names, else the one next to
    /// it or above it.
    ///
    /// # Errors
    ///
    /// When it is not well formed.
    pub(super) fn of_main(&mut self, project: &Project) -> Result<Tsconfig, BundleError> {
        match self.found(project) {
            Ok(tsconfig) => Ok(tsconfig),
            Err(_) if !self.is_lenient => {
                self.look_at(project, std::slice::from_ref(&project.main))?;
                self.found(project)
            }
            Err(error) => Err(error),
        }
    }

    /// The file for the bundler to take for all modules; without one it looks for them itself.
    pub(super) fn for_bundler(&self, project: &Project) -> Option<PathBuf> {
        let copy = self.solution.as_ref().map(|solution| solution.path.clone());
        copy.or_else(|| project.build.tsconfig.as_ref().map(|(file, _)| file.clone()))
    }

    /// Looks at what counts for those modules. Answers whether the bundler has to begin again: one of
    /// them would not be taken, or is new beside such.
    ///
    /// # Errors
    ///
    /// When one is not well formed, or no copies can be written.
    pub(super) fn look_at(
        &mut self,
        project: &Project,
        modules: &[PathBuf],
    ) -> Result<bool, BundleError> {
        let configs: BTreeSet<PathBuf> = match &project.build.tsconfig {
            Some((file, _)) => [file.clone()].into(),
            None => {
                let folders: BTreeSet<_> =
                    modules.iter().filter_map(|module| module.parent()).collect();
                folders.into_iter().filter_map(nearest).collect()
            }
        };
        let mut reader = Reader::new(project);
        let mut fresh = BTreeMap::new();
        for config in configs {
            if !self.known.contains_key(&config) {
                let lenient = reader.read(&config)?;
                fresh.insert(config, lenient);
            }
        }
        if fresh.is_empty() || !(reader.is_any_at_fault || self.is_lenient) {
            return Ok(false);
        }
        self.is_lenient = true;
        self.last = fresh.keys().next_back().cloned().unwrap_or_default();
        self.known.append(&mut fresh);
        self.files.extend(reader.files);
        self.warnings.extend(reader.warnings);
        self.solution = Some(self.write(project)?);
        Ok(true)
    }

    /// Writes copies of those that are known.
    fn write(&self, project: &Project) -> Result<Solution, BundleError> {
        let written = solution::folder(self.scratch.as_deref()).and_then(|folder| {
            match (&project.build.tsconfig, self.known.values().next()) {
                (Some(_), Some(named)) => solution::write_for_all(folder, named),
                _ => solution::write(folder, self.known.values()),
            }
        });
        written.map_err(|source| BundleError::Scratch {
            file: project.shown(&self.last),
            folder: self.scratch.clone().unwrap_or_else(std::env::temp_dir),
            source,
        })
    }

    /// The one that became known last, of those that copies are made of.
    pub(super) fn last(&self) -> &Path {
        &self.last
    }

    /// Whether what they say is what copies say.
    pub(super) fn are_lenient(&self) -> bool {
        self.is_lenient
    }

    /// What is not as their author thinks.
    pub(super) fn take_warnings(&mut self) -> Vec<Warning> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.sort_by_key(ToString::to_string);
        warnings.dedup();
        warnings
    }

    fn found(&self, project: &Project) -> Result<Tsconfig, BundleError> {
        let tsconfig = Some(discovery(self.for_bundler(project)));
        let options = ResolveOptions { tsconfig, ..ResolveOptions::default() };
        let resolver = Resolver::new(options);
        let found = resolver.find_tsconfig(&project.main).map_err(|error| {
            let message = error.to_string().replace(&format!("{}/", project.root.display()), "");
            BundleError::Bundler { message: format!("tsconfig.json cannot be read: {message}") }
        })?;
        let files = |found| match self.is_lenient {
            true => self.files.iter().cloned().collect(),
            false => files(&resolver, found),
        };
        Ok(match &found {
            Some(found) => Tsconfig {
                jsx: jsx(project, &found.compiler_options),
                has_decorators: found.compiler_options.experimental_decorators == Some(true),
                files: files(found),
            },
            None => Tsconfig {
                jsx: jsx(project, &CompilerOptions::default()),
                has_decorators: false,
                files: Vec::new(),
            },
        })
    }
}

/// How a resolver finds what counts for a module: that file, or without one it looks itself.
pub(super) fn discovery(config_file: Option<PathBuf>) -> TsconfigDiscovery {
    match config_file {
        Some(config_file) => TsconfigDiscovery::Manual(TsconfigOptions {
            config_file,
            references: TsconfigReferences::Auto,
        }),
        None => TsconfigDiscovery::Auto,
    }
}

/// The `tsconfig.json` of the nearest folder, from this one up; packages have none.
fn nearest(folder: &Path) -> Option<PathBuf> {
    if paths::is_of_package(folder) {
        return None;
    }
    folder.ancestors().map(|folder| folder.join("tsconfig.json")).find(|file| file.is_file())
}

/// The file and those that it extends, without packages', which nobody edits.
fn files(resolver: &Resolver, found: &TsConfig) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut left = vec![found.path.clone()];
    while let Some(path) = left.pop() {
        // What cannot be read was an error before.
        let Ok(config) = resolver.resolve_tsconfig(&path) else { continue };
        let Ok(file) = config.path.canonicalize() else { continue };
        if files.contains(&file) {
            continue;
        }
        let extended = match &config.extends {
            None => &[][..],
            Some(ExtendsField::Single(extended)) => std::slice::from_ref(extended),
            Some(ExtendsField::Multiple(extended)) => extended,
        };
        let in_project = extended.iter().filter(|path| path.starts_with(['.', '/']));
        left.extend(in_project.map(|path| file.parent().unwrap_or(&file).join(path)));
        files.push(file);
    }
    files
}

/// As esbuild decides it for wrangler: `tsconfig.json` first, then `jsx_factory` and
/// `jsx_fragment` of the configuration. JSX that TypeScript is to leave alone ("preserve") is
/// compiled as well, for nothing comes after.
fn jsx(project: &Project, options: &CompilerOptions) -> JsxOptions {
    let is_automatic = match options.jsx.as_deref() {
        Some("react-jsx" | "react-jsxdev") => true,
        Some("react") => false,
        _ => options.jsx_import_source.is_some(),
    };
    if is_automatic {
        return JsxOptions {
            runtime: Some("automatic".to_owned()),
            import_source: options.jsx_import_source.clone(),
            development: Some(false),
            ..JsxOptions::default()
        };
    }
    let configured = &project.build;
    let either = |written: &Option<String>, configured: &Option<String>, default: &str| {
        written.clone().or_else(|| configured.clone()).unwrap_or_else(|| default.to_owned())
    };
    JsxOptions {
        runtime: Some("classic".to_owned()),
        pragma: Some(either(&options.jsx_factory, &configured.jsx_factory, FACTORY)),
        pragma_frag: Some(either(
            &options.jsx_fragment_factory,
            &configured.jsx_fragment,
            FRAGMENT,
        )),
        ..JsxOptions::default()
    }
}
