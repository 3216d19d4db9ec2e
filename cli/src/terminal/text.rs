//! Text for a terminal: durations and times as a person reads them, and text from elsewhere made
//! harmless.

use std::fmt::Write as _;
use std::time::Duration;

use time::{OffsetDateTime, UtcOffset};

/// A duration in three digits or so.
pub(crate) fn took(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    match ms {
        ..10.0 => format!("{ms:.2} ms"),
        ..1000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1e3),
    }
}

/// The wall clock of this place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(UtcOffset);

impl Clock {
    /// Reads the time zone. To be called before there is a second thread: after that the system
    /// does not tell it in a safe way, and the clock is that of UTC.
    pub(crate) fn of_here() -> Self {
        Self(UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC))
    }

    /// The time of day, in seconds.
    pub(crate) fn now(self) -> String {
        self.of_day(OffsetDateTime::now_utc())
    }

    /// The same of a moment, in milliseconds since the UNIX epoch.
    pub(crate) fn at(self, at_ms: u64) -> String {
        let seconds = i64::try_from(at_ms / 1000).unwrap_or_default();
        let at = OffsetDateTime::from_unix_timestamp(seconds);
        self.of_day(at.unwrap_or(OffsetDateTime::UNIX_EPOCH))
    }

    fn of_day(self, at: OffsetDateTime) -> String {
        // Beyond the last year there is no time of here.
        let here = at.checked_to_offset(self.0).unwrap_or(at);
        let (hour, minute, second) = here.to_hms();
        format!("{hour:02}:{minute:02}:{second:02}")
    }
}

/// A text that may come from anywhere, such as from a request, with control characters spelled
/// out: they could move the cursor or retitle the window. Line ends and tabs stay, and so do
/// colours, which end with the text.
pub(crate) fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut coloured = false;
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\n' && c != '\t') {
        let (before, from) = rest.split_at(at);
        safe.push_str(before);
        if let Some(length) = colour(from) {
            let (sequence, after) = from.split_at(length);
            safe.push_str(sequence);
            coloured = true;
            rest = after;
            continue;
        }
        let mut characters = from.chars();
        match characters.next() {
            // A line end as other systems write it.
            Some('\r') if characters.as_str().starts_with('\n') => {}
            // Writing to a string cannot fail.
            Some(control) => drop(write!(safe, "\\x{:02x}", u32::from(control))),
            None => {}
        }
        rest = characters.as_str();
    }
    safe.push_str(rest);
    if coloured {
        safe.push_str("\u{1b}[0m");
    }
    safe
}

/// How long the sequence is that sets colours (ECMA-48, "Select Graphic Rendition"), if there is
/// one at the start of the text.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    parameters.get(end..)?.starts_with('m').then_some("\u{1b}[".len() + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_or_so() {
        assert_eq!(took(Duration::from_micros(1234)), "1.23 ms");
        assert_eq!(took(Duration::from_millis(123)), "123 ms");
        assert_eq!(took(Duration::from_millis(12_345)), "12.3 s");
    }

    #[test]
    fn only_colours_reach_the_terminal() {
        let cases = [
            ("plain\n\ttext ✓", "plain\n\ttext ✓"),
            ("\u{1b}[1;31mred\u{1b}[39m", "\u{1b}[1;31mred\u{1b}[39m\u{1b}[0m"),
            ("\u{1b}[2J\u{1b}[H", "\\x1b[2J\\x1b[H"),
            ("\u{1b}]0;title\u{7}", "\\x1b]0;title\\x07"),
            ("\u{1b}[31", "\\x1b[31"),
            ("\u{9b}31m", "\\x9b31m"),
            ("one\r\ntwo\rthree", "one\ntwo\\x0dthree"),
            ("\u{7f}\0", "\\x7f\\x00"),
        ];
        for (text, expected) in cases {
            assert_eq!(harmless(text), expected, "{text:?}");
        }
    }
}
