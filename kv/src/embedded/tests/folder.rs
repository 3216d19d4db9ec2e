//! A folder on a real disk: one process has it, and what cannot be used is named.

use super::*;

fn refusal(folder: &Path) -> String {
    EmbeddedStore::open(folder, options()).err().expect("it cannot be opened").to_string()
}

#[test]
fn a_folder_is_one_stores_until_it_is_dropped() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("not/there/yet");
    let store = EmbeddedStore::open(&folder, options()).unwrap();
    put(&store, "k", "v").unwrap();
    let expected = format!("{} is in use by the process {}", folder.display(), std::process::id());
    assert_eq!(refusal(&folder), expected);
    drop(store);
    let store = EmbeddedStore::open(&folder, options()).unwrap();
    assert_eq!(get(&store, "k").unwrap().as_deref(), Some(&b"v"[..]));
}

#[test]
fn a_store_that_is_closed_gives_the_folder_away_and_answers_nothing_from_memory() {
    let folder = tempfile::tempdir().unwrap();
    let old = EmbeddedStore::open(folder.path(), options()).unwrap();
    put(&old, "k", "old").unwrap();
    assert_eq!(get(&old, "k").unwrap().as_deref(), Some(&b"old"[..]));
    old.close();
    let new = EmbeddedStore::open(folder.path(), options()).unwrap();
    assert_eq!(get(&new, "k").unwrap().as_deref(), Some(&b"old"[..]));
    put(&new, "k", "new").unwrap();
    assert!(matches!(get(&old, "k"), Err(StoreError::Closed)));
    assert!(matches!(get(&old, "never"), Err(StoreError::Closed)));
    assert!(matches!(put(&old, "k", "late"), Err(StoreError::Closed)));
    old.close();
    drop(old);
    assert_eq!(get(&new, "k").unwrap().as_deref(), Some(&b"new"[..]));
}

#[test]
fn what_cannot_be_a_folder_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "").unwrap();
    let folder = file.join("kv");
    let refused = refusal(&folder);
    assert!(refused.starts_with(&format!("cannot use {}: ", folder.display())), "{refused}");
}

#[test]
fn a_file_that_is_no_store_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kv.redb");
    std::fs::write(&file, "notes of mine").unwrap();
    std::fs::write(folder.path().join("kv.log"), "").unwrap();
    let refused = refusal(folder.path());
    assert!(refused.contains(&folder.path().display().to_string()), "{refused}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "notes of mine");
}

#[test]
fn the_size_on_disk_stays_when_values_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), options()).unwrap();
    let length = || std::fs::metadata(folder.path().join("kv.redb")).unwrap().len();
    let fill = || {
        for number in 0..40 {
            put(&store, &format!("{number}"), vec![7; 100_000]).unwrap();
        }
    };
    fill();
    fill();
    let filled = length();
    for _ in 0..10 {
        fill();
    }
    assert!(length() <= filled * 2, "{} after {filled}", length());
}
