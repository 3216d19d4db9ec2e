//! From what the bundler made to the modules of the bundle: names, imports, source maps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rolldown::BundleOutput;
use rolldown_common::{Output, OutputChunk};

use super::inputs::Inputs;
use crate::bundle::{Bundle, Module, ModuleKind};
use crate::error::BundleError;
use crate::paths;
use crate::project::Project;

/// The bundle of the project.
///
/// # Errors
///
/// When its modules are larger than that many bytes together.
pub(super) fn bundle(
    project: &Project,
    output: BundleOutput,
    inputs: &Inputs,
    limit_bytes: u64,
) -> Result<Bundle, BundleError> {
    let mut chunks: Vec<OutputChunk> = output
        .assets
        .into_iter()
        .filter_map(|output| match output {
            // Nobody else has it: nothing is copied.
            Output::Chunk(chunk) => Some(Arc::unwrap_or_clone(chunk)),
            Output::Asset(_) => None,
        })
        .collect();
    // The main module first, the others by name: never in the order in which threads were ready.
    let is_main = |chunk: &OutputChunk| {
        let module = chunk.facade_module_id.as_ref();
        chunk.is_entry && module.is_some_and(|id| Path::new(id.as_str()) == project.main)
    };
    chunks.sort_by_key(|chunk| (!is_main(chunk), chunk.filename.clone()));
    let main = chunks.first().map(|chunk| chunk.filename.to_string()).unwrap_or_default();

    let external = inputs.external();
    let names: BTreeSet<String> = chunks.iter().map(|chunk| chunk.filename.to_string()).collect();
    let mut modules: Vec<Module> =
        chunks.into_iter().map(|chunk| code(project, chunk, &names, &external)).collect();
    add_assets(&mut modules, inputs);
    let bytes: u64 = modules.iter().map(|module| module.source.len() as u64).sum();
    if bytes > limit_bytes {
        return Err(inputs.too_big(project));
    }
    Ok(Bundle {
        name: project.name.clone(),
        main,
        modules,
        settings: project.settings.clone(),
        warnings: project.warnings.iter().cloned().chain(inputs.warnings(project)).collect(),
        inputs: inputs.files(),
        folders: inputs.folders(),
    })
}

fn code(
    project: &Project,
    mut chunk: OutputChunk,
    chunks: &BTreeSet<String>,
    external: &BTreeSet<String>,
) -> Module {
    let mut imports = BTreeMap::new();
    for imported in chunk.imports.iter().chain(&chunk.dynamic_imports) {
        if chunks.contains(imported.as_str()) {
            imports.insert(relative(&chunk.filename, imported), imported.to_string());
        }
    }
    // What is imported dynamically from outside is not in the chunk's lists.
    let is_imported = |name: &&String| {
        chunk.imports.iter().any(|imported| imported.as_str() == name.as_str())
            || is_quoted(&chunk.code, name)
    };
    let outside = external.iter().filter(is_imported);
    imports.extend(outside.map(|name| (name.clone(), name.clone())));
    let source_map = chunk.map.take().map(|mut map| {
        let sources = map.get_sources();
        let sources: Vec<String> =
            sources.map(|source| source_name(project, &chunk.filename, source)).collect();
        map.set_sources(sources);
        map.to_json_string().into()
    });
    Module {
        specifier: chunk.filename.to_string(),
        kind: ModuleKind::EsModule,
        source: chunk.code.into_bytes().into(),
        source_map,
        imports,
    }
}

/// Whether a name stands in code as a string.
fn is_quoted(code: &str, name: &str) -> bool {
    let quoted = |quote| code.contains(&format!("{quote}{name}{quote}"));
    // Most names that are looked for are nowhere: one search tells that.
    code.contains(name) && ['"', '`', '\''].into_iter().any(quoted)
}

/// How one chunk's code names another.
fn relative(from: &str, to: &str) -> String {
    let mut from: Vec<&str> = from.split('/').collect();
    from.pop();
    let to: Vec<&str> = to.split('/').collect();
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let ups = from.len() - common;
    let ups = if ups == 0 { "./".to_owned() } else { "../".repeat(ups) };
    format!("{ups}{}", to.get(common..).unwrap_or_default().join("/"))
}

/// Adds the modules that some code imports and that stay files of their own, and those that need
/// not be imported.
fn add_assets(modules: &mut Vec<Module>, inputs: &Inputs) {
    let mut wanted: BTreeSet<String> =
        modules.iter().flat_map(|m| m.imports.keys()).cloned().collect();
    wanted.extend(inputs.additional_names());
    let code: BTreeSet<String> = modules.iter().map(|module| module.specifier.clone()).collect();
    for name in wanted {
        let Some(asset) = inputs.take_asset(&name) else { continue };
        // No other file's name ends so.
        let specifier = if code.contains(&name) { format!("{name}%") } else { name.clone() };
        for module in modules.iter_mut() {
            if let Some(target) = module.imports.get_mut(&name) {
                target.clone_from(&specifier);
            }
        }
        modules.push(Module {
            specifier,
            kind: asset.kind,
            source: asset.source.into(),
            source_map: None,
            imports: BTreeMap::new(),
        });
    }
}

/// The name of a source in the map of a chunk: its path below the root, or from the last
/// `node_modules` on. Nothing in it tells where the project lies.
fn source_name(project: &Project, chunk: &str, source: &str) -> String {
    if let Some((_, name)) = source.split_once('\0') {
        return name.to_owned();
    }
    // It is relative to the chunk's own folder.
    let folder = project.root.join(Path::new(chunk).parent().unwrap_or(Path::new("")));
    let path = paths::join(&folder, source).unwrap_or_else(|| folder.join(source));
    let below = project.below(&path);
    match below.find("node_modules/") {
        Some(start) if below.starts_with("../") => {
            below.get(start..).unwrap_or_default().to_owned()
        }
        _ => below,
    }
}

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn a_chunk_is_named_relative_to_its_importer() {
        for (from, to, expected) in [
            ("index.js", "a.js", "./a.js"),
            ("index.js", "lang/a.js", "./lang/a.js"),
            ("lang/a.js", "b.js", "../b.js"),
            ("lang/de/a.js", "lang/b.js", "../b.js"),
            ("lang/a.js", "lang/b.js", "./b.js"),
            ("a/b/c.js", "d/e.js", "../../d/e.js"),
        ] {
            assert_eq!(relative(from, to), expected, "{from} {to}");
        }
    }
}
