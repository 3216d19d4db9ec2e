//! V8's code cache of one version: compiled code of its modules, in memory and on disk, so
//! that the next isolate of the version does not compile them again. What only a check has compiled is kept,
//! too, as long as there is room for it.

mod folder;
mod shelf;
mod writing;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use self::folder::{CacheFolder, Rank};
use self::shelf::Shelf;
use self::writing::Schedule;

pub(crate) use self::writing::ComingWrite;

/// Marks the file format; V8 itself refuses data of another V8 or of other flags.
const MAGIC: &[u8; 8] = b"ISOLCC01";

/// What all caches may have in memory, in bytes, and half as much again for as long as some of it waits to
/// be written. What is forgotten is read from its file when the next isolate of its version starts.
const MAX_BYTES: u64 = 256 << 20;

/// The caches of all versions.
#[derive(Debug)]
pub(crate) struct CodeCaches {
    folder: Option<Arc<CacheFolder>>,
    shelf: Arc<Shelf>,
}

/// The cache of one version.
#[derive(Debug)]
pub(crate) struct CodeCache {
    modules: Mutex<HashMap<String, Arc<[u8]>>>,
    /// What the modules have, in bytes. Changes while they are locked.
    bytes: AtomicU64,
    /// What of that goes as soon as it is written, in bytes.
    leaving_bytes: AtomicU64,
    unwritten: AtomicBool,
    read: AtomicBool,
    /// Whether an isolate that serves was started with it.
    serves: AtomicBool,
    /// Whether its file, as far as this process has written it, is kept as that of a check.
    is_file_of_check: AtomicBool,
    schedule: Schedule,
    file: Option<CacheFile>,
    shelf: Option<Arc<Shelf>>,
}

#[derive(Debug)]
struct CacheFile {
    folder: Arc<CacheFolder>,
    name: String,
}

impl CodeCaches {
    /// Caches that are kept in a folder, too, or in memory alone.
    pub(crate) fn new(folder: Option<PathBuf>) -> CodeCaches {
        CodeCaches::bounded(folder, MAX_BYTES)
    }

    fn bounded(folder: Option<PathBuf>, max_bytes: u64) -> CodeCaches {
        let folder = folder.map(|path| Arc::new(CacheFolder::new(path)));
        CodeCaches { folder, shelf: Arc::new(Shelf::new(max_bytes)) }
    }

    /// The cache of a version of a worker. There is one in memory, whatever secrets the worker has or
    /// had: its code is the same.
    pub(crate) fn of(&self, worker: &Arc<str>, version: &Arc<str>) -> Arc<CodeCache> {
        self.shelf.of(worker, version, || {
            let file = self.folder.clone().map(|folder| {
                let name = hex(&Sha256::digest(format!("{worker}\0{version}")));
                CacheFile { folder, name }
            });
            CodeCache::new(file, Some(self.shelf.clone()))
        })
    }
}

impl CodeCache {
    /// A cache in memory alone that no bound counts, for what is part of the program.
    pub(crate) fn in_memory() -> CodeCache {
        CodeCache::new(None, None)
    }

    fn new(file: Option<CacheFile>, shelf: Option<Arc<Shelf>>) -> CodeCache {
        CodeCache {
            modules: Mutex::default(),
            bytes: AtomicU64::new(0),
            leaving_bytes: AtomicU64::new(0),
            unwritten: AtomicBool::new(false),
            read: AtomicBool::new(false),
            serves: AtomicBool::new(false),
            is_file_of_check: AtomicBool::new(false),
            schedule: Schedule::default(),
            file,
            shelf,
        }
    }

    /// The compiled code of a module.
    pub(crate) fn get(&self, url: &str) -> Option<Arc<[u8]>> {
        self.modules.lock().get(url).cloned()
    }

    /// Keeps the compiled code of a module.
    pub(crate) fn put(&self, url: &str, data: &[u8]) {
        {
            let mut modules = self.modules.lock();
            let before = modules.insert(url.to_owned(), data.into());
            self.count(data.len(), before.map_or(0, |before| before.len()));
        }
        self.unwritten.store(true, Ordering::Relaxed);
        self.make_room();
    }

    /// Whether there is a file that has not been read.
    pub(crate) fn is_unread(&self) -> bool {
        !self.read.load(Ordering::Relaxed)
            && self.file.as_ref().is_some_and(|file| file.folder.may_have(&file.name))
    }

    /// An isolate that serves is about to be started with it: what a check has compiled is kept from now on
    /// as what others use.
    pub(crate) fn use_to_serve(&self) {
        self.serves.store(true, Ordering::Relaxed);
    }

    /// Whether there is something that the file does not have, be it only its rank.
    fn is_unwritten(&self) -> bool {
        self.file.is_some() && (self.unwritten.load(Ordering::Relaxed) || self.lacks_rank())
    }

