//! Tables in Markdown.

/// A table with that head. Cells are Markdown; a bar in one is escaped.
pub(crate) fn table<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let line = |cells: [String; N]| {
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = line(head.map(str::to_owned));
    text.push_str(&format!("|{}\n", "---|".repeat(N)));
    rows.into_iter().for_each(|row| text.push_str(&line(row)));
    text
}

/// Code in Markdown.
pub(crate) fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Names as code, apart by commas.
pub(crate) fn codes<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(code).collect::<Vec<_>>().join(", ")
}

/// A number as people read it: `10,000`.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in the largest unit of which it is a whole number.
pub(crate) fn size(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{} {name}", number(bytes / unit));
        }
    }
    format!("{} bytes", number(bytes))
}

/// A time in milliseconds, or in seconds where it is a whole number of them beyond ten.
pub(crate) fn time(duration: std::time::Duration) -> String {
    match u64::try_from(duration.as_millis()).unwrap_or(u64::MAX) {
        millis if millis.is_multiple_of(1000) && millis != 1000 => {
            format!("{} s", number(millis / 1000))
        }
        millis => format!("{} ms", number(millis)),
    }
}
