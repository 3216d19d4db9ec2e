//! Where an import leads: to a module that is bundled, to one that stays a file of its own, to
//! one of the runtime's, or nowhere. Looking in the file system is the bundler's.

use std::fs;
use std::path::{Path, PathBuf};

use compatibility::Flag;
use oxc_resolver::ResolveError;
use provided::WORKERS;
use rolldown_common::{ImportKind, ResolvedId};

use super::node;
use super::rules::{self, FileKind, Replaced};
use crate::error::Problem;
use crate::paths;
use crate::project::Project;

/// Where an import leads.
#[derive(Debug)]
pub(super) enum Target {
    /// A script or JSON, which becomes part of the code.
    Module(Box<ResolvedId>),
    /// A module of the runtime.
    Provided(String),
    /// A file that stays a module of its own, under that name.
    Asset { path: PathBuf, kind: FileKind, name: String },
    /// To a module of Node.js or of Workers that the runtime does not have, by its full name.
    Lacking(String),
    /// Nowhere. It is the project's fault, unless a `require` or an `import()` asks for a module
    /// that others have: whoever writes that may be prepared.
    Nowhere { problem: Problem, is_fatal: bool },
}

/// Where a specifier leads whatever files there are, if that is so.
pub(super) fn without_looking(
    project: &Project,
    written: &str,
    kind: ImportKind,
) -> Option<Target> {
    if project.build.aliased(written).is_some() {
        return None;
    }
    if is_relative(written) {
        return None;
    }
    if written == WORKERS.specifier {
        return Some(Target::Provided(written.to_owned()));
    }
    let nowhere = |help: String, is_fatal| Target::Nowhere {
        problem: Problem::import(format!("cannot import \"{written}\""), help),
        is_fatal,
    };
    if written.starts_with("cloudflare:") && provided::is_lacking(written) {
        return Some(Target::Lacking(written.to_owned()));
    }
    if written.starts_with("cloudflare:") {
        let help =
            format!("the module of Workers that the runtime provides is {}", WORKERS.specifier);
        return Some(nowhere(help, kind == ImportKind::Import));
    }
    if written.starts_with("http:") || written.starts_with("https:") {
        let help = "modules are not fetched: save it in the project and import it by a relative \
                    path";
        return Some(nowhere(help.to_owned(), true));
    }
    let module = provided::node_name(written)?;
    node::is_provided(&module, &project.settings).then_some(Target::Provided(module))
}

/// What has to be looked for.
pub(super) fn wanted(project: &Project, written: &str) -> String {
    if let Some(other) = project.build.aliased(written) {
        return if is_relative(&other) {
            project.root.join(other).to_string_lossy().into_owned()
        } else {
            other
        };
    }
    // The suffix by which a Wasm import of wrangler asks for a compiled module.
    match written.strip_suffix("?module") {
        Some(path) if path.ends_with(".wasm") => path.to_owned(),
        _ => written.to_owned(),
    }
}

/// Where an import leads, after the look.
pub(super) fn target(
    project: &Project,
    importer: &Path,
    written: &str,
    found: Result<ResolvedId, ResolveError>,
) -> Target {
    let fatal = |problem| Target::Nowhere { problem, is_fatal: true };
    let resolved = match found {
        Ok(resolved) => resolved,
        Err(error) => return not_found(project, importer, written, &error),
    };
    // An empty module, by the "browser" field of a package.
    if resolved.id.as_str().starts_with('\0') || resolved.external.is_external() {
        return Target::Module(Box::new(resolved));
    }
    let path = file_of(resolved.id.as_str());
    let below = project.below(path);
    match project.rules().kind(&below) {
        Some(FileKind::Script(_) | FileKind::Json) => Target::Module(Box::new(resolved)),
        Some(kind) => Target::Asset { path: path.to_owned(), kind, name: asset_name(&below) },
        None => fatal(unknown_kind(project, written, &below)),
    }
}

/// The file of a module's identifier, which may have a query behind it.
pub(super) fn file_of(id: &str) -> &Path {
    match id.split_once('?') {
        Some((path, _)) if !Path::new(id).exists() => Path::new(path),
        _ => Path::new(id),
    }
}

/// The `package.json` whose `type` says whether a file is an ES module, the nearest
/// (<https://nodejs.org/api/esm.html#resolution-algorithm-specification>, `LOOKUP_PACKAGE_SCOPE`).
pub(super) fn package_scope(file: &Path) -> Option<PathBuf> {
    let is_scope = |folder: &&Path| folder.is_absolute() && !folder.ends_with("node_modules");
    let folders = file.ancestors().skip(1).take_while(is_scope);
    folders.map(|folder| folder.join("package.json")).find(|package| package.is_file())
}

/// The name in the bundle of the file at a path below the root, which may go up (`../x`): no two
/// paths have the same, and none goes up.
fn asset_name(below: &str) -> String {
    let segments = below.split('/').map(|segment| match segment {
        ".." => "%2E%2E".to_owned(),
        segment => segment.replace('%', "%25"),
    });
    segments.collect::<Vec<_>>().join("/")
}

