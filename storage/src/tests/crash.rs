//! Whatever is written in whatever groups, and at whatever write or sync the process or the power goes:
//! what is there afterwards is the beginning of what was written, with all that was answered.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use super::book::{Open, open, text, wait};
use crate::sim::SimDisk;

/// Lines that are asked for at once, with their bytes, and whether the log may have them.
type Group = Vec<(usize, bool)>;

fn groups() -> impl Strategy<Value = Vec<Group>> {
    let line = (prop_oneof![4 => 0..200_usize, 1 => 0..6_000_usize], prop::bool::weighted(0.9));
    vec(vec(line, 1..6), 1..12)
}

/// Writes groups one after the other, and tells what was asked for and how much was answered.
fn write(book: &Open, groups: &[Group]) -> (Vec<Vec<u8>>, usize) {
    let (mut asked, mut answered) = (Vec::new(), 0);
    for group in groups {
        let answers: Vec<_> = group
            .iter()
            .map(|(bytes, is_logged)| {
                let text = text(asked.len() as u64, *bytes);
                let answer = book.begin(&text, *is_logged);
                asked.push(text);
                answer
            })
            .collect();
        let are_done: Vec<_> = answers.iter().map(|answer| wait(answer).is_ok()).collect();
        let first = are_done.iter().take_while(|is_done| **is_done).count();
        // This disk stays as broken as it is.
        assert!(!are_done[first..].contains(&true), "one is answered that comes after a lost one");
        answered += first;
        if first < group.len() {
            break;
        }
    }
    (asked, answered)
}

fn after(disk: &SimDisk, is_power: bool, random: &mut TestRng) -> SimDisk {
    if is_power { disk.after_power_failure(|| random.random()) } else { disk.after_kill() }
}

#[test]
fn a_crash_at_any_write_leaves_a_beginning_with_all_that_was_answered() {
    let config = Config { cases: 96, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&(groups(), 0..120_u64, any::<bool>(), any::<[u8; 32]>()), check)
        .unwrap();
}

fn check(
    (groups, operations, is_power, seed): (Vec<Group>, u64, bool, [u8; 32]),
) -> Result<(), TestCaseError> {
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    disk.fail_after(Some(operations));
    let (asked, answered) = write(&book, &groups);
    let mut left = after(&disk, is_power, &mut random);
    // And again while it recovers from that.
    for operations in [operations % 7, operations % 23] {
        left.fail_after(Some(operations));
        drop(open(&left));
        left = after(&left, is_power, &mut random);
    }
    let lines = open(&left).unwrap().lines().unwrap();
    prop_assert!(lines.len() >= answered, "{} of {answered}", lines.len());
    prop_assert_eq!(&lines[..], &asked[..lines.len()]);
    Ok(())
}

#[test]
fn what_was_answered_survives_power_failures_while_it_is_written() {
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let disk = SimDisk::new();
    let book = open(&disk).unwrap();
    for number in 0..60 {
        let is_logged = number % 7 != 0;
        wait(&book.begin(&text(number, number as usize * 37 % 3_000), is_logged)).unwrap();
        let left = after(&disk, number % 3 != 0, &mut random);
        let lines = open(&left).unwrap().lines().unwrap();
        assert_eq!(lines.len() as u64, number + 1);
        assert_eq!(lines.last(), Some(&text(number, number as usize * 37 % 3_000)));
    }
}
