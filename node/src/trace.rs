//! An exception as the worker's author reads it: the places of the sources, without the frames
//! of the runtime, and the lines around the place that threw. Which source stands behind a place
//! is [`MapStack`]'s; how a page or a terminal shows it is theirs.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::refusal::{MapStack, Served};

/// What every place in code that a worker runs begins with, before it is mapped.
const MODULE_PREFIX: &str = bundle::MODULE_PREFIX;
/// What every place in the runtime's own JavaScript begins with, behind the `at` of a frame.
const RUNTIME_PREFIX: &str = "ext:";
/// How a terminal is told of a colour that is not important.
const GREY: &str = "\u{1b}[90m";
/// What ends it.
const DEFAULT_COLOUR: &str = "\u{1b}[39m";
/// What a frame of a stack begins with.
const INDENTATION: &str = "    ";
/// Lines before and after the one that threw.
const CONTEXT_LINES: u32 = 2;
/// Columns of a line that are shown; longer lines are cut around the place.
const FRAME_COLUMNS: usize = 110;

/// An exception in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// `RangeError: no order`.
    pub message: String,
    /// The stack, below the message: a line for each frame, and the causes with theirs.
    pub frames: String,
    /// The source around the uppermost place of the author's own.
    pub code: Option<CodeFrame>,
}

/// Lines of a source with a mark at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFrame {
    /// The place, as `file:line:column`.
    pub place: String,
    /// The lines, each with its number.
    pub lines: String,
}

/// A place in a file of a project, as a stack has it.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    file: &'a str,
    line: u32,
    column: u32,
}

impl Trace {
    /// From what the runtime knows of an exception of that worker and version.
    pub fn new(mapper: &dyn MapStack, served: &Served, message: &str, stack: &str) -> Self {
        let mapped = mapper.map_stack(served, stack);
        // V8's stack begins with the message.
        let below = mapped.strip_prefix(message).unwrap_or(&mapped);
        let frames = without_runtime(below.trim_start_matches('\n'));
        let code = code_of(mapper, served, &frames);
        Self { message: message.to_owned(), frames, code }
    }
}

/// A text of a worker's, such as what it wrote to its console, with the places of its sources
/// and without the frames of the runtime.
pub fn readable<'a>(mapper: &dyn MapStack, served: &Served, text: &'a str) -> Cow<'a, str> {
    if !shows_places(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(without_runtime(&mapper.map_stack(served, text)))
}

/// Whether a text may show places in code.
pub(crate) fn shows_places(text: &str) -> bool {
    text.contains(MODULE_PREFIX) || text.contains(RUNTIME_PREFIX)
}

/// Drops the frames of the runtime's own JavaScript, which say nothing to the author. What follows
/// the last frame of a stack in its line, such as the next argument of `console.error`, stays.
fn without_runtime(stack: &str) -> String {
    let mut kept = String::with_capacity(stack.len());
    let mut begun = false;
    for line in stack.split('\n') {
        match after_frame_of_ours(line) {
            Some(rest) => kept.push_str(rest),
            None => {
                if begun {
                    kept.push('\n');
                }
                kept.push_str(line);
                begun = true;
            }
        }
    }
    kept
}

/// What follows in a line that begins with a frame of the runtime's; `None` for any other line.
fn after_frame_of_ours(line: &str) -> Option<&str> {
    // In colours such a frame is grey.
    let indented = line.trim_start_matches(GREY).strip_prefix(INDENTATION)?;
    let frame = indented.trim_start().strip_prefix("at ")?;
    let frame = frame.strip_prefix("async ").unwrap_or(frame);
    let place = match frame.split_once('(') {
        Some((_, place)) if !frame.starts_with(RUNTIME_PREFIX) => place,
        _ => frame,
    };
    let place = place.starts_with(RUNTIME_PREFIX).then_some(place)?;
    // The names of the runtime's scripts have none of these.
    let end = place.find([' ', ')', '\u{1b}']).unwrap_or(place.len());
    let rest = place.get(end..)?;
    let rest = rest.strip_prefix(')').unwrap_or(rest);
    Some(rest.strip_prefix(DEFAULT_COLOUR).unwrap_or(rest))
}

/// The source around the first frame that leads into a file of the author's own, or else into
/// one that was installed.
fn code_of(mapper: &dyn MapStack, served: &Served, frames: &str) -> Option<CodeFrame> {
    let places: Vec<_> = frames.lines().filter_map(place).collect();
    let own = places.iter().find(|place| !place.file.contains("node_modules/"));
    let place = own.or_else(|| places.first())?;
    let source = mapper.source(served, place.file)?;
    let Place { file, line, column } = place;
    Some(CodeFrame {
        place: format!("{file}:{line}:{column}"),
        lines: code_frame(&source, *line, *column)?,
    })
}

/// The place in a line of a stack: `    at f (src/a.ts:1:2)` or `    at src/a.ts:1:2`.
fn place(line: &str) -> Option<Place<'_>> {
    let frame = line.trim_start().strip_prefix("at ")?;
    let inside = match frame.rsplit_once(" (") {
        Some((_, inside)) => inside.strip_suffix(')')?,
        None => frame.strip_prefix("async ").unwrap_or(frame),
    };
    let (rest, column) = inside.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    let is_file = !file.contains("://") && !file.starts_with("ext:") && !file.starts_with("node:");
    is_file.then_some(Place { file, line: line.parse().ok()?, column: column.parse().ok()? })
}

