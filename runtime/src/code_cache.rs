//! V8's code cache of one version: compiled code of its modules, in memory and on disk, so
//! that the next isolate of the version does not compile them again.

mod folder;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

pub(crate) use self::folder::CacheFolder;

/// Marks the file format; V8 itself refuses data of another V8 or of other flags.
const MAGIC: &[u8; 8] = b"ISOLCC01";

/// The cache of one version.
#[derive(Debug, Default)]
pub(crate) struct CodeCache {
    modules: Mutex<HashMap<String, Arc<[u8]>>>,
    unwritten: AtomicBool,
    read: AtomicBool,
    file: Option<CacheFile>,
}

#[derive(Debug)]
struct CacheFile {
    folder: Arc<CacheFolder>,
    name: String,
}

impl CodeCache {
    /// The cache of a version, in memory alone.
    pub(crate) fn in_memory() -> CodeCache {
        CodeCache::default()
    }

    /// The cache of a version, kept in a folder too.
    pub(crate) fn kept(folder: Arc<CacheFolder>, worker: &str, version: &str) -> CodeCache {
        let name = hex(&Sha256::digest(format!("{worker}\0{version}")));
        CodeCache { file: Some(CacheFile { folder, name }), ..CodeCache::default() }
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
        let Some(CacheFile { folder, name }) = &self.file else { return };
        let Ok(bytes) = folder.read(name) else { return };
        if let Some(read) = decode(&bytes) {
            let mut modules = self.modules.lock();
            for (url, data) in read {
                modules.entry(url).or_insert(data);
            }
        }
    }

    /// Writes the file. Blocks: not to be called on a shard.
    pub(crate) fn write(&self) -> std::io::Result<()> {
        let Some(CacheFile { folder, name }) = &self.file else { return Ok(()) };
        self.unwritten.store(false, Ordering::Relaxed);
        let bytes = encode(&self.modules.lock());
        folder.write(name, &bytes)
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

    fn kept(folder: &tempfile::TempDir) -> CodeCache {
        CodeCache::kept(Arc::new(CacheFolder::new(folder.path().into())), "w", "1")
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let cache = kept(&folder);
        cache.put("worker:///a.js", b"code of a");
        cache.put("worker:///b.js", b"");
        cache.write().unwrap();
        let again = kept(&folder);
        assert!(again.is_unread());
        again.read();
        assert_eq!(again.get("worker:///a.js").as_deref(), Some(&b"code of a"[..]));
        assert_eq!(again.get("worker:///b.js").as_deref(), Some(&b""[..]));
    }

    #[test]
    fn a_damaged_file_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let cache = kept(&folder);
        cache.put("worker:///a.js", b"code of a");
        cache.write().unwrap();
        let CacheFile { folder: files, name } = cache.file.as_ref().unwrap();
        let file = files.path_of(name);
        let whole = std::fs::read(&file).unwrap();
        for damaged in [&whole[..whole.len() - 1], &whole[1..], b""] {
            std::fs::write(&file, damaged).unwrap();
            let again = kept(&folder);
            again.read();
            assert_eq!(again.get("worker:///a.js"), None);
        }
    }
}
