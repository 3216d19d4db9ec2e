//! The bundler's questions about a project: where an import leads, what a module's text is. The
//! answers are `load/resolve.rs`'s, `load/inputs.rs`'s and `load/stand_ins.rs`'s.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use parking_lot::Mutex;
use rolldown_common::side_effects::HookSideEffects;
use rolldown_common::{ImportKind, ModuleType, PackageJson, ResolvedExternal, ResolvedId};
use rolldown_plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput,
    HookResolveIdReturn, HookTransformAstArgs, HookTransformAstReturn, HookUsage, Plugin,
    PluginContext, PluginContextResolveOptions, SharedLoadPluginContext,
};

use super::folders;
use super::importers::BadImport;
use super::inputs::Inputs;
use super::nesting;
use super::resolve::{self, Target};
use super::rules::{FileKind, Language};
use super::stand_ins;
use super::syntax::{self, Named};
use super::wildcard::{self, Wildcard};
use crate::error::{BundleError, Location, Problem, SourceError};
use crate::paths;
use crate::project::Project;
use crate::text;

/// Answers for one project.
#[derive(Debug)]
pub(super) struct ProjectPlugin {
    project: Project,
    has_decorators: bool,
    inputs: Inputs,
    /// What was found out of modules of packages, by their identifiers: most are imported many times.
    known: Mutex<HashMap<String, Known>>,
}

/// What is known of a module, whoever imports it.
#[derive(Debug, Clone)]
struct Known {
    is_without_side_effects: bool,
    /// The `package.json` that says whether it is an ES module.
    scope: Option<String>,
}

/// Ends the build; what is wrong has been noted.
#[derive(Debug)]
struct Noted;

impl fmt::Display for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file cannot be bundled")
    }
}

impl std::error::Error for Noted {}

impl ProjectPlugin {
    /// `has_decorators` is whether the project says which decorators it means.
    pub(super) fn new(project: &Project, has_decorators: bool, limit_bytes: u64) -> Self {
        let (project, inputs) = (project.clone(), Inputs::new(limit_bytes));
        Self { project, has_decorators, inputs, known: Mutex::default() }
    }

    pub(super) fn project(&self) -> &Project {
        &self.project
    }

    pub(super) fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// What the bundler is told of an import's target.
    fn answer(
        &self,
        importer: &Path,
        args: &HookResolveIdArgs<'_>,
        target: Target,
    ) -> HookResolveIdReturn {
        let output = match target {
            Target::Module(resolved) => self.module(*resolved),
            Target::Provided(module) => {
                self.inputs.needs(&module);
                let missing = self.inputs.missing(importer, &module);
                if args.kind == ImportKind::Import && !missing.is_empty() {
                    let id = stand_ins::partly_provided(&module, &missing);
                    return Ok(Some(HookResolveIdOutput::from_id(id)));
                }
                outside(module, args.kind)
            }
            Target::Asset { path, kind, name } => {
                let name = self.inputs.asset(&self.project, &path, kind, &name).ok_or(Noted)?;
                outside(name, args.kind)
            }
            // Code that is prepared for its absence finds it absent.
            Target::Lacking(_) if self.is_guarded(importer, args) => absent(args),
            Target::Lacking(module) => {
                self.inputs.lacks(importer, args.specifier, &module);
                let mut output = HookResolveIdOutput::from_id(stand_ins::lacking(&module));
                output.side_effects = Some(HookSideEffects::False);
                output
            }
            Target::Nowhere { problem, is_fatal } => {
                if is_fatal || args.kind == ImportKind::Import {
                    let (importer, written) = (importer.to_owned(), args.specifier.to_owned());
                    let import = BadImport { importer, written, kind: args.kind, problem };
                    self.inputs.bad_import(import);
                }
                absent(args)
            }
        };
        Ok(Some(output))
    }

    /// Whether it is a `require` or an `import()` whose failure the importer catches.
    fn is_guarded(&self, importer: &Path, args: &HookResolveIdArgs<'_>) -> bool {
        args.kind != ImportKind::Import
            && self.inputs.are_guarded(&self.project, importer, args.specifier)
    }

    /// A module as the bundler takes it from a plugin: without its kind, which the bundler then
    /// tells from the `package.json` that is named.
    fn module(&self, resolved: ResolvedId) -> HookResolveIdOutput {
        let package = resolved.package_json.clone();
        let mut output = HookResolveIdOutput::from_resolved_id(resolved);
        let known = self.known_of(&output.id, package.as_deref());
        if known.is_without_side_effects {
            output.side_effects = Some(HookSideEffects::False);
        }
        output.package_json_path = known.scope.or(output.package_json_path);
        output
    }

