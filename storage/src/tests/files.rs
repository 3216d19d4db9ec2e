//! Files that are missing, damaged or of a later version, and the folder that they are in.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::book::{KIND, Open, open, text, wait};
use crate::sim::SimDisk;
use crate::{Disk as _, Folder, FolderError, Lock, META, META_FORMAT, OpenError, begin_durable};

/// A disk of which the log has something beyond the tables.
fn left() -> SimDisk {
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    wait(&book.begin(b"in the tables", false)).unwrap();
    let left = (0..20).find_map(|number| {
        let before = book.signs.checkpoints.load(Ordering::Relaxed);
        book.add(&text(number, 10)).unwrap();
        let left = disk.after_kill();
        (book.signs.checkpoints.load(Ordering::Relaxed) == before).then_some(left)
    });
    left.expect("one is in time")
}

fn refusal(disk: &SimDisk) -> String {
    open(disk).err().expect("it cannot be opened").to_string()
}

fn count(book: &Open) -> usize {
    book.lines().unwrap().len()
}

#[test]
fn a_missing_file_is_an_error() {
    let disk = left();
    disk.remove(KIND.log).unwrap();
    let refused = refusal(&disk);
    assert!(refused.contains("book.log is missing"), "{refused}");
    // Who accepts that goes on with an empty one.
    disk.open(KIND.log).unwrap();
    assert!(count(&open(&disk).unwrap()) > 0);
    let disk = left();
    disk.remove(KIND.database).unwrap();
    let refused = refusal(&disk);
    assert!(refused.contains("book.redb is missing"), "{refused}");
    assert!(refused.contains("restore book.redb and book.log together"), "{refused}");
}

#[test]
fn a_log_that_is_ahead_of_its_database_is_an_error() {
    let disk = SimDisk::new();
    drop(open(&disk).unwrap());
    let backup = disk.after_kill();
    let book = open(&disk).unwrap();
    wait(&book.begin(b"a checkpoint", false)).unwrap();
    book.add(b"in the log").unwrap();
    drop(book);
    let left = disk.after_kill();
    let mut old = Vec::new();
    backup.edit(KIND.database, |bytes| old.clone_from(bytes));
    left.edit(KIND.database, |bytes| *bytes = old);
    let refused = refusal(&left);
    assert!(refused.contains("goes on from a later book.redb"), "{refused}");
}

#[test]
fn a_log_of_another_kind_of_store_is_kept_and_not_read() {
    let disk = left();
    disk.edit(KIND.log, |bytes| {
        for batch in bytes.chunks_mut(512).filter(|batch| batch.starts_with(&KIND.magic)) {
            batch[..4].copy_from_slice(b"IKVL");
        }
    });
    let book = open(&disk).unwrap();
    assert_eq!(book.signs.replayed.load(Ordering::Relaxed), 0);
    assert_eq!(disk.names("book.log.damaged-").len(), 1);
    book.add(b"after").unwrap();
}

#[test]
fn a_later_format_is_not_touched() {
    let disk = left();
    let book = open(&disk).unwrap();
    let database = book.store.core().database().unwrap();
    let txn = begin_durable(&database).unwrap();
    txn.open_table(META).unwrap().insert(META_FORMAT, 4).unwrap();
    txn.commit().unwrap();
    drop((database, book));
    let error = open(&disk).err().expect("it is newer");
    assert!(matches!(error, OpenError::Newer { found: 4, known: 3, .. }), "{error}");
}

#[test]
fn damage_is_an_error_and_no_panic() {
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    for number in 0..200 {
        book.add(&text(number, 300)).unwrap();
    }
    drop(book);
    let whole = disk.after_kill();
    let mut length = 0;
    whole.edit(KIND.database, |bytes| length = bytes.len());
    for part in 0..40 {
        let disk = whole.after_kill();
        let at = part * (length - 200) / 40;
        disk.edit(KIND.database, |bytes| bytes[at..at + 200].fill(0xaa));
        // Whatever comes of it comes as an answer. What the lines say has no checksum.
        if let Ok(book) = open(&disk) {
            let _lines = book.lines().is_ok();
            let _added = book.add(b"more").is_ok();
        }
    }
}

fn held(folder: &Path) -> String {
    match Folder::take(folder) {
        Err(error @ FolderError::Held { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_folder_is_one_process_until_it_is_dropped() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("not/there/yet");
    let folder = Folder::take(&path).unwrap();
    let expected = format!("{} is in use by the process {}", path.display(), std::process::id());
    assert_eq!(held(&path), expected);
    assert_eq!(folder.path(), path);
    drop(folder);
    let lock = Lock::take(&path).unwrap();
    assert_eq!(held(&path), expected);
    drop(lock);
    Folder::take(&path).unwrap();
}

#[test]
fn what_cannot_be_a_folder_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "").unwrap();
    let folder = file.join("book");
    let refused = Folder::take(&folder).unwrap_err().to_string();
    assert!(refused.starts_with(&format!("cannot use {}: ", folder.display())), "{refused}");
}

#[test]
fn files_in_a_folder_are_made_renamed_and_removed() {
    let path = tempfile::tempdir().unwrap();
    let folder = Arc::new(Folder::take(path.path()).unwrap());
    let file = folder.open("one").unwrap();
    file.write_all_at(b"text", 2).unwrap();
    file.sync().unwrap();
    assert_eq!(file.length().unwrap(), 6);
    file.set_length(4).unwrap();
    drop(file);
    folder.rename("one", "two").unwrap();
    assert!(!folder.exists("one").unwrap() && folder.exists("two").unwrap());
    let mut bytes = [7; 4];
    folder.open("two").unwrap().read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"\0\0te");
    folder.remove("two").unwrap();
    folder.remove("two").unwrap();
    assert!(!folder.exists("two").unwrap());
    assert!(folder.free_bytes().unwrap() > 0);
}
