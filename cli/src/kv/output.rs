//! Where results go: lines and JSON on the standard output, values and exports to files.

use std::fs::{self, File};
use std::io::{self, Stdout, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;
use thiserror::Error;

/// What a command writes to.
pub(super) enum Output {
    /// The standard output.
    Standard(Stdout),
    /// Something that is there and no plain file, such as a pipe.
    Special { file: File, path: PathBuf },
    /// A file that gets its name when it is complete.
    File { file: File, unfinished: PathBuf, path: PathBuf, is_complete: bool },
}

/// Nobody reads the standard output any more.
#[derive(Debug, Error)]
#[error("the standard output is closed")]
pub(super) struct ReaderGone;

impl Output {
    /// A file, or the standard output for `-` and for none.
    pub(super) fn to(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::Standard(io::stdout()));
        };
        let name = path.display().to_string();
        let fault = || format!("cannot write {name}");
        let found = fs::metadata(path).ok();
        if found.as_ref().is_some_and(|found| !found.is_file()) {
            let file = File::options().write(true).open(path).with_context(fault)?;
            return Ok(Self::Special { file, path: path.to_owned() });
        }
        // A link stays one, to what is written.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".unfinished");
        let unfinished = PathBuf::from(unfinished);
        let file = File::create(&unfinished).with_context(fault)?;
        if let Some(found) = found {
            // What was for its owner alone stays so.
            file.set_permissions(found.permissions()).with_context(fault)?;
        }
        Ok(Self::File { file, unfinished, path, is_complete: false })
    }

    /// Whether results are what the standard output has.
    pub(super) fn is_standard(&self) -> bool {
        matches!(self, Self::Standard(_))
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let written = match self {
            Self::Standard(stdout) => return printed(stdout.write_all(bytes)),
            Self::Special { file, .. } | Self::File { file, .. } => file.write_all(bytes),
        };
        written.with_context(|| format!("cannot write {}", self.path().display()))
    }

    /// Has everything where it belongs.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        let finished = match &mut self {
            Self::Standard(stdout) => return printed(stdout.flush()),
            Self::Special { .. } => Ok(()),
            Self::File { file, unfinished, path, is_complete } => {
                *is_complete = true;
                file.sync_all().and_then(|()| fs::rename(unfinished, path))
            }
        };
        finished.with_context(|| format!("cannot write {}", self.path().display()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Standard(_) => Path::new("-"),
            Self::Special { path, .. } | Self::File { path, .. } => path,
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Self::File { unfinished, is_complete: false, .. } = self {
            // The failure that led here is what is reported.
            let _ = fs::remove_file(unfinished);
        }
    }
}

/// Says what was done, to a person or as JSON.
pub(super) fn say(
    as_json: bool,
    value: &Value,
    sentence: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    let line = if as_json { value.to_string() } else { sentence() };
    printed(writeln!(io::stdout(), "{line}"))
}

/// What came of writing to the standard output.
pub(super) fn printed(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        written => written.context("cannot write to the standard output"),
    }
}

/// A number of things, with its noun.
pub(super) fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// A name as it can be shown on a terminal: one with control characters is quoted.
pub(super) fn plain(name: &str) -> String {
    if name.contains(char::is_control) { format!("{name:?}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_only_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old").unwrap();
        let mut output = Output::to(Some(&path)).unwrap();
        output.write(b"half").unwrap();
        drop(output);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let mut output = Output::to(Some(&path)).unwrap();
        output.write(b"whole").unwrap();
        output.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_replaced_keeps_its_permissions_and_its_links() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("out"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&path, &link).unwrap();
        let mut output = Output::to(Some(&link)).unwrap();
        output.write(b"new").unwrap();
        output.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn names_cannot_command_the_terminal() {
        assert_eq!(plain("ü x"), "ü x");
        assert_eq!(plain("\u{1b}[31m"), "\"\\u{1b}[31m\"");
    }
}
