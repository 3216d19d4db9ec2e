//! `build`: a command of the project's own that makes its modules
//! (<https://developers.cloudflare.com/workers/wrangler/custom-builds/>).

use std::path::PathBuf;

use super::super::field::Field;
use super::super::tree::Value;
use crate::custom_build::CustomBuild;
use crate::error::{ConfigError, Location};

/// The keys of `build`, for suggestions.
pub(super) const KEYS: &[&str] = &["command", "cwd", "watch_dir"];

/// `build` as far as it has been read; paths are as written.
#[derive(Default)]
pub(super) struct Raw {
    command: Option<(String, Location)>,
    folder: Option<(PathBuf, Location)>,
    watched: Vec<PathBuf>,
}

impl Raw {
    /// Reads a key; answers whether it is one.
    pub(super) fn key(&mut self, field: &Field<'_>, key: &str) -> Result<bool, ConfigError> {
        match key {
            // Tools write keys that have nothing to say.
            "command" => {
                let command = field.string()?.trim();
                if !command.is_empty() {
                    self.command = Some((command.to_owned(), field.location()));
                }
            }
            "cwd" => self.folder = Some((field.nonempty_string()?.into(), field.location())),
            "watch_dir" => self.watched = folders(field)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What is to run, if anything is.
    pub(super) fn finish(self) -> Option<CustomBuild> {
        let (command, location) = self.command?;
        let (folder, folder_location) = match self.folder {
            Some((folder, location)) => (folder, location),
            None => (PathBuf::new(), location.clone()),
        };
        Some(CustomBuild { command, folder, folder_location, watched: self.watched, location })
    }
}

/// One folder, or a list of them.
fn folders(field: &Field<'_>) -> Result<Vec<PathBuf>, ConfigError> {
    match field.value() {
        Value::List(_) => {
            field.list()?.map(|folder| Ok(folder.nonempty_string()?.into())).collect()
        }
        Value::String(_) => Ok(vec![field.nonempty_string()?.into()]),
        _ => Err(field.expected("a folder or a list of folders")),
    }
}
