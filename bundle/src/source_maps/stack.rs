//! Finding the places in the text of a V8 stack
//! (<https://v8.dev/docs/stack-trace-api#appendix%3A-stack-trace-format>): `at f (URL:1:2)`,
//! `at URL:1:2`, nested for `eval`. What they are replaced with is the caller's.

use super::MODULE_PREFIX;

/// Replaces each place in a module with what `replace` makes of its URL, line and column, and
/// leaves it where that is `None`.
pub(super) fn rewrite(
    stack: &str,
    mut replace: impl FnMut(&str, u32, u32) -> Option<String>,
) -> String {
    let mut rewritten = String::with_capacity(stack.len());
    let mut rest = stack;
    while let Some(start) = rest.find(MODULE_PREFIX) {
        let (before, place) = rest.split_at(start);
        rewritten.push_str(before);
        let found = parse_place(place)
            .and_then(|(url, line, column, length)| Some((replace(url, line, column)?, length)));
        // Without a replacement the prefix is passed over, and the search goes on behind it.
        let (text, length) = match &found {
            Some((text, length)) => (text.as_str(), *length),
            None => (MODULE_PREFIX, MODULE_PREFIX.len()),
        };
        rewritten.push_str(text);
        rest = place.get(length..).unwrap_or_default();
    }
    rewritten.push_str(rest);
    rewritten
}

/// The URL, line and column at the start of a text, and how many bytes they take.
fn parse_place(text: &str) -> Option<(&str, u32, u32, usize)> {
    let path = text.get(MODULE_PREFIX.len()..)?;
    let path_end = path.find(|c: char| c == ':' || c == '(' || c == ')' || c.is_whitespace())?;
    let url = text.get(..MODULE_PREFIX.len() + path_end)?;
    let (line, rest) = parse_number(path.get(path_end..)?)?;
    let (column, rest) = parse_number(rest)?;
    Some((url, line, column, text.len() - rest.len()))
}

/// The number after a colon, and the text after it.
fn parse_number(text: &str) -> Option<(u32, &str)> {
    let text = text.strip_prefix(':')?;
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}
