//! What the bundler has read of a project so far, and what was wrong with it: shared by the tasks
//! that read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::absent;
use super::additional::Additional;
use super::importers::{BadImport, Importers};
use super::nesting;
use super::rules::{FileKind, Language, WASM_MAGIC};
use super::syntax;
use crate::bundle::ModuleKind;
use crate::error::{BundleError, Dependencies, FileSize, Location, Problem, SourceError, Warning};
use crate::paths;
use crate::project::Project;

/// How many files an error about the size names.
const BIGGEST_FILES: usize = 5;

/// What is known of a load while it runs.
#[derive(Debug)]
pub(super) struct Inputs {
    limit_bytes: u64,
    found: Mutex<Found>,
    importers: Importers,
}

#[derive(Debug, Default)]
struct Found {
    /// The files read and their sizes in bytes.
    files: BTreeMap<PathBuf, u64>,
    /// Those sizes together.
    bytes: u64,
    /// What else the bundle depends on: the configuration, `package.json`, `tsconfig.json`.
    others: BTreeSet<PathBuf>,
    /// The folders of which it was asked what files they have.
    folders: BTreeSet<PathBuf>,
    /// The modules that stay files of their own, by their names in the bundle.
    assets: BTreeMap<String, Asset>,
    /// The names of those that are part of the bundle though nothing imports them.
    additional: BTreeSet<String>,
    /// What the runtime is asked for.
    provided: BTreeSet<String>,
    errors: Vec<BundleError>,
    /// What Node.js has and the runtime has not, by the module: the first file by name that imports
    /// it, and how it is written there.
    lacking: BTreeMap<String, (PathBuf, String)>,
    /// Names that a file imports from a module of the runtime that does not have them, by the file
    /// and the module, and where they stand.
    missing: BTreeMap<(PathBuf, String), BTreeMap<String, Location>>,
    /// What else is worth knowing, by the place that it is about.
    notes: BTreeMap<Location, String>,
    /// Imports that lead nowhere; where they stand is looked for when all is over.
    imports: Vec<BadImport>,
}

/// A module that is no code.
#[derive(Debug, Clone)]
pub(super) struct Asset {
    path: PathBuf,
    pub(super) kind: ModuleKind,
    pub(super) source: Vec<u8>,
}

