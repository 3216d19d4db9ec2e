//! The power goes at random moments, the process is killed at others: what was answered is there,
//! whole, and nothing that was never written is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::*;

const WRITERS: usize = 4;
const KEYS: usize = 5;
/// For each length of the log.
const FAILURES: usize = 40;

/// What is known of a key: the last write that was answered, and the last one that was begun.
#[derive(Clone, Copy, Default)]
struct Known {
    answered: u64,
    begun: u64,
}

type Book = Arc<Mutex<BTreeMap<String, Known>>>;

/// What the key holds after its write with this number. Every fifth removes it, some are in pieces.
fn state(key: &str, number: u64) -> Option<Vec<u8>> {
    let draw = crc32fast::hash(format!("{key} {number}").as_bytes());
    let length = match draw % 16 {
        0 => 200_000 + draw as usize % 300_000,
        1..4 => 2_000 + draw as usize % 20_000,
        _ => draw as usize % 300,
    };
    (number > 0 && !draw.is_multiple_of(5))
        .then(|| (0..length).map(|at| (at as u32 ^ draw) as u8).collect())
}

fn write_for_ever(store: &EmbeddedStore, writer: usize, book: &Book, stop: &AtomicBool) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        for key in 0..KEYS {
            let key = format!("{writer}-{key}");
            book.lock().entry(key.clone()).or_default().begun = number;
            let value = state(&key, number);
            let done = match value {
                None => wait(store.delete(&namespace(), &key)),
                Some(value) if number.is_multiple_of(7) => stream(store, &key, &value),
                Some(value) => put(store, &key, value),
            };
            done.unwrap();
            book.lock().entry(key).or_default().answered = number;
        }
    }
}

fn stream(store: &EmbeddedStore, key: &str, value: &[u8]) -> Result<(), StoreError> {
    let mut sink = store.put_stream(&namespace(), key, None, None)?;
    for piece in value.chunks(50_000) {
        wait(sink.write(Bytes::copy_from_slice(piece)))?;
    }
    wait(sink.finish())
}

fn check(disk: &SimDisk, before: &BTreeMap<String, Known>, after: &BTreeMap<String, Known>) {
    let store = open(disk).unwrap();
    let (mut keys, mut bytes) = (0, 0);
    for (key, latest) in after {
        let found = get(&store, key).unwrap();
        let answered = before.get(key).map_or(0, |known| known.answered);
        let possible = answered..=latest.begun;
        assert!(
            possible.clone().any(|number| state(key, number) == found.as_ref().map(|v| v.to_vec())),
            "{key} holds {:?} bytes, which is none of its writes {possible:?}",
            found.map(|value| value.len())
        );
        keys += u64::from(found.is_some());
        bytes += found.map_or(0, |value| (value.len() + key.len()) as u64);
    }
    let all = ListRequest { prefix: String::new(), limit: 1000, start_after: None };
    let listed = wait(store.list(&namespace(), &all)).unwrap();
    assert_eq!(listed.keys.len() as u64, keys, "a key is listed that was never written");
    for info in wait(store.namespaces()).unwrap() {
        assert_eq!((info.keys, info.bytes), (keys, bytes), "the size is not that of the contents");
    }
}

#[test]
fn what_was_answered_survives_power_failures_and_kills() {
    // Without room for values in pieces, and with some.
    for log_bytes in [64 << 10, 2 << 20] {
        fail_again_and_again(log_bytes);
    }
}

fn fail_again_and_again(log_bytes: u64) {
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let disk = SimDisk::new();
    let store = open_with(&disk, EmbeddedOptions { log_bytes, ..options() }).unwrap();
    let book = Book::default();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, book, stop) = (&store, &book, &stop);
            scope.spawn(move || write_for_ever(store, writer, book, stop));
        }
        // The writers end also if a check fails.
        let _stop = StopOnDrop(&stop);
        for failure in 0..FAILURES {
            let syncs = disk.syncs() + random.random_range(1..20);
            let deadline = std::time::Instant::now() + PATIENCE;
            while disk.syncs() < syncs {
                // So it is where a write has failed.
                assert!(std::time::Instant::now() < deadline, "nobody writes any more");
                std::thread::yield_now();
            }
            let before = book.lock().clone();
            let left = if failure % 3 == 0 {
                disk.after_kill()
            } else {
                disk.after_power_failure(|| random.random())
            };
            let after = book.lock().clone();
            check(&left, &before, &after);
        }
    });
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A second failure while the first is being recovered from.
#[test]
fn a_power_failure_during_recovery_loses_nothing() {
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let disk = SimDisk::new();
    let store = open(&disk).unwrap();
    for number in 0..40 {
        put(&store, &format!("k{number}"), vec![number; 1_000]).unwrap();
    }
    let mut left = disk.after_power_failure(|| random.random());
    for operations in 0..30 {
        left.fail_after(Some(operations));
        let opened = open(&left);
        if opened.is_ok() {
            break;
        }
        left = left.after_power_failure(|| random.random());
    }
    left.fail_after(None);
    let store = open(&left.after_power_failure(|| random.random())).unwrap();
    for number in 0..40 {
        let value = get(&store, &format!("k{number}")).unwrap();
        assert_eq!(value.as_deref(), Some(&[number; 1_000][..]));
    }
}
