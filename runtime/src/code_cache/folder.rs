//! The folder that code caches are kept in. It is bounded: what was not used for the longest time
//! goes first, such as the caches of versions that are gone, and before that what only checks have
//! compiled, which has a small part of the folder: whoever uploads again and again takes nothing from those
//! that are served.

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
/// The part of the bound for what only checks have compiled: one in so many.
const CHECKED_SHARE: u64 = 16;
/// How files are named that have a cache, and those that get one.
const EXTENSION: &str = "v8cache";
const UNFINISHED: &str = "tmp";
/// What the names of those end with before that which only a check has compiled.
const CHECKED: &str = "checked";

/// Who a file is kept for. In this order they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// For a version that was checked and may never be served.
    Checked,
    /// For one that was served.
    Served,
}

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

    /// The file of that name, whatever its rank. Blocks.
    pub(super) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut path = self.path_of(name, Rank::Served);
        let mut read = fs::read(&path);
        if is_absent(&read) {
            path = self.path_of(name, Rank::Checked);
            read = fs::read(&path);
        }
        let bytes = read?;
        // It is in use. Where that cannot be noted, it is only forgotten earlier.
        let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
        Ok(bytes)
    }

    /// Makes the file of that name one of a version that is served. Answers whether there was one to make it
    /// of. Blocks.
    pub(super) fn raise(&self, name: &str) -> io::Result<bool> {
        let path = |rank| self.path_of(name, rank);
        let renamed = fs::rename(path(Rank::Checked), path(Rank::Served));
        if is_absent(&renamed) { Ok(false) } else { renamed.map(|()| true) }
    }

    /// Writes the file of that name; answers its rank, which is never lower than it was. Blocks. Readers
    /// never see half a file.
    pub(super) fn write(&self, name: &str, bytes: &[u8], rank: Rank) -> io::Result<Rank> {
        fs::create_dir_all(&self.path)?;
        let was_served = self.path_of(name, Rank::Served).exists();
        let rank = if was_served { Rank::Served } else { rank };
        let path = self.path_of(name, rank);
        // Two isolates of a version may write at once, and so may two processes in a takeover.
        let (process, number) = (std::process::id(), self.writes.fetch_add(1, Ordering::Relaxed));
        let unfinished = path.with_extension(format!("{process}.{number}.{UNFINISHED}"));
        File::create(&unfinished)?.write_all(bytes)?;
        fs::rename(unfinished, path)?;
        if rank == Rank::Served {
            // Mostly there is none; one that stays goes as those of checks do.
            let _ = fs::remove_file(self.path_of(name, Rank::Checked));
        }
        self.present.lock().marks.insert(mark_of(name));
        let written = bytes.len() as u64;
        let unseen = self.unseen_bytes.fetch_add(written, Ordering::Relaxed) + written;
        if unseen >= self.max_bytes / SHARE_BETWEEN_LOOKS {
            self.unseen_bytes.store(0, Ordering::Relaxed);
            self.forget_oldest()?;
        }
        Ok(rank)
    }

    /// Removes what is too much: what has the lowest rank first, and of that the oldest.
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
                let (rank, modified, bytes) = (rank_of(&path), found.modified()?, found.len());
                files.push(Found { rank, modified, bytes, path });
            }
        }
        self.know(&files);
        files.sort_unstable();
        let sum = |files: &[Found]| files.iter().map(|file| file.bytes).sum::<u64>();
        let served = files.partition_point(|file| file.rank == Rank::Checked);
        let (mut total, mut checked) = (sum(&files), sum(&files[..served]));
        for Found { rank, bytes, path, .. } in files {
            let is_checked = rank == Rank::Checked;
            let has_checked_too_much = is_checked && checked > self.max_bytes / CHECKED_SHARE;
            if total <= self.max_bytes && !has_checked_too_much {
                break;
            }
            let removed = fs::remove_file(path);
            if !is_absent(&removed) {
                removed?;
            }
            total -= bytes;
            checked -= if is_checked { bytes } else { 0 };
        }
        Ok(())
    }

    fn know(&self, files: &[Found]) {
        let stems = files.iter().filter_map(|file| file.path.file_stem()?.to_str());
        let marks: Vec<u64> = stems.map(mark_of).collect();
        let mut present = self.present.lock();
        present.is_complete = true;
        // Not in place of those that are known: others have been written meanwhile.
        present.marks.extend(marks);
    }

    /// Where the file of that name is while it has that rank. A process that knows no ranks finds those of
    /// versions that were served, counts all of them, and removes them by their age.
    pub(super) fn path_of(&self, name: &str, rank: Rank) -> PathBuf {
        self.path.join(match rank {
            Rank::Checked => format!("{name}.{CHECKED}.{EXTENSION}"),
            Rank::Served => format!("{name}.{EXTENSION}"),
        })
    }
}

/// A file, in the order in which they go.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    rank: Rank,
    modified: SystemTime,
    bytes: u64,
    path: PathBuf,
}

