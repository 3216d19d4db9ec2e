//! Modules of the worker that no import has to name: with `find_additional_modules` the files that
//! `rules` match, with `no_bundle` the scripts as well. Code that computes what it imports finds them
//! (<https://developers.cloudflare.com/workers/wrangler/bundling/#including-non-javascript-modules>).

use std::path::{Path, PathBuf};

use super::folders::files_below;
use super::inputs::Inputs;
use super::rules::FileKind;
use crate::error::BundleError;
use crate::project::Project;

/// How many files the folder may have.
const MAX_FILES: usize = 20_000;

/// One of them.
#[derive(Debug)]
pub(super) struct Additional {
    pub(super) path: PathBuf,
    /// Its name in the bundle: the path below the folder in which they are, with forward slashes.
    pub(super) name: String,
    pub(super) kind: FileKind,
}

/// Those of a project, by name.
///
/// # Errors
///
/// When the folder has too many files.
pub(super) fn of(project: &Project, inputs: &Inputs) -> Result<Vec<Additional>, BundleError> {
    let build = &project.build;
    if !build.find_additional_modules.unwrap_or(build.no_bundle) {
        return Ok(Vec::new());
    }
    let folder = folder(project)?;
    inputs.lists(&folder);
    let files = files_below(&folder, MAX_FILES).ok_or_else(|| BundleError::Bundler {
        message: format!(
            "{} has more than {MAX_FILES} files: \"base_dir\" in the configuration can name a smaller \
             folder for additional modules",
            project.shown(&folder).display()
        ),
    })?;
    let mut found: Vec<Additional> =
        files.into_iter().filter_map(|path| additional(project, &folder, path)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The folder that they are in, canonical.
fn folder(project: &Project) -> Result<PathBuf, BundleError> {
    match &project.build.base_dir {
        None => Ok(project.main.parent().unwrap_or(&project.root).to_owned()),
        Some(base) => {
            let folder = project.root.join(base);
            folder.canonicalize().map_err(BundleError::io(&project.shown(&folder)))
        }
    }
}

/// What the main module is called among them, without its extension.
pub(super) fn main_stem(project: &Project) -> String {
    let below = folder(project).ok();
    let below = below.and_then(|folder| project.main.strip_prefix(folder).ok().map(PathBuf::from));
    let file = || project.main.file_name().unwrap_or_default().into();
    let path = below.unwrap_or_else(file).with_extension("");
    path.to_string_lossy().into_owned()
}

fn additional(project: &Project, folder: &Path, path: PathBuf) -> Option<Additional> {
    let below = path.strip_prefix(folder).ok()?.to_str()?.to_owned();
    // Globs are meant from that folder on, as wrangler has it; from the root on they mean it, too.
    let named = project.rules().named(&below);
    let named = named.or_else(|| project.rules().named(&project.below(&path)));
    let is_script = project.build.no_bundle && (below.ends_with(".js") || below.ends_with(".mjs"));
    let kind = named.or_else(|| project.rules().kind(&below).filter(|_| is_script))?;
    let is_main = path.canonicalize().ok()? == project.main;
    (!is_main).then_some(Additional { path, name: below, kind })
}
