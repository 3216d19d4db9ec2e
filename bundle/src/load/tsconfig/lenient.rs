//! Reading a `tsconfig.json` that the bundler will not take: what it names and is not there is left
//! out, with a warning, as esbuild has it for wrangler.

use std::fs;
use std::path::{Path, PathBuf};

use oxc_resolver::{CompilerOptions, ResolveOptions, Resolver};
use serde_json::{Map, Value as Json};

use crate::config::{Document, Node, Value, parse_foreign};
use crate::error::{BundleError, ConfigError, SourceError, SourceFault, Warning};
use crate::paths;
use crate::project::Project;
use crate::text;

/// What stands for the folder of the file that is not extended by another
/// (<https://www.typescriptlang.org/tsconfig/#configDir>).
const CONFIG_DIR: &str = "${configDir}";

/// The keys of a file that say which files are its own.
const OWN_FILES: [&str; 3] = ["files", "include", "exclude"];

/// A `tsconfig.json` with what it extends. All paths in it are absolute.
#[derive(Debug, Default)]
pub(super) struct Lenient {
    pub(super) path: PathBuf,
    /// `compilerOptions`.
    pub(super) options: Map<String, Json>,
    /// `files`, `include` and `exclude`, those that are there.
    pub(super) own_files: Map<String, Json>,
    /// Those that it refers to.
    pub(super) references: Vec<Lenient>,
}

/// Reads such files, and keeps what is to say of them.
pub(super) struct Reader<'a> {
    project: &'a Project,
    /// Those that extend the one that is being read, the first not extended by another.
    chain: Vec<PathBuf>,
    /// What was read, and what would be read if it were there.
    pub(super) files: Vec<PathBuf>,
    pub(super) warnings: Vec<Warning>,
    /// Whether something was left out.
    pub(super) is_any_at_fault: bool,
}

