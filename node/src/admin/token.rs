//! The secret that opens the admin API, and the file that holds it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustls::crypto::aws_lc_rs::default_provider;
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// The fewest characters of a token that cannot be guessed.
const MIN_TOKEN_BYTES: usize = 16;
/// The random bytes of a token that the node makes.
const MADE_BYTES: usize = 32;

/// A secret that whoever asks the admin API has to show.
#[derive(Clone)]
pub struct Token(String);

/// Why a token's file is of no use. The operator is at fault.
#[derive(Debug, Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("cannot read the token in {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// What it holds is no token.
    #[error(
        "expected a token of at least {MIN_TOKEN_BYTES} characters of visible ASCII in {}",
        .path.display()
    )]
    Unfit {
        /// The file.
        path: PathBuf,
    },
}

impl Token {
    /// A token of at least 16 characters of visible ASCII; `None` for another text.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let fit = text.len() >= MIN_TOKEN_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
        fit.then_some(Self(text))
    }

    /// Reads a token from a file; white space around it does not count.
    ///
    /// # Errors
    /// When the file cannot be read, or what it holds is no token.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| TokenError::Io { path: path.to_owned(), source })?;
        Self::new(text.trim()).ok_or_else(|| TokenError::Unfit { path: path.to_owned() })
    }

    /// Makes a token and writes it to a file that nobody else may read.
    pub(super) fn make(path: &Path) -> io::Result<Self> {
        let token = Self::random()?;
        // One that is left of another process may be readable to more.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let written = writeln!(file, "{}", token.0).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // Half a token is none.
            let _ = std::fs::remove_file(path);
            return Err(error);
        }
        Ok(token)
    }

    /// The token that the process before made, unless others can read it.
    pub(super) fn left(path: &Path) -> Option<Self> {
        let metadata = std::fs::symlink_metadata(path).ok()?;
        let is_private = metadata.is_file() && metadata.permissions().mode() & 0o077 == 0;
        is_private.then(|| Self::read(path).ok()).flatten()
    }

    /// Makes a token that is in no file.
    pub(super) fn random() -> io::Result<Self> {
        let mut random = [0; MADE_BYTES];
        default_provider()
            .secure_random
            .fill(&mut random)
            .map_err(|_| io::Error::other("the system gives no random bytes"))?;
        Ok(Self(random.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Whether it is this one, in a time that does not tell how much of it is right.
    pub(super) fn is(&self, shown: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(shown).into()
    }

    /// The text to show to the node.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_that_is_made_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "one that everybody may read").unwrap();
        let token = Token::make(&path).unwrap();
        assert_eq!(token.secret().len(), 2 * MADE_BYTES);
        assert_eq!(Token::read(&path).unwrap().secret(), token.secret());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_ne!(Token::make(&path).unwrap().secret(), token.secret());
    }

    #[test]
    fn a_file_without_a_token_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert!(matches!(Token::read(&path), Err(TokenError::Io { .. })));
        for text in ["", "short", "sixteen letters ü", "a token with blanks in it"] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(Token::read(&path), Err(TokenError::Unfit { .. })), "{text}");
        }
        std::fs::write(&path, " 0123456789abcdef\n").unwrap();
        assert_eq!(Token::read(&path).unwrap().secret(), "0123456789abcdef");
    }
}
