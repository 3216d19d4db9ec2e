//! Where a project's configuration is: in its folder, in the one that a build has named there, or, for
//! a file, in the nearest folder above it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config;
use crate::error::{BundleError, ConfigError, Location};

/// The file by which the build of a framework says where it has put the configuration of what it has
/// built (<https://developers.cloudflare.com/workers/wrangler/configuration/#generated-wrangler-configuration>).
pub(super) const REDIRECT: &str = ".wrangler/deploy/config.json";

/// A folder, canonical, and as messages name it.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) shown: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Redirect {
    config_path: PathBuf,
}

/// The folder of what a build has made of the project in this one, if one has.
///
/// # Errors
///
/// When what the build has named is not there.
pub(super) fn built(place: &Place) -> Result<Option<Place>, BundleError> {
    let file = place.folder.join(REDIRECT);
    let Ok(text) = fs::read_to_string(&file) else { return Ok(None) };
    let shown = place.shown.join(REDIRECT);
    let fault = |message: String| {
        let location = Location { path: shown.clone(), line: 1, column: 1 };
        BundleError::Config(ConfigError { location, message })
    };
    let redirect: Redirect = serde_json::from_str(&text)
        .map_err(|error| fault(format!("expected {{ \"configPath\": \"...\" }}: {error}")))?;
    let named = &redirect.config_path;
    let below = Path::new(REDIRECT).parent().unwrap_or(Path::new(""));
    let target = place.folder.join(below).join(named);
    let canonical = target.canonicalize().map_err(|_| {
        fault(format!("{} is not there: run the build of the project again", named.display()))
    })?;
    let folder = canonical.parent().unwrap_or(&canonical).to_owned();
    if !config::FILES.iter().any(|(name, _)| canonical.ends_with(name)) {
        return Err(fault(format!("{} is no configuration of a project", named.display())));
    }
    // Most builds lie below the project.
    let shown = match folder.strip_prefix(&place.folder) {
        Ok(below) => place.shown.join(below),
        Err(_) => folder.clone(),
    };
    Ok(Some(Place { folder, shown }))
}

/// The nearest folder with a configuration that a file is in, up to that of its package.
pub(super) fn around(file: &Path) -> Option<Place> {
    let beside = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let canonical = beside.canonicalize().ok()?;
    for (up, folder) in canonical.ancestors().enumerate() {
        if config::FILES.iter().any(|(name, _)| folder.join(name).is_file()) {
            let shown = match beside.ancestors().nth(up) {
                Some(shown) if shown.canonicalize().is_ok_and(|it| it == folder) => shown,
                _ => folder,
            };
            let shown = if shown == Path::new("") { Path::new(".") } else { shown };
            return Some(Place { folder: folder.to_owned(), shown: shown.to_owned() });
        }
        if folder.join("package.json").is_file() || folder.join(".git").exists() {
            return None;
        }
    }
    None
}
