//! What the writer does when all is well: groups, checkpoints, the log, the end.

use std::sync::atomic::Ordering;

use super::book::{LOG_BYTES, Open, comes, open, open_with, options, text, wait};
use crate::sim::SimDisk;
use crate::{Failure, MAX_LOGGED_BYTES, Options};

fn checkpoints(book: &Open) -> usize {
    book.signs.checkpoints.load(Ordering::Relaxed)
}

#[test]
fn what_waits_is_written_with_one_sync_and_in_its_order() {
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    let answers: Vec<_> = (0..200).map(|number| book.begin(&text(number, 10), true)).collect();
    let numbers: Vec<u64> = answers.iter().map(|answer| wait(answer).unwrap()).collect();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
    assert!(book.signs.groups.load(Ordering::Relaxed) < 200, "each is a group");
    let lines: Vec<_> = (0..200).map(|number| text(number, 10)).collect();
    assert_eq!(book.lines().unwrap(), lines);
}

#[test]
fn a_group_that_the_log_has_room_for_is_no_checkpoint() {
    // One that came because nothing was written for a while does not count.
    let without = (0..20).any(|_| {
        let book = open(&SimDisk::new()).unwrap();
        book.add(b"one").unwrap();
        checkpoints(&book) == 0
    });
    assert!(without, "each is a checkpoint");
}

#[test]
fn a_group_is_a_checkpoint_where_the_log_would_not_do() {
    let book = open(&SimDisk::new()).unwrap();
    wait(&book.begin(b"the machine says so", false)).unwrap();
    assert_eq!(checkpoints(&book), 1);
    book.add(&text(1, LOG_BYTES as usize)).unwrap();
    assert_eq!(checkpoints(&book), 2);
    let book = open_with(&SimDisk::new(), Options { log_bytes: 8 << 20, ..options() }).unwrap();
    book.add(&text(1, MAX_LOGGED_BYTES)).unwrap();
    assert_eq!(checkpoints(&book), 1);
}

#[test]
fn a_log_that_is_full_is_begun_anew() {
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    for number in 0..100 {
        book.add(&text(number, 1_000)).unwrap();
    }
    assert!(checkpoints(&book) >= 5, "{}", checkpoints(&book));
    let mut length = 0;
    disk.edit("book.log", |bytes| length = bytes.len());
    assert_eq!(length as u64, LOG_BYTES);
}

#[test]
fn the_log_is_replayed_after_a_kill_and_is_empty_after_a_close() {
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    wait(&book.begin(b"one", false)).unwrap();
    let left = (0..20).find_map(|_| {
        let before = checkpoints(&book);
        book.add(b"more").unwrap();
        let left = disk.after_kill();
        (checkpoints(&book) == before).then_some(left)
    });
    let killed = open(&left.expect("one is in time")).unwrap();
    assert!(killed.signs.replayed.load(Ordering::Relaxed) > 0);
    drop(book);
    let closed = open(&disk.after_kill()).unwrap();
    assert_eq!(closed.signs.replayed.load(Ordering::Relaxed), 0);
    assert!(closed.lines().unwrap().len() >= killed.lines().unwrap().len());
}

#[test]
fn what_is_written_is_in_the_tables_for_good_a_while_later() {
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    book.add(b"one").unwrap();
    comes(|| checkpoints(&book) > 0);
    let left = open(&disk.after_kill()).unwrap();
    assert_eq!(left.signs.replayed.load(Ordering::Relaxed), 0);
    assert_eq!(left.lines().unwrap(), [b"one"]);
}

#[test]
fn what_is_refused_leaves_the_others_of_its_group() {
    let book = open(&SimDisk::new()).unwrap();
    let answers = [&b"one"[..], b"refused", b"two"].map(|text| book.begin(text, true));
    let answers = answers.map(|answer| wait(&answer).ok());
    assert_eq!(answers, [Some(0), None, Some(1)]);
    assert_eq!(book.lines().unwrap(), [&b"one"[..], b"two"]);
}

#[test]
fn a_machine_keeps_house_when_it_wants_to() {
    let book = open(&SimDisk::new()).unwrap();
    book.signs.keeps_house.store(true, Ordering::Relaxed);
    comes(|| book.signs.steps.load(Ordering::Relaxed) > 0);
    comes(|| book.lines().unwrap() == [b"by itself"]);
    // It is written out like everything else.
    comes(|| checkpoints(&book) > 0);
    assert_eq!(book.add(b"one").unwrap(), 1);
}

#[test]
fn a_store_that_is_closed_does_what_waits_and_nothing_more() {
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    let answers: Vec<_> = (0..50).map(|number| book.begin(&text(number, 10), true)).collect();
    book.store.close();
    for answer in &answers {
        wait(answer).unwrap();
    }
    assert!(matches!(book.add(b"late"), Err(Failure::Closed)));
    assert!(matches!(book.lines(), Err(Failure::Closed)));
    book.store.close();
    assert_eq!(open(&disk).unwrap().lines().unwrap().len(), 50);
}
