//! From a project's main module along its imports to all of its modules. How one module is
//! compiled is `transpile`'s, where an import leads `load/resolve.rs`'s.

mod kind;
mod resolve;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use crate::bundle::{Bundle, Module, ModuleKind};
use crate::error::{BundleError, FileSize, Problem, SourceError};
use crate::project::Project;
use crate::transpile::{self, Import};
use kind::FileKind;
use resolve::Target;

pub(crate) use kind::is_script;

/// How large the files of a bundle may be together, in bytes (64 MiB, as Workers have it:
/// <https://developers.cloudflare.com/workers/platform/limits/#worker-size>).
pub const MAX_BUNDLE_BYTES: u64 = 64 * 1024 * 1024;

/// How many files an error about the size names.
const BIGGEST_FILES: usize = 5;

/// The stack that modules are compiled on, in bytes. The compiler calls itself for each level of
/// nesting, and code that a generator wrote (a sum of thousands of strings) is nested deeply. Only
/// what is used takes memory.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// Loads the project's modules, of at most that many bytes together.
pub(crate) fn load(project: &Project, limit_bytes: u64) -> Result<Bundle, BundleError> {
    let load = || load_on_this_thread(project, limit_bytes);
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("bundle".to_owned()).stack_size(STACK_BYTES);
        match thread.spawn_scoped(scope, load) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // Without so much address space, nearly every project still loads.
            Err(_) => load(),
        }
    })
}

fn load_on_this_thread(project: &Project, limit_bytes: u64) -> Result<Bundle, BundleError> {
    let mut loader = Loader::new(project, limit_bytes);
    loader.visit(project.main.clone());
    while let Some(path) = loader.waiting.pop_front() {
        let module = loader.module(&path)?;
        loader.modules.push(module);
    }
    let mut inputs: Vec<PathBuf> = project.config_file.iter().cloned().collect();
    inputs.extend(loader.files.into_iter().map(|(path, _)| path));
    Ok(Bundle {
        name: project.name.clone(),
        main: specifier(&project.root, &project.main),
        modules: loader.modules,
        settings: project.settings.clone(),
        warnings: project.warnings.clone(),
        inputs,
    })
}

struct Loader<'a> {
    project: &'a Project,
    limit_bytes: u64,
    waiting: VecDeque<PathBuf>,
    seen: HashSet<PathBuf>,
    modules: Vec<Module>,
    /// The files read so far and their sizes in bytes.
    files: Vec<(PathBuf, u64)>,
}

impl<'a> Loader<'a> {
    fn new(project: &'a Project, limit_bytes: u64) -> Self {
        Self {
            project,
            limit_bytes,
            waiting: VecDeque::new(),
            seen: HashSet::new(),
            modules: Vec::new(),
            files: Vec::new(),
        }
    }

    fn visit(&mut self, path: PathBuf) {
        if self.seen.insert(path.clone()) {
            self.waiting.push_back(path);
        }
    }

    fn module(&mut self, path: &Path) -> Result<Module, BundleError> {
        let bytes = self.read(path)?;
        let specifier = specifier(&self.project.root, path);
        let asset = |kind, bytes: Vec<u8>| Module {
            specifier: specifier.clone(),
            kind,
            source: bytes.into(),
            source_map: None,
            imports: BTreeMap::new(),
        };
        match kind::of_file(path) {
            Some(FileKind::Script(language)) => {
                let text = self.text(path, bytes)?;
                let compiled =
                    transpile::compile(&specifier, &text, language, &self.project.jsx)
                        .map_err(|fault| self.fault(path, &text, fault.offset, fault.problem))?;
                let imports = self.follow(path, &text, &compiled.imports)?;
                let (source, source_map) = match compiled.output {
                    Some(output) => (output.code, Some(Arc::from(output.source_map))),
                    None => (text, None),
                };
                let source = source.into_bytes().into();
                Ok(Module { specifier, kind: ModuleKind::EsModule, source, source_map, imports })
            }
            Some(FileKind::Json) => {
                let text = self.text(path, bytes)?;
                kind::check_json(&text)
                    .map_err(|(offset, problem)| self.fault(path, &text, offset, problem))?;
                Ok(asset(ModuleKind::Json, text.into_bytes()))
            }
            Some(FileKind::Text) => {
                let text = self.text(path, bytes)?;
                Ok(asset(ModuleKind::Text, text.into_bytes()))
            }
            Some(FileKind::Wasm) => {
                if !bytes.starts_with(kind::WASM_MAGIC) {
                    let problem = Problem::syntax("the file is not compiled Wasm");
                    return Err(self.fault(path, "", 0, problem));
                }
                Ok(asset(ModuleKind::Wasm, bytes))
            }
            // The resolver lets no file of an unknown kind through.
            Some(FileKind::Data) | None => Ok(asset(ModuleKind::Data, bytes)),
        }
    }

    /// Resolves a module's imports, and has their targets visited.
    fn follow(
        &mut self,
        path: &Path,
        text: &str,
        imports: &[Import],
    ) -> Result<BTreeMap<String, String>, BundleError> {
        let mut resolved = BTreeMap::new();
        for Import { specifier: written, offset } in imports {
            if resolved.contains_key(written) {
                continue;
            }
            let target = resolve::resolve(&self.project.root, path, written)
                .map_err(|problem| self.fault(path, text, *offset, problem))?;
            let target = match target {
                Target::Builtin => written.clone(),
                Target::File(file) => {
                    let target = specifier(&self.project.root, &file);
                    self.visit(file);
                    target
                }
            };
            resolved.insert(written.clone(), target);
        }
        Ok(resolved)
    }

    /// Reads a file if the limit allows.
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, BundleError> {
        let io = || BundleError::io(&self.project.shown(path));
        // The size first, so that a file that is too large is never read.
        let announced = fs::metadata(path).map_err(io())?.len();
        let used: u64 = self.files.iter().map(|(_, bytes)| bytes).sum();
        if used.saturating_add(announced) > self.limit_bytes {
            return Err(self.too_big(path, announced));
        }
        let bytes = fs::read(path).map_err(io())?;
        self.files.push((path.to_owned(), bytes.len() as u64));
        Ok(bytes)
    }

    fn too_big(&self, path: &Path, bytes: u64) -> BundleError {
        let seen = self.files.iter().map(|(path, bytes)| (path.as_path(), *bytes));
        let mut biggest: Vec<FileSize> = seen
            .chain([(path, bytes)])
            .map(|(path, bytes)| FileSize { path: self.project.shown(path), bytes })
            .collect();
        biggest.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
        biggest.truncate(BIGGEST_FILES);
        BundleError::TooBig { limit_bytes: self.limit_bytes, biggest }
    }

    /// The bytes as text, without a byte order mark.
    fn text(&self, path: &Path, bytes: Vec<u8>) -> Result<String, BundleError> {
        let mut text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            self.fault(path, &text, valid, Problem::syntax("the file is not UTF-8"))
        })?;
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        Ok(text)
    }

    fn fault(&self, path: &Path, text: &str, offset: usize, problem: Problem) -> BundleError {
        SourceError::at(&self.project.shown(path), text, offset, problem).into()
    }
}

/// The name of a file in the bundle: its path below the root, with forward slashes.
fn specifier(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}
