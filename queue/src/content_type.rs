//! How the body of a message is to be read. Writing and reading bodies is not here: that takes V8.

use std::fmt;
use std::str::FromStr;

/// What the bytes of a message are (Workers: `QueuesContentType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// A string in UTF-8.
    Text,
    /// Bytes as they were given.
    Bytes,
    /// The text of `JSON.stringify`.
    Json,
    /// A structured clone in the format of V8's serializer.
    V8,
}

/// A text that names no content type, in the words that a worker is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Unsupported queue message content type: {0}")]
pub struct UnknownContentType(pub String);

impl ContentType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Text, Self::Bytes, Self::Json, Self::V8];

    /// The name that a worker gives and gets.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Json => "json",
            Self::V8 => "v8",
        }
    }

    /// What stands for it on disk.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Bytes => 1,
            Self::Json => 2,
            Self::V8 => 3,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ContentType {
    type Err = UnknownContentType;

    /// In any case, as `send()` takes it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownContentType(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_others_are_refused_by_name() {
        for kind in ContentType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(kind.as_str().to_uppercase().parse(), Ok(kind));
            assert_eq!(ContentType::from_code(kind.code()), Some(kind));
        }
        let refused = "Xml".parse::<ContentType>().unwrap_err();
        assert_eq!(refused.to_string(), "Unsupported queue message content type: Xml");
        assert_eq!(ContentType::from_code(4), None);
    }
}