fn not_found(project: &Project, importer: &Path, written: &str, error: &ResolveError) -> Target {
    if let Some(module) = provided::node_name(written) {
        let has_node = project.settings.compatibility().has(Flag::NodejsCompat);
        if has_node && provided::is_lacking(&module) {
            return Target::Lacking(module);
        }
        return Target::Nowhere {
            problem: node_module(project, written, &module),
            is_fatal: false,
        };
    }
    let problem = match error {
        ResolveError::NotFound(_) | ResolveError::ExtensionAlias(..) if is_relative(written) => {
            missing(project, importer, written)
        }
        ResolveError::NotFound(_) if written.starts_with('/') => Problem::import(
            format!("cannot find \"{written}\""),
            "there is no such file; a path below the project starts with ./ or ../",
        ),
        ResolveError::NotFound(_) => not_installed(importer, written),
        error => Problem::import(format!("cannot import \"{written}\""), explain(project, error)),
    };
    Target::Nowhere { problem, is_fatal: true }
}

/// A module of Node.js that the worker does not get.
fn node_module(project: &Project, written: &str, module: &str) -> Problem {
    let message = format!("cannot import \"{written}\"");
    if provided::node(module).is_some() {
        let mut flags = project.settings.compatibility_flags.clone();
        flags.push("nodejs_compat".to_owned());
        let help = if is_toml(project) {
            format!("add compatibility_flags = {flags:?} to the configuration")
        } else {
            format!("add \"compatibility_flags\": {flags:?} to the configuration")
        };
        return Problem::import(message, format!("{module} is there with a flag: {help}"));
    }
    let modules = provided::NODE.iter().map(|module| module.specifier);
    let modules: Vec<&str> = modules.map(|name| name.trim_start_matches("node:")).collect();
    let help = format!(
        "the runtime does not have {module}; of Node.js it has, with nodejs_compat, node: and one \
         of {}",
        modules.join(", ")
    );
    Problem::import(message, help)
}

fn unknown_kind(project: &Project, written: &str, below: &str) -> Problem {
    let help = match project.rules().replaced(below) {
        Some(Replaced { glob, by }) => {
            let setting =
                if is_toml(project) { "fallthrough = true" } else { "\"fallthrough\": true" };
            format!(
                "the rule of type {} for {} replaces the one for {glob}; with {setting} both count",
                by.rule_type.as_str(),
                by.globs.join(" and ")
            )
        }
        None => format!(
            "a module's file ends in {}; \"rules\" in the configuration can name others",
            rules::KNOWN_EXTENSIONS
        ),
    };
    Problem::import(format!("cannot tell what \"{written}\" is"), help)
}

/// Whether the configuration is, or would be, written in TOML.
fn is_toml(project: &Project) -> bool {
    match &project.config_file {
        Some(file) => file.extension().is_some_and(|extension| extension == "toml"),
        None => true,
    }
}

fn missing(project: &Project, importer: &Path, written: &str) -> Problem {
    let folder = importer.parent().unwrap_or(&project.root);
    let below = paths::join(folder, written).map(|path| project.below(&path)).unwrap_or_default();
    let below = if below.is_empty() { "index".to_owned() } else { below };
    let tried = ["", ".ts", ".tsx", ".js"].map(|extension| format!("{below}{extension}"));
    Problem::import(
        format!("cannot find \"{written}\""),
        format!("there is no {} and so on", tried.join(", no ")),
    )
}

fn not_installed(importer: &Path, written: &str) -> Problem {
    if let Some((scheme, _)) = written.split_once(':') {
        return Problem::import(
            format!("cannot find the module \"{written}\""),
            format!(
                "what begins with \"{scheme}:\" is made by a build tool such as Vite: run its build, \
                 and name what comes out as \"main\""
            ),
        );
    }
    let mut parts = written.split('/');
    let package = match (parts.next(), parts.next()) {
        (Some(scope), Some(name)) if scope.starts_with('@') => format!("{scope}/{name}"),
        (Some(name), _) => name.to_owned(),
        (None, _) => written.to_owned(),
    };
    let message = format!("cannot find the package \"{package}\"");
    match listed_in(importer, &package) {
        Some(file) => {
            let folder = file.parent().unwrap_or(&file).display();
            Problem::import(message, format!("package.json lists it: run npm install in {folder}"))
        }
        None => Problem::import(
            message,
            format!("npm install {package}, or import a file of the project as \"./{written}\""),
        ),
    }
}

/// The nearest `package.json` that says that a package is needed.
fn listed_in(importer: &Path, package: &str) -> Option<PathBuf> {
    let lists = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let kinds = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
        kinds.iter().any(|kind| json[kind].get(package).is_some())
    };
    importer.ancestors().skip(1).map(|folder| folder.join("package.json")).find(lists)
}

/// What the resolver says, without the paths of this machine.
fn explain(project: &Project, error: &ResolveError) -> String {
    match error {
        ResolveError::PackagePathNotExported { subpath, package_path, .. } => format!(
            "the package {} does not export \"{subpath}\" (\"exports\" in its package.json)",
            package_path.file_name().unwrap_or_default().to_string_lossy()
        ),
        error => error.to_string().replace(&format!("{}/", project.root.display()), ""),
    }
}

fn is_relative(specifier: &str) -> bool {
    matches!(specifier, "." | "..") || specifier.starts_with("./") || specifier.starts_with("../")
}
