//! A bundle as one file, to be uploaded and kept: a gzipped tar with `bundle.json`, then the
//! modules, then their source maps. Archives come from outside, so reading one trusts nothing in
//! it, and no name in it ever becomes the path of a file. What a bundle is, is `bundle.rs`'s.

mod check;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bundle::{Bundle, ModuleKind};

/// The format that is written, and the latest that is read.
const FORMAT: u32 = 1;

const MANIFEST: &str = "bundle.json";

/// How large an archive may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Modules and settings, compressed, in bytes.
    pub gzip_bytes: u64,
    /// Modules and settings, in bytes.
    pub raw_bytes: u64,
    /// Source maps, in bytes; they count into neither of the others.
    pub map_bytes: u64,
}

impl ArchiveLimits {
    /// What an archive within the limits cannot exceed, in bytes: nothing more needs to be read.
    pub const fn archive_bytes(&self) -> u64 {
        self.gzip_bytes + self.map_bytes + (1 << 20)
    }
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self { gzip_bytes: 10 << 20, raw_bytes: 64 << 20, map_bytes: 64 << 20 }
    }
}

/// Why an archive is refused. Whoever made it is at fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ArchiveError {
    /// It is larger than it may be.
    #[error("{what} are larger than {limit_bytes} bytes")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// It was written by a later version of Isolane.
    #[error(
        "the archive has format {found}, and this version of Isolane knows formats up to {FORMAT}"
    )]
    Newer {
        /// The format of the archive.
        found: u32,
    },
    /// It is not the archive of a bundle.
    #[error("this is not the archive of a bundle: {problem}")]
    Malformed {
        /// What is wrong.
        problem: String,
    },
}

/// A bundle that was read from an archive.
#[derive(Debug, Clone)]
pub struct Unpacked {
    /// The bundle. It has no warnings and no inputs.
    pub bundle: Bundle,
    /// Its modules and settings as they were in the archive, in bytes.
    pub gzip_bytes: u64,
}

/// What `bundle.json` says.
#[derive(Serialize, Deserialize)]
struct Manifest {
    format: u32,
    name: String,
    main: String,
    /// JSON, so that archives can be read that were written before there was one of the settings.
    settings: serde_json::Value,
    modules: Vec<Entry>,
}

/// A module in `bundle.json`.
#[derive(Serialize, Deserialize)]
struct Entry {
    specifier: String,
    kind: ModuleKind,
    /// Its file in the archive, `modules/` and its place in the list.
    file: String,
    /// The file of its source map, `maps/` and the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_map: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    imports: BTreeMap<String, String>,
}

impl Bundle {
    /// The bundle as an archive: the same bundle gives the same bytes. Warnings and inputs are not
    /// part of it.
    pub fn to_archive(&self) -> Vec<u8> {
        let manifest = Manifest {
            format: FORMAT,
            name: self.name.clone(),
            main: self.main.clone(),
            settings: serde_json::to_value(&self.settings).expect("settings are plain JSON data"),
            modules: self.modules.iter().enumerate().map(entry).collect(),
        };
        let manifest = serde_json::to_vec(&manifest).expect("a manifest is plain JSON data");
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        append(&mut tar, MANIFEST, &manifest);
        for (index, module) in self.modules.iter().enumerate() {
            append(&mut tar, &module_file(index), &module.source);
        }
        for (index, module) in self.modules.iter().enumerate() {
            if let Some(map) = &module.source_map {
                append(&mut tar, &map_file(index), map.as_bytes());
            }
        }
        tar.into_inner().and_then(GzEncoder::finish).expect("memory takes every write")
    }

    /// The bundle of an archive. Its [`id`](Self::id) is that of the bundle that was archived.
    ///
    /// # Errors
    /// When it is not an archive, what it describes is not a bundle, or it is too large.
    pub fn from_archive(archive: &[u8], limits: ArchiveLimits) -> Result<Self, ArchiveError> {
        Unpacked::from_archive(archive, limits).map(|unpacked| unpacked.bundle)
    }
}

impl Unpacked {
    /// The bundle of an archive, and how much of the archive is its code.
    ///
    /// # Errors
    /// As for [`Bundle::from_archive`].
    pub fn from_archive(archive: &[u8], limits: ArchiveLimits) -> Result<Self, ArchiveError> {
        read::read(archive, limits)
    }
}

fn entry((index, module): (usize, &crate::Module)) -> Entry {
    Entry {
        specifier: module.specifier.clone(),
        kind: module.kind,
        file: module_file(index),
        source_map: module.source_map.as_ref().map(|_| map_file(index)),
        imports: module.imports.clone(),
    }
}

fn module_file(index: usize) -> String {
    format!("modules/{index}")
}

fn map_file(index: usize) -> String {
    format!("maps/{index}")
}

fn append(tar: &mut tar::Builder<GzEncoder<Vec<u8>>>, path: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, path, bytes).expect("memory takes every write");
}

fn malformed(problem: impl Into<String>) -> ArchiveError {
    ArchiveError::Malformed { problem: problem.into() }
}
