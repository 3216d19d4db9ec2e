//! The folder that code caches are kept in. It is bounded: what was not used for the longest time
//! goes first, such as the caches of versions that are gone.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;

/// Bytes that all files together may have, up to a sixteenth more between two looks.
const MAX_BYTES: u64 = 1 << 30;
/// The folder is looked through each time that this share of the bound was written.
const SHARE_BETWEEN_LOOKS: u64 = 16;
/// How files are named that have a cache, and those that get one.
const EXTENSION: &str = "v8cache";
const UNFINISHED: &str = "tmp";

/// A folder of files, one for each version.
#[derive(Debug)]
pub(crate) struct CacheFolder {
    path: PathBuf,
    max_bytes: u64,
    /// Bytes written since it was looked through.
    unseen_bytes: AtomicU64,
    writes: AtomicU64,
    present: Mutex<Present>,
}

/// What is known of the files without asking the disk.
#[derive(Debug, Default)]
struct Present {
    /// Whether what an earlier process left is among them.
    is_complete: bool,
    /// The marks of their names. One may be gone by now.
    marks: HashSet<u64>,
}

impl CacheFolder {
    /// The folder, which need not exist yet. Nothing is read or written.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self::bounded(path, MAX_BYTES)
    }

    fn bounded(path: PathBuf, max_bytes: u64) -> Self {
        Self {
            path,
            max_bytes,
            // What an earlier process left is looked at after the first file of this one.
            unseen_bytes: AtomicU64::new(max_bytes),
            writes: AtomicU64::new(0),
            present: Mutex::default(),
        }
    }

    /// Whether there may be a file of that name. Asks no disk and waits for nobody: a thread of low
    /// priority may have the lock.
    pub(super) fn may_have(&self, name: &str) -> bool {
        let Some(present) = self.present.try_lock() else { return true };
        !present.is_complete || present.marks.contains(&mark_of(name))
    }

    /// The file of that name. Blocks.
    pub(super) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let path = self.path_of(name);
        let bytes = fs::read(&path)?;
        // It is in use. Where that cannot be noted, it is only forgotten earlier.
        let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
        Ok(bytes)
    }

    /// Writes the file of that name. Blocks. Readers never see half a file.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        let path = self.path_of(name);
        // Two isolates of a version may write at once, and so may two processes in a takeover.
        let (process, number) = (std::process::id(), self.writes.fetch_add(1, Ordering::Relaxed));
        let unfinished = path.with_extension(format!("{process}.{number}.{UNFINISHED}"));
        File::create(&unfinished)?.write_all(bytes)?;
        fs::rename(unfinished, path)?;
        self.present.lock().marks.insert(mark_of(name));
        let written = bytes.len() as u64;
        let unseen = self.unseen_bytes.fetch_add(written, Ordering::Relaxed) + written;
        if unseen < self.max_bytes / SHARE_BETWEEN_LOOKS {
            return Ok(());
        }
        self.unseen_bytes.store(0, Ordering::Relaxed);
        self.forget_oldest()
    }

    fn forget_oldest(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let path = entry.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            // One that is gone in the meantime needs no room.
            if matches!(extension, Some(EXTENSION | UNFINISHED))
                && let Ok(found) = entry.metadata()
            {
                files.push((found.modified()?, found.len(), path));
            }
        }
        self.know(&files);
        files.sort_unstable();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if total <= self.max_bytes {
                break;
            }
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => total -= bytes,
            }
        }
        Ok(())
    }

    fn know(&self, files: &[(SystemTime, u64, PathBuf)]) {
        let stems = files.iter().filter_map(|(_, _, path)| path.file_stem()?.to_str());
        let marks: Vec<u64> = stems.map(mark_of).collect();
        let mut present = self.present.lock();
        present.is_complete = true;
        // Not in place of those that are known: others have been written meanwhile.
        present.marks.extend(marks);
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(Path::new(name).with_extension(EXTENSION))
    }
}

/// What is remembered of a name: names are digests, of which a part is enough.
fn mark_of(name: &str) -> u64 {
    let digits = name.get(..16).unwrap_or(name);
    u64::from_str_radix(digits, 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn age(folder: &CacheFolder, name: &str, hours: u64) {
        let then = SystemTime::now() - Duration::from_secs(hours * 3600);
        File::open(folder.path_of(name)).unwrap().set_modified(then).unwrap();
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let made = tempfile::tempdir().unwrap();
        let folder = CacheFolder::bounded(made.path().join("code-cache"), 1000);
        for name in ["a", "b", "c"] {
            folder.write(name, &[1; 300]).unwrap();
        }
        for (name, hours) in [("a", 3), ("b", 2), ("c", 1)] {
            age(&folder, name, hours);
        }
        assert_eq!(folder.read("a").unwrap(), [1; 300]);
        folder.write("d", &[1; 300]).unwrap();
        assert!(folder.read("b").is_err());
        for name in ["a", "c", "d"] {
            assert_eq!(folder.read(name).unwrap().len(), 300, "{name}");
        }
    }

    #[test]
    fn what_an_earlier_process_left_counts() {
        let made = tempfile::tempdir().unwrap();
        CacheFolder::bounded(made.path().into(), 10_000).write("old", &[1; 900]).unwrap();
        let folder = CacheFolder::bounded(made.path().into(), 1000);
        age(&folder, "old", 1);
        fs::write(made.path().join("somebody's.txt"), [0; 5000]).unwrap();
        folder.write("new", &[1; 200]).unwrap();
        assert!(folder.read("old").is_err());
        assert!(folder.read("new").is_ok());
        assert!(made.path().join("somebody's.txt").exists());
    }

    #[test]
    fn what_is_not_there_is_known_once_the_folder_was_looked_through() {
        let path = tempfile::tempdir().unwrap();
        let [left, written, absent] = ["a1", "b2", "c3"].map(|it| it.repeat(32));
        CacheFolder::new(path.path().into()).write(&left, b"of an earlier process").unwrap();
        let folder = CacheFolder::new(path.path().into());
        assert!(folder.may_have(&absent));
        folder.write(&written, b"code").unwrap();
        assert_eq!(
            [&left, &written, &absent].map(|name| folder.may_have(name)),
            [true, true, false]
        );
        folder.write(&absent, b"code").unwrap();
        assert!(folder.may_have(&absent));
    }
}
