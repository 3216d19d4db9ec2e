//! A bundle as one file, to be uploaded and kept: a gzipped tar with `bundle.json`, then the
//! modules, then their source maps. Archives come from outside, so reading one trusts nothing in
//! it, and no name in it ever becomes the path of a file. What a bundle is, is `bundle.rs`'s.
//!
//! The address of an archive is the SHA-256 of its `bundle.json`, byte for byte, so that it is the
//! same for a program that does not know all of what is in there:
//! `tar -xOf ARCHIVE bundle.json | sha256sum` says it. Archives of format 1 had another address
//! (`archive/format1.rs`), which is theirs for good.

mod check;
mod format1;
mod manifest;
mod read;
#[cfg(test)]
mod tests;

use flate2::Compression;
use flate2::write::GzEncoder;
use thiserror::Error;

use self::manifest::Manifest;
use self::read::{Contents, Proof};
use crate::bundle::{Bundle, VersionId};

/// The format that is written, and the latest that is read. Before format 2 the address was not that
/// of `bundle.json`, which had no hashes.
const FORMAT: u32 = 2;

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
    /// The address that the archive's content has, by its own bytes.
    pub id: VersionId,
    /// Its modules and settings as they were in the archive, in bytes.
    pub gzip_bytes: u64,
}

impl Bundle {
    /// The bundle as an archive: the same bundle gives the same bytes. Warnings and inputs are not
    /// part of it.
    pub fn to_archive(&self) -> Vec<u8> {
        let manifest = manifest(self);
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

    /// The bundle of an archive that was taken before: damage is found, but the hashes in
    /// `bundle.json` are not looked at.
    ///
    /// # Errors
    /// When it is not an archive, what it describes is not a bundle, or it is too large.
    pub fn from_archive(archive: &[u8], limits: ArchiveLimits) -> Result<Self, ArchiveError> {
        read::read(archive, limits, Proof::Taken).map(|contents| contents.bundle)
    }
}

impl Unpacked {
    /// The bundle of a stranger's archive, its address, and how much of the archive is its code.
    ///
    /// # Errors
    /// As for [`Bundle::from_archive`], and when a file is not what `bundle.json` says.
    pub fn from_archive(archive: &[u8], limits: ArchiveLimits) -> Result<Self, ArchiveError> {
        let Contents { bundle, gzip_bytes, address } = read::read(archive, limits, Proof::Asked)?;
        let id = address.of(&bundle)?;
        Ok(Self { bundle, id, gzip_bytes })
    }
}

/// The bytes of a bundle's `bundle.json`.
pub(crate) fn manifest(bundle: &Bundle) -> Vec<u8> {
    Manifest::of(bundle).to_bytes()
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
