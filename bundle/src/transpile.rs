//! One file of JavaScript or TypeScript to JavaScript that V8 runs: checked, types and JSX taken
//! out, modern syntax kept, its imports found. Where the imports lead is `load`'s.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{Expression, Program, Statement};
use oxc::codegen::{Codegen, CodegenOptions};
use oxc::diagnostics::{LabeledSpan, OxcDiagnostic};
use oxc::parser::Parser;
use oxc::semantic::{Semantic, SemanticBuilder};
use oxc::span::{GetSpan, SourceType};
use oxc::transformer::{JsxRuntime, TransformOptions, Transformer};

use crate::error::Problem;

/// What a file's extension says about its syntax. All are modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// With JSX, as wrangler reads `.js` files.
    JavaScript,
    TypeScript,
    TypeScriptJsx,
}

/// The functions that JSX becomes calls of, where a file names none (`@jsx`, `@jsxFrag`) and does
/// not ask for the automatic runtime (`@jsxRuntime automatic`). The defaults are wrangler's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Jsx {
    pub(crate) factory: String,
    pub(crate) fragment: String,
}

impl Default for Jsx {
    fn default() -> Self {
        Self { factory: "React.createElement".to_owned(), fragment: "React.Fragment".to_owned() }
    }
}

/// A compiled module.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// `None` when the text can run as it is.
    pub(crate) output: Option<Output>,
    /// In the order of the text, the static ones before the dynamic ones.
    pub(crate) imports: Vec<Import>,
}

/// What transpiling a module gives.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: String,
    /// JSON; its one source is the module's specifier.
    pub(crate) source_map: String,
}

/// An import with a specifier that is known without running the module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) specifier: String,
    /// Where the specifier stands in the original text; 0 for one that transpiling added.
    pub(crate) offset: usize,
}

/// A fault and the byte offset in the text where it is.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) offset: usize,
    pub(crate) problem: Problem,
}

/// Compiles the text of the module with that specifier.
pub(crate) fn compile(
    specifier: &str,
    text: &str,
    language: Language,
    jsx: &Jsx,
) -> Result<Compiled, Fault> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, source_type(language)).parse();
    refuse(&parsed.errors)?;
    let mut program = parsed.program;

    let checked =
        SemanticBuilder::new().with_check_syntax_error(true).with_enum_eval(true).build(&program);
    refuse(&checked.errors)?;
    refuse_decorators(&checked.semantic)?;
    let dynamic = dynamic_imports(&checked.semantic);
    let transpile = language != Language::JavaScript || has_jsx(&checked.semantic);

    let output = if transpile {
        let scoping = checked.semantic.into_scoping();
        let options = transform_options(jsx);
        let transformed = Transformer::new(&allocator, Path::new(specifier), &options)
            .build_with_scoping(scoping, &mut program);
        refuse(&transformed.errors)?;
        Some(generate(specifier, &program))
    } else {
        None
    };

    // After the transformation, for imports of types are gone then.
    let mut imports = static_imports(&program);
    imports.extend(dynamic);
    Ok(Compiled { output, imports })
}

fn source_type(language: Language) -> SourceType {
    match language {
        Language::JavaScript => SourceType::mjs().with_jsx(true),
        Language::TypeScript => SourceType::ts(),
        Language::TypeScriptJsx => SourceType::tsx(),
    }
}

/// Everything that V8 runs stays as it is; only types and JSX go.
fn transform_options(jsx: &Jsx) -> TransformOptions {
    let mut options = TransformOptions::default();
    options.jsx.runtime = JsxRuntime::Classic;
    options.jsx.pragma = Some(jsx.factory.clone());
    options.jsx.pragma_frag = Some(jsx.fragment.clone());
    // An import that only JSX uses is not one of types.
    options.typescript.jsx_pragma = Cow::Owned(jsx.factory.clone());
    options.typescript.jsx_pragma_frag = Cow::Owned(jsx.fragment.clone());
    options
}

fn generate(specifier: &str, program: &Program<'_>) -> Output {
    let options = CodegenOptions {
        source_map_path: Some(PathBuf::from(specifier)),
        ..CodegenOptions::default()
    };
    let generated = Codegen::new().with_options(options).build(program);
    let source_map = generated.map.map(|map| map.to_json_string()).unwrap_or_default();
    Output { code: generated.code, source_map }
}

fn static_imports(program: &Program<'_>) -> Vec<Import> {
    program
        .body
        .iter()
        .filter_map(|statement| match statement {
            Statement::ImportDeclaration(import) => Some(&import.source),
            Statement::ExportNamedDeclaration(export) => export.source.as_ref(),
            Statement::ExportAllDeclaration(export) => Some(&export.source),
            _ => None,
        })
        .map(|source| Import {
            specifier: source.value.to_string(),
            offset: source.span.start as usize,
        })
        .collect()
}

/// The `import()`s of a string, or of a template without substitutions.
fn dynamic_imports(semantic: &Semantic<'_>) -> Vec<Import> {
    semantic
        .nodes()
        .iter()
        .filter_map(|node| match node.kind() {
            AstKind::ImportExpression(import) => Some(&import.source),
            _ => None,
        })
        .filter_map(|source| {
            let specifier = match source {
                Expression::StringLiteral(string) => string.value.to_string(),
                Expression::TemplateLiteral(template) => {
                    template.single_quasi().map(|text| text.to_string())?
                }
                _ => return None,
            };
            Some(Import { specifier, offset: source.span().start as usize })
        })
        .collect()
}

fn has_jsx(semantic: &Semantic<'_>) -> bool {
    semantic
        .nodes()
        .iter()
        .any(|node| matches!(node.kind(), AstKind::JSXElement(_) | AstKind::JSXFragment(_)))
}

/// V8 has no decorators, and the two kinds that there are look the same and mean different
/// things: better no bundle than another meaning.
fn refuse_decorators(semantic: &Semantic<'_>) -> Result<(), Fault> {
    let decorator = semantic.nodes().iter().find_map(|node| match node.kind() {
        AstKind::Decorator(decorator) => Some(decorator),
        _ => None,
    });
    match decorator {
        None => Ok(()),
        Some(decorator) => {
            let mut problem = Problem::syntax("Decorators are not supported yet");
            problem.help = Some("call the decorating function on the class yourself".to_owned());
            Err(Fault { offset: decorator.span.start as usize, problem })
        }
    }
}

/// The first of the diagnostics, in the order of the text.
fn refuse(diagnostics: &[OxcDiagnostic]) -> Result<(), Fault> {
    let place = |diagnostic: &OxcDiagnostic| {
        let label = diagnostic.labels.as_ref().and_then(|labels| {
            labels.iter().find(|label| label.primary()).or_else(|| labels.first())
        });
        label.map_or(0, LabeledSpan::offset)
    };
    match diagnostics.iter().min_by_key(|diagnostic| place(diagnostic)) {
        None => Ok(()),
        Some(diagnostic) => {
            let mut problem = Problem::syntax(diagnostic.message.to_string());
            problem.help = diagnostic.help.as_ref().map(ToString::to_string);
            Err(Fault { offset: place(diagnostic), problem })
        }
    }
}
