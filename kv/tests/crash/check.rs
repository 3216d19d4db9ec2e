//! The process that kills and checks.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use isolane_kv::{EmbeddedOptions, EmbeddedStore, ListRequest, Lookup, Namespace, Store as _};
use proptest::prelude::RngExt as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::plan::{KEYS_PER_WRITER, ROUND, WRITERS, Write};

const DEFAULT_KILLS: u64 = 200;
/// A process is killed after up to so many answers.
const MAX_ANSWERS: u64 = 1_500;
/// No answer takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

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
    let (sender, lines) = channel();
    let printed = BufReader::new(child.stdout.take().unwrap()).lines();
    thread::spawn(move || printed.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut count = 0;
    loop {
        let line = match lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                child.kill().unwrap();
                panic!("nothing is answered any more, after {count} answers");
            }
        };
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
    let tokio = Builder::new_current_thread().enable_time().build().unwrap();
    let namespace = Namespace::new("main");
    let (mut keys, mut bytes) = (0, 0);
    for writer in 0..WRITERS {
        for key in 0..KEYS_PER_WRITER {
            let key = format!("{writer}-{key}");
            let found = answered_in_time(&tokio, store.get(&namespace, &key));
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
    let listed = answered_in_time(&tokio, store.list(&namespace, &all));
    assert_eq!(listed.keys.len() as u64, keys, "a key is there that nobody wrote");
    let info = answered_in_time(&tokio, store.namespaces());
    assert_eq!((info[0].keys, info[0].bytes), (keys, bytes), "the size is wrong");
    took
}

fn answered_in_time<T: Send + Unpin + 'static>(tokio: &Runtime, lookup: Lookup<T>) -> T {
    let answer = async { timeout(PATIENCE, lookup).await };
    tokio.block_on(answer).expect("it is answered in time").unwrap()
}

fn after(key: &str, number: u64) -> Option<Vec<u8>> {
    if number == 0 { None } else { Write::of(key, number).value() }
}
