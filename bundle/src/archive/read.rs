//! From the bytes of an archive to a bundle. The files have to come in the order in which they are
//! written, under their one possible name each: so none can be there twice, and none be a link.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use flate2::bufread::GzDecoder;
use tar::{Archive, Entries};

use super::manifest::Manifest;
use super::{
    ArchiveError, ArchiveLimits, FORMAT, MANIFEST, check, format1, malformed, map_file, module_file,
};
use crate::bundle::{Bundle, Module, VersionId, sha256};

/// How large `bundle.json` may be, in bytes.
const MAX_MANIFEST_BYTES: u64 = 8 << 20;
/// What may follow the last file: the end of a tar, and what fills its last record, in bytes.
const MAX_TAIL_BYTES: u64 = 64 << 10;
/// Memory for a file is taken in steps of up to so much, so that a size alone costs nothing.
const STEP_BYTES: u64 = 1 << 20;

type Tar<'a> = Archive<GzDecoder<Source<'a>>>;

/// What an archive says.
pub(super) struct Contents {
    pub(super) bundle: Bundle,
    /// Its modules and settings as they were in the archive, in bytes.
    pub(super) gzip_bytes: u64,
    pub(super) address: Address,
}

/// What the address of an archive is made of.
pub(super) enum Address {
    /// The bytes of `bundle.json`, whose hash this is.
    Manifest(VersionId),
    /// What format 1 makes it of: the bundle, and these settings.
    Format1(serde_json::Value),
}

/// Whether an archive has to prove that it is what it says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Its files have to be those that `bundle.json` names.
    Asked,
    /// It has done so before.
    Taken,
}

impl Address {
    /// The address itself, of an archive with that bundle.
    pub(super) fn of(self, bundle: &Bundle) -> Result<VersionId, ArchiveError> {
        match self {
            Self::Manifest(id) => Ok(id),
            Self::Format1(settings) => format1::address(bundle, settings),
        }
    }
}

pub(super) fn read(
    archive: &[u8],
    limits: ArchiveLimits,
    proof: Proof,
) -> Result<Contents, ArchiveError> {
    if archive.len() as u64 > limits.archive_bytes() {
        let limit_bytes = limits.archive_bytes();
        return Err(ArchiveError::TooLarge {
            what: "modules and source maps, compressed,",
            limit_bytes,
        });
    }
    let left = Cell::new(archive.len());
    let mut tar = Archive::new(GzDecoder::new(Source { bytes: archive, left: &left }));
    let read = {
        let entries = tar.entries().map_err(unreadable)?.raw(true);
        Files { entries, archive_bytes: archive.len(), left: &left, limits, proof }.read()?
    };
    end(tar, &left)?;
    Ok(read)
}

/// The compressed bytes, and how many of them are still to be read.
struct Source<'a> {
    bytes: &'a [u8],
    left: &'a Cell<usize>,
}

/// The files of an archive, one after the other.
struct Files<'t, 'a> {
    entries: Entries<'t, GzDecoder<Source<'a>>>,
    archive_bytes: usize,
    left: &'a Cell<usize>,
    limits: ArchiveLimits,
    proof: Proof,
}

impl Files<'_, '_> {
    fn read(mut self) -> Result<Contents, ArchiveError> {
        let mut raw_left = self.limits.raw_bytes;
        let (mut manifest, id) = self.manifest(&mut raw_left)?;
        let address = match manifest.format {
            ..=1 => {
                self.proof = Proof::Taken;
                Address::Format1(manifest.settings.clone())
            }
            _ => Address::Manifest(id),
        };
        let settings = check::settings(manifest.settings.take())?;
        let mut modules = Vec::new();
        for (index, entry) in manifest.modules.iter().enumerate() {
            if entry.file != module_file(index) {
                return Err(malformed(format!("the file of module {index} is {:?}", entry.file)));
            }
            let source = self.code(&entry.file, &mut raw_left)?;
            self.prove(&entry.file, &source, entry.sha256.as_deref())?;
            modules.push(Module {
                specifier: entry.specifier.clone(),
                kind: entry.kind,
                source: source.into(),
                source_map: None,
                imports: entry.imports.clone(),
            });
        }
        let gzip_bytes = self.compressed();
        let mut maps_left = self.limits.map_bytes;
        for (index, (module, entry)) in modules.iter_mut().zip(&manifest.modules).enumerate() {
            let Some(file) = &entry.source_map else { continue };
            if *file != map_file(index) {
                return Err(malformed(format!("the source map of module {index} is {file:?}")));
            }
            let map = self.file(file, &mut maps_left, "source maps", self.limits.map_bytes)?;
            self.prove(file, &map, entry.source_map_sha256.as_deref())?;
            let map =
                String::from_utf8(map).map_err(|_| malformed(format!("{file} is not UTF-8")))?;
            module.source_map = Some(Arc::from(map));
        }
        if let Some(entry) = self.entries.next() {
            entry.map_err(unreadable)?;
            return Err(malformed("it has a file that is not in bundle.json"));
        }
        let Manifest { name, main, .. } = manifest;
        let (warnings, inputs, folders) = Default::default();
        let bundle = Bundle { name, main, modules, settings, warnings, inputs, folders };
        check::bundle(&bundle)?;
        Ok(Contents { bundle, gzip_bytes, address })
    }

