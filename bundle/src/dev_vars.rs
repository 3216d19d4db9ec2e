//! The variables of development: `.dev.vars`, or `.env`, next to the configuration
//! (<https://developers.cloudflare.com/workers/configuration/secrets/#local-development-with-secrets>).
//! They are secrets: never a part of a bundle or of its address.

mod parse;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{BundleError, ConfigError, Location};
use crate::text;

/// Variables of development by name, after the file that they are from.
pub type DevVars = (PathBuf, BTreeMap<String, String>);

/// The variables of development of a project's folder, and the file that they are from: of
/// `.dev.vars.ENVIRONMENT` and `.dev.vars` the first that exists. Without those, of `.env`,
/// `.env.local`, `.env.ENVIRONMENT` and `.env.ENVIRONMENT.local` together, where later ones win
/// and the file is the first. `None` when there is none of them.
///
/// # Errors
///
/// When a file cannot be read, is not UTF-8, or has a line that is not `NAME=value`.
pub fn dev_vars(root: &Path, environment: Option<&str>) -> Result<Option<DevVars>, BundleError> {
    of_folder(root, root, environment)
}

/// The same with the folder as messages name it.
pub(crate) fn of_folder(
    root: &Path,
    shown: &Path,
    environment: Option<&str>,
) -> Result<Option<DevVars>, BundleError> {
    let own = environment.map(|environment| format!(".dev.vars.{environment}"));
    for name in own.into_iter().chain([".dev.vars".to_owned()]) {
        if let Some(values) = read(root, shown, &name)? {
            return Ok(Some((root.join(name), values)));
        }
    }
    let mut names = vec![".env".to_owned(), ".env.local".to_owned()];
    if let Some(environment) = environment {
        names.push(format!(".env.{environment}"));
        names.push(format!(".env.{environment}.local"));
    }
    let mut found: Option<DevVars> = None;
    for name in names {
        if let Some(values) = read(root, shown, &name)? {
            found.get_or_insert_with(|| (root.join(name), BTreeMap::new())).1.extend(values);
        }
    }
    Ok(found)
}

/// The variables of a file; `None` when it does not exist.
fn read(
    root: &Path,
    shown: &Path,
    name: &str,
) -> Result<Option<BTreeMap<String, String>>, BundleError> {
    let path = shown.join(name);
    let text = match fs::read_to_string(root.join(name)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(BundleError::Io { path, source }),
    };
    parse::parse(&text).map(Some).map_err(|fault| {
        let (line, column) = text::line_column(&text, fault.offset);
        let location = Location { path, line, column };
        ConfigError { location, message: fault.message.to_owned() }.into()
    })
}