impl Inputs {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, found: Mutex::default(), importers: Importers::default() }
    }

    /// Reads a script or a JSON file as text, without a byte order mark. `None` when it cannot be
    /// read, or parsers could not; why is noted.
    pub(super) fn script(
        &self,
        project: &Project,
        path: &Path,
        kind: Option<FileKind>,
    ) -> Option<String> {
        let bytes = self.read(project, path)?;
        let text = self.text(project, path, bytes)?;
        let fault = match kind {
            Some(FileKind::Json) => syntax::check_json(&text).err(),
            Some(FileKind::Script(language)) => nesting::fault(&text, language),
            _ => nesting::fault(&text, Language::JavaScript),
        };
        if let Some((offset, problem)) = fault {
            self.fault(project, path, &text, offset, problem);
            return None;
        }
        Some(text)
    }

    /// Reads a file that stays a module of its own, under that name or, if another file has it, a
    /// longer one, which is answered; `None` when it cannot be.
    pub(super) fn asset(
        &self,
        project: &Project,
        path: &Path,
        kind: FileKind,
        name: &str,
    ) -> Option<String> {
        let mut name = name.to_owned();
        while let Some(asset) = self.found.lock().assets.get(&name) {
            if asset.path == path {
                return Some(name);
            }
            name.push('%');
        }
        let bytes = self.read(project, path)?;
        let (kind, source) = match kind {
            FileKind::Wasm if !bytes.starts_with(WASM_MAGIC) => {
                let problem = Problem::syntax("the file is not compiled Wasm");
                self.fault(project, path, "", 0, problem);
                return None;
            }
            FileKind::Wasm => (ModuleKind::Wasm, bytes),
            FileKind::Text => (ModuleKind::Text, self.text(project, path, bytes)?.into_bytes()),
            FileKind::Data | FileKind::Json | FileKind::Script(_) => (ModuleKind::Data, bytes),
        };
        let asset = Asset { path: path.to_owned(), kind, source };
        self.found.lock().assets.insert(name.clone(), asset);
        Some(name)
    }

    /// Reads a file that is a module of its own, imported or not; `None` when it cannot be.
    pub(super) fn additional(&self, project: &Project, module: &Additional) -> Option<()> {
        let name = self.asset(project, &module.path, module.kind, &module.name)?;
        self.found.lock().additional.insert(name);
        Some(())
    }

    /// The names of the modules that nothing has to import.
    pub(super) fn additional_names(&self) -> BTreeSet<String> {
        self.found.lock().additional.clone()
    }

    pub(super) fn depends_on(&self, path: &Path) {
        let mut found = self.found.lock();
        if !found.others.contains(path) {
            found.others.insert(path.to_owned());
        }
    }

    /// The bundle depends on which files a folder has, at any depth. Those of packages do not change.
    pub(super) fn lists(&self, folder: &Path) {
        if !paths::is_of_package(folder) {
            let folder = paths::real(folder);
            self.found.lock().folders.insert(folder);
        }
    }

    pub(super) fn needs(&self, module: &str) {
        self.found.lock().provided.insert(module.to_owned());
    }

    /// A file imports a module of Node.js that the runtime does not have.
    pub(super) fn lacks(&self, importer: &Path, written: &str, module: &str) {
        let import = (importer.to_owned(), written.to_owned());
        let mut found = self.found.lock();
        let first = found.lacking.entry(module.to_owned()).or_insert_with(|| import.clone());
        if import < *first {
            *first = import;
        }
    }

    /// A file imports a name that a module of the runtime does not have.
    pub(super) fn misses(&self, importer: &Path, module: &str, name: &str, location: Location) {
        let key = (importer.to_owned(), module.to_owned());
        self.found.lock().missing.entry(key).or_default().insert(name.to_owned(), location);
    }

    /// Something of a place is worth knowing.
    pub(super) fn note(&self, location: Location, message: String) {
        self.found.lock().notes.insert(location, message);
    }

    /// The names that a file imports in vain from a module of the runtime.
    pub(super) fn missing(&self, importer: &Path, module: &str) -> Vec<String> {
        let key = (importer.to_owned(), module.to_owned());
        let found = self.found.lock();
        found.missing.get(&key).into_iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// What is worth knowing about the modules, each with its place.
    pub(super) fn warnings(&self, project: &Project) -> Vec<Warning> {
        let found = self.found.lock();
        let warning = |(module, (importer, written)): (&String, &(PathBuf, String))| Warning {
            location: Some(self.importers.place(project, importer, written)),
            message: format!(
                "the runtime does not have \"{module}\": what the worker calls of it throws"
            ),
        };
        let missing = found.missing.iter().flat_map(|((_, module), names)| {
            names.iter().map(move |(name, location)| Warning {
                location: Some(location.clone()),
                message: format!(
                    "the runtime's \"{module}\" does not export \"{name}\": a call of it throws"
                ),
            })
        });
        let notes = found.notes.iter().map(|(location, message)| Warning {
            location: Some(location.clone()),
            message: message.clone(),
        });
        found.lacking.iter().map(warning).chain(missing).chain(notes).collect()
    }

    pub(super) fn error(&self, error: BundleError) {
        self.found.lock().errors.push(error);
    }

    /// An import leads nowhere.
    pub(super) fn bad_import(&self, import: BadImport) {
        self.found.lock().imports.push(import);
    }

    /// Whether a file catches the failure of each `require` and `import()` of that specifier.
    pub(super) fn are_guarded(&self, project: &Project, importer: &Path, written: &str) -> bool {
        self.importers.are_guarded(project, importer, written)
    }

    /// The module of its own with that name, for the first who asks.
    pub(super) fn take_asset(&self, name: &str) -> Option<Asset> {
        self.found.lock().assets.remove(name)
    }

    /// The names of the modules that the code can import from outside: those of their own and the
    /// runtime's.
    pub(super) fn external(&self) -> BTreeSet<String> {
        let found = self.found.lock();
        found.assets.keys().chain(&found.provided).cloned().collect()
    }

    /// Every file that the bundle depends on, sorted.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let found = self.found.lock();
        let files: BTreeSet<&PathBuf> = found.files.keys().chain(&found.others).collect();
        files.into_iter().cloned().collect()
    }

    /// The folders on whose files it depends, sorted.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        self.found.lock().folders.iter().cloned().collect()
    }

    /// What may mend a load that has failed: all that it has read, and where it has looked in vain.
    /// `tsconfig` is the file that counts for all modules, if one does.
    pub(super) fn dependencies(
        &self,
        project: &Project,
        tsconfig: Option<PathBuf>,
    ) -> Dependencies {
        let imports = self.found.lock().imports.clone();
        let mut inputs = self.files();
        inputs.extend(absent::of(project, &imports, tsconfig));
        Dependencies { inputs, folders: self.folders() }
    }

    /// The error of a bundle that is too large.
    pub(super) fn too_big(&self, project: &Project) -> BundleError {
        let found = self.found.lock();
        let mut biggest: Vec<FileSize> = found
            .files
            .iter()
            .map(|(path, bytes)| FileSize { path: project.shown(path), bytes: *bytes })
            .collect();
        biggest.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
        biggest.truncate(BIGGEST_FILES);
        BundleError::TooBig { limit_bytes: self.limit_bytes, biggest }
    }

    /// What was wrong, each with its place.
    pub(super) fn take_errors(&self, project: &Project) -> Vec<BundleError> {
        let (mut errors, imports) = {
            let mut found = self.found.lock();
            (std::mem::take(&mut found.errors), found.imports.clone())
        };
        let error = |import| self.importers.error(project, import);
        errors.extend(imports.into_iter().filter_map(error));
        errors
    }

    /// Reads a file if the limit allows.
    fn read(&self, project: &Project, path: &Path) -> Option<Vec<u8>> {
        let read = || {
            // The size first, so that a file that is too large is never read.
            let announced = fs::metadata(path)?.len();
            if self.count(path, announced) > self.limit_bytes {
                return Ok(None);
            }
            fs::read(path).map(Some)
        };
        match read() {
            Ok(Some(bytes)) => Some(bytes),
            Ok(None) => {
                self.error(self.too_big(project));
                None
            }
            Err(source) => {
                self.io(project, path, source);
                None
            }
        }
    }

    /// Adds a file; answers how large all files are together.
    fn count(&self, path: &Path, bytes: u64) -> u64 {
        let mut found = self.found.lock();
        let before = found.files.insert(path.to_owned(), bytes).unwrap_or(0);
        found.bytes = found.bytes + bytes - before;
        found.bytes
    }

    fn text(&self, project: &Project, path: &Path, bytes: Vec<u8>) -> Option<String> {
        match String::from_utf8(bytes) {
            Ok(mut text) => {
                if text.starts_with('\u{feff}') {
                    text.remove(0);
                }
                Some(text)
            }
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let problem = Problem::syntax("the file is not UTF-8");
                self.fault(project, path, &text, valid, problem);
                None
            }
        }
    }

    fn fault(&self, project: &Project, path: &Path, text: &str, offset: usize, problem: Problem) {
        self.error(SourceError::at(&project.shown(path), text, offset, problem).into());
    }

    fn io(&self, project: &Project, path: &Path, source: io::Error) {
        self.error(BundleError::Io { path: project.shown(path), source });
    }
}
