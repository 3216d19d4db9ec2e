//! What the bundler is asked to do for a project: wrangler's choices, so that a project means the
//! same here (<https://developers.cloudflare.com/workers/wrangler/bundling/>).

use std::collections::HashSet;
use std::future::ready;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxc::mangler::MangleOptionsKeepNames;
use oxc::minifier::CompressOptionsKeepNames;
use oxc_resolver::TsconfigDiscovery;
use rolldown::{
    AttachDebugInfo, BundlerOptions, BundlerTransformOptions, CommentsOptions, Either,
    ExperimentalOptions, InputItem, JsxOptions, OutputFormat, Platform, RawCompressOptions,
    RawMangleOptions, RawMinifyOptions, RawMinifyOptionsDetailed, ResolveOptions, SourceMapType,
    TreeshakeOptions, TsConfig,
};
use rolldown_common::SanitizeFilename;

use super::LoadOptions;
use super::additional::{self, Additional};
use super::rules::FileKind;
use crate::project::Project;

/// The conditions of a package's `exports` that hold, beside `import` or `require` and `default`.
const CONDITIONS: [&str; 3] = ["workerd", "worker", "browser"];

/// The fields of a package without `exports` that name its main module, the first that is there.
const MAIN_FIELDS: [&str; 3] = ["browser", "module", "main"];

/// The extensions that an importer may leave out, in the order in which they are tried.
const IMPLIED_EXTENSIONS: [&str; 8] =
    [".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs", ".cjs", ".json"];

/// The extensions of compiled files, and those of the files that are meant by them.
const COMPILED: [(&str, &[&str]); 4] = [
    (".js", &[".js", ".ts", ".tsx"]),
    (".jsx", &[".jsx", ".ts", ".tsx"]),
    (".mjs", &[".mjs", ".mts"]),
    (".cjs", &[".cjs", ".cts"]),
];

/// The spellings of the one variable that packages ask for.
const NODE_ENV: [&str; 3] =
    ["process.env.NODE_ENV", "global.process.env.NODE_ENV", "globalThis.process.env.NODE_ENV"];

/// What differs from run to run.
pub(super) struct Asked<'a> {
    pub(super) options: &'a LoadOptions,
    pub(super) jsx: JsxOptions,
    /// Whether TypeScript exports by name what another module exports as a type only, which is
    /// nothing when the code runs.
    pub(super) has_type_exports: bool,
}

/// `tsconfig` is the file that counts for all modules, if one does.
pub(super) fn of(
    project: &Project,
    asked: Asked<'_>,
    tsconfig: Option<PathBuf>,
    additional: &[Additional],
) -> BundlerOptions {
    let Asked { options, jsx, has_type_exports } = asked;
    let build = &project.build;
    let stem = additional::main_stem(project);
    let minify = options.minify || build.minify;
    let node_env = NODE_ENV
        .iter()
        .map(|name| ((*name).to_owned(), format!("\"{}\"", options.node_env.as_str())));
    let define = node_env.chain(build.define.clone()).collect();
    let input = |name: String, path: &Path| InputItem {
        name: Some(name),
        import: path.to_string_lossy().into_owned(),
    };
    let scripts = additional.iter().filter(|it| matches!(it.kind, FileKind::Script(_)));
    let scripts = scripts.map(|module| input(module.name.clone(), &module.path));
    let inputs = iter::once(input(format!("{stem}.js"), &project.main)).chain(scripts);
    BundlerOptions {
        input: Some(inputs.collect()),
        entry_filenames: Some("[name]".to_owned().into()),
        sanitize_filename: names_of(additional),
        cwd: Some(project.root.clone()),
        // Nothing is written; what is named relative to it is so relative to the root.
        dir: Some(".".to_owned()),
        platform: Some(Platform::Browser),
        format: Some(OutputFormat::Esm),
        sourcemap: Some(SourceMapType::Hidden),
        // On this machine the sources are where the map says.
        sourcemap_exclude_sources: Some(options.quick),
        minify: Some(match (minify, options.debuggable) {
            (_, true) => RawMinifyOptions::Bool(false),
            (true, _) => minified(build.keep_names.unwrap_or(true)),
            // Of each module dead code is gone by then.
            (false, _) if options.quick => RawMinifyOptions::Bool(false),
            (false, _) => RawMinifyOptions::DeadCodeEliminationOnly,
        }),
        // Whatever it leaves out of a module, it also puts a variable's value where it is used.
        treeshake: TreeshakeOptions::Boolean(!options.debuggable),
        shim_missing_exports: Some(has_type_exports),
        define: Some(define),
        comments: Some(CommentsOptions { legal: true, annotation: false, jsdoc: false }),
        resolve: Some(ResolveOptions {
            condition_names: Some(strings(&CONDITIONS)),
            main_fields: Some(strings(&MAIN_FIELDS)),
            alias_fields: Some(vec![strings(&["browser"])]),
            extensions: Some(strings(&IMPLIED_EXTENSIONS)),
            ..ResolveOptions::default()
        }),
        tsconfig: tsconfig.map(TsConfig::Manual),
        transform: Some(BundlerTransformOptions {
            jsx: Some(Either::Right(jsx)),
            ..BundlerTransformOptions::default()
        }),
        experimental: Some(ExperimentalOptions {
            attach_debug_info: Some(AttachDebugInfo::None),
            ..ExperimentalOptions::default()
        }),
        ..BundlerOptions::default()
    }
}

/// How the bundler looks for what is imported, for who looks once more.
pub(super) fn of_resolver(tsconfig: TsconfigDiscovery) -> oxc_resolver::ResolveOptions {
    let conditions = [&["import", "require", "default"][..], &CONDITIONS[..]].concat();
    let compiled = COMPILED.map(|(extension, meant)| (extension.to_owned(), strings(meant)));
    oxc_resolver::ResolveOptions {
        tsconfig: Some(tsconfig),
        condition_names: strings(&conditions),
        main_fields: strings(&MAIN_FIELDS),
        alias_fields: vec![strings(&["browser"])],
        extensions: strings(&IMPLIED_EXTENSIONS),
        extension_alias: compiled.into(),
        ..oxc_resolver::ResolveOptions::default()
    }
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|item| (*item).to_owned()).collect()
}

/// Additional modules are found by their names, whatever these are; those of all others are made of
/// plain letters.
fn names_of(additional: &[Additional]) -> Option<SanitizeFilename> {
    if additional.is_empty() {
        return None;
    }
    let names: HashSet<String> = additional.iter().map(|module| module.name.clone()).collect();
    Some(SanitizeFilename::Fn(Arc::new(move |name: &str| {
        let plain = |letter: char| match letter {
            letter if letter.is_ascii_alphanumeric() || "-_./~".contains(letter) => letter,
            _ => '_',
        };
        let is_additional = names.contains(name);
        let name = if is_additional { name.to_owned() } else { name.chars().map(plain).collect() };
        Box::pin(ready(Ok(name)))
    })))
}

fn minified(keep_names: bool) -> RawMinifyOptions {
    // The bundler's own "keep_names" loses exports of declarations with more than one name.
    RawMinifyOptions::Object(RawMinifyOptionsDetailed {
        mangle: Some(RawMangleOptions {
            keep_names: keep_names.then(MangleOptionsKeepNames::all_true),
            ..RawMangleOptions::default()
        }),
        compress: Some(RawCompressOptions {
            keep_names: keep_names.then(CompressOptionsKeepNames::all_true),
            ..RawCompressOptions::default()
        }),
        remove_whitespace: true,
    })
}