/// The lines around a place, the one that it is in with a mark and a caret under the column;
/// `None` where there is no such line.
///
/// ```text
///   2 | const a = 1;
/// > 3 | const b = c();
///     |           ^
///   4 | export default b;
/// ```
fn code_frame(source: &str, line: u32, column: u32) -> Option<String> {
    let first = line.saturating_sub(CONTEXT_LINES).max(1);
    let last = line.saturating_add(CONTEXT_LINES);
    let marked = source.lines().nth(line.checked_sub(1)? as usize)?;
    // A cut line starts at the same column in every row, so that they stay aligned.
    let before = (column as usize).saturating_sub(1).min(marked.chars().count());
    let cut = before.saturating_sub(FRAME_COLUMNS * 3 / 4);
    let width = last.to_string().len();
    let mut frame = String::new();
    for (number, content) in (1u32..).zip(source.lines()) {
        if number < first {
            continue;
        }
        if number > last {
            break;
        }
        let shown: String = content.chars().skip(cut).take(FRAME_COLUMNS).collect();
        let mark = if number == line { '>' } else { ' ' };
        // Writing to a string cannot fail.
        let _ = writeln!(frame, "{}", format!("{mark} {number:>width$} | {shown}").trim_end());
        if number == line {
            // A tab stays a tab, so that the caret stands under its character in any terminal.
            let skipped = content.chars().skip(cut).take(before - cut);
            let pad: String = skipped.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            let _ = writeln!(frame, "  {:width$} | {pad}^", "");
        }
    }
    frame.truncate(frame.trim_end().len());
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Files;

    impl MapStack for Files {
        fn map_stack(&self, _: &Served, stack: &str) -> String {
            stack.replace("worker:///", "src/")
        }

        fn source(&self, _: &Served, file: &str) -> Option<String> {
            (file == "src/a.ts").then(|| "one\n\ttwo x\nthree\nfour\nfive".to_owned())
        }
    }

    fn served() -> Served {
        Served { worker: "shop".into(), version: "1".into() }
    }

    #[test]
    fn the_frame_is_that_of_the_authors_uppermost_place() {
        let stack =
            "Error: no\n    at x (ext:core/01.js:1:1)\n    at lib (src/node_modules/a/b.js:3:1)
    at async f (worker:///a.ts:2:6)\n    at worker:///a.ts:9:9";
        let trace = Trace::new(&Files, &served(), "Error: no", stack);
        assert_eq!(
            trace.frames,
            "    at lib (src/node_modules/a/b.js:3:1)\n    at async f (src/a.ts:2:6)\n    at src/a.ts:9:9"
        );
        let code = trace.code.unwrap();
        assert_eq!(code.place, "src/a.ts:2:6");
        let rows = "  1 | one\n> 2 | \ttwo x\n    | \t    ^\n  3 | three\n  4 | four";
        assert_eq!(code.lines, rows);
    }

    #[test]
    fn a_place_is_read_in_each_of_its_forms() {
        let cases = [
            ("    at f (src/a.ts:1:2)", Some(("src/a.ts", 1, 2))),
            ("    at src/my file.ts:1:2", Some(("src/my file.ts", 1, 2))),
            ("    at async src/a.ts:1:2", Some(("src/a.ts", 1, 2))),
            ("    at new A (src/(group)/a.ts:1:2)", Some(("src/(group)/a.ts", 1, 2))),
            ("    at f (worker:///a.ts:1:2)", None),
            ("    at f (ext:core/a.js:1:2)", None),
            ("    at f (node:buffer:1:2)", None),
            ("    at Array.map (<anonymous>)", None),
            ("Error: at src/a.ts:1:2", None),
        ];
        for (line, expected) in cases {
            let expected = expected.map(|(file, line, column)| Place { file, line, column });
            assert_eq!(place(line), expected, "{line}");
        }
    }

    #[test]
    fn a_place_outside_of_its_source_has_no_frame() {
        assert_eq!(code_frame("one", 2, 1), None);
        assert_eq!(code_frame("one", 1, 99), Some("> 1 | one\n    |    ^".to_owned()));
        assert_eq!(code_frame("", 1, 1), None);
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        let frame = code_frame(&text, 1, 501).unwrap();
        let rows: Vec<&str> = frame.lines().collect();
        let caret = rows[1].find('^').unwrap();
        assert_eq!(rows[0].chars().nth(caret), Some('!'));
        assert!(rows[0].len() < 130);
    }

    #[test]
    fn what_a_console_wrote_is_mapped_and_loses_the_runtimes_frames() {
        let text =
            "oh Error: x\n    at f (worker:///a.ts:1:1)\n    at g (ext:isolane/a.js:1:1)\nend";
        assert_eq!(readable(&Files, &served(), text), "oh Error: x\n    at f (src/a.ts:1:1)\nend");
        assert_eq!(readable(&Files, &served(), "text:\n\n"), "text:\n\n");
        let grey = "Error: x\n\u{1b}[90m    at ext:isolane/a.js:1:1\u{1b}[39m\nend";
        assert_eq!(readable(&Files, &served(), grey), "Error: x\nend");
    }

    #[test]
    fn what_follows_the_runtimes_frames_stays() {
        let cases = [
            ("Error: x\n    at g (ext:a/b.js:1:1) { userId: 5 }", "Error: x { userId: 5 }"),
            ("Error: x\n    at async ext:a/b.js:1:1 ctx {\n  a: 1\n}", "Error: x ctx {\n  a: 1\n}"),
            (
                "Error: x\n\u{1b}[90m    at g (ext:a/b.js:1:1)\u{1b}[39m \u{1b}[33m5\u{1b}[39m",
                "Error: x \u{1b}[33m5\u{1b}[39m",
            ),
            ("at the door (ext:1)", "at the door (ext:1)"),
            ("look at f (ext:a/b.js:1:1)", "look at f (ext:a/b.js:1:1)"),
        ];
        for (text, expected) in cases {
            assert_eq!(readable(&Files, &served(), text), expected);
        }
    }
}
