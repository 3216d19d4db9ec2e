//! What the project's `tsconfig.json` says that the bundler does not take from there itself, or
//! takes otherwise than wrangler: how JSX is compiled, whether there are decorators.

use std::path::PathBuf;

use oxc_resolver::{
    CompilerOptions, ExtendsField, ResolveOptions, Resolver, TsConfig, TsconfigDiscovery,
    TsconfigOptions, TsconfigReferences,
};
use rolldown::JsxOptions;

use crate::error::BundleError;
use crate::project::Project;

/// The functions that JSX becomes calls of where nothing names others; wrangler's.
const FACTORY: &str = "React.createElement";
const FRAGMENT: &str = "React.Fragment";

/// What a project's `tsconfig.json` says.
#[derive(Debug)]
pub(super) struct Tsconfig {
    pub(super) jsx: JsxOptions,
    pub(super) has_decorators: bool,
    /// The file, where there is one, and those that it extends.
    pub(super) files: Vec<PathBuf>,
}

/// Reads the `tsconfig.json` that the configuration names, else the one next to the main module
/// or above it.
pub(super) fn of(project: &Project) -> Result<Tsconfig, BundleError> {
    let discovery = match &project.build.tsconfig {
        Some((file, _)) => TsconfigDiscovery::Manual(TsconfigOptions {
            config_file: file.clone(),
            references: TsconfigReferences::Auto,
        }),
        None => TsconfigDiscovery::Auto,
    };
    let options = ResolveOptions { tsconfig: Some(discovery), ..ResolveOptions::default() };
    let resolver = Resolver::new(options);
    let found = resolver.find_tsconfig(&project.main).map_err(|error| {
        let message = error.to_string().replace(&format!("{}/", project.root.display()), "");
        BundleError::Bundler { message: format!("tsconfig.json cannot be read: {message}") }
    })?;
    Ok(match &found {
        Some(found) => Tsconfig {
            jsx: jsx(project, &found.compiler_options),
            has_decorators: found.compiler_options.experimental_decorators == Some(true),
            files: files(&resolver, found),
        },
        None => Tsconfig {
            jsx: jsx(project, &CompilerOptions::default()),
            has_decorators: false,
            files: Vec::new(),
        },
    })
}

/// The file and those that it extends, without packages', which nobody edits.
fn files(resolver: &Resolver, found: &TsConfig) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut left = vec![found.path.clone()];
    while let Some(path) = left.pop() {
        // What cannot be read was an error before.
        let Ok(config) = resolver.resolve_tsconfig(&path) else { continue };
        let Ok(file) = config.path.canonicalize() else { continue };
        if files.contains(&file) {
            continue;
        }
        let extended = match &config.extends {
            None => &[][..],
            Some(ExtendsField::Single(extended)) => std::slice::from_ref(extended),
            Some(ExtendsField::Multiple(extended)) => extended,
        };
        let in_project = extended.iter().filter(|path| path.starts_with(['.', '/']));
        left.extend(in_project.map(|path| file.parent().unwrap_or(&file).join(path)));
        files.push(file);
    }
    files
}

/// As esbuild decides it for wrangler: `tsconfig.json` first, then `jsx_factory` and
/// `jsx_fragment` of the configuration. JSX that TypeScript is to leave alone ("preserve") is
/// compiled as well, for nothing comes after.
fn jsx(project: &Project, options: &CompilerOptions) -> JsxOptions {
    let is_automatic = match options.jsx.as_deref() {
        Some("react-jsx" | "react-jsxdev") => true,
        Some("react") => false,
        _ => options.jsx_import_source.is_some(),
    };
    if is_automatic {
        return JsxOptions {
            runtime: Some("automatic".to_owned()),
            import_source: options.jsx_import_source.clone(),
            development: Some(false),
            ..JsxOptions::default()
        };
    }
    let configured = &project.build;
    let either = |written: &Option<String>, configured: &Option<String>, default: &str| {
        written.clone().or_else(|| configured.clone()).unwrap_or_else(|| default.to_owned())
    };
    JsxOptions {
        runtime: Some("classic".to_owned()),
        pragma: Some(either(&options.jsx_factory, &configured.jsx_factory, FACTORY)),
        pragma_frag: Some(either(
            &options.jsx_fragment_factory,
            &configured.jsx_fragment,
            FRAGMENT,
        )),
        ..JsxOptions::default()
    }
}
