//! Where a project's configuration is: in its folder, in the one that a build has named there, or, for
//! a file, in the nearest folder above it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::{self, File};
use crate::error::{BundleError, ConfigError, Location};
use crate::paths;

/// The file by which the build of a framework says where it has put the configuration of what it has
/// built (<https://developers.cloudflare.com/workers/wrangler/configuration/#generated-wrangler-configuration>).
pub(super) const REDIRECT: &str = ".wrangler/deploy/config.json";

/// A folder, canonical, and as messages name it.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) shown: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Redirect {
    config_path: PathBuf,
}

/// What a build of an environment writes into the configuration that it makes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Generated {
    target_environment: Option<String>,
}

/// What a build has made of a project.
pub(super) struct Built {
    pub(super) place: Place,
    /// The environment to read its configuration for.
    pub(super) environment: Option<String>,
}

/// A configuration file that the caller names, and its folder.
///
/// # Errors
///
/// When it is none.
pub(super) fn of_config(named: &Path) -> Result<(Place, File), BundleError> {
    let no_config = || BundleError::NotAConfiguration { path: named.to_owned() };
    // The folder of the link, if it is one.
    let shown = paths::folder_of(named);
    let file = File::named(named.canonicalize().map_err(BundleError::io(named))?, named.to_owned())
        .filter(|file| file.path.is_file())
        .ok_or_else(no_config)?;
    let folder = shown.canonicalize().map_err(BundleError::io(shown))?;
    Ok((Place { folder, shown: shown.to_owned() }, file))
}

/// What a build has made of the project in this folder, if one has: it is of one environment, and
/// there is no other in its configuration.
///
/// # Errors
///
/// When what the build has named is not there, or is of another environment, or the file in which it
/// does cannot be read.
pub(super) fn built(
    place: &Place,
    environment: Option<&str>,
) -> Result<Option<Built>, BundleError> {
    let file = place.folder.join(REDIRECT);
    let shown = place.shown.join(REDIRECT);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(BundleError::io(&shown)(error)),
    };
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
    // One that is no JSON has its fault told when it is read.
    let text = fs::read_to_string(&canonical).unwrap_or_default();
    let generated: Option<Generated> = serde_json::from_str(&text).ok();
    let target = generated.and_then(|generated| generated.target_environment);
    let environment = match (environment, target.as_deref()) {
        (Some(wanted), Some(target)) if wanted == target => None,
        (Some(wanted), Some(target)) => {
            return Err(fault(format!(
                "{} was built for the environment \"{target}\", not for \"{wanted}\": run the \
                 build of the project for that one",
                named.display()
            )));
        }
        (wanted, _) => wanted.map(str::to_owned),
    };
    Ok(Some(Built { place: Place { folder, shown }, environment }))
}

/// The configuration that a build has named in a folder, there or not; absolute.
pub(super) fn built_config(folder: &Path) -> Option<PathBuf> {
    let file = folder.join(REDIRECT);
    let redirect: Redirect = serde_json::from_str(&fs::read_to_string(&file).ok()?).ok()?;
    paths::join(file.parent()?, redirect.config_path.to_str()?)
}

/// The nearest folder with a configuration that a file is in, up to that of its package.
pub(super) fn around(file: &Path) -> Option<(Place, File)> {
    let beside = paths::folder_of(file);
    let canonical = beside.canonicalize().ok()?;
    for (up, folder) in canonical.ancestors().enumerate() {
        let shown = match beside.ancestors().nth(up) {
            Some(shown) if shown.canonicalize().is_ok_and(|it| it == folder) => shown,
            _ => folder,
        };
        let shown = if shown == Path::new("") { Path::new(".") } else { shown };
        if let Some(file) = File::of_folder(folder, shown) {
            let place = Place { folder: folder.to_owned(), shown: shown.to_owned() };
            return Some((place, file));
        }
        if folder.join("package.json").is_file() || folder.join(".git").exists() {
            return None;
        }
    }
    None
}