    fn lacks_rank(&self) -> bool {
        self.rank() == Rank::Served && self.is_file_of_check.load(Ordering::Relaxed)
    }

    fn rank(&self) -> Rank {
        if self.serves.load(Ordering::Relaxed) { Rank::Served } else { Rank::Checked }
    }

    /// Reads the file. Blocks: not to be called on a shard. A file that is absent or damaged
    /// is no error, for the code is then compiled.
    pub(crate) fn read(&self) {
        let file = self.file.as_ref();
        let bytes = file.and_then(|file| file.folder.read(&file.name).ok());
        if let Some(file) = file.filter(|_| bytes.is_some() && self.rank() == Rank::Served) {
            // Where that fails, it is only forgotten earlier.
            let _ = file.folder.raise(&file.name);
        }
        if let Some(read) = bytes.and_then(|bytes| decode(&bytes)) {
            self.merge(&mut self.modules.lock(), read);
        }
        // Not before: an isolate that starts meanwhile would compile what is being read.
        self.read.store(true, Ordering::Relaxed);
        self.make_room();
    }

    /// Adds what the file has and memory has not.
    fn merge(&self, modules: &mut HashMap<String, Arc<[u8]>>, read: Vec<(String, Arc<[u8]>)>) {
        for (url, data) in read {
            let added = data.len();
            modules.entry(url).or_insert_with(|| {
                self.count(added, 0);
                data
            });
        }
    }

    /// Writes the file. Blocks: not to be called on a shard.
    fn write(&self) -> std::io::Result<()> {
        let Some(CacheFile { folder, name }) = &self.file else { return Ok(()) };
        if !self.unwritten.load(Ordering::Relaxed) && self.lacks_rank() {
            let is_raised = folder.raise(name)?;
            self.is_file_of_check.store(false, Ordering::Relaxed);
            if is_raised {
                return Ok(());
            }
            // It had to make room for those of other checks, and is written again.
        }
        // Where it was forgotten in the middle of a start, the file has what memory has not.
        let stored = match self.is_unread() {
            true => folder.read(name).ok().and_then(|bytes| decode(&bytes)),
            false => None,
        };
        let modules = {
            let mut modules = self.modules.lock();
            self.merge(&mut modules, stored.unwrap_or_default());
            if modules.is_empty() {
                // It was forgotten just now: the file is as good as anything.
                return Ok(());
            }
            self.read.store(true, Ordering::Relaxed);
            self.unwritten.store(false, Ordering::Relaxed);
            // Encoded when the lock is free: a start may wait for it, and this thread for its turn.
            modules.clone()
        };
        self.make_room();
        match folder.write(name, &encode(&modules), self.rank()) {
            Ok(rank) => {
                self.is_file_of_check.store(rank == Rank::Checked, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                self.unwritten.store(true, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// What it has in memory, in bytes.
    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Gives its memory back, unless somebody is at it. What is not written is lost.
    fn forget(&self) {
        let Some(mut modules) = self.modules.try_lock() else { return };
        let forgotten = std::mem::take(&mut *modules);
        self.read.store(false, Ordering::Relaxed);
        self.unwritten.store(false, Ordering::Relaxed);
        self.stay();
        self.uncount(self.bytes());
        drop(modules);
        // Not under the lock: there may be much of it.
        drop(forgotten);
    }

    /// Has its memory given back once it is written, where that is about to happen. Answers whether it is.
    fn leave_when_written(&self) -> bool {
        let Some(shelf) = self.shelf.as_ref().filter(|_| self.schedule.is_coming()) else {
            return false;
        };
        let bytes = self.bytes();
        let before = self.leaving_bytes.swap(bytes, Ordering::Relaxed);
        shelf.leave(bytes, before);
        // It may have been written in between, when nothing said that it is to leave.
        self.schedule.is_coming() || {
            self.stay();
            false
        }
    }

    /// It is not about to leave, or has left. Answers whether it was about to.
    fn stay(&self) -> bool {
        let before = self.leaving_bytes.swap(0, Ordering::Relaxed);
        if let Some(shelf) = &self.shelf {
            shelf.leave(0, before);
        }
        before > 0
    }

    /// Modules have come and gone. To be called while they are locked.
    fn count(&self, added: usize, removed: usize) {
        let added = added as u64;
        self.bytes.fetch_add(added, Ordering::Relaxed);
        if let Some(shelf) = &self.shelf {
            shelf.add(added);
        }
        self.uncount(removed as u64);
    }

    fn uncount(&self, removed: u64) {
        self.bytes.fetch_sub(removed, Ordering::Relaxed);
        if let Some(shelf) = &self.shelf {
            shelf.take(removed);
        }
    }

    fn make_room(&self) {
        if let Some(shelf) = &self.shelf {
            shelf.make_room();
        }
    }
}

impl Drop for CodeCache {
    fn drop(&mut self) {
        self.stay();
        self.uncount(self.bytes());
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
mod tests;
