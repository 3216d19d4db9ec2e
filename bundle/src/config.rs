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

use crate::custom_build::CustomBuild;
use crate::dev_server::DevServer;
use crate::error::{BundleError, ConfigError, Location, Warning};
use crate::load::Rule;
use crate::settings::Settings;
pub(crate) use json::parse_foreign;
pub(crate) use tree::{Document, Node, Value};

pub use keys::{KnownKey, known_keys};

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
    /// What has to run before there are modules to bundle; its paths are below the file's folder.
    pub(crate) custom_build: Option<CustomBuild>,
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

/// A configuration file that is there.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    /// The path as messages name it.
    pub(crate) shown: PathBuf,
    syntax: Syntax,
    /// What stands in the same folder and is not read because of it.
    passed_over: Vec<PathBuf>,
}

impl File {
    /// That of a folder, if it has one. `shown` is the folder as messages name it.
    pub(crate) fn of_folder(folder: &Path, shown: &Path) -> Option<Self> {
        let mut present = FILES.iter().filter(|(name, _)| folder.join(name).is_file());
        let (name, syntax) = present.next()?;
        let passed_over = present.map(|(other, _)| shown.join(other)).collect();
        Some(Self {
            path: folder.join(name),
            shown: shown.join(name),
            syntax: *syntax,
            passed_over,
        })
    }

    /// One of any name; nothing if its extension is not that of a configuration.
    pub(crate) fn named(path: PathBuf, shown: PathBuf) -> Option<Self> {
        let syntax = match path.extension()?.to_str()? {
            "toml" => Syntax::Toml,
            "json" | "jsonc" => Syntax::Json,
            _ => return None,
        };
        Some(Self { path, shown, syntax, passed_over: Vec::new() })
    }

    /// What it says for an environment, or without one.
    pub(crate) fn read(&self, environment: Option<&str>) -> Result<Config, BundleError> {
        let mut config =
            parse(&self.shown, &self.text()?, self.syntax, environment, &schema::today())?;
        let name = self.shown.file_name().unwrap_or_default().display();
        config.warnings.extend(self.passed_over.iter().map(|other| Warning {
            location: None,
            message: format!("{} is not read: {name} is", other.display()),
        }));
        Ok(config)
    }

    /// The main module that it names, as far as that can be told of a file at fault.
    pub(crate) fn main_at_least(&self, environment: Option<&str>) -> Option<String> {
        let text = self.text().ok()?;
        let root = tree_of(&Document::new(&self.shown, &text), self.syntax).ok()?;
        let own = environment.and_then(|name| root.get("env")?.get(name)?.get("main"));
        own.or_else(|| root.get("main"))?.as_str().map(str::to_owned)
    }

    fn text(&self) -> Result<String, BundleError> {
        fs::read_to_string(&self.path).map_err(BundleError::io(&self.shown))
    }
}

fn parse(
    path: &Path,
    text: &str,
    syntax: Syntax,
    environment: Option<&str>,
    today: &str,
) -> Result<Config, BundleError> {
    let document = Document::new(path, text);
    let root = tree_of(&document, syntax)?;
    Ok(schema::read(&document, &root, environment, today)?)
}

fn tree_of(document: &Document<'_>, syntax: Syntax) -> Result<Node, ConfigError> {
    match syntax {
        Syntax::Toml => toml::parse(document),
        Syntax::Json => json::parse(document),
    }
}
