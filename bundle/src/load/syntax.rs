//! What the syntax of a script says that the bundler does not say, or only roughly: where an import
//! stands and where a syntax error is, for messages; which names it imports, and which as values, for
//! each load.

#[cfg(test)]
mod tests;

use std::ops::Range;

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{
    Argument, Expression, ImportDeclarationSpecifier, ModuleExportName, Program, Statement,
};
use oxc::diagnostics::{LabeledSpan, OxcDiagnostic};
use oxc::parser::Parser;
use oxc::semantic::{AstNode, Semantic, SemanticBuilder};
use oxc::span::{GetSpan, SourceType, Span};
use serde::de::IgnoredAny;

use super::rules::Language;
use crate::error::Problem;

/// An import whose specifier is known without running the module.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) specifier: String,
    /// Where the specifier stands, in bytes.
    pub(super) offset: usize,
    /// Whether it is a `require` or an `import()` whose failure the code catches.
    pub(super) is_guarded: bool,
}

/// A fault and the byte offset in the text where it is.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) problem: Problem,
}

/// The imports of a script, in the order of the text. None if it has syntax errors.
pub(super) fn imports(text: &str, language: Language) -> Vec<Import> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, source_type(language)).parse();
    let built = SemanticBuilder::new().build(&parsed.program);
    let semantic = built.semantic;
    let imports = semantic.nodes().iter().filter_map(|node| import(&semantic, node));
    let mut imports: Vec<Import> = imports.collect();
    imports.sort_by_key(|import| import.offset);
    imports
}

/// A name that a script imports from a module, or exports from it.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) specifier: String,
    pub(super) name: String,
    /// Where the name stands, in bytes.
    pub(super) place: Range<usize>,
    /// Whether it is exported on, under whatever name.
    pub(super) is_export: bool,
}

/// The names that a script imports by a statement, or exports from elsewhere, as values as far as
/// the statement tells.
pub(super) fn named_imports(program: &Program<'_>) -> Vec<Named> {
    let mut found = Vec::new();
    let mut add = |specifier: &str, name: &ModuleExportName<'_>, span: Span, is_export| {
        if let Some(name) = name.identifier_name() {
            let place = span.start as usize..span.end as usize;
            let (specifier, name) = (specifier.to_owned(), name.to_string());
            found.push(Named { specifier, name, place, is_export });
        }
    };
    for statement in &program.body {
        match statement {
            Statement::ImportDeclaration(import) if import.import_kind.is_value() => {
                for specifier in import.specifiers.iter().flatten() {
                    if let ImportDeclarationSpecifier::ImportSpecifier(it) = specifier
                        && it.import_kind.is_value()
                    {
                        add(&import.source.value, &it.imported, it.span, false);
                    }
                }
            }
            Statement::ExportNamedDeclaration(export) if export.export_kind.is_value() => {
                let Some(source) = &export.source else { continue };
                for it in export.specifiers.iter().filter(|it| it.export_kind.is_value()) {
                    add(&source.value, &it.local, it.span, true);
                }
            }
            _ => {}
        }
    }
    found
}

/// Where the names stand, in bytes, that a script imports and does more with than to export them
/// or to name types by them.
pub(super) fn imported_values(text: &str, language: Language) -> Vec<Range<usize>> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, source_type(language)).parse();
    let semantic = SemanticBuilder::new().build(&parsed.program).semantic;
    let names = semantic.nodes().iter().filter_map(|node| {
        let (span, local) = match node.kind() {
            AstKind::ImportSpecifier(name) => (name.span, &name.local),
            AstKind::ImportDefaultSpecifier(name) => (name.span, &name.local),
            _ => return None,
        };
        let mut references = semantic.symbol_references(local.symbol_id());
        let is_value = references.any(|reference| {
            let user = semantic.nodes().parent_kind(reference.node_id());
            reference.is_value() && !matches!(user, AstKind::ExportSpecifier(_))
        });
        is_value.then_some(span.start as usize..span.end as usize)
    });
    names.collect()
}