/// A file while it is read.
struct File<'d> {
    path: &'d Path,
    folder: &'d Path,
    document: &'d Document<'d>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(project: &'a Project) -> Self {
        let (chain, files, warnings) = Default::default();
        Self { project, chain, files, warnings, is_any_at_fault: false }
    }

    /// Reads a file with those that it refers to.
    ///
    /// # Errors
    ///
    /// When it, or one that it extends, is not well formed.
    pub(super) fn read(&mut self, path: &Path) -> Result<Lenient, BundleError> {
        self.file(path, true)
    }

    fn file(&mut self, path: &Path, with_references: bool) -> Result<Lenient, BundleError> {
        let shown = self.project.shown(path);
        let text = fs::read_to_string(path).map_err(BundleError::io(&shown))?;
        let path = &path.canonicalize().map_err(BundleError::io(&shown))?;
        self.files.push(path.clone());
        let mut lenient = Lenient { path: path.clone(), ..Lenient::default() };
        if text.trim_start_matches('\u{feff}').trim().is_empty() {
            return Ok(lenient);
        }
        let document = Document::new(&shown, &text);
        let tree = parse_foreign(&document).map_err(|error| malformed(&document, error))?;
        let folder = path.parent().unwrap_or(path);
        let file = File { path, folder, document: &document };
        self.chain.push(path.clone());
        let extended = tree.get("extends").map(|node| self.extended(&file, node));
        self.chain.pop();
        for base in extended.transpose()?.unwrap_or_default() {
            lenient.options.extend(base.options);
            lenient.own_files.extend(base.own_files);
        }
        if let Some(options) = tree.get("compilerOptions") {
            lenient.options.extend(self.options(&file, options));
        }
        for key in OWN_FILES {
            let paths = tree.get(key).and_then(strings);
            if let Some(paths) = paths {
                let absolute: Vec<_> =
                    paths.iter().map(|path| self.absolute(folder, path)).collect();
                lenient.own_files.insert(key.to_owned(), absolute.into());
            }
        }
        if with_references && let Some(Value::List(items)) = tree.get("references").map(value) {
            lenient.references = self.references(&file, items)?;
        }
        Ok(lenient)
    }

    /// Those that a file extends, in the order in which they are laid over each other.
    fn extended(&mut self, file: &File<'_>, node: &Node) -> Result<Vec<Lenient>, BundleError> {
        let nodes = match &node.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![node],
        };
        let mut extended = Vec::new();
        for node in nodes {
            let Some(written) = node.as_str().filter(|text| !text.is_empty()) else {
                self.warn(file, node, "\"extends\" names no file: it has no effect".to_owned());
                continue;
            };
            let Some(path) = self.find(file, written) else {
                self.warn(
                    file,
                    node,
                    format!("\"{written}\" is not there: what it says has no effect"),
                );
                continue;
            };
            if self.chain.contains(&path) {
                let message = format!("\"{written}\" extends this file: that has no effect");
                self.warn(file, node, message);
                continue;
            }
            match self.file(&path, false) {
                Err(error) if paths::is_of_package(&path) => {
                    let message = format!("\"{written}\" has no effect: {error}");
                    self.warn(file, node, message);
                }
                read => extended.push(read?),
            }
        }
        Ok(extended)
    }

    fn references(&mut self, file: &File<'_>, items: &[Node]) -> Result<Vec<Lenient>, BundleError> {
        let mut references = Vec::new();
        for item in items {
            let Some(node) = item.get("path") else { continue };
            let written = node.as_str().unwrap_or_default();
            let found = paths::join(file.folder, written).and_then(|path| existing(&path));
            match found {
                Some(path) if path == file.path => {
                    let message = format!("\"{written}\" is this file: it has no effect");
                    self.warn(file, node, message);
                }
                // Only those that can be read are asked for.
                Some(path) => match self.file(&path, false) {
                    Ok(reference) => references.push(reference),
                    Err(error) => {
                        let message = format!("\"{written}\" has no effect: {error}");
                        self.warn(file, node, message);
                    }
                },
                None => {
                    let absent = paths::join(file.folder, written);
                    self.files.extend(absent.as_deref().map(paths::real));
                    let message = format!("\"{written}\" is not there: it has no effect");
                    self.warn(file, node, message);
                }
            }
        }
        Ok(references)
    }

    /// The options that are what they have to be.
    fn options(&mut self, file: &File<'_>, node: &Node) -> Map<String, Json> {
        let mut options = Map::new();
        let Value::Table(entries) = &node.value else { return options };
        for entry in entries {
            let value = entry.node.value.to_json();
            let alone = Map::from_iter([(entry.key.clone(), value)]);
            match serde_json::from_value::<CompilerOptions>(alone.clone().into()) {
                Ok(_) => options.extend(alone),
                Err(error) => {
                    let message = format!("\"{}\" has no effect: {error}", entry.key);
                    self.warn(file, &entry.node, message);
                }
            }
        }
        // Relative to the one that names it, wherever they are used.
        let base = options.get("baseUrl").and_then(Json::as_str);
        let base = base.map(|base| self.absolute(file.folder, base));
        let beside = base.as_deref().map_or(file.folder, Path::new);
        if let Some(Json::Object(paths)) = options.get_mut("paths") {
            for path in paths.values_mut().flat_map(|it| it.as_array_mut().into_iter().flatten()) {
                if let Some(written) = path.as_str() {
                    *path = self.absolute(beside, written).into();
                }
            }
        }
        if let Some(Json::Array(folders)) = options.get_mut("rootDirs") {
            for folder in folders {
                if let Some(written) = folder.as_str() {
                    *folder = self.absolute(file.folder, written).into();
                }
            }
        }
        if let Some(base) = base {
            options.insert("baseUrl".to_owned(), base.into());
        }
        options
    }

    /// The file that `extends` names.
    fn find(&mut self, file: &File<'_>, written: &str) -> Option<PathBuf> {
        if written.starts_with(['.', '/']) {
            let path = paths::join(file.folder, written)?;
            let found = existing(&path);
            if found.is_none() {
                // It may come.
                self.files.push(paths::real(&path));
            }
            return found;
        }
        // As TypeScript looks for the configurations of packages.
        let resolver = Resolver::new(ResolveOptions {
            tsconfig: None,
            condition_names: vec!["node".into(), "import".into()],
            extensions: vec![".json".into()],
            main_files: vec!["tsconfig".into()],
            ..ResolveOptions::default()
        });
        let found = resolver.resolve(file.folder, written).ok()?;
        Some(found.full_path())
    }

    fn absolute(&self, folder: &Path, written: &str) -> String {
        let first = self.chain.first().and_then(|path| path.parent()).unwrap_or(folder);
        let path = match written.strip_prefix(CONFIG_DIR) {
            Some(rest) => paths::join(first, rest.trim_start_matches('/')),
            None if Path::new(written).is_absolute() => Some(written.into()),
            None => paths::join(folder, written),
        };
        path.unwrap_or_else(|| written.into()).to_string_lossy().into_owned()
    }

    /// Nobody edits the files of packages.
    fn warn(&mut self, file: &File<'_>, node: &Node, message: String) {
        self.is_any_at_fault = true;
        if !paths::is_of_package(file.path) {
            let location = Some(file.document.location(node.span.start));
            let warning = Warning { location, message };
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }
}

fn value(node: &Node) -> &Value {
    &node.value
}

fn strings(node: &Node) -> Option<Vec<&str>> {
    let Value::List(items) = &node.value else { return None };
    items.iter().map(Node::as_str).collect()
}

/// The file that a path of `extends` or `references` means, canonical: itself, with `.json` after it,
/// or in the folder.
fn existing(path: &Path) -> Option<PathBuf> {
    let mut with_extension = path.as_os_str().to_owned();
    with_extension.push(".json");
    let candidates = [path.to_owned(), with_extension.into(), path.join("tsconfig.json")];
    let found = candidates.into_iter().find(|candidate| candidate.is_file())?;
    found.canonicalize().ok()
}

fn malformed(document: &Document<'_>, error: ConfigError) -> BundleError {
    let ConfigError { location, message } = error;
    let frame = text::code_frame(document.text(), location.line, location.column);
    let fault = SourceFault::Syntax;
    Box::new(SourceError { location, fault, message, help: None, frame }).into()
}
