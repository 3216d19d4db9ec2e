//! JSON with comments and trailing commas to a tree. TOML is next door.

use std::collections::HashSet;

use jsonc_parser::ast::{self, ObjectPropName};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Number;

use super::tree::{Document, Entry, Node, Value};
use crate::error::ConfigError;

/// Comments and trailing commas, nothing else beyond JSON.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// What becomes of a key that is given twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Twice {
    IsAFault,
    /// As in JavaScript.
    LastCounts,
}

pub(super) fn parse(document: &Document<'_>) -> Result<Node, ConfigError> {
    tree_of(document, Twice::IsAFault)
}

/// The tree of a file that is not ours to judge: of two values for one key the last counts.
pub(crate) fn parse_foreign(document: &Document<'_>) -> Result<Node, ConfigError> {
    tree_of(document, Twice::LastCounts)
}

fn tree_of(document: &Document<'_>, twice: Twice) -> Result<Node, ConfigError> {
    let parsed = parse_to_ast(document.text(), &CollectOptions::default(), &OPTIONS)
        .map_err(|error| document.error(error.range().start, lower_first(error.kind())))?;
    match parsed.value {
        Some(value) => node(document, twice, &value),
        None => Err(document.error(0, "expected a table, found an empty file")),
    }
}

fn node(document: &Document<'_>, twice: Twice, json: &ast::Value<'_>) -> Result<Node, ConfigError> {
    let span = json.start()..json.end();
    let value = match json {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(value) => Value::Bool(value.value),
        ast::Value::StringLit(value) => Value::String(value.value.to_string()),
        ast::Value::NumberLit(value) => value
            .value
            .parse::<Number>()
            .map(Value::Number)
            .map_err(|_| document.error(span.start, "expected a finite number"))?,
        ast::Value::Array(array) => {
            let items = array.elements.iter().map(|item| node(document, twice, item));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        ast::Value::Object(object) => Value::Table(entries(document, twice, object)?),
    };
    Ok(Node { span, value })
}

fn entries(
    document: &Document<'_>,
    twice: Twice,
    object: &ast::Object<'_>,
) -> Result<Vec<Entry>, ConfigError> {
    let mut seen = HashSet::new();
    let mut entries: Vec<Entry> = Vec::with_capacity(object.properties.len());
    for property in &object.properties {
        let key = property.name.as_str();
        let key_span = match &property.name {
            ObjectPropName::String(name) => name.start()..name.end(),
            ObjectPropName::Word(name) => name.start()..name.end(),
        };
        if !seen.insert(key) {
            if twice == Twice::IsAFault {
                return Err(document.error(key_span.start, format!("\"{key}\" is given twice")));
            }
            entries.retain(|entry| entry.key != key);
        }
        let node = node(document, twice, &property.value)?;
        entries.push(Entry { key: key.to_owned(), key_span, node });
    }
    Ok(entries)
}

/// The parser's messages begin with a capital; ours stand after a colon.
fn lower_first(message: impl ToString) -> String {
    let message = message.to_string();
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
