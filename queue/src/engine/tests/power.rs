//! The power goes at random moments, the process is killed at others, while messages come and go: what
//! was answered is there, what was acked is not, and nothing is there that was never sent.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use proptest::prelude::RngExt as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::*;

const PRODUCERS: u64 = 3;
const CONSUMERS: usize = 2;
const FAILURES: usize = 60;

/// What is known of messages, by producer and number.
#[derive(Clone, Default)]
struct Book {
    begun: BTreeSet<(u64, u64)>,
    sent: BTreeSet<(u64, u64)>,
    ack_begun: BTreeSet<(u64, u64)>,
    acked: BTreeSet<(u64, u64)>,
}

fn text(producer: u64, number: u64) -> String {
    // Some are long.
    let length = if number.is_multiple_of(13) { 30_000 } else { number as usize % 200 };
    format!("{producer} {number} {}", "x".repeat(length))
}

fn read(text: &str) -> (u64, u64) {
    let mut words = text.split(' ').map_while(|word| word.parse().ok());
    let read = (words.next().unwrap(), words.next().unwrap());
    assert_eq!(text, self::text(read.0, read.1), "a message is not as it was sent");
    read
}

fn send_for_ever(world: &World, producer: u64, book: &Mutex<Book>, stop: &AtomicBool) {
    let mut next = 0..;
    while !stop.load(Ordering::Relaxed) {
        let numbers: Vec<u64> = next.by_ref().take(1 + producer as usize).collect();
        let keys: Vec<_> = numbers.iter().map(|number| (producer, *number)).collect();
        let messages = numbers.iter().map(|number| message(&text(producer, *number))).collect();
        book.lock().begun.extend(&keys);
        world.send_all("q", messages).unwrap();
        book.lock().sent.extend(&keys);
    }
}

/// Acks two of three, and retries the others.
fn consume_for_ever(world: &World, book: &Mutex<Book>, stop: &AtomicBool) {
    let settings = ConsumerSettings { max_retries: u32::MAX - 1, ..ConsumerSettings::default() };
    while !stop.load(Ordering::Relaxed) {
        let Some(delivery) = world.take("q", 10) else {
            std::thread::yield_now();
            continue;
        };
        let keys: Vec<_> = texts(&delivery.messages).iter().map(|text| read(text)).collect();
        let is_acked = |key: &(u64, u64)| !key.1.is_multiple_of(3);
        let acked: Vec<_> = keys.iter().copied().filter(is_acked).collect();
        let verdicts = keys.iter().map(|key| if is_acked(key) { ACK } else { RETRY }).collect();
        let known = book.lock().acked.clone();
        assert!(keys.iter().all(|key| !known.contains(key)), "what was acked is delivered");
        book.lock().ack_begun.extend(&acked);
        world.settle("q", delivery.lease, verdicts, &settings).unwrap();
        book.lock().acked.extend(&acked);
    }
}

/// Compares what is left with what was known before it and after it.
fn check(left: World, before: &Book, after: &Book) {
    let count = left.count("q");
    let mut found = BTreeSet::new();
    while let Some(delivery) = left.take("q", 100) {
        for text in texts(&delivery.messages) {
            assert!(found.insert(read(&text)), "a message is there twice");
        }
    }
    assert_eq!(count, found.len() as u64, "the size is not that of the contents");
    for key in before.sent.difference(&after.ack_begun) {
        assert!(found.contains(key), "{key:?} was stored, and is lost");
    }
    for key in &found {
        assert!(after.begun.contains(key), "{key:?} was never sent");
        assert!(!before.acked.contains(key), "{key:?} was acked, and is there");
    }
}

#[test]
fn what_was_answered_survives_power_failures_and_kills() {
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let world = World::new();
    let book = Mutex::new(Book::default());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let (world, book, stop) = (&world, &book, &stop);
            scope.spawn(move || send_for_ever(world, producer, book, stop));
        }
        for _ in 0..CONSUMERS {
            let (world, book, stop) = (&world, &book, &stop);
            scope.spawn(move || consume_for_ever(world, book, stop));
        }
        // They end also if a check fails.
        let _stop = StopOnDrop(&stop);
        for failure in 0..FAILURES {
            let syncs = world.disk.syncs() + random.random_range(1..20);
            let deadline = std::time::Instant::now() + PATIENCE;
            while world.disk.syncs() < syncs {
                assert!(std::time::Instant::now() < deadline, "nothing is written any more");
                std::thread::yield_now();
            }
            let before = book.lock().clone();
            let left = if failure % 3 == 0 {
                world.disk.after_kill()
            } else {
                world.disk.after_power_failure(|| random.random())
            };
            let after = book.lock().clone();
            let left = World::on(left, world.clock.clone(), world.limits.clone());
            check(left, &before, &after);
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
    let world = World::new();
    let expected: Vec<String> = (0..40).map(|number| text(7, number)).collect();
    for text in &expected {
        world.send("q", text).unwrap();
    }
    let mut left = world.disk.after_power_failure(|| random.random());
    for operations in 0..30 {
        left.fail_after(Some(operations));
        let options = options(&world.limits, &world.clock);
        if Queues::open_on(Arc::new(left.clone()), options).is_ok() {
            break;
        }
        left = left.after_power_failure(|| random.random());
    }
    let left = left.after_power_failure(|| random.random());
    let world = World::on(left, world.clock.clone(), world.limits.clone());
    assert_eq!(world.drain("q"), expected);
}
