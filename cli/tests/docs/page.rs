//! How a page of the book is read: its headings, its links, its blocks of code and what is to be
//! done with them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

/// What is to be done with a block of code, as the comment in the line before it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// `<!-- run -->`: its commands are typed; `<!-- run: exit 2 -->`: the last ends with that code.
    Run { exit: i32 },
    /// `<!-- not run: REASON -->`.
    NotRun,
    /// `<!-- file: PATH -->`: it is the content of that file.
    File(String),
}

/// A block of code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of its first line, from 1.
    pub(crate) at: usize,
    pub(crate) mark: Option<Mark>,
    pub(crate) language: String,
    /// Its lines, each with its end.
    pub(crate) text: String,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder of the book.
pub(crate) fn folder() -> PathBuf {
    root().join("docs")
}

/// The pages of the book, the index among them, in the order of their names.
pub(crate) fn names() -> Vec<String> {
    let entries = fs::read_dir(folder()).expect("the book can be listed");
    let names = entries.map(|entry| entry.expect("the book can be listed").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".md"))
        .collect();
    names.sort();
    names
}

/// The text of a file of the repository.
pub(crate) fn read(path: &Path) -> Result<String, Failed> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The blocks of code of a page, in order.
///
/// # Errors
/// When a mark is none, or is before no block, and when a block is not closed.
pub(crate) fn blocks(text: &str) -> Result<Vec<Block>, Failed> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut mark, mut is_open) = (None, false);
    for (index, line) in text.lines().enumerate() {
        let at = index + 1;
        if is_open {
            let block = blocks.last_mut().expect("one was opened");
            match line {
                "```" => is_open = false,
                _ => block.text.extend([line, "\n"]),
            }
        } else if let Some(language) = line.strip_prefix("```") {
            let (language, text) = (language.to_owned(), String::new());
            blocks.push(Block { at: at + 1, mark: mark.take(), language, text });
            is_open = true;
        } else if mark.is_some() {
            return Err(format!("line {at}: a mark is before no block of code").into());
        } else {
            mark = read_mark(line).map_err(|problem| format!("line {at}: {problem}"))?;
        }
    }
    if is_open {
        return Err("a block of code is not closed".into());
    }
    Ok(blocks)
}

fn read_mark(line: &str) -> Result<Option<Mark>, String> {
    let inner = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->"));
    let Some(inner) = inner else { return Ok(None) };
    let (name, value) = inner.split_once(": ").unwrap_or((inner, ""));
    match (name, value) {
        ("run", "") => Ok(Some(Mark::Run { exit: 0 })),
        ("run", value) => match value.strip_prefix("exit ").and_then(|code| code.parse().ok()) {
            Some(exit) => Ok(Some(Mark::Run { exit })),
            None => Err(format!("expected run or run: exit N, found {inner:?}")),
        },
        ("not run", reason) if !reason.is_empty() => Ok(Some(Mark::NotRun)),
        ("file", path) if !path.is_empty() => Ok(Some(Mark::File(path.to_owned()))),
        // Those of generated parts are about no block.
        ("generated", _) | ("end", "") => Ok(None),
        _ => Err(format!("{inner:?} is no mark")),
    }
}

/// A page's lines that are not in a block of code, with their numbers from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.starts_with("```");
        let is_prose = !is_code && !is_fence;
        is_code ^= is_fence;
        is_prose.then_some((index + 1, line))
    })
}

/// The anchors of a page's headings, as GitHub makes them.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let headings = prose(text).filter_map(|(_, line)| {
        let heading = line.trim_start_matches('#');
        (heading.len() < line.len()).then(|| heading.strip_prefix(' ')).flatten()
    });
    headings
        .map(|heading| {
            let kept = heading.to_lowercase();
            let kept = kept.chars().filter_map(|c| match c {
                ' ' => Some('-'),
                c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
                _ => None,
            });
            let anchor: String = kept.collect();
            let count = seen.entry(anchor.clone()).or_default();
            *count += 1;
            if *count == 1 { anchor } else { format!("{anchor}-{}", *count - 1) }
        })
        .collect()
}

/// The targets of a page's links, with their lines.
pub(crate) fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (at, line) in prose(text) {
        // What is between backticks is no link.
        let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        for part in plain.split("](").skip(1) {
            if let Some((target, _)) = part.split_once(')') {
                links.push((at, target.to_owned()));
            }
        }
    }
    links
}

/// The tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("page::blocks_have_marks", || {
            let text = "# a\n<!-- run: exit 2 -->\n```console\n$ b\n```\n```\nc\n```\n\
                        <!-- file: d/e.ts -->\n```ts\nf\n```\n<!-- end -->\n";
            let block = |at, mark, language: &str, text: &str| {
                let (language, text) = (language.to_owned(), text.to_owned());
                Block { at, mark, language, text }
            };
            let expected = [
                block(4, Some(Mark::Run { exit: 2 }), "console", "$ b\n"),
                block(7, None, "", "c\n"),
                block(11, Some(Mark::File("d/e.ts".to_owned())), "ts", "f\n"),
            ];
            assert_eq!(blocks(text)?, expected);
            Ok(())
        }),
        Trial::test("page::a_mark_without_a_block_is_refused", || {
            for text in
                ["<!-- run -->\n\n```\n```\n", "<!-- runs -->\n", "<!-- not run -->\n", "```\na\n"]
            {
                assert!(blocks(text).is_err(), "{text:?}");
            }
            Ok(())
        }),
        Trial::test("page::headings_have_anchors", || {
            let text = "# A `b`: c_d, e-f\n```sh\n# no\n```\n## A\n### A\n#no\n";
            assert_eq!(anchors(text), ["a-b-c_d-e-f", "a", "a-1"]);
            Ok(())
        }),
        Trial::test("page::links_are_found_outside_of_code", || {
            let text = "[a](b.md#c), `[no](no)` [d](e)\n```\n[no](no)\n```\n";
            assert_eq!(links(text), [(1, "b.md#c".to_owned()), (1, "e".to_owned())]);
            Ok(())
        }),
    ]
}
