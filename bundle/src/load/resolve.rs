//! Where an import leads: to a file below the project's root, or to a module of the runtime.
//! Reading the file is the loader's.

use std::path::{Component, Path, PathBuf};

use super::kind;
use crate::error::Problem;

/// The modules that the runtime provides.
const BUILTIN: [&str; 1] = ["cloudflare:workers"];

/// The extensions of JavaScript that stand for those of the TypeScript it is compiled from
/// (<https://www.typescriptlang.org/docs/handbook/modules/reference.html#file-extension-substitution>).
const COMPILED: [(&str, &[&str]); 3] =
    [("js", &["ts", "tsx"]), ("jsx", &["tsx"]), ("mjs", &["mts"])];

/// Where an import leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A file, canonical, below the root, of a known kind.
    File(PathBuf),
    /// A module of the runtime, under the name as written.
    Builtin,
}

/// Resolves a specifier of a module. `root` and `importer` are canonical.
pub(super) fn resolve(root: &Path, importer: &Path, written: &str) -> Result<Target, Problem> {
    if BUILTIN.contains(&written) {
        return Ok(Target::Builtin);
    }
    if !is_relative(written) {
        return Err(not_relative(written));
    }
    // The suffix by which a Wasm import of wrangler asks for a compiled module.
    let relative = match written.strip_suffix("?module") {
        Some(path) if path.ends_with(".wasm") => path,
        _ => written,
    };
    let folder = importer.parent().unwrap_or(root);
    let path = join(folder, relative).filter(|path| path.starts_with(root));
    let path = path.ok_or_else(|| outside(written))?;

    let candidates = candidates(&path, is_folder(relative));
    let found = candidates.iter().find(|candidate| candidate.is_file());
    let Some(found) = found else { return Err(missing(root, written, &candidates)) };
    // A link can lead out of the root where the path does not.
    match found.canonicalize() {
        Ok(file) if !file.starts_with(root) => Err(outside(written)),
        Ok(file) if kind::of_file(&file).is_none() => Err(unknown_kind(written, &file)),
        Ok(file) => Ok(Target::File(file)),
        Err(_) => Err(missing(root, written, &candidates)),
    }
}

fn is_relative(specifier: &str) -> bool {
    matches!(specifier, "." | "..") || specifier.starts_with("./") || specifier.starts_with("../")
}

/// Whether the specifier can only mean a folder.
fn is_folder(specifier: &str) -> bool {
    specifier.ends_with('/')
        || specifier.ends_with("/..")
        || specifier.ends_with("/.")
        || matches!(specifier, "." | "..")
}

/// The path without `.` and `..`; `None` if it leaves the file system's root.
fn join(folder: &Path, relative: &str) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    for component in Path::new(relative).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::ParentDir if !path.pop() => return None,
            _ => {}
        }
    }
    Some(path)
}

/// The files that a path can mean, the first that exists wins: the path itself, the TypeScript
/// that it is compiled from, the path with an extension, the folder's index.
fn candidates(path: &Path, folder_only: bool) -> Vec<PathBuf> {
    let mut candidates = Vec::new();
    if !folder_only {
        candidates.push(path.to_owned());
        let extension = path.extension().and_then(|extension| extension.to_str());
        for (_, sources) in COMPILED.iter().filter(|(compiled, _)| Some(*compiled) == extension) {
            candidates.extend(sources.iter().map(|source| path.with_extension(source)));
        }
        candidates.extend(kind::IMPLIED_EXTENSIONS.iter().map(|extension| {
            let mut name = path.as_os_str().to_owned();
            name.push(".");
            name.push(extension);
            PathBuf::from(name)
        }));
    }
    let indexes = kind::IMPLIED_EXTENSIONS.iter();
    candidates.extend(indexes.map(|extension| path.join("index").with_extension(extension)));
    candidates
}

fn not_relative(written: &str) -> Problem {
    let message = format!("cannot import \"{written}\"");
    let help = if written.starts_with('/') {
        "import by a path that starts with ./ or ../".to_owned()
    } else if written.starts_with("http:") || written.starts_with("https:") {
        "modules are not fetched: save it in the project and import it by a relative path"
            .to_owned()
    } else if written.starts_with("node:") || written.starts_with("cloudflare:") {
        format!("the modules that the runtime provides are {}", BUILTIN.join(", "))
    } else {
        format!(
            "packages are not bundled yet: bundle the worker first (for example with esbuild \
             --bundle --format=esm), or import a file of the project as \"./{written}\""
        )
    };
    Problem::import(message, help)
}

fn outside(written: &str) -> Problem {
    Problem::import(
        format!("\"{written}\" is outside of the project's folder"),
        "move the module into the project, or open the folder that holds both",
    )
}

fn missing(root: &Path, written: &str, candidates: &[PathBuf]) -> Problem {
    let tried: Vec<String> = candidates
        .iter()
        .take(4)
        .map(|path| path.strip_prefix(root).unwrap_or(path).display().to_string())
        .collect();
    Problem::import(
        format!("cannot find \"{written}\""),
        format!("there is no {} and so on", tried.join(", no ")),
    )
}

fn unknown_kind(written: &str, file: &Path) -> Problem {
    let help = match file.extension().and_then(|extension| extension.to_str()) {
        Some("cjs" | "cts") => {
            "CommonJS modules are not supported yet: use import and export".to_owned()
        }
        _ => format!("a module's file ends in {}", kind::KNOWN_EXTENSIONS),
    };
    Problem::import(format!("cannot tell what \"{written}\" is"), help)
}
