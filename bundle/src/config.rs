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

use crate::dev_server::DevServer;
use crate::error::{BundleError, Location, Warning};
use crate::load::Rule;
use crate::settings::Settings;
use tree::Document;

/// The configuration files of a folder; the first that exists is read.
pub(crate) const FILES: [(&str, Syntax); 4] = [
    ("isolane.toml", Syntax::Toml),
    ("wrangler.toml", Syntax::Toml),
    ("wrangler.json", Syntax::Json),
    ("wrangler.jsonc", Syntax::Json),
];

#[derive(Debug, Clone, Copy)]
pub(crate) enum Syntax {
    Toml,
    /// Both `.json` and `.jsonc`: comments and trailing commas are allowed, as wrangler does.
    Json,
}

/// What a configuration file says.
#[derive(Debug, Default)]
pub(crate) struct Config {
    pub(crate) name: Option<String>,
    pub(crate) main: Option<Main>,
    pub(crate) build: Build,
    pub(crate) settings: Settings,
    pub(crate) dev: DevServer,
    pub(crate) warnings: Vec<Warning>,
    /// The names of the environments that there are.
    pub(crate) environments: Vec<String>,
    /// Whether the environment has a name of its own for the worker.
    pub(crate) has_own_name: bool,
}

/// How the configuration wants the modules to be bundled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Build {
    pub(crate) jsx_factory: Option<String>,
    pub(crate) jsx_fragment: Option<String>,
    pub(crate) minify: bool,
    pub(crate) keep_names: Option<bool>,
    /// Expressions of JavaScript that stand for others, in the order of the file.
    pub(crate) define: Vec<(String, String)>,
    /// Specifiers that stand for others.
    pub(crate) alias: Vec<(String, String)>,
    pub(crate) rules: Vec<Rule>,
    /// Whether the folder has been bundled before, so that its scripts are modules of the worker.
    pub(crate) no_bundle: bool,
    /// Whether the files that `rules` name are modules of the worker, imported or not. By default
    /// with `no_bundle` only.
    pub(crate) find_additional_modules: Option<bool>,
    /// Where these are, below the project's root. By default the main module's folder.
    pub(crate) base_dir: Option<PathBuf>,
    /// The `tsconfig.json` to read instead of the nearest, and where it is named.
    pub(crate) tsconfig: Option<(PathBuf, Location)>,
}

impl Build {
    /// What the specifier stands for, if it is an alias or a path below one.
    pub(crate) fn aliased(&self, specifier: &str) -> Option<String> {
        self.alias.iter().find_map(|(alias, other)| {
            let rest = specifier.strip_prefix(alias.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{other}{rest}"))
        })
    }
}

/// The main module as the configuration names it, and where it does.
#[derive(Debug)]
pub(crate) struct Main {
    pub(crate) path: String,
    pub(crate) location: Location,
}

/// The configuration of a folder for an environment, and the file that was read. `shown` is the
/// folder as messages name it.
pub(crate) fn of_folder(
    folder: &Path,
    shown: &Path,
    environment: Option<&str>,
) -> Result<Option<(Config, PathBuf)>, BundleError> {
    let mut present = FILES.iter().filter(|(name, _)| folder.join(name).is_file());
    let Some((name, syntax)) = present.next() else { return Ok(None) };
    let path = folder.join(name);
    let text = fs::read_to_string(&path).map_err(BundleError::io(&shown.join(name)))?;
    let mut config = parse(&shown.join(name), &text, *syntax, environment, &schema::today())?;
    for (other, _) in present {
        config.warnings.push(Warning {
            location: None,
            message: format!("{} is not read: {name} is", shown.join(other).display()),
        });
    }
    Ok(Some((config, path)))
}

fn parse(
    path: &Path,
    text: &str,
    syntax: Syntax,
    environment: Option<&str>,
    today: &str,
) -> Result<Config, BundleError> {
    let document = Document::new(path, text);
    let root = match syntax {
        Syntax::Toml => toml::parse(&document)?,
        Syntax::Json => json::parse(&document)?,
    };
    Ok(schema::read(&document, &root, environment, today)?)
}
