//! The bundler's questions about a project: where an import leads, what a module's text is. The
//! answers are `load/resolve.rs`'s and `load/inputs.rs`'s.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use rolldown_common::side_effects::HookSideEffects;
use rolldown_common::{ImportKind, ModuleType, PackageJson, ResolvedExternal, ResolvedId};
use rolldown_plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput,
    HookResolveIdReturn, HookTransformAstArgs, HookTransformAstReturn, HookUsage, Plugin,
    PluginContext, PluginContextResolveOptions, SharedLoadPluginContext,
};

use super::folders;
use super::inputs::{self, Inputs};
use super::nesting;
use super::resolve::{self, Target};
use super::rules::{FileKind, Language};
use super::syntax::{self, Named};
use super::wildcard::{self, Wildcard};
use crate::error::{BundleError, Location, Problem, SourceError};
use crate::project::Project;
use crate::text;

/// What begins the identifier of a module that no file stands behind. The bundler's convention for
/// such is the NUL.
const VIRTUAL: &str = "\0isolane:";

/// A module that `require` makes of one that is only there for `import`.
const REQUIRED: &str = "\0isolane:require:";

/// A module that throws when it is required.
const ABSENT: &str = "\0isolane:absent:";

/// A module of Node.js that the runtime does not have: what is called of it throws.
const LACKING: &str = "\0isolane:lacking:";

/// A module of the runtime for who imports names from it that it does not have; the names follow.
const PARTLY: &str = "\0isolane:partly:";

/// The text of a module that is lacking, whatever its name.
const LACKING_TEXT: &str = include_str!("lacking.js");