    fn known_of(&self, id: &str, package: Option<&PackageJson>) -> Known {
        if let Some(known) = self.known.lock().get(id) {
            return known.clone();
        }
        let file = resolve::file_of(id);
        let scope = resolve::package_scope(file);
        for manifest in package.map(PackageJson::realpath).into_iter().chain(scope.as_deref()) {
            self.inputs.depends_on(manifest);
        }
        let known = Known {
            is_without_side_effects: package.is_some_and(|it| is_without_side_effects(it, file)),
            scope: scope.map(|scope| scope.to_string_lossy().into_owned()),
        };
        // Of the main module the bundler does not say the package.
        if package.is_some() {
            self.known.lock().insert(id.to_owned(), known.clone());
        }
        known
    }

    /// The language of a module, where it is a script in a file.
    fn language_of(&self, id: &str) -> Option<Language> {
        if id.starts_with('\0') || id.starts_with("data:") {
            return None;
        }
        match self.project.rules().kind(&self.project.below(resolve::file_of(id))) {
            Some(FileKind::Script(language)) => Some(language),
            _ => None,
        }
    }

    /// Has an import of files by a pattern choose among those there are.
    fn choose_files(&self, args: &mut HookTransformAstArgs<'_>) {
        let path = resolve::file_of(args.id);
        let folder = path.parent().unwrap_or(path);
        let mut crowded = Vec::new();
        let mut files_of = |import: &Wildcard| {
            let meant = paths::join(folder, &import.folder)?;
            self.inputs.lists(&meant);
            let Some(files) = folders::files_below(&meant, wildcard::MAX_FILES) else {
                crowded.push((import.offset, import.folder.clone()));
                return None;
            };
            let mut files: Vec<String> = files
                .into_iter()
                .filter(|file| file != path)
                .filter(|file| self.project.rules().kind(&self.project.below(file)).is_some())
                .filter_map(|file| {
                    let below = file.strip_prefix(&meant).ok()?;
                    Some(format!("{}{}", import.folder, below.to_str()?))
                })
                .filter(|specifier| import.means(specifier))
                .collect();
            files.sort();
            Some(files)
        };
        args.ast.program.with_mut(|fields| {
            wildcard::choose(fields.allocator, fields.program, |import| {
                files_of(import).unwrap_or_default()
            });
        });
        for (offset, folder) in crowded {
            let message = format!(
                "there are more than {} files in \"{folder}\": those that this import may mean are no \
                 part of the bundle",
                wildcard::MAX_FILES
            );
            self.inputs.note(self.place(path, args.ast.source(), offset), message);
        }
    }

    /// A place in the text of a file.
    fn place(&self, path: &Path, text: &str, offset: usize) -> Location {
        let (line, column) = text::line_column(text, offset);
        Location { path: self.project.shown(path), line, column }
    }

    /// A worker that imports what a module of the runtime does not export could not be linked,
    /// even where it does not use it.
    fn look_for_missing_names(&self, args: &HookTransformAstArgs<'_>) {
        let missing_from = |named: Named| {
            let kind = ImportKind::Import;
            let target = resolve::without_looking(&self.project, &named.specifier, kind);
            let Some(Target::Provided(module)) = target else { return None };
            let is_missing = !provided::find(&module)?.has(&named.name) && named.name != "default";
            is_missing.then_some((module, named))
        };
        let names = syntax::named_imports(args.ast.program()).into_iter();
        let mut missing: Vec<(String, Named)> = names.filter_map(missing_from).collect();
        if missing.is_empty() {
            return;
        }
        let path = Path::new(args.id);
        if let Some(language) = self.language_of(args.id)
            && language != Language::JavaScript
        {
            // What is only a type is no import.
            let values = syntax::imported_values(args.ast.source(), language);
            missing.retain(|(_, named)| named.is_export || values.contains(&named.place));
        }
        for (module, named) in missing {
            let location = self.place(path, args.ast.source(), named.place.start);
            self.inputs.misses(path, &module, &named.name, location);
        }
    }
}

