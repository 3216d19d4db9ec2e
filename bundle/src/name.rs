//! A worker's name is also a label in host names (`<worker>.localhost`): lower-case letters,
//! digits and hyphens, 1 to 63 of them, no hyphen at either end (RFC 1123, section 2.1).

/// The longest DNS label (RFC 1035, section 2.3.4).
pub(crate) const MAX_NAME_BYTES: usize = 63;

/// The name for a file or a folder whose own name has no letter and no digit.
const FALLBACK: &str = "worker";

/// The worker's name after a file's stem or a folder's name: any text has one.
pub(crate) fn from_file_name(file_name: &str) -> String {
    let mut name = normalise(file_name);
    name.truncate(MAX_NAME_BYTES);
    name.truncate(name.trim_end_matches('-').len());
    if name.is_empty() { FALLBACK.to_owned() } else { name }
}

/// The text as a label, of any length: letters in lower case, each run of what no label can hold
/// as one hyphen, none at the ends. Empty when the text has no ASCII letter and no digit.
pub(crate) fn normalise(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if c == '-' || !name.ends_with('-') {
            name.push('-');
        }
    }
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_become_labels() {
        let long = "a".repeat(62) + "-b";
        let cases = [
            ("hello", "hello"),
            ("My App", "my-app"),
            ("my_worker", "my-worker"),
            ("a--b", "a--b"),
            ("-x-", "x"),
            ("größe", "gr-e"),
            ("日本", "worker"),
            ("", "worker"),
            (&long, &long[..62]),
        ];
        for (text, expected) in cases {
            assert_eq!(from_file_name(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_valid_label(text in ".*") {
            let name = from_file_name(&text);
            prop_assert!((1..=MAX_NAME_BYTES).contains(&name.len()));
            prop_assert!(name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')));
            prop_assert!(!name.starts_with('-') && !name.ends_with('-'));
            prop_assert_eq!(from_file_name(&name), name);
        }
    }
}