/// Answers for one project.
#[derive(Debug)]
pub(super) struct ProjectPlugin {
    project: Project,
    has_decorators: bool,
    inputs: Inputs,
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
        Self { project: project.clone(), has_decorators, inputs: Inputs::new(limit_bytes) }
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
                    let id = format!("{PARTLY}{module}?{}", missing.join(","));
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
                let mut output = HookResolveIdOutput::from_id(format!("{LACKING}{module}"));
                output.side_effects = Some(HookSideEffects::False);
                output
            }
            Target::Nowhere { problem, is_fatal } => {
                if is_fatal || args.kind == ImportKind::Import {
                    self.inputs.bad_import(importer, args.specifier, args.kind, problem);
                }
                absent(args)
            }
        };
        Ok(Some(output))
    }

    /// Whether it is a `require` or an `import()` whose failure the importer catches.
    fn is_guarded(&self, importer: &Path, args: &HookResolveIdArgs<'_>) -> bool {
        args.kind != ImportKind::Import
            && inputs::is_guarded(&self.project, importer, args.specifier)
    }

    /// A module as the bundler takes it from a plugin: without its kind, which the bundler then
    /// tells from the `package.json` that is named.
    fn module(&self, resolved: ResolvedId) -> HookResolveIdOutput {
        let mut output = HookResolveIdOutput::from_resolved_id(resolved.clone());
        let file = resolve::file_of(&output.id);
        if let Some(package) = &resolved.package_json {
            self.inputs.depends_on(package.realpath());
            if is_without_side_effects(package, file) {
                output.side_effects = Some(HookSideEffects::False);
            }
        }
        if let Some(scope) = resolve::package_scope(file) {
            self.inputs.depends_on(&scope);
            output.package_json_path = Some(scope.to_string_lossy().into_owned());
        }
        output
    }

    /// The text of a script in which an import of files by a pattern chooses among those there are.
    fn with_wildcards(&self, path: &Path, text: String, language: Language) -> String {
        let folder = path.parent().unwrap_or(path);
        let meant = |import: Wildcard| {
            let meant = resolve::join(folder, &import.folder)?;
            let files = folders::files_below(&meant, wildcard::MAX_FILES)?;
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
            (!files.is_empty()).then_some((import, files))
        };
        let imports: Vec<_> =
            wildcard::find(&text, language).into_iter().filter_map(meant).collect();
        if imports.is_empty() { text } else { wildcard::replace(&text, &imports) }
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
        let kind = self.project.rules().kind(&self.project.below(resolve::file_of(args.id)));
        if let Some(FileKind::Script(language)) = kind
            && language != Language::JavaScript
        {
            // What is only a type is no import.
            let values = syntax::imported_values(args.ast.source(), language);
            missing.retain(|(_, named)| named.is_export || values.contains(&named.place));
        }
        for (module, named) in missing {
            let (line, column) = text::line_column(args.ast.source(), named.place.start);
            let location = Location { path: self.project.shown(path), line, column };
            self.inputs.misses(path, &module, &named.name, location);
        }
    }

    /// The text of a module that no file stands behind.
    fn virtual_module(&self, id: &str) -> Option<String> {
        if let Some(module) = id.strip_prefix(REQUIRED) {
            // By this export a module says what `require` of it gives
            // (https://nodejs.org/api/modules.html#loading-ecmascript-modules-using-require).
            let module = json(module);
            return Some(format!(
                "import value from {module};\nexport {{ value as \"module.exports\" }};\n"
            ));
        }
        if let Some(module) = id.strip_prefix(LACKING) {
            return Some(LACKING_TEXT.replace("%MODULE%", module));
        }
        if let Some(partly) = id.strip_prefix(PARTLY) {
            let (module, missing) = partly.split_once('?')?;
            return Some(partly_provided(provided::find(module)?, missing.split(',')));
        }
        let specifier = id.strip_prefix(ABSENT)?;
        // The getter throws each time that the module is required, not only the first.
        let is_behind_flag =
            provided::node_name(specifier).is_some_and(|it| provided::node(&it).is_some());
        let hint =
            if is_behind_flag { " The compatibility flag nodejs_compat has it." } else { "" };
        let message = json(&format!("No such module \"{specifier}\".{hint}"));
        Some(format!(
            "Object.defineProperty(module, \"exports\", {{\n  get() {{\n    throw \
             Object.assign(new Error({message}), {{ code: \"MODULE_NOT_FOUND\" }});\n  }},\n}});\n"
        ))
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
        if importer.starts_with(VIRTUAL) {
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
        if args.id.starts_with(VIRTUAL) {
            return Ok(self.virtual_module(args.id).map(|code| of(code, ModuleType::Js)));
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
        let mut text = self.inputs.script(&self.project, path, kind).ok_or(Noted)?;
        if let Some(FileKind::Script(language)) = kind
            && wildcard::are_likely(&text)
        {
            text = self.with_wildcards(path, text, language);
        }
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

    /// Notes which names a module asks of those of the runtime that these do not have.
    ///
    /// V8 has no decorators, and the two kinds that there are look the same and mean different
    /// things: unless the project says which it means, better no bundle than another meaning.
    async fn transform_ast(
        &self,
        _context: &PluginContext,
        args: HookTransformAstArgs<'_>,
    ) -> HookTransformAstReturn {
        self.look_for_missing_names(&args);
        if self.has_decorators || !args.ast.source().contains('@') {
            return Ok(args.ast);
        }
        let offset = if args.id.contains("/node_modules/") || args.id.starts_with('\0') {
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

/// The text of a module with what one of the runtime has, and with names that it has not.
fn partly_provided<'a>(
    module: &provided::Module,
    missing: impl Iterator<Item = &'a str>,
) -> String {
    let specifier = json(module.specifier);
    let names = module.exports.replace(' ', ", ");
    let mut text = format!("export {{ {names}, default }} from {specifier};\n");
    for (index, name) in missing.enumerate() {
        let message = json(&format!(
            "{} has no {name} in this runtime: it cannot be called",
            module.specifier
        ));
        // A function of its own each: a class may extend it, and be extended.
        text.push_str(&format!(
            "const _{index} = function () {{ throw Object.assign(new Error({message}), {{ code: \
             \"ERR_METHOD_NOT_IMPLEMENTED\" }}); }};\nexport {{ _{index} as {name} }};\n"
        ));
    }
    text
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
        HookResolveIdOutput::from_id(format!("{REQUIRED}{module}"))
    } else {
        external(&module)
    }
}

/// A module that is not there, for code that finds that out when it runs.
fn absent(args: &HookResolveIdArgs<'_>) -> HookResolveIdOutput {
    if args.kind == ImportKind::Require {
        HookResolveIdOutput::from_id(format!("{ABSENT}{}", args.specifier))
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

/// The text as a string literal of JavaScript.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
