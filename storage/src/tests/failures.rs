//! A disk that is full or broken, a machine that panics: clear errors, nothing lost, and back to work
//! when all is well.

use std::sync::atomic::Ordering;

use super::book::{Open, comes, open, open_with, options, text};
use crate::sim::SimDisk;
use crate::{Failure, OpenError, Options};

/// The files are opened again a while after a failure.
fn until_it_works(book: &Open, text: &[u8]) {
    comes(|| book.add(text).is_ok());
}

#[test]
fn a_full_disk_refuses_what_adds_and_nothing_else() {
    let disk = SimDisk::new();
    let book = open_with(&disk, Options { min_free_bytes: 10_000, ..options() }).unwrap();
    book.add(b"kept").unwrap();
    disk.set_free_bytes(10_050);
    let failure = book.add(&[1; 100]).unwrap_err();
    assert!(
        matches!(failure, Failure::DiskFull { free_bytes: 10_050, kept_free_bytes: 10_000 }),
        "{failure}"
    );
    // An empty line adds nothing.
    assert_eq!(book.add(b"").unwrap(), 1);
    disk.set_free_bytes(1 << 30);
    assert_eq!(book.add(&[1; 100]).unwrap(), 2);
}

#[test]
fn a_store_that_a_full_disk_keeps_from_opening_opens_when_there_is_room() {
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    // The log has something beyond the tables.
    let left = (0..20).find_map(|number| {
        let before = book.signs.checkpoints.load(Ordering::Relaxed);
        book.add(&text(number, 10)).unwrap();
        let left = disk.after_kill();
        (book.signs.checkpoints.load(Ordering::Relaxed) == before).then_some(left)
    });
    let left = left.expect("one is in time");
    left.fill(true);
    let book = open(&left).unwrap();
    assert!(matches!(book.add(b"new"), Err(Failure::DiskFull { .. })));
    assert!(matches!(book.lines(), Err(Failure::DiskFull { .. })));
    left.fill(false);
    // Nobody writes.
    comes(|| book.lines().is_ok());
    until_it_works(&book, b"after");
}

#[test]
fn a_broken_disk_is_an_error_and_a_repaired_one_has_everything() {
    for operations in 0..25 {
        let disk = SimDisk::new();
        let book = open(&disk).unwrap();
        book.add(b"before").unwrap();
        disk.fail_after(Some(operations));
        let mut answered = Vec::new();
        for number in 0..10 {
            let text = text(number, if number % 3 == 0 { 5_000 } else { 50 });
            if let Ok(at) = book.add(&text) {
                answered.push((at, text));
            }
        }
        disk.fail_after(None);
        until_it_works(&book, b"after");
        drop(book);
        let lines = open(&disk.after_kill()).unwrap().lines().unwrap();
        assert_eq!(lines.first().map(Vec::as_slice), Some(&b"before"[..]));
        assert_eq!(lines.last().map(Vec::as_slice), Some(&b"after"[..]));
        for (at, text) in answered {
            assert_eq!(lines.get(at as usize), Some(&text), "{operations}");
        }
    }
}

#[test]
fn a_batch_whose_sync_fails_leaves_the_lines_without_a_gap() {
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    book.add(b"before").unwrap();
    disk.fail_syncs_of(Some("book.log"));
    // One that is a checkpoint, because nothing was written for a while, does not fail.
    comes(|| book.add(b"unsure").is_err());
    disk.fail_syncs_of(None);
    until_it_works(&book, b"after");
    let there = book.lines().unwrap();
    drop(book);
    assert_eq!(open(&disk.after_kill()).unwrap().lines().unwrap(), there);
}

#[test]
fn reads_work_again_after_the_disk_could_not_be_read() {
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    for number in 0..100 {
        book.add(&text(number, 1_000)).unwrap();
    }
    drop(book);
    let disk = disk.after_kill();
    let book = open_with(&disk, Options { page_cache_bytes: 0, ..options() }).unwrap();
    disk.fail_reads(true);
    assert!(matches!(book.lines(), Err(Failure::Failed { .. })));
    disk.fail_reads(false);
    // Nobody writes.
    comes(|| book.lines().is_ok_and(|lines| lines.len() == 100));
}

#[test]
fn the_files_are_not_opened_again_before_the_last_reader_is_done() {
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    book.add(b"one").unwrap();
    let reader = book.store.core().database().unwrap();
    disk.fail_after(Some(0));
    book.add(b"lost").unwrap_err();
    disk.fail_after(None);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(1);
    while std::time::Instant::now() < deadline {
        book.add(b"two").unwrap_err();
    }
    drop(reader);
    until_it_works(&book, b"two");
}

#[test]
fn a_machine_that_panics_is_a_failure_and_the_files_are_opened_again() {
    let book = open(&SimDisk::new()).unwrap();
    book.add(b"one").unwrap();
    book.signs.panics.store(true, Ordering::Relaxed);
    assert!(matches!(book.add(b"two"), Err(Failure::Failed { .. })));
    book.signs.panics.store(false, Ordering::Relaxed);
    until_it_works(&book, b"two");
    assert_eq!(book.lines().unwrap(), [b"one", b"two"]);
}

#[test]
fn a_writer_that_is_lost_leaves_nobody_waiting() {
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    book.add(b"one").unwrap();
    assert!(!book.store.core().has_lost_its_writer());
    disk.panic();
    for text in [&b"two"[..], b"three"] {
        assert!(matches!(book.add(text), Err(Failure::Closed)));
    }
    comes(|| book.store.core().has_lost_its_writer());
    assert_eq!(book.lines().unwrap(), [b"one"]);
    drop(book);
    assert_eq!(open(&disk.after_kill()).unwrap().lines().unwrap(), [b"one"]);
}

#[test]
fn a_disk_that_is_broken_at_the_start_is_an_error() {
    let disk = SimDisk::new();
    disk.fail_after(Some(0));
    assert!(matches!(open(&disk), Err(OpenError::Io { .. })));
}
