//! From what the bundler found wrong to errors with a place in the project.

use std::fs;
use std::path::{Path, PathBuf};

use rolldown_error::{BuildDiagnostic, DiagnosticOptions, EventKind, Severity};

use super::rules::{FileKind, Language};
use super::syntax;
use crate::error::{BundleError, Problem, SourceError, SourceFault};
use crate::project::Project;
use crate::text;

/// The error to report: the one that ended the load, else the first in the order of files.
pub(super) fn first(mut errors: Vec<BundleError>) -> BundleError {
    errors.sort_by_cached_key(|error| {
        let location = error.location();
        let place = location.map(|location| {
            let is_package = location.path.iter().any(|part| part == "node_modules");
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
    for diagnostic in diagnostics {
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

/// Whether all that is wrong are names that TypeScript imports of TypeScript and that are not
/// exported: types, as far as one file can tell.
pub(super) fn are_type_exports(project: &Project, diagnostics: &[BuildDiagnostic]) -> bool {
    let is_typescript = |id: Option<String>| {
        let kind = id.and_then(|id| project.rules().kind(&project.below(Path::new(&id))));
        matches!(kind, Some(FileKind::Script(Language::TypeScript | Language::TypeScriptJsx)))
    };
    diagnostics.iter().all(|diagnostic| {
        matches!(diagnostic.kind(), EventKind::MissingExportError)
            && is_typescript(diagnostic.id())
            && is_typescript(diagnostic.exporter())
    })
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
    let text = fs::read_to_string(&path).unwrap_or_default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (offset, problem) = precise(project, diagnostic, &path, text).unwrap_or_else(|| {
        let place = diagnostic.to_diagnostic_with(&options).get_primary_location();
        let offset = place.map_or(0, |(_, line, column, _)| text::offset(text, line, column));
        let fault = match diagnostic.kind() {
            EventKind::MissingExportError => SourceFault::Import,
            _ => SourceFault::Syntax,
        };
        (offset, Problem { fault, message, help: None })
    });
    SourceError::at(&project.shown(&path), text, offset, problem).into()
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
    let language = match project.rules().kind(&project.below(path)) {
        Some(FileKind::Script(language)) => language,
        _ => Language::JavaScript,
    };
    syntax::fault(text, language).map(|fault| (fault.offset, fault.problem))
}
