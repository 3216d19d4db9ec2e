//! From what the bundler found wrong to errors with a place in the project.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rolldown_error::{BuildDiagnostic, DiagnosticOptions, EventKind, Severity};

use super::rules::{FileKind, Language};
use super::syntax;
use crate::error::{BundleError, Problem, SourceError, SourceFault};
use crate::paths;
use crate::project::Project;
use crate::text;

/// The error to report: the one that ended the load, else the first in the order of files.
pub(super) fn first(mut errors: Vec<BundleError>) -> BundleError {
    errors.sort_by_cached_key(|error| {
        let location = error.location();
        let place = location.map(|location| {
            let is_package = paths::is_of_package(&location.path);
            (is_package, location.path.clone(), location.line, location.column)
        });
        (rank(error), place, error.to_string())
    });
    errors.into_iter().next().unwrap_or_else(|| BundleError::Bundler {
        message: "the bundler gave no reason".to_owned(),
    })
}

/// Adds what the diagnostics say.
pub(super) fn of_diagnostics(
    project: &Project,
    diagnostics: &[BuildDiagnostic],
    errors: &mut Vec<BundleError>,
) {
    let has_cause = !errors.is_empty();
    for diagnostic in without_types(project, diagnostics) {
        if diagnostic.severity() != Severity::Error {
            continue;
        }
        match diagnostic.kind() {
            // What a plugin answers ends up as one of these, and has been noted.
            EventKind::UnhandleableError | EventKind::PluginError if has_cause => {}
            _ => errors.push(of_diagnostic(project, diagnostic)),
        }
    }
}

/// The diagnostics without those of names that a TypeScript module only exports on and that are
/// exported by nobody: types, as far as one file can tell.
pub(super) fn without_types<'a>(
    project: &Project,
    diagnostics: &'a [BuildDiagnostic],
) -> Vec<&'a BuildDiagnostic> {
    let mut values = BTreeMap::new();
    let mut is_type = |diagnostic: &BuildDiagnostic| {
        let path = diagnostic.id().map(PathBuf::from);
        let Some(path) = path.filter(|path| is_typescript(project, path)) else { return false };
        if !matches!(diagnostic.kind(), EventKind::MissingExportError) {
            return false;
        }
        let text = text_of(&path);
        let offset = offset(project, diagnostic, &text);
        let language = language(project, &path);
        let values = values.entry(path).or_insert_with(|| syntax::imported_values(&text, language));
        !values.iter().any(|name| name.contains(&offset))
    };
    diagnostics.iter().filter(|diagnostic| !is_type(diagnostic)).collect()
}

fn rank(error: &BundleError) -> u8 {
    match error {
        BundleError::TooBig { .. } => 0,
        BundleError::Source(_) | BundleError::Config(_) => 1,
        BundleError::Bundler { .. } => 3,
        _ => 2,
    }
}

fn of_diagnostic(project: &Project, diagnostic: &BuildDiagnostic) -> BundleError {
    let options = DiagnosticOptions { cwd: project.root.clone() };
    let message = diagnostic.to_message_with(&options);
    let Some(path) = diagnostic.id().map(PathBuf::from).filter(|path| path.is_absolute()) else {
        return BundleError::Bundler { message };
    };
    let text = text_of(&path);
    let (offset, problem) = precise(project, diagnostic, &path, &text).unwrap_or_else(|| {
        let fault = match diagnostic.kind() {
            EventKind::MissingExportError => SourceFault::Import,
            _ => SourceFault::Syntax,
        };
        (offset(project, diagnostic, &text), Problem { fault, message, help: None })
    });
    SourceError::at(&project.shown(&path), &text, offset, problem).into()
}

/// The syntax error with all that the parser knows of it.
fn precise(
    project: &Project,
    diagnostic: &BuildDiagnostic,
    path: &Path,
    text: &str,
) -> Option<(usize, Problem)> {
    if !matches!(diagnostic.kind(), EventKind::ParseError) {
        return None;
    }
    let fault = syntax::fault(text, language(project, path))?;
    Some((fault.offset, fault.problem))
}

/// Where in the text of its module a diagnostic points, in bytes.
fn offset(project: &Project, diagnostic: &BuildDiagnostic, text: &str) -> usize {
    let options = DiagnosticOptions { cwd: project.root.clone() };
    let place = diagnostic.to_diagnostic_with(&options).get_primary_location();
    place.map_or(0, |(_, line, column, _)| text::offset(text, line, column))
}

/// The text of a module, without a byte order mark.
fn text_of(path: &Path) -> String {
    let mut text = fs::read_to_string(path).unwrap_or_default();
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    text
}

fn language(project: &Project, path: &Path) -> Language {
    match project.rules().kind(&project.below(path)) {
        Some(FileKind::Script(language)) => language,
        _ => Language::JavaScript,
    }
}

fn is_typescript(project: &Project, path: &Path) -> bool {
    matches!(language(project, path), Language::TypeScript | Language::TypeScriptJsx)
}
