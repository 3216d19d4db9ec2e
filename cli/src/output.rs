//! Where results go: lines and JSON on the standard output, values and exports to files.

use std::fs::{self, File};
use std::io::{self, Stdout, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;
use thiserror::Error;

/// What a command writes to.
pub(crate) enum Output {
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
pub(crate) struct ReaderGone;

impl Output {
    /// A file, or the standard output for `-` and for none.
    pub(crate) fn to(path: Option<&Path>) -> anyhow::Result<Self> {
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
    pub(crate) fn is_standard(&self) -> bool {
        matches!(self, Self::Standard(_))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let written = match self {
            Self::Standard(stdout) => return printed(stdout.write_all(bytes)),
            Self::Special { file, .. } | Self::File { file, .. } => file.write_all(bytes),
        };
        written.with_context(|| format!("cannot write {}", self.path().display()))
    }

    /// Has everything where it belongs.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
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
pub(crate) fn say(
    as_json: bool,
    value: &Value,
    sentence: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    let line = if as_json { value.to_string() } else { sentence() };
    printed(writeln!(io::stdout(), "{line}"))
}

/// Rows below their head, in columns: numbers, whose heads end in `>`, at the right.
pub(crate) fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let is_right: Vec<_> = head.iter().map(|name| name.ends_with('>')).collect();
    let head = head.iter().map(|name| name.trim_end_matches('>').to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let widths: Vec<_> = (0..is_right.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for ((cell, width), is_right) in row.iter().zip(&widths).zip(&is_right) {
            let gap = if line.is_empty() { "" } else { "  " };
            let padding = " ".repeat(width - cell.chars().count());
            match is_right {
                true => line.extend([gap, &padding, cell]),
                false => line.extend([gap, cell, &padding]),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What came of writing to the standard output.
pub(crate) fn printed(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        written => written.context("cannot write to the standard output"),
    }
}

/// A number of things, with its noun.
pub(crate) fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// A number of bytes as a person reads it.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        ..1024 => count(bytes, "byte"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// The digits of a version that people use.
pub(crate) fn short(version: &str) -> &str {
    version.get(..8).unwrap_or(version)
}

/// A name as it can be shown on a terminal: one with control characters is quoted.
pub(crate) fn plain(name: &str) -> String {
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
    fn sizes_have_units() {
        assert_eq!(size(1), "1 byte");
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(2048), "2.0 KiB");
        assert_eq!(size(3 << 20), "3.0 MiB");
    }

    #[test]
    fn a_table_has_its_numbers_at_the_right() {
        let rows = [["a", "1", ""], ["ünï", "1000", "x"]];
        let rows = rows.iter().map(|row| row.iter().map(ToString::to_string).collect());
        let text = table(&["NAME", "KEYS>", "MORE"], rows);
        assert_eq!(text, "NAME  KEYS  MORE\na        1\nünï   1000  x\n");
    }

    #[test]
    fn names_cannot_command_the_terminal() {
        assert_eq!(plain("ü x"), "ü x");
        assert_eq!(plain("\u{1b}[31m"), "\"\\u{1b}[31m\"");
    }
}
