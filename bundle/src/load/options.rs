//! What the bundler is asked to do for a project: wrangler's choices, so that a project means the
//! same here (<https://developers.cloudflare.com/workers/wrangler/bundling/>).

use rolldown::{
    AttachDebugInfo, BundlerOptions, BundlerTransformOptions, Either, ExperimentalOptions,
    InputItem, JsxOptions, OutputFormat, Platform, RawMinifyOptions, ResolveOptions, SourceMapType,
    TsConfig,
};

use super::LoadOptions;
use crate::project::Project;

/// The conditions of a package's `exports` that hold, beside `import` or `require` and `default`.
const CONDITIONS: [&str; 3] = ["workerd", "worker", "browser"];

/// The fields of a package without `exports` that name its main module, the first that is there.
const MAIN_FIELDS: [&str; 3] = ["browser", "module", "main"];

/// The extensions that an importer may leave out, in the order in which they are tried.
const IMPLIED_EXTENSIONS: [&str; 8] =
    [".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs", ".cjs", ".json"];

/// The spellings of the one variable that packages ask for.
const NODE_ENV: [&str; 3] =
    ["process.env.NODE_ENV", "global.process.env.NODE_ENV", "globalThis.process.env.NODE_ENV"];

pub(super) fn of(project: &Project, options: &LoadOptions, jsx: JsxOptions) -> BundlerOptions {
    let build = &project.build;
    let strings = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
    let stem = project.main.file_stem().unwrap_or_default().to_string_lossy();
    let minify = options.minify || build.minify;
    let node_env = NODE_ENV
        .iter()
        .map(|name| ((*name).to_owned(), format!("\"{}\"", options.node_env.as_str())));
    let define = node_env.chain(build.define.clone()).collect();
    BundlerOptions {
        input: Some(vec![InputItem {
            name: Some(stem.into_owned()),
            import: project.main.to_string_lossy().into_owned(),
        }]),
        cwd: Some(project.root.clone()),
        // Nothing is written; what is named relative to it is so relative to the root.
        dir: Some(".".to_owned()),
        platform: Some(Platform::Browser),
        format: Some(OutputFormat::Esm),
        sourcemap: Some(SourceMapType::Hidden),
        minify: Some(if minify {
            RawMinifyOptions::Bool(true)
        } else {
            RawMinifyOptions::DeadCodeEliminationOnly
        }),
        keep_names: Some(build.keep_names.unwrap_or(true)),
        define: Some(define),
        resolve: Some(ResolveOptions {
            condition_names: Some(strings(&CONDITIONS)),
            main_fields: Some(strings(&MAIN_FIELDS)),
            alias_fields: Some(vec![strings(&["browser"])]),
            extensions: Some(strings(&IMPLIED_EXTENSIONS)),
            ..ResolveOptions::default()
        }),
        tsconfig: build.tsconfig.clone().map(|(file, _)| TsConfig::Manual(file)),
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
