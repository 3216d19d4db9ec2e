//! The files of a folder, for what names them by a pattern.

use std::fs;
use std::path::{Path, PathBuf};

/// The files below a folder, in any order, but none of packages and none that are hidden; `None` if
/// there are more than so many. What cannot be read has none.
pub(super) fn files_below(folder: &Path, most: usize) -> Option<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_ours = name != "node_modules" && !name.as_encoded_bytes().starts_with(b".");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && is_ours => left.push(entry.path()),
                Ok(kind) if kind.is_file() && is_ours => files.push(entry.path()),
                _ => {}
            }
        }
        if files.len() > most {
            return None;
        }
    }
    Some(files)
}
