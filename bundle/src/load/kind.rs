//! What a file is, by its extension, and whether its content is that. How scripts are checked is
//! `transpile`'s.

use std::path::Path;

use serde::de::IgnoredAny;

use crate::error::Problem;
use crate::transpile::Language;

/// The first bytes of compiled Wasm (WebAssembly Core Specification, section 5.5.16).
pub(super) const WASM_MAGIC: &[u8] = b"\0asm";

/// The extensions that an importer may leave out, in the order in which they are tried.
pub(super) const IMPLIED_EXTENSIONS: [&str; 7] = ["ts", "tsx", "mts", "js", "jsx", "mjs", "json"];

/// The extensions that a file can be imported with, for messages.
pub(super) const KNOWN_EXTENSIONS: &str = ".js, .mjs, .ts, .mts, .jsx, .tsx, .json, .txt, .html, \
     .sql, .css, .csv, .md, .svg, .xml, .graphql, .bin and .wasm";

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Script(Language),
    Json,
    Text,
    Data,
    Wasm,
}

/// The kind of a file; `None` for an extension that says nothing.
pub(super) fn of_file(path: &Path) -> Option<FileKind> {
    let kind = match path.extension()?.to_str()? {
        "js" | "mjs" | "jsx" => FileKind::Script(Language::JavaScript),
        "ts" | "mts" => FileKind::Script(Language::TypeScript),
        "tsx" => FileKind::Script(Language::TypeScriptJsx),
        "json" => FileKind::Json,
        "txt" | "html" | "htm" | "sql" | "css" | "csv" | "md" | "svg" | "xml" | "graphql"
        | "gql" => FileKind::Text,
        "bin" => FileKind::Data,
        "wasm" => FileKind::Wasm,
        _ => return None,
    };
    Some(kind)
}

/// Whether a file is JavaScript or TypeScript, and so can be a main module.
pub(crate) fn is_script(path: &Path) -> bool {
    matches!(of_file(path), Some(FileKind::Script(_)))
}

/// Whether the text is JSON; if not, where and why.
pub(super) fn check_json(text: &str) -> Result<(), (usize, Problem)> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ()).map_err(|error| {
        let message = error.to_string();
        // The message repeats the position, which stands before it already.
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        (offset(text, error.line(), error.column()), Problem::syntax(message))
    })
}

/// The offset of a line and a column, both from 1, the column in bytes.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    lines.map(str::len).sum::<usize>() + column.saturating_sub(1)
}
