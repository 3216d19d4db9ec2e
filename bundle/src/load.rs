//! From a project's main module along its imports to the modules of its bundle. Where an import
//! leads is `load/resolve.rs`'s, what a file is `load/rules.rs`'s, how the bundler runs
//! `load/engine.rs`'s, what becomes of its output `load/assemble.rs`'s.

mod absent;
mod additional;
mod assemble;
mod engine;
mod fault;
mod folders;
mod importers;
mod inputs;
mod nesting;
mod node;
mod options;
mod plugin;
mod resolve;
mod rules;
mod stand_ins;
mod syntax;
mod tsconfig;
mod wildcard;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rolldown_error::BatchedBuildDiagnostic;

use crate::bundle::Bundle;
use crate::error::{BundleError, Dependencies, LoadError};
use crate::project::Project;
use plugin::ProjectPlugin;
use rules::FileKind;
use tsconfig::{Tsconfig, Tsconfigs};

pub(crate) use rules::{Rule, RuleType, Rules, is_script};

/// How large the files of a bundle may be together, in bytes (64 MiB, as Workers have it:
/// <https://developers.cloudflare.com/workers/platform/limits/#worker-size>).
pub const MAX_BUNDLE_BYTES: u64 = 64 * 1024 * 1024;

/// How often the bundler begins again because of files that lead it to others.
const MAX_ROUNDS: usize = 10;

/// How a project is bundled, beside what its configuration says. The default is what a deploy
/// does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Whether the code is minified, which `minify` of the configuration also asks for.
    pub minify: bool,
    /// What `process.env.NODE_ENV` is in the code.
    pub node_env: NodeEnv,
    /// Whether the code stays as it was written, so that a debugger finds every line and variable:
    /// nothing is minified, and nothing that is unused is left out.
    pub debuggable: bool,
    /// Whether the bundle is for this machine alone, and made anew at each change: what takes time and
    /// changes nothing of what the code does is left undone. Dead code is looked for in each module
    /// and not once more in all of them together, and the source maps are without the sources' texts.
    pub quick: bool,
    /// The folder for what the bundler is given in the place of files that it would not take, for the
    /// time of the load; it is made where it is absent. Without it, the system's for temporary files.
    pub scratch: Option<PathBuf>,
}

/// What `process.env.NODE_ENV` is replaced with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NodeEnv {
    /// `"production"`.
    #[default]
    Production,
    /// `"development"`.
    Development,
}

impl NodeEnv {
    fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
        }
    }
}

/// Bundles the project, whose files are at most that many bytes together.
pub(crate) fn load(
    project: &Project,
    options: &LoadOptions,
    limit_bytes: u64,
) -> Result<Bundle, LoadError> {
    let mut read = Dependencies { inputs: own_files(project).collect(), folders: Vec::new() };
    // Also for what is wrong: it is found by parsing again.
    let loaded =
        engine::with_large_stack(|| load_on_this_thread(project, options, limit_bytes, &mut read));
    loaded.map_err(|error| LoadError { error, read: Box::new(read) })
}

/// Notes what may mend an error.
fn load_on_this_thread(
    project: &Project,
    options: &LoadOptions,
    limit_bytes: u64,
    read: &mut Dependencies,
) -> Result<Bundle, BundleError> {
    let mut tsconfigs = Tsconfigs::new(options.scratch.clone());
    for _ in 0..MAX_ROUNDS {
        let tsconfig = tsconfigs.of_main(project)?;
        let plugin = ProjectPlugin::new(project, tsconfig.has_decorators, limit_bytes);
        let plugin = Arc::new(plugin);
        match load_once(&plugin, options, limit_bytes, &tsconfig, &mut tsconfigs) {
            Ok(Some(bundle)) => return Ok(bundle),
            Ok(None) => {}
            Err(error) => {
                *read = plugin.inputs().dependencies(project, tsconfigs.for_bundler(project));
                return Err(error);
            }
        }
    }
    Err(BundleError::Bundler {
        message: format!(
            "they lead to ever more tsconfig.json files beside one that cannot be read, the last of \
             them {}",
            project.shown(tsconfigs.last()).display()
        ),
    })
}

/// Bundles a project with what is known of its `tsconfig.json` files by now; nothing where there is
/// more to know of them.
fn load_once(
    plugin: &Arc<ProjectPlugin>,
    options: &LoadOptions,
    limit_bytes: u64,
    tsconfig: &Tsconfig,
    tsconfigs: &mut Tsconfigs,
) -> Result<Option<Bundle>, BundleError> {
    let (project, inputs) = (plugin.project(), plugin.inputs());
    let output = run(plugin, options, tsconfig, tsconfigs.for_bundler(project))?;
    let is_uncertain = output.is_err() || tsconfigs.are_lenient();
    if is_uncertain && tsconfigs.look_at(project, &inputs.files())? {
        return Ok(None);
    }
    let mut errors = inputs.take_errors(project);
    match output {
        Ok(output) if errors.is_empty() => {
            let mut bundle = assemble::bundle(project, output, inputs, limit_bytes)?;
            bundle.warnings.extend(tsconfigs.take_warnings());
            Ok(Some(bundle))
        }
        Ok(_) => Err(fault::first(errors)),
        Err(diagnostics) => {
            fault::of_diagnostics(project, &diagnostics, &mut errors);
            Err(fault::first(errors))
        }
    }
}

/// Has the bundler run. `for_all` is the `tsconfig.json` that counts for all modules, if one does.
fn run(
    plugin: &Arc<ProjectPlugin>,
    options: &LoadOptions,
    tsconfig: &Tsconfig,
    for_all: Option<PathBuf>,
) -> Result<engine::Output, BundleError> {
    let (project, inputs) = (plugin.project(), plugin.inputs());
    for file in own_files(project).chain(tsconfig.files.iter().cloned()) {
        inputs.depends_on(&file);
    }
    let additional = additional::of(project, inputs)?;
    for module in &additional {
        // What cannot be read is an error that is noted.
        if !matches!(module.kind, FileKind::Script(_)) {
            let _ = inputs.additional(project, module);
        }
    }
    let run = |has_type_exports| {
        let asked = options::Asked { options, jsx: tsconfig.jsx.clone(), has_type_exports };
        let options = options::of(project, asked, for_all.clone(), &additional);
        engine::run(options, plugin.clone())
    };
    let mut output = run(false)?;
    let are_types = |diagnostics: &BatchedBuildDiagnostic| {
        fault::without_types(project, diagnostics).is_empty()
    };
    if output.as_ref().is_err_and(are_types) {
        output = run(true)?;
    }
    Ok(output)
}

/// The files that decide which project it is; absolute.
fn own_files(project: &Project) -> impl Iterator<Item = PathBuf> {
    let files = [project.config_file.as_deref(), project.redirect_file(), Some(&*project.main)];
    files.into_iter().flatten().map(Path::to_owned)
}