/// The first syntax error of a script, if it has one.
pub(super) fn fault(text: &str, language: Language) -> Option<Fault> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, source_type(language)).parse();
    first(&parsed.errors).or_else(|| {
        let checked = SemanticBuilder::new().with_check_syntax_error(true).build(&parsed.program);
        first(&checked.errors)
    })
}

/// The offset of the first decorator.
pub(super) fn decorator(program: &Program<'_>) -> Option<usize> {
    let built = SemanticBuilder::new().build(program);
    built.semantic.nodes().iter().find_map(|node| match node.kind() {
        AstKind::Decorator(decorator) => Some(decorator.span.start as usize),
        _ => None,
    })
}

/// Whether the text is JSON; if not, where and why.
pub(super) fn check_json(text: &str) -> Result<(), (usize, Problem)> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ()).map_err(|error| {
        let message = error.to_string();
        // The message repeats the position, which stands before it already.
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
        let offset = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
        (offset, Problem::syntax(message))
    })
}

fn source_type(language: Language) -> SourceType {
    match language {
        Language::JavaScript => SourceType::mjs().with_jsx(true),
        Language::TypeScript => SourceType::ts(),
        Language::TypeScriptJsx => SourceType::tsx(),
    }
}

fn import(semantic: &Semantic<'_>, node: &AstNode<'_>) -> Option<Import> {
    let at = |specifier: &str, offset: u32, is_guarded| Import {
        specifier: specifier.to_owned(),
        offset: offset as usize,
        is_guarded,
    };
    match node.kind() {
        AstKind::ImportDeclaration(import) => {
            Some(at(&import.source.value, import.source.span.start, false))
        }
        AstKind::ExportAllDeclaration(export) => {
            Some(at(&export.source.value, export.source.span.start, false))
        }
        AstKind::ExportNamedDeclaration(export) => {
            let source = export.source.as_ref()?;
            Some(at(&source.value, source.span.start, false))
        }
        AstKind::ImportExpression(import) => {
            let specifier = constant(&import.source)?;
            Some(at(&specifier, import.source.span().start, is_guarded(semantic, node)))
        }
        AstKind::CallExpression(call) if call.callee.is_specific_id("require") => {
            let argument = call.arguments.first().and_then(Argument::as_expression)?;
            let specifier = constant(argument)?;
            Some(at(&specifier, argument.span().start, is_guarded(semantic, node)))
        }
        _ => None,
    }
}

/// The value of a string, or of a template without substitutions.
fn constant(expression: &Expression<'_>) -> Option<String> {
    match expression {
        Expression::StringLiteral(string) => Some(string.value.to_string()),
        Expression::TemplateLiteral(template) => template.single_quasi().map(|t| t.to_string()),
        _ => None,
    }
}

/// Whether a node stands in a `try`, or before a `.catch`.
fn is_guarded(semantic: &Semantic<'_>, node: &AstNode<'_>) -> bool {
    semantic.nodes().ancestor_kinds(node.id()).any(|kind| match kind {
        AstKind::TryStatement(_) => true,
        AstKind::StaticMemberExpression(member) => member.property.name == "catch",
        _ => false,
    })
}

/// The first of the diagnostics, in the order of the text.
fn first(diagnostics: &[OxcDiagnostic]) -> Option<Fault> {
    let place = |diagnostic: &OxcDiagnostic| {
        let label = diagnostic.labels.as_ref().and_then(|labels| {
            labels.iter().find(|label| label.primary()).or_else(|| labels.first())
        });
        label.map_or(0, LabeledSpan::offset)
    };
    let diagnostic = diagnostics.iter().min_by_key(|diagnostic| place(diagnostic))?;
    let mut problem = Problem::syntax(diagnostic.message.to_string());
    problem.help = diagnostic.help.as_ref().map(ToString::to_string);
    Some(Fault { offset: place(diagnostic), problem })
}
