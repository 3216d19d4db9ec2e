//! V8's code cache of one version: compiled code of its modules, in memory and on disk, so
//! that the next isolate of the version does not compile them again.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

/// Marks the file format; V8 itself refuses data of another V8 or of other flags.
const MAGIC: &[u8; 8] = b"ISOLCC01";

/// The cache of one version.
#[derive(Debug, Default)]
pub(crate) struct CodeCache {
    modules: Mutex<HashMap<String, Arc<[u8]>>>,
    unwritten: AtomicBool,
    read: AtomicBool,
    file: Option<PathBuf>,
}

impl CodeCache {
    /// The cache of a version, kept in `folder` too where there is one.
    pub(crate) fn new(folder: Option<&Path>, worker: &str, version: &str) -> CodeCache {
        let name = hex(&Sha256::digest(format!("{worker}\0{version}")));
        CodeCache {
            modules: Mutex::default(),
            unwritten: AtomicBool::new(false),
            read: AtomicBool::new(false),
            file: folder.map(|folder| folder.join(format!("{name}.v8cache"))),
        }
    }

    /// The compiled code of a module.
    pub(crate) fn get(&self, url: &str) -> Option<Arc<[u8]>> {
        self.modules.lock().get(url).cloned()
    }

    /// Keeps the compiled code of a module.
    pub(crate) fn put(&self, url: &str, data: &[u8]) {
        self.modules.lock().insert(url.to_owned(), data.into());
        self.unwritten.store(true, Ordering::Relaxed);
    }

    /// Whether there is a file that has not been read.
    pub(crate) fn is_unread(&self) -> bool {
        self.file.is_some() && !self.read.load(Ordering::Relaxed)
    }

    /// Whether there is something that the file does not have.
    pub(crate) fn is_unwritten(&self) -> bool {
        self.file.is_some() && self.unwritten.load(Ordering::Relaxed)
    }

    /// Reads the file. Blocks: not to be called on a shard. A file that is absent or damaged
    /// is no error, for the code is then compiled.
    pub(crate) fn read(&self) {
        self.read.store(true, Ordering::Relaxed);
        let Some(bytes) = self.file.as_ref().and_then(|file| std::fs::read(file).ok()) else {
            return;
        };
        if let Some(read) = decode(&bytes) {
            let mut modules = self.modules.lock();
            for (url, data) in read {
                modules.entry(url).or_insert(data);
            }
        }
    }

    /// Writes the file. Blocks: not to be called on a shard. Readers never see half a file.
    pub(crate) fn write(&self) -> std::io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        self.unwritten.store(false, Ordering::Relaxed);
        let bytes = encode(&self.modules.lock());
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let temporary = file.with_extension("tmp");
        std::fs::File::create(&temporary)?.write_all(&bytes)?;
        std::fs::rename(&temporary, file)
    }
}

fn encode(modules: &HashMap<String, Arc<[u8]>>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for (url, data) in modules {
        for field in [url.as_bytes(), data] {
            bytes.extend((field.len() as u64).to_le_bytes());
            bytes.extend(field);
        }
    }
    let digest = Sha256::digest(&bytes);
    bytes.extend(digest);
    bytes
}

fn decode(bytes: &[u8]) -> Option<Vec<(String, Arc<[u8]>)>> {
    let (content, digest) = bytes.split_last_chunk::<32>()?;
    if Sha256::digest(content).as_slice() != digest {
        return None;
    }
    let mut rest = content.strip_prefix(MAGIC)?;
    let mut modules = Vec::new();
    while !rest.is_empty() {
        let url = String::from_utf8(field(&mut rest)?.to_vec()).ok()?;
        modules.push((url, field(&mut rest)?.into()));
    }
    Some(modules)
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<8>()?;
    let (field, tail) = tail.split_at_checked(u64::from_le_bytes(*length) as usize)?;
    *rest = tail;
    Some(field)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(Some(folder.path()), "w", "1");
        cache.put("worker:///a.js", b"code of a");
        cache.put("worker:///b.js", b"");
        cache.write().unwrap();
        let again = CodeCache::new(Some(folder.path()), "w", "1");
        assert!(again.is_unread());
        again.read();
        assert_eq!(again.get("worker:///a.js").as_deref(), Some(&b"code of a"[..]));
        assert_eq!(again.get("worker:///b.js").as_deref(), Some(&b""[..]));
    }

    #[test]
    fn a_damaged_file_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(Some(folder.path()), "w", "1");
        cache.put("worker:///a.js", b"code of a");
        cache.write().unwrap();
        let file = cache.file.clone().unwrap();
        let whole = std::fs::read(&file).unwrap();
        for damaged in [&whole[..whole.len() - 1], &whole[1..], b""] {
            std::fs::write(&file, damaged).unwrap();
            let again = CodeCache::new(Some(folder.path()), "w", "1");
            again.read();
            assert_eq!(again.get("worker:///a.js"), None);
        }
    }
}
