//! A configuration as a tree of values that know where they stand in the file, the same for both
//! syntaxes. What the values mean is the schema's.

use std::ops::Range;
use std::path::Path;

use serde_json::Number;

use crate::error::{ConfigError, Location};
use crate::text;

/// A file's name and text, for positions.
pub(crate) struct Document<'a> {
    path: &'a Path,
    text: &'a str,
}

/// A value and the bytes it takes in the file.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) value: Value,
}

/// The values of JSON; a date of TOML is a string.
#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table and its value. Entries are in the order of the file.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) node: Node,
}

impl Node {
    /// The value of a key, if this is a table that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Table(entries) = &self.value else { return None };
        entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The text, if this is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

impl<'a> Document<'a> {
    /// A byte order mark at the start is no part of the text.
    pub(crate) fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text: text.strip_prefix('\u{feff}').unwrap_or(text) }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn location(&self, offset: usize) -> Location {
        let (line, column) = text::line_column(self.text, offset);
        Location { path: self.path.to_owned(), line, column }
    }

    pub(crate) fn error(&self, offset: usize, message: impl Into<String>) -> ConfigError {
        ConfigError { location: self.location(offset), message: message.into() }
    }
}

impl Value {
    /// What a message calls the value.
    pub(crate) fn found(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(number) if number.is_f64() => "a fraction",
            Self::Number(_) => "an integer",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// Whether it is more than empty tables and lists: tools write every key that there is.
    pub(crate) fn says_something(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Number(_) | Self::String(_) => true,
            Self::List(items) => !items.is_empty(),
            Self::Table(entries) => entries.iter().any(|entry| entry.node.value.says_something()),
        }
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Number(value) => value.clone().into(),
            Self::String(value) => value.clone().into(),
            Self::List(items) => items.iter().map(|item| item.value.to_json()).collect(),
            Self::Table(entries) => serde_json::Value::Object(
                entries.iter().map(|e| (e.key.clone(), e.node.value.to_json())).collect(),
            ),
        }
    }
}