    /// What `bundle.json` says, and the hash of its bytes.
    fn manifest(&mut self, raw_left: &mut u64) -> Result<(Manifest, VersionId), ArchiveError> {
        let mut left = MAX_MANIFEST_BYTES.min(*raw_left);
        let all = left;
        let bytes = self.file(MANIFEST, &mut left, "bundle.json and the modules it names", all)?;
        *raw_left -= bytes.len() as u64;
        // The format first: what else is in the file depends on it.
        #[derive(serde::Deserialize)]
        struct Format {
            format: u32,
        }
        let invalid = |error: serde_json::Error| malformed(format!("bundle.json: {error}"));
        let Format { format } = serde_json::from_slice(&bytes).map_err(invalid)?;
        if format > FORMAT {
            return Err(ArchiveError::Newer { found: format });
        }
        let manifest = serde_json::from_slice(&bytes).map_err(invalid)?;
        Ok((manifest, VersionId::of(&bytes)))
    }

    /// Whether a file is the one that `bundle.json` names.
    fn prove(&self, file: &str, bytes: &[u8], expected: Option<&str>) -> Result<(), ArchiveError> {
        if self.proof == Proof::Taken {
            return Ok(());
        }
        let found = sha256(bytes);
        match expected {
            Some(expected) if expected == found => Ok(()),
            Some(_) => {
                let problem = format!("{file} has the SHA-256 {found}, and another in bundle.json");
                Err(malformed(problem))
            }
            None => Err(malformed(format!("the SHA-256 of {file} is not in bundle.json"))),
        }
    }

    fn code(&mut self, file: &str, raw_left: &mut u64) -> Result<Vec<u8>, ArchiveError> {
        let bytes = self.file(file, raw_left, "modules", self.limits.raw_bytes)?;
        if self.compressed() > self.limits.gzip_bytes {
            let limit_bytes = self.limits.gzip_bytes;
            return Err(ArchiveError::TooLarge { what: "modules, compressed,", limit_bytes });
        }
        Ok(bytes)
    }

    /// The next file, which has to have that name and at most the bytes left of a limit.
    fn file(
        &mut self,
        name: &str,
        left: &mut u64,
        what: &'static str,
        limit_bytes: u64,
    ) -> Result<Vec<u8>, ArchiveError> {
        let entry = self.entries.next().ok_or_else(|| malformed(format!("{name} is missing")))?;
        let mut entry = entry.map_err(unreadable)?;
        let header = entry.header();
        if &*header.path_bytes() != name.as_bytes() || !header.entry_type().is_file() {
            let found = String::from_utf8_lossy(&header.path_bytes()).into_owned();
            return Err(malformed(format!("expected the file {name}, found {found:?}")));
        }
        let size = header.entry_size().map_err(unreadable)?;
        *left = left.checked_sub(size).ok_or(ArchiveError::TooLarge { what, limit_bytes })?;
        let mut bytes = Vec::with_capacity(size.min(STEP_BYTES) as usize);
        entry.by_ref().take(size).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 != size {
            return Err(malformed(format!("{name} is cut off")));
        }
        Ok(bytes)
    }

    /// The bytes of the archive that were read so far.
    fn compressed(&self) -> u64 {
        (self.archive_bytes - self.left.get()) as u64
    }
}

/// Reads what is left of the archive: with its end comes the checksum.
fn end(tar: Tar<'_>, left: &Cell<usize>) -> Result<(), ArchiveError> {
    let mut rest = tar.into_inner();
    let mut tail = Vec::new();
    rest.by_ref().take(MAX_TAIL_BYTES).read_to_end(&mut tail).map_err(unreadable)?;
    let is_end = rest.read(&mut [0]).map_err(unreadable)? == 0 && left.get() == 0;
    if is_end && tail.iter().all(|&byte| byte == 0) {
        return Ok(());
    }
    Err(malformed("it goes on after its end"))
}

fn unreadable(error: io::Error) -> ArchiveError {
    malformed(error.to_string())
}

impl Read for Source<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(out)?;
        self.left.set(self.bytes.len());
        Ok(read)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.bytes)
    }

    fn consume(&mut self, count: usize) {
        self.bytes.consume(count);
        self.left.set(self.bytes.len());
    }
}