/// The rank of a file, also of one that is being written.
fn rank_of(path: &Path) -> Rank {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // Names are digits: what comes first after a dot is the mark, where there is one.
    if name.split('.').nth(1) == Some(CHECKED) { Rank::Checked } else { Rank::Served }
}

/// Whether something failed because there is no such file.
fn is_absent<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
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
        File::open(folder.path_of(name, Rank::Served)).unwrap().set_modified(then).unwrap();
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let made = tempfile::tempdir().unwrap();
        let folder = CacheFolder::bounded(made.path().join("code-cache"), 1000);
        for name in ["a", "b", "c"] {
            folder.write(name, &[1; 300], Rank::Served).unwrap();
        }
        for (name, hours) in [("a", 3), ("b", 2), ("c", 1)] {
            age(&folder, name, hours);
        }
        assert_eq!(folder.read("a").unwrap(), [1; 300]);
        folder.write("d", &[1; 300], Rank::Served).unwrap();
        assert!(folder.read("b").is_err());
        for name in ["a", "c", "d"] {
            assert_eq!(folder.read(name).unwrap().len(), 300, "{name}");
        }
    }

    #[test]
    fn what_an_earlier_process_left_counts() {
        let made = tempfile::tempdir().unwrap();
        let before = CacheFolder::bounded(made.path().into(), 10_000);
        before.write("old", &[1; 900], Rank::Served).unwrap();
        let folder = CacheFolder::bounded(made.path().into(), 1000);
        age(&folder, "old", 1);
        fs::write(made.path().join("somebody's.txt"), [0; 5000]).unwrap();
        folder.write("new", &[1; 200], Rank::Served).unwrap();
        assert!(folder.read("old").is_err());
        assert!(folder.read("new").is_ok());
        assert!(made.path().join("somebody's.txt").exists());
    }

    #[test]
    fn what_is_not_there_is_known_once_the_folder_was_looked_through() {
        let path = tempfile::tempdir().unwrap();
        let [left, written, absent] = ["a1", "b2", "c3"].map(|it| it.repeat(32));
        let before = CacheFolder::new(path.path().into());
        before.write(&left, b"of an earlier process", Rank::Checked).unwrap();
        let folder = CacheFolder::new(path.path().into());
        assert!(folder.may_have(&absent));
        folder.write(&written, b"code", Rank::Served).unwrap();
        assert_eq!(
            [&left, &written, &absent].map(|name| folder.may_have(name)),
            [true, true, false]
        );
        folder.write(&absent, b"code", Rank::Served).unwrap();
        assert!(folder.may_have(&absent));
    }

    #[test]
    fn checks_have_a_small_part_of_the_folder_and_take_nothing_from_what_is_served() {
        let made = tempfile::tempdir().unwrap();
        let folder = CacheFolder::bounded(made.path().into(), 16_000);
        // As processes wrote it that knew no ranks.
        fs::write(made.path().join("served.v8cache"), [1; 14_000]).unwrap();
        age(&folder, "served", 3);
        for upload in 0..100 {
            folder.write(&format!("upload{upload}"), &[2; 400], Rank::Checked).unwrap();
        }
        let entries = fs::read_dir(made.path()).unwrap().map(|entry| entry.unwrap());
        let sizes = entries.map(|entry| (rank_of(&entry.path()), entry.metadata().unwrap().len()));
        let checked: u64 = sizes.filter(|(rank, _)| *rank == Rank::Checked).map(|(_, it)| it).sum();
        // A sixteenth, and up to as much again between two looks.
        assert!((1..=2000).contains(&checked), "{checked} bytes");
        assert_eq!(folder.read("served").unwrap().len(), 14_000);
    }

    #[test]
    fn what_only_a_check_has_compiled_goes_first_however_old_the_others_are() {
        let made = tempfile::tempdir().unwrap();
        let folder = CacheFolder::bounded(made.path().into(), 16_000);
        for name in ["checked", "used"] {
            folder.write(name, &[1; 400], Rank::Checked).unwrap();
        }
        assert!(folder.raise("used").unwrap());
        folder.write("old", &[1; 8000], Rank::Served).unwrap();
        for name in ["used", "old"] {
            age(&folder, name, 3);
        }
        folder.write("new", &[1; 7500], Rank::Served).unwrap();
        assert!(folder.read("checked").is_err());
        for name in ["used", "old", "new"] {
            assert!(folder.read(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_file_keeps_its_rank_where_it_is_checked_again() {
        let made = tempfile::tempdir().unwrap();
        let folder = CacheFolder::new(made.path().into());
        assert!(!folder.raise("a").unwrap());
        assert_eq!(folder.write("a", b"first", Rank::Checked).unwrap(), Rank::Checked);
        assert_eq!(folder.write("a", b"second", Rank::Served).unwrap(), Rank::Served);
        assert!(!folder.path_of("a", Rank::Checked).exists());
        assert_eq!(folder.write("a", b"third", Rank::Checked).unwrap(), Rank::Served);
        assert_eq!(folder.read("a").unwrap(), b"third");
    }
}
