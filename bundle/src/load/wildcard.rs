//! Imports whose specifier is known but for a part, such as `` import(`./lang/${language}.js`) ``: each
//! file that may be meant becomes part of the bundle, and the code chooses among them, as esbuild
//! has it for wrangler (<https://esbuild.github.io/api/#glob>).

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::ops::Range;

use fast_glob::glob_match;
use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{BinaryOperator, Expression};
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::GetSpan;

use super::rules::Language;
use super::syntax;

/// How many files such an import may mean. One that means more was not meant so.
pub(super) const MAX_FILES: usize = 2000;

/// Such an import.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wildcard {
    /// The glob of the specifiers that are meant: `./lang/**/*.js`.
    glob: String,
    /// The folder that all meant files are in, as written: `./lang/`.
    pub(super) folder: String,
    /// Where the whole import stands, in bytes, and where its specifier does.
    whole: Range<usize>,
    specifier: Range<usize>,
}

/// Whether a script may have such imports; without a look at its syntax.
pub(super) fn are_likely(text: &str) -> bool {
    text.contains("import(") && (text.contains("./") || text.contains("../"))
}

/// Those of a script, in the order of the text.
pub(super) fn find(text: &str, language: Language) -> Vec<Wildcard> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, syntax::source_type(language)).parse();
    let semantic = SemanticBuilder::new().build(&parsed.program).semantic;
    let imports = semantic.nodes().iter().filter_map(|node| match node.kind() {
        // With options it is a JSON module or the like, which the bundler knows by its name.
        AstKind::ImportExpression(import) if import.options.is_none() => {
            let range = |span: oxc::span::Span| span.start as usize..span.end as usize;
            let (glob, folder) = pattern(&import.source)?;
            Some(Wildcard {
                glob,
                folder,
                whole: range(import.span),
                specifier: range(import.source.span()),
            })
        }
        _ => None,
    });
    let mut imports: Vec<Wildcard> = imports.collect();
    imports.sort_by_key(|import| import.whole.start);
    // One in the specifier of another stays as it is.
    let mut end = 0;
    imports.retain(|import| {
        let is_apart = import.whole.start >= end;
        end = end.max(import.whole.end);
        is_apart
    });
    imports
}

impl Wildcard {
    /// Whether a specifier is meant.
    pub(super) fn means(&self, specifier: &str) -> bool {
        glob_match(&self.glob, specifier)
    }
}

/// The script with each such import replaced by a choice among files, given by their specifiers.
/// Lines are added at the end alone, so that what the source map says of lines stays true.
pub(super) fn replace(text: &str, imports: &[(Wildcard, Vec<String>)]) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut from = 0;
    for (import, files) in imports {
        let of = |range: Range<usize>| text.get(range).unwrap_or_default();
        replaced.push_str(of(from..import.whole.start));
        replaced.push_str("__isolane_import(`${");
        replaced.push_str(of(import.specifier.clone()));
        replaced.push_str("}`, { __proto__: null");
        for file in files {
            let file = serde_json::Value::from(file.as_str());
            let _ = write!(replaced, ", {file}: () => import({file})");
        }
        replaced.push_str(" })");
        from = import.whole.end;
    }
    replaced.push_str(text.get(from..).unwrap_or_default());
    replaced.push_str("\nfunction __isolane_import(p, m) { return p in m ? m[p]() : import(p); }");
    replaced
}

/// The glob and the folder of a specifier that begins with a relative path and is not all known.
fn pattern(specifier: &Expression<'_>) -> Option<(String, String)> {
    let mut parts = Vec::new();
    take(specifier, &mut parts);
    let is_relative = |text: &str| text.starts_with("./") || text.starts_with("../");
    if !matches!(parts.first(), Some(Some(text)) if is_relative(text)) || !parts.contains(&None) {
        return None;
    }
    let known: String = parts.iter().map_while(Option::as_deref).collect();
    let folder = known.get(..=known.rfind('/')?)?.to_owned();
    let mut glob = String::new();
    for part in parts {
        match part {
            Some(text) => text.chars().for_each(|letter| {
                if "*?[]{}!\\".contains(letter) {
                    glob.push('\\');
                }
                glob.push(letter);
            }),
            None if glob.ends_with('*') => {}
            None if glob.ends_with('/') => glob.push_str("**/*"),
            None => glob.push('*'),
        }
    }
    Some((glob, folder))
}

/// The texts of a concatenation, and `None` for each part that is not known.
fn take(expression: &Expression<'_>, parts: &mut Vec<Option<String>>) {
    match expression {
        Expression::StringLiteral(string) => parts.push(Some(string.value.to_string())),
        Expression::TemplateLiteral(template) => {
            let mut values = template.expressions.iter();
            for quasi in &template.quasis {
                let cooked = quasi.value.cooked.as_ref().map(ToString::to_string);
                parts.push(Some(cooked.unwrap_or_default()));
                if let Some(value) = values.next() {
                    take(value, parts);
                }
            }
        }
        Expression::BinaryExpression(sum) if sum.operator == BinaryOperator::Addition => {
            take(&sum.left, parts);
            take(&sum.right, parts);
        }
        Expression::ParenthesizedExpression(inner) => take(&inner.expression, parts),
        _ => parts.push(None),
    }
}