impl Plugin for ProjectPlugin {
    fn name(&self) -> Cow<'static, str> {
        "isolane".into()
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Load | HookUsage::TransformAst
    }

    async fn resolve_id(
        &self,
        context: &PluginContext,
        args: &HookResolveIdArgs<'_>,
    ) -> HookResolveIdReturn {
        let Some(importer) = args.importer else {
            return Ok(Some(
                self.module(ResolvedId { id: args.specifier.into(), ..ResolvedId::default() }),
            ));
        };
        if stand_ins::is_one(importer) {
            return Ok(Some(external(args.specifier)));
        }
        // The bundler's own modules, and kinds of references that are none.
        let is_import = matches!(
            args.kind,
            ImportKind::Import | ImportKind::DynamicImport | ImportKind::Require
        );
        if !is_import
            || importer.starts_with('\0')
            || args.specifier.starts_with('\0')
            || args.specifier.starts_with("data:")
            || args.specifier.starts_with("@oxc-project/runtime/")
        {
            return Ok(None);
        }
        let importer = Path::new(importer);
        if let Some(target) = resolve::without_looking(&self.project, args.specifier, args.kind) {
            return self.answer(importer, args, target);
        }
        let wanted = resolve::wanted(&self.project, args.specifier);
        let options = PluginContextResolveOptions {
            import_kind: args.kind,
            ..PluginContextResolveOptions::default()
        };
        let found = context.resolve(&wanted, args.importer, Some(options)).await?;
        let target = resolve::target(&self.project, importer, args.specifier, found);
        self.answer(importer, args, target)
    }

    async fn load(
        &self,
        _context: SharedLoadPluginContext,
        args: &HookLoadArgs<'_>,
    ) -> HookLoadReturn {
        let of = |code: String, module_type| HookLoadOutput {
            code: code.into(),
            module_type: Some(module_type),
            ..HookLoadOutput::default()
        };
        if stand_ins::is_one(args.id) {
            return Ok(stand_ins::text(args.id).map(|code| of(code, ModuleType::Js)));
        }
        let is_script = |id: &str| id.starts_with("data:text/javascript");
        if is_script(args.id) && args.id.len() > nesting::MAX_DEPTH {
            // It might be all brackets.
            let message =
                format!("a module in a data: URL may have {} bytes at most", nesting::MAX_DEPTH);
            self.inputs.error(BundleError::Bundler { message });
            return Err(Noted.into());
        }
        if args.id.starts_with('\0') || args.id.starts_with("data:") {
            return Ok(None);
        }
        let path = resolve::file_of(args.id);
        let kind = self.project.rules().kind(&self.project.below(path));
        let text = self.inputs.script(&self.project, path, kind).ok_or(Noted)?;
        let module_type = match kind {
            Some(FileKind::Json) => ModuleType::Json,
            Some(FileKind::Script(Language::TypeScript)) => ModuleType::Ts,
            Some(FileKind::Script(Language::TypeScriptJsx)) => ModuleType::Tsx,
            // Every element ends in one of these; without it the text need not be transformed.
            _ if text.contains("</") || text.contains("/>") => ModuleType::Jsx,
            _ => ModuleType::Js,
        };
        Ok(Some(of(text, module_type)))
    }

    /// Notes which names a module asks of those of the runtime that these do not have, and has an
    /// import of files by a pattern choose among those there are.
    ///
    /// V8 has no decorators, and the two kinds that there are look the same and mean different
    /// things: unless the project says which it means, better no bundle than another meaning.
    async fn transform_ast(
        &self,
        _context: &PluginContext,
        mut args: HookTransformAstArgs<'_>,
    ) -> HookTransformAstReturn {
        self.look_for_missing_names(&args);
        if wildcard::are_likely(args.ast.source()) && self.language_of(args.id).is_some() {
            self.choose_files(&mut args);
        }
        if self.has_decorators || !args.ast.source().contains('@') {
            return Ok(args.ast);
        }
        let offset = if paths::is_of_package(Path::new(args.id)) || args.id.starts_with('\0') {
            None
        } else {
            syntax::decorator(args.ast.program())
        };
        let Some(offset) = offset else { return Ok(args.ast) };
        let mut problem = Problem::syntax("Decorators are not supported yet");
        problem.help = Some(
            "set \"experimentalDecorators\" in tsconfig.json if they are TypeScript's own, or \
             call the decorating function on the class yourself"
                .to_owned(),
        );
        let path = self.project.shown(Path::new(args.id));
        let error = SourceError::at(&path, args.ast.source(), offset, problem);
        self.inputs.error(BundleError::from(error));
        Err(Noted.into())
    }
}

/// Whether a package says of one of its files that nothing is lost if its exports are not used.
fn is_without_side_effects(package: &PackageJson, file: &Path) -> bool {
    let folder = package.realpath().parent();
    let below = folder.and_then(|folder| file.strip_prefix(folder).ok());
    below.is_some_and(|below| {
        package.check_side_effects_for(&below.to_string_lossy()) == Some(false)
    })
}

/// A module that is not in the code but beside it, as an import of that kind needs it.
fn outside(module: String, kind: ImportKind) -> HookResolveIdOutput {
    if kind == ImportKind::Require {
        HookResolveIdOutput::from_id(stand_ins::required(&module))
    } else {
        external(&module)
    }
}

/// A module that is not there, for code that finds that out when it runs.
fn absent(args: &HookResolveIdArgs<'_>) -> HookResolveIdOutput {
    if args.kind == ImportKind::Require {
        HookResolveIdOutput::from_id(stand_ins::absent(args.specifier))
    } else {
        external(args.specifier)
    }
}

fn external(module: &str) -> HookResolveIdOutput {
    HookResolveIdOutput {
        external: Some(ResolvedExternal::Bool(true)),
        ..HookResolveIdOutput::from_id(module)
    }
}
