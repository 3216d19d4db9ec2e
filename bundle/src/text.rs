//! Offsets in a text to what a person reads: lines, columns, a frame of the lines around a place.

/// Columns of a line that a frame shows; longer lines are cut around the place.
const FRAME_COLUMNS: usize = 100;

/// The line and the column of a byte offset, both from 1, the column in characters. An offset
/// past the end is the end.
pub(crate) fn line_column(text: &str, offset: usize) -> (u32, u32) {
    let before = text.get(..floor_char_boundary(text, offset)).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
    (saturate(line), saturate(column))
}

/// The byte offset of a line, from 1, and a column, from 0, in UTF-16 code units.
pub(crate) fn offset(text: &str, line: usize, column: usize) -> usize {
    let lines = text.split_inclusive('\n');
    let start: usize = lines.clone().take(line.saturating_sub(1)).map(str::len).sum();
    let mut units = 0;
    let before = lines.skip(line.saturating_sub(1)).flat_map(str::chars).take_while(|c| {
        units += c.len_utf16();
        units <= column
    });
    start + before.map(char::len_utf8).sum::<usize>()
}

/// The line of a place with the one before it and a caret under the column:
///
/// ```text
///   2 | const a = 1;
/// > 3 | const b = ;
///     |           ^
/// ```
pub(crate) fn code_frame(text: &str, line: u32, column: u32) -> String {
    let width = line.to_string().len();
    let mut frame = String::new();
    let first = line.saturating_sub(1).max(1);
    // A cut line starts at the same column in both rows, so that they stay aligned.
    let cut = (column as usize).saturating_sub(FRAME_COLUMNS * 3 / 4).saturating_sub(1);
    for number in first..=line {
        let content = text.lines().nth(number as usize - 1).unwrap_or("");
        let shown: String = content.chars().skip(cut).take(FRAME_COLUMNS).collect();
        let mark = if number == line { '>' } else { ' ' };
        frame.push_str(&format!("{mark} {number:>width$} | {shown}\n"));
        if number == line {
            // A tab stays a tab, so that the caret stands under its character in any terminal.
            let pad: String = content
                .chars()
                .skip(cut)
                .take((column as usize - 1).saturating_sub(cut))
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            frame.push_str(&format!("  {:width$} | {pad}^", ""));
        }
    }
    frame
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_lines_and_columns_in_characters() {
        let text = "ab\nçd\n";
        let cases = [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (4, (2, 1)), (5, (2, 2)), (99, (3, 1))];
        for (offset, expected) in cases {
            assert_eq!(line_column(text, offset), expected, "offset {offset}");
        }
    }

    #[test]
    fn lines_and_columns_in_code_units_become_offsets() {
        let text = "ab\nç😀d\n";
        for (line, column, expected) in [(1, 0, 0), (1, 2, 2), (2, 0, 3), (2, 1, 5), (2, 3, 9)] {
            assert_eq!(offset(text, line, column), expected, "{line}:{column}");
        }
        assert_eq!(offset(text, 99, 0), text.len());
    }

    #[test]
    fn a_frame_shows_the_line_before_and_a_caret() {
        let frame = code_frame("one\n\ttwo x\nthree", 2, 6);
        assert_eq!(frame, "  1 | one\n> 2 | \ttwo x\n    | \t    ^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        let frame = code_frame(&text, 1, 501);
        let rows: Vec<&str> = frame.lines().collect();
        let caret = rows[1].find('^').unwrap();
        assert_eq!(rows[0].chars().nth(caret), Some('!'));
        assert!(rows[0].len() < 120);
    }
}
