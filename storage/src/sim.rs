//! A disk in memory for tests: it knows what has been synced, can lose the rest as a power failure
//! does, and can be full or broken.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Disk, DiskFile};

const SECTOR_BYTES: usize = 512;
const TOTAL_BYTES: u64 = 1 << 40;

/// The disk. A clone is the same disk.
#[derive(Clone, Debug)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: HashMap<String, Contents>,
    free_bytes: u64,
    /// Writes and syncs find no room.
    is_full: bool,
    /// Writes and syncs fail once this many more have been done.
    fails_after: Option<u64>,
    reads_fail: bool,
    /// The file whose syncs fail; what was written to it is there all the same.
    not_synced: Option<&'static str>,
    panics: bool,
    syncs: u64,
}

#[derive(Clone, Debug, Default)]
struct Contents {
    /// As a reader sees it.
    now: Vec<u8>,
    /// As it surely is on the disk.
    synced: Vec<u8>,
    /// What may be on the disk or not.
    pending: Vec<Pending>,
}

#[derive(Clone, Debug)]
enum Pending {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    name: String,
}

impl SimDisk {
    /// An empty disk, with room for whatever a test writes.
    pub fn new() -> Self {
        Self::with(HashMap::new())
    }

    /// The disk after a power failure at this moment: of what was not synced, those sectors of which
    /// `stays` says so.
    pub fn after_power_failure(&self, mut stays: impl FnMut() -> bool) -> Self {
        let mut files = self.0.lock().files.clone();
        for contents in files.values_mut() {
            for pending in std::mem::take(&mut contents.pending) {
                apply_some(&mut contents.synced, pending, &mut stays);
            }
            contents.now = contents.synced.clone();
        }
        Self::with(files)
    }

    /// The disk after the process was killed: all that it wrote is there.
    pub fn after_kill(&self) -> Self {
        let mut files = self.0.lock().files.clone();
        for contents in files.values_mut() {
            contents.pending.clear();
            contents.synced = contents.now.clone();
        }
        Self::with(files)
    }

    /// Says how much room is left. Files that are lengthened take it.
    pub fn set_free_bytes(&self, bytes: u64) {
        self.0.lock().free_bytes = bytes;
    }

    /// Has something else take all the room, or give it back.
    pub fn fill(&self, is_full: bool) {
        self.0.lock().is_full = is_full;
    }

    /// The files whose names begin so.
    pub fn names(&self, prefix: &str) -> Vec<String> {
        let state = self.0.lock();
        state.files.keys().filter(|name| name.starts_with(prefix)).cloned().collect()
    }

    /// Has writes and syncs fail once so many more have been done, or never.
    pub fn fail_after(&self, operations: Option<u64>) {
        self.0.lock().fails_after = operations;
    }

    /// Has reads fail from now on, or no more.
    pub fn fail_reads(&self, fail: bool) {
        self.0.lock().reads_fail = fail;
    }

    /// Has the syncs of that file fail from now on, or of none.
    pub fn fail_syncs_of(&self, name: Option<&'static str>) {
        self.0.lock().not_synced = name;
    }

    /// Has whoever asks for the room on it panic, from now on.
    pub fn panic(&self) {
        self.0.lock().panics = true;
    }

    /// How many syncs there have been.
    pub fn syncs(&self) -> u64 {
        self.0.lock().syncs
    }

    /// Changes a file behind the store's back.
    ///
    /// # Panics
    ///
    /// Where there is no such file.
    pub fn edit(&self, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.lock();
        let contents = state.files.get_mut(name).expect("the file exists");
        edit(&mut contents.now);
        contents.pending.clear();
        contents.synced = contents.now.clone();
    }

    fn with(files: HashMap<String, Contents>) -> Self {
        Self(Arc::new(Mutex::new(State { files, free_bytes: TOTAL_BYTES, ..State::default() })))
    }

    fn may_fail(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        if state.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match &mut state.fails_after {
            Some(0) => Err(io::Error::other("the disk is broken")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn apply_some(file: &mut Vec<u8>, pending: Pending, stays: &mut impl FnMut() -> bool) {
    match pending {
        Pending::Length(length) => {
            if stays() {
                file.resize(length, 0);
            }
        }
        Pending::Bytes(offset, bytes) => {
            for (index, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                let at = offset + index * SECTOR_BYTES;
                if stays() {
                    if file.len() < at + sector.len() {
                        file.resize(at + sector.len(), 0);
                    }
                    file[at..at + sector.len()].copy_from_slice(sector);
                }
            }
        }
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl Disk for SimDisk {
    fn exists(&self, name: &str) -> io::Result<bool> {
        Ok(self.0.lock().files.contains_key(name))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.0.lock().files.entry(name.to_owned()).or_default();
        Ok(Arc::new(SimFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.may_fail()?;
        let mut state = self.0.lock();
        let contents = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.to_owned(), contents);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.may_fail()?;
        self.0.lock().files.remove(name);
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let state = self.0.lock();
        assert!(!state.panics, "somebody asks for the room on the disk");
        Ok(state.free_bytes)
    }
}

impl SimFile {
    fn with<T>(&self, change: impl FnOnce(&mut Contents) -> T) -> T {
        let mut state = self.disk.0.lock();
        change(state.files.get_mut(&self.name).expect("an open file stays"))
    }
}

impl DiskFile for SimFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.with(|contents| contents.now.len()) as u64)
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        self.disk.may_fail()?;
        let bytes = bytes as usize;
        let grown = self.with(|contents| {
            let grown = bytes.saturating_sub(contents.now.len()) as u64;
            contents.now.resize(bytes, 0);
            contents.pending.push(Pending::Length(bytes));
            grown
        });
        let mut state = self.disk.0.lock();
        state.free_bytes = state.free_bytes.checked_sub(grown).ok_or(io::ErrorKind::StorageFull)?;
        Ok(())
    }

    fn read_exact_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        if self.disk.0.lock().reads_fail {
            return Err(io::Error::other("the disk cannot be read"));
        }
        let offset = offset as usize;
        self.with(|contents| {
            let bytes = contents.now.get(offset..offset + out.len());
            out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.may_fail()?;
        let offset = offset as usize;
        self.with(|contents| {
            let end = offset + bytes.len();
            if contents.now.len() < end {
                contents.now.resize(end, 0);
            }
            contents.now[offset..end].copy_from_slice(bytes);
            contents.pending.push(Pending::Bytes(offset, bytes.to_vec()));
        });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.may_fail()?;
        if self.disk.0.lock().not_synced == Some(self.name.as_str()) {
            return Err(io::Error::other("the file cannot be synced"));
        }
        self.with(|contents| {
            for pending in std::mem::take(&mut contents.pending) {
                match pending {
                    Pending::Length(length) => contents.synced.resize(length, 0),
                    Pending::Bytes(offset, bytes) => {
                        let end = offset + bytes.len();
                        if contents.synced.len() < end {
                            contents.synced.resize(end, 0);
                        }
                        contents.synced[offset..end].copy_from_slice(&bytes);
                    }
                }
            }
        });
        self.disk.0.lock().syncs += 1;
        Ok(())
    }
}
