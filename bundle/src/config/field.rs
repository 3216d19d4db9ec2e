//! Reading one value of a configuration as the type that it has to have, or saying what was
//! expected and what was found, where. Which keys there are is the schema's.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::tree::{Document, Entry, Node, Value};
use crate::error::{ConfigError, Location};

/// A value with the name that messages give it, such as `limits.cpu_ms` or `routes[0]`.
#[derive(Clone)]
pub(super) struct Field<'a> {
    document: &'a Document<'a>,
    name: String,
    node: &'a Node,
}

impl<'a> Field<'a> {
    pub(super) fn new(document: &'a Document<'a>, name: &str, node: &'a Node) -> Self {
        Self { document, name: name.to_owned(), node }
    }

    /// The field of a key of this table.
    pub(super) fn inner(&self, entry: &'a Entry) -> Self {
        Self::new(self.document, &self.inner_name(&entry.key), &entry.node)
    }

    /// What messages call a key of this table.
    pub(super) fn inner_name(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn location(&self) -> Location {
        self.document.location(self.node.span.start)
    }

    pub(super) fn key_location(&self, entry: &Entry) -> Location {
        self.document.location(entry.key_span.start)
    }

    pub(super) fn value(&self) -> &'a Value {
        &self.node.value
    }

    pub(super) fn error(&self, message: impl Into<String>) -> ConfigError {
        self.document.error(self.node.span.start, message)
    }

    /// The error of a value of another type.
    pub(super) fn expected(&self, what: impl Display) -> ConfigError {
        let found = self.value().found();
        if self.name.is_empty() {
            return self.error(format!("expected {what}, found {found}"));
        }
        self.error(format!("expected {what} for \"{}\", found {found}", self.name))
    }

    pub(super) fn string(&self) -> Result<&'a str, ConfigError> {
        match self.value() {
            Value::String(value) => Ok(value),
            _ => Err(self.expected("a string")),
        }
    }

    pub(super) fn nonempty_string(&self) -> Result<&'a str, ConfigError> {
        match self.string()? {
            "" => Err(self.error(format!("\"{}\" is empty", self.name))),
            value => Ok(value),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool, ConfigError> {
        match self.value() {
            Value::Bool(value) => Ok(*value),
            _ => Err(self.expected("true or false")),
        }
    }

    pub(super) fn integer(&self, range: RangeInclusive<u32>) -> Result<u32, ConfigError> {
        let expected = if *range.end() == u32::MAX {
            format!("an integer of {} or more", range.start())
        } else {
            format!("an integer from {} to {}", range.start(), range.end())
        };
        let Value::Number(number) = self.value() else { return Err(self.expected(expected)) };
        number
            .as_u64()
            .and_then(|value| u32::try_from(value).ok())
            .filter(|value| range.contains(value))
            .ok_or_else(|| {
                self.error(format!("expected {expected} for \"{}\", found {number}", self.name))
            })
    }

    pub(super) fn table(&self) -> Result<&'a [Entry], ConfigError> {
        match self.value() {
            Value::Table(entries) => Ok(entries),
            _ => Err(self.expected("a table")),
        }
    }

    /// The items of a list; none of a `null`, which tools write where there is nothing to say.
    pub(super) fn list_or_null(&self) -> Result<Vec<Self>, ConfigError> {
        match self.value() {
            Value::Null => Ok(Vec::new()),
            _ => Ok(self.list()?.collect()),
        }
    }

    /// The items of a list, each named by its place.
    pub(super) fn list(&self) -> Result<impl Iterator<Item = Self> + use<'a>, ConfigError> {
        let Value::List(items) = self.value() else { return Err(self.expected("a list")) };
        let (document, name) = (self.document, self.name.clone());
        Ok(items
            .iter()
            .enumerate()
            .map(move |(place, item)| Self::new(document, &format!("{name}[{place}]"), item)))
    }
}
