//! A bundle as one file, to be uploaded and kept: a gzipped tar. What a bundle is, is
//! `bundle.rs`'s.

/// How large an archive may be. Archives come from outside.
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
