//! Imports whose specifier is known but for a part, such as `` import(`./lang/${language}.js`) ``: each
//! file that may be meant becomes part of the bundle, and the code chooses among them, as esbuild
//! has it for wrangler (<https://esbuild.github.io/api/#glob>).

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use fast_glob::glob_match;
use oxc::allocator::{Allocator, TakeIn};
use oxc::ast::ast::{Argument, BinaryOperator, Expression, ImportExpression, Program};
use oxc::ast_visit::{VisitMut, walk_mut};
use oxc::parser::Parser;
use oxc::span::{GetSpan as _, SourceType, Span};

/// How many files such an import may mean. One that means more was not meant so.
pub(super) const MAX_FILES: usize = 2000;

/// What the code calls in the place of such an import: the specifier and the functions that import
/// the files, by their specifiers.
const CHOICE: &str = "function __isolane_import(p, m) { return p in m ? m[p]() : import(p); }";

/// The specifiers that such an import means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wildcard {
    /// Their glob: `./lang/**/*.js`.
    glob: String,
    /// The folder that all meant files are in, as written: `./lang/`.
    pub(super) folder: String,
    /// Where the specifier stands, in bytes.
    pub(super) offset: usize,
}

impl Wildcard {
    /// Whether a specifier is meant.
    pub(super) fn means(&self, specifier: &str) -> bool {
        glob_match(&self.glob, specifier)
    }
}

/// Whether a script may have such imports; without a look at its syntax.
pub(super) fn are_likely(text: &str) -> bool {
    text.contains("import(") && (text.contains("./") || text.contains("../"))
}

/// Has each such import of a script choose among the files that it means, which are given by their
/// specifiers; one that means none stays as it is.
pub(super) fn choose<'a>(
    allocator: &'a Allocator,
    program: &mut Program<'a>,
    meant: impl FnMut(&Wildcard) -> Vec<String>,
) {
    let mut chooser = Chooser { allocator, meant, has_chosen: false };
    chooser.visit_program(program);
    if chooser.has_chosen {
        let mut choice = Parser::new(allocator, CHOICE, SourceType::mjs()).parse().program;
        // It has no place in the source.
        Placer { place: Span::empty(program.span.end) }.visit_program(&mut choice);
        program.body.extend(choice.body);
    }
}

struct Chooser<'a, F> {
    allocator: &'a Allocator,
    meant: F,
    has_chosen: bool,
}

impl<'a, F: FnMut(&Wildcard) -> Vec<String>> VisitMut<'a> for Chooser<'a, F> {
    fn visit_expression(&mut self, expression: &mut Expression<'a>) {
        let wildcard = match expression {
            // With options it is a JSON module or the like, which the bundler knows by its name.
            Expression::ImportExpression(import) if import.options.is_none() => {
                pattern(&import.source).map(|wildcard| (import, wildcard))
            }
            _ => None,
        };
        let Some((import, wildcard)) = wildcard else {
            walk_mut::walk_expression(self, expression);
            return;
        };
        // One in the specifier of another stays as it is.
        let files = (self.meant)(&wildcard);
        if !files.is_empty() {
            self.has_chosen = true;
            *expression = choice(self.allocator, import, &files);
        }
    }
}

/// The choice among files that takes an import's place, also as its errors have it.
fn choice<'a>(
    allocator: &'a Allocator,
    import: &mut ImportExpression<'a>,
    files: &[String],
) -> Expression<'a> {
    // The specifier is a text whatever it is made of.
    let mut text = String::from("__isolane_import(`${0}`, { __proto__: null");
    for file in files {
        let file = serde_json::Value::from(file.as_str());
        let _ = write!(text, ", {file}: () => import({file})");
    }
    text.push_str(" })");
    let parser = Parser::new(allocator, allocator.alloc_str(&text), SourceType::mjs());
    let mut choice = parser.parse_expression().expect("a call with names in quotes");
    Placer { place: import.span }.visit_expression(&mut choice);
    if let Expression::CallExpression(call) = &mut choice
        && let Some(Argument::TemplateLiteral(template)) = call.arguments.first_mut()
        && let Some(specifier) = template.expressions.first_mut()
    {
        *specifier = import.source.take_in(allocator);
    }
    choice
}

/// Says of code that is made where it is in the source.
struct Placer {
    place: Span,
}

impl VisitMut<'_> for Placer {
    fn visit_span(&mut self, span: &mut Span) {
        *span = self.place;
    }
}

/// What is meant by a specifier that begins with a relative path and is not all known.
fn pattern(specifier: &Expression<'_>) -> Option<Wildcard> {
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
    Some(Wildcard { glob, folder, offset: specifier.span().start as usize })
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
