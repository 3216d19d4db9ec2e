//! TOML to a tree. JSON is next door.

use serde_json::Number;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::tree::{Document, Entry, Node, Value};
use crate::error::ConfigError;

pub(super) fn parse(document: &Document<'_>) -> Result<Node, ConfigError> {
    let root = DeTable::parse(document.text()).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        document.error(offset, error.message())
    })?;
    let value = Value::Table(entries(document, root.get_ref())?);
    Ok(Node { span: root.span(), value })
}

fn entries(document: &Document<'_>, table: &DeTable<'_>) -> Result<Vec<Entry>, ConfigError> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table.iter() {
        let node = node(document, value)?;
        entries.push(Entry { key: key.get_ref().to_string(), key_span: key.span(), node });
    }
    entries.sort_by_key(|entry| entry.key_span.start);
    Ok(entries)
}

fn node(document: &Document<'_>, spanned: &Spanned<DeValue<'_>>) -> Result<Node, ConfigError> {
    let span = spanned.span();
    let value = match spanned.get_ref() {
        DeValue::String(value) => Value::String(value.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(value) => Value::String(value.to_string()),
        DeValue::Integer(value) => i64::from_str_radix(value.as_str(), value.radix())
            .map(|value| Value::Number(value.into()))
            .map_err(|_| document.error(span.start, "the integer does not fit in 64 bits"))?,
        DeValue::Float(value) => value
            .as_str()
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| document.error(span.start, "expected a finite number"))?,
        DeValue::Array(items) => {
            let items = items.iter().map(|item| node(document, item));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Value::Table(entries(document, table)?),
    };
    Ok(Node { span, value })
}
