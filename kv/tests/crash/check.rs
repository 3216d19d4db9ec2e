//! The process that kills and checks.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use isolane_kv::{EmbeddedOptions, EmbeddedStore, ListRequest, Namespace, Store as _};
use proptest::prelude::RngExt as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::plan::{KEYS_PER_WRITER, ROUND, WRITERS, Write};

const DEFAULT_KILLS: u64 = 200;
/// A process is killed after up to so many answers.
const MAX_ANSWERS: u64 = 1_500;

/// The number of the last write of each key that is known to be there.
type Answered = BTreeMap<String, u64>;

pub(crate) fn run() {
    let kills = std::env::var("KV_CRASH_KILLS").map_or(DEFAULT_KILLS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut answered = Answered::new();
    let mut writes = 0;
    let mut opening = Vec::new();
    for round in 1..=kills {
        let enough = random.random_range(1..=MAX_ANSWERS);
        writes += write_and_kill(folder.path(), round, enough, &mut answered);
        opening.push(check(folder.path(), round, &mut answered));
    }
    opening.sort();
    let longest = opening.last().copied().unwrap_or_default();
    println!(
        "{kills} kills, {writes} answered writes checked; opening after a kill: median {:?}, longest \
         {longest:?}",
        opening[opening.len() / 2],
    );
    assert!(writes >= kills, "hardly anything was written");
}

/// Has a process write, kills it after so many answers, and takes note of all that it gave.
fn write_and_kill(folder: &Path, round: u64, enough: u64, answered: &mut Answered) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--child".as_ref(), folder.as_os_str(), round.to_string().as_ref()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut count = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let (key, number) = line.split_once(' ').unwrap();
        answered.insert(key.to_owned(), number.parse().unwrap());
        count += 1;
        if count == enough {
            // SIGKILL; what it has written to the pipe is still read.
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(count >= enough, "the writing process ended by itself: {status}");
    count
}

/// Opens the store and compares it with what is known. Tells how long the opening took.
fn check(folder: &Path, round: u64, answered: &mut Answered) -> Duration {
    let started = Instant::now();
    let store = EmbeddedStore::open(folder, EmbeddedOptions::default()).unwrap();
    let took = started.elapsed();
    let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let namespace = Namespace::new("main");
    let (mut keys, mut bytes) = (0, 0);
    for writer in 0..WRITERS {
        for key in 0..KEYS_PER_WRITER {
            let key = format!("{writer}-{key}");
            let found = tokio.block_on(store.get(&namespace, &key)).unwrap();
            let found = found.map(|value| value.to_vec());
            let last = answered.get(&key).copied().unwrap_or(0);
            // The write that may have been under way when the process was killed.
            let next = (last + 1).max(round * ROUND + 1);
            keys += u64::from(found.is_some());
            bytes += found.as_ref().map_or(0, |value| (value.len() + key.len()) as u64);
            if found == after(&key, next) {
                answered.insert(key, next);
            } else {
                assert!(found == after(&key, last), "{key} is not as write {last} left it");
            }
        }
    }
    let all = ListRequest { prefix: String::new(), limit: 1_000, start_after: None };
    let listed = tokio.block_on(store.list(&namespace, &all)).unwrap();
    assert_eq!(listed.keys.len() as u64, keys, "a key is there that nobody wrote");
    let info = tokio.block_on(store.namespaces()).unwrap();
    assert_eq!((info[0].keys, info[0].bytes), (keys, bytes), "the size is wrong");
    took
}

fn after(key: &str, number: u64) -> Option<Vec<u8>> {
    if number == 0 { None } else { Write::of(key, number).value() }
}
