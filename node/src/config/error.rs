//! What can be wrong with `node.toml`, said with the place and with what was expected.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a configuration was refused. The operator is at fault.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Something in the file is not what it has to be.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What was expected, and what was found.
        message: String,
    },
}

/// A file's text, to make errors about places in it.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// The error about that range of bytes.
    pub(super) fn fault(&self, span: Range<usize>, message: impl Into<String>) -> ConfigError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
        ConfigError::Invalid { path: self.path.to_owned(), line, column, message: message.into() }
    }

    /// The parser's own error, in our words.
    pub(super) fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        self.fault(error.span().unwrap_or(0..0), reworded(error.message()))
    }
}

/// serde's messages, turned so that they begin with what was expected.
fn reworded(message: &str) -> String {
    if let Some((found, expected)) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.split_once(", expected "))
    {
        let expected = match expected {
            "u64" | "usize" | "u32" => "a whole number that is not negative",
            other => other,
        };
        return format!("expected {expected}, found {found}");
    }
    for kind in ["field", "variant"] {
        if let Some((found, expected)) = message
            .strip_prefix(&format!("unknown {kind} "))
            .and_then(|rest| rest.split_once(", expected "))
        {
            let what = if kind == "field" { "the unknown key " } else { "" };
            return format!("expected {expected}, found {what}{found}");
        }
    }
    match message.strip_prefix("missing field ") {
        Some(field) => format!("expected the key {field}, found none"),
        None => message.trim_end().replace('\n', ", "),
    }
}
