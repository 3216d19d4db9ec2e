//! How much of a text goes into the log that a tenant or a client can make as long as it likes.

use std::borrow::Cow;

/// Bytes of one text in one line of the log.
pub(super) const MAX_TEXT_BYTES: usize = 16 << 10;

/// The text, or its beginning with a note of how much is missing.
pub fn cut(text: &str) -> Cow<'_, str> {
    cut_to(text, MAX_TEXT_BYTES)
}

/// The same with another bound.
pub fn cut_to(text: &str, max_bytes: usize) -> Cow<'_, str> {
    if text.len() <= max_bytes {
        return Cow::Borrowed(text);
    }
    let kept = &text[..text.floor_char_boundary(max_bytes)];
    let missing = text.len() - kept.len();
    Cow::Owned(format!("{kept}… ({missing} bytes were cut)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut_to("aüb", 3), "aü… (1 bytes were cut)");
        assert_eq!(cut_to("aüb", 2), "a… (3 bytes were cut)");
        let long = "x".repeat(1 << 20);
        assert!(cut(&long).len() < MAX_TEXT_BYTES + 64);
    }
}
