//! What the bundler is given in the place of files that it will not take: one that refers to
//! corrected copies of all of them, of which each says what it is for. It goes with the load.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};
use tempfile::TempDir;

use super::lenient::Lenient;

/// Corrected copies in a folder of their own.
#[derive(Debug)]
pub(super) struct Solution {
    /// For as long as they are needed.
    _folder: TempDir,
    /// The file that the bundler is to take.
    pub(super) path: PathBuf,
}

/// A folder for copies: in that one, which is made where it is absent, or else where the system has its
/// temporary files.
pub(super) fn folder(scratch: Option<&Path>) -> io::Result<TempDir> {
    let Some(scratch) = scratch else { return tempfile::tempdir() };
    fs::create_dir_all(scratch)?;
    tempfile::tempdir_in(scratch.canonicalize()?)
}

/// Writes copies of the `tsconfig.json` files of several folders: for each script that of the nearest
/// folder counts.
pub(super) fn write<'a>(
    folder: TempDir,
    configs: impl Iterator<Item = &'a Lenient>,
) -> io::Result<Solution> {
    let mut configs: Vec<_> = configs.collect();
    // The first that has a script is taken.
    configs.sort_by_key(|config| std::cmp::Reverse(config.path.components().count()));
    let mut references = Vec::new();
    let mut refer = |options: &Map<String, Json>, files: Json| {
        let name = format!("{}.json", references.len());
        references.push(json!({ "path": format!("./{name}") }));
        write_one(&folder.path().join(name), options, files)
    };
    for config in configs {
        // What it says of files matters only where others are referred to, that have the rest.
        if !config.references.is_empty() {
            for part in std::iter::once(config).chain(&config.references) {
                let mut files = all_of(&part.path);
                if part.own_files.contains_key("files") {
                    files = json!({});
                }
                for (key, value) in &part.own_files {
                    files[key.as_str()] = value.clone();
                }
                refer(&part.options, files)?;
            }
        }
        refer(&config.options, all_of(&config.path))?;
    }
    let path = folder.path().join("tsconfig.json");
    let root = json!({ "files": [], "references": references });
    write_one(&path, &Map::new(), root)?;
    Ok(Solution { _folder: folder, path })
}

/// Writes a copy of the one `tsconfig.json` that counts for every script.
pub(super) fn write_for_all(folder: TempDir, config: &Lenient) -> io::Result<Solution> {
    let path = folder.path().join("tsconfig.json");
    write_one(&path, &config.options, json!({}))?;
    Ok(Solution { _folder: folder, path })
}

fn write_one(path: &Path, options: &Map<String, Json>, mut files: Json) -> io::Result<()> {
    let mut options = options.clone();
    // Scripts that are JavaScript are looked for as well.
    options.insert("allowJs".to_owned(), true.into());
    files["compilerOptions"] = options.into();
    fs::write(path, files.to_string())
}

/// Every script in the folder of a file, and in those below.
fn all_of(path: &Path) -> Json {
    let folder = path.parent().unwrap_or(path).to_string_lossy();
    // The folder's name is no pattern.
    let folder = folder.replace(['*', '?', '[', ']', '{', '}', '!', '\\'], "?");
    json!({ "include": [format!("{folder}/**/*")] })
}
