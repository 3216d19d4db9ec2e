//! Where scripts import what: told by parsing them once more, each at most once in a load, where there
//! is something to say of an import.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rolldown_common::ImportKind;

use super::rules::{FileKind, Language};
use super::syntax::{self, Import};
use crate::error::{BundleError, Location, Problem, SourceError};
use crate::project::Project;
use crate::text;

/// The scripts that were parsed again.
#[derive(Debug, Default)]
pub(super) struct Importers(Mutex<HashMap<PathBuf, Arc<Script>>>);

/// A script without a byte order mark, and its imports.
#[derive(Debug)]
struct Script {
    text: String,
    imports: Vec<Import>,
}

/// An import that leads nowhere.
#[derive(Debug, Clone)]
pub(super) struct BadImport {
    pub(super) importer: PathBuf,
    pub(super) written: String,
    pub(super) kind: ImportKind,
    pub(super) problem: Problem,
}

impl Importers {
    /// Whether a file catches the failure of each `require` and `import()` of that specifier.
    pub(super) fn are_guarded(&self, project: &Project, importer: &Path, written: &str) -> bool {
        are_guarded(&self.script(project, importer).imports_of(written))
    }

    /// Where a file imports that first; its beginning where that cannot be told.
    pub(super) fn place(&self, project: &Project, importer: &Path, written: &str) -> Location {
        let script = self.script(project, importer);
        let offset = script.imports_of(written).first().map_or(0, |import| import.offset);
        let (line, column) = text::line_column(&script.text, offset);
        Location { path: project.shown(importer), line, column }
    }

    /// The error at an import's place; `None` when the code is prepared for it, for it catches what a
    /// `require` or an `import()` throws.
    pub(super) fn error(&self, project: &Project, import: BadImport) -> Option<BundleError> {
        let BadImport { importer, written, kind, problem } = import;
        let script = self.script(project, &importer);
        let mut imports = script.imports_of(&written);
        if kind != ImportKind::Import {
            if are_guarded(&imports) {
                return None;
            }
            imports.retain(|import| !import.is_guarded);
        }
        let offset = imports.first().map_or(0, |import| import.offset);
        Some(SourceError::at(&project.shown(&importer), &script.text, offset, problem).into())
    }

    fn script(&self, project: &Project, path: &Path) -> Arc<Script> {
        if let Some(script) = self.0.lock().get(path) {
            return Arc::clone(script);
        }
        let script = Arc::new(Script::read(project, path));
        self.0.lock().insert(path.to_owned(), Arc::clone(&script));
        script
    }
}

impl Script {
    fn read(project: &Project, path: &Path) -> Self {
        let mut text = fs::read_to_string(path).unwrap_or_default();
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        let language = match project.rules().kind(&project.below(path)) {
            Some(FileKind::Script(language)) => language,
            _ => Language::JavaScript,
        };
        let imports = syntax::imports(&text, language);
        Self { text, imports }
    }

    fn imports_of(&self, written: &str) -> Vec<&Import> {
        self.imports.iter().filter(|import| import.specifier == written).collect()
    }
}

fn are_guarded(imports: &[&Import]) -> bool {
    !imports.is_empty() && imports.iter().all(|import| import.is_guarded)
}
