//! The main module of a project's folder: the one that the configuration names, else the first of
//! the usual names.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::Main;
use crate::custom_build::CustomBuild;
use crate::error::{BundleError, ConfigError};
use crate::load;

/// The main module of a folder whose configuration names none, without its extension; the first
/// that exists.
const STEMS: [&str; 6] = ["index", "src/index", "main", "src/main", "worker", "src/worker"];

/// Its extension; of one stem the first that exists.
const EXTENSIONS: [&str; 5] = ["ts", "tsx", "js", "jsx", "mjs"];

/// The file that the configuration names, canonical. It may be outside of the project's folder, as
/// for wrangler: the configuration may have a folder of its own.
///
/// # Errors
///
/// When it is no module. Where a command of the project makes it, the error says so.
pub(super) fn configured(
    root: &Path,
    main: &Main,
    build: Option<&CustomBuild>,
) -> Result<PathBuf, BundleError> {
    let fault = |what: &str| {
        let message = format!("the main module \"{}\" {what}", main.path);
        Err(BundleError::Config(ConfigError { location: main.location.clone(), message }))
    };
    match fs::canonicalize(root.join(&main.path)) {
        Err(_) => match build {
            Some(CustomBuild { command, location, .. }) => fault(&format!(
                "does not exist, and the build command \"{command}\" ({location}) is to make it"
            )),
            None => fault("does not exist"),
        },
        Ok(file) if !file.is_file() => fault("is not a file"),
        Ok(file) if !load::is_script(&file) => {
            fault("is not a module: expected .js, .mjs, .ts, .mts, .jsx or .tsx")
        }
        Ok(file) => Ok(file),
    }
}

/// The one that is found in a folder. `shown` is the folder as messages name it.
///
/// # Errors
///
/// When there is none, or it is a link out of the folder.
pub(super) fn found(root: &Path, shown: &Path) -> Result<PathBuf, BundleError> {
    let path = usual(root).find(|path| path.is_file()).ok_or_else(|| BundleError::NoMain {
        folder: shown.to_owned(),
        stems: &STEMS,
        extensions: &EXTENSIONS,
    })?;
    let file = path.canonicalize().map_err(BundleError::io(&path))?;
    if file.starts_with(root) {
        return Ok(file);
    }
    // Nothing but its name says that it is the project's: that is too little for a file elsewhere.
    let below = path.strip_prefix(root).unwrap_or(&path);
    Err(BundleError::LinkedMain { path: shown.join(below), target: file })
}

/// Whether a file has one of the names by which a main module is found in that folder.
pub(super) fn is_usual(root: &Path, file: &Path) -> bool {
    usual(root).any(|usual| usual == file)
}

/// The files of a folder that are its main module if the configuration names none; the first that is
/// there.
pub(super) fn usual(root: &Path) -> impl Iterator<Item = PathBuf> {
    let names = STEMS
        .iter()
        .flat_map(|stem| EXTENSIONS.iter().map(move |extension| format!("{stem}.{extension}")));
    names.map(|name| root.join(name))
}
