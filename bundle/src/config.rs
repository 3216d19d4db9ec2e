//! A project's configuration file: which one it is, and what it says. The two syntaxes are in
//! `config/toml.rs` and `config/json.rs`, the keys in `config/schema.rs`.

mod field;
mod json;
mod keys;
mod schema;
mod toml;
mod tree;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{BundleError, Location, Warning};
use crate::settings::Settings;
use crate::transpile::Jsx;
use tree::Document;

/// The configuration files of a folder; the first that exists is read.
const FILES: [(&str, Syntax); 4] = [
    ("isolane.toml", Syntax::Toml),
    ("wrangler.toml", Syntax::Toml),
    ("wrangler.json", Syntax::Json),
    ("wrangler.jsonc", Syntax::Json),
];

#[derive(Debug, Clone, Copy)]
enum Syntax {
    Toml,
    /// Both `.json` and `.jsonc`: comments and trailing commas are allowed, as wrangler does.
    Json,
}

/// What a configuration file says.
#[derive(Debug, Default)]
pub(crate) struct Config {
    pub(crate) name: Option<String>,
    pub(crate) main: Option<Main>,
    pub(crate) jsx: Jsx,
    pub(crate) settings: Settings,
    pub(crate) warnings: Vec<Warning>,
}

/// The main module as the configuration names it, and where it does.
#[derive(Debug)]
pub(crate) struct Main {
    pub(crate) path: String,
    pub(crate) location: Location,
}

/// The configuration of a folder, and the file that was read. `shown` is the folder as messages
/// name it.
pub(crate) fn of_folder(
    folder: &Path,
    shown: &Path,
) -> Result<Option<(Config, PathBuf)>, BundleError> {
    let mut present = FILES.iter().filter(|(name, _)| folder.join(name).is_file());
    let Some((name, syntax)) = present.next() else { return Ok(None) };
    let path = folder.join(name);
    let text = fs::read_to_string(&path).map_err(BundleError::io(&shown.join(name)))?;
    let mut config = parse(&shown.join(name), &text, *syntax)?;
    for (other, _) in present {
        config.warnings.push(Warning {
            location: None,
            message: format!("{} is not read: {name} is", shown.join(other).display()),
        });
    }
    Ok(Some((config, path)))
}

fn parse(path: &Path, text: &str, syntax: Syntax) -> Result<Config, BundleError> {
    let document = Document::new(path, text);
    let root = match syntax {
        Syntax::Toml => toml::parse(&document)?,
        Syntax::Json => json::parse(&document)?,
    };
    Ok(schema::read(&document, &root)?)
}
