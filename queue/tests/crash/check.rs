//! The process that kills and checks.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use isolane_queue::{ManualClock, Options, Queues};
use proptest::prelude::RngExt as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::plan::{Key, QUEUES};

const DEFAULT_KILLS: u64 = 200;
/// A process is killed after up to so many answers.
const MAX_ANSWERS: u64 = 1_000;
/// No answer takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a process has said.
#[derive(Default)]
struct Said {
    begun: BTreeSet<Key>,
    sent: BTreeSet<Key>,
    ack_begun: BTreeSet<Key>,
    acked: BTreeSet<Key>,
    answers: u64,
}

pub(crate) fn run() {
    let kills =
        std::env::var("QUEUE_CRASH_KILLS").map_or(DEFAULT_KILLS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut left = BTreeSet::new();
    let (mut sent, mut acked) = (0, 0);
    let mut opening = Vec::new();
    for round in 1..=kills {
        let enough = random.random_range(1..=MAX_ANSWERS);
        let said = work_and_kill(folder.path(), round, enough);
        sent += said.sent.len();
        acked += said.acked.len();
        let (found, took) = find(folder.path());
        check(&left, &said, &found);
        // What is not there now must never come back.
        left = found;
        opening.push(took);
    }
    opening.sort();
    println!(
        "{kills} kills, {sent} stored and {acked} acked messages checked; opening after a kill: \
         median {:?}, longest {:?}",
        opening[opening.len() / 2],
        opening.last().copied().unwrap_or_default(),
    );
    assert!(sent as u64 >= kills, "hardly anything was sent");
    assert!(acked > 0, "nothing was acked");
}

/// Has a process work, kills it after so many answers, and takes note of all that it said.
fn work_and_kill(folder: &Path, round: u64, enough: u64) -> Said {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--child".as_ref(), folder.as_os_str(), round.to_string().as_ref()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = channel();
    let printed = BufReader::new(child.stdout.take().unwrap()).lines();
    thread::spawn(move || printed.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut said = Said::default();
    let mut is_killed = false;
    loop {
        let line = match lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                child.kill().unwrap();
                panic!("nothing is answered any more, after {} answers", said.answers);
            }
        };
        said.hear(&line);
        if said.answers >= enough && !is_killed {
            // SIGKILL; what it has written to the pipe is still read.
            child.kill().unwrap();
            is_killed = true;
        }
    }
    let status = child.wait().unwrap();
    assert!(is_killed, "the process ended by itself: {status}");
    said
}

impl Said {
    fn hear(&mut self, line: &str) {
        let (what, keys) = line.split_at(1);
        let keys = keys.split_whitespace().map(|key| key.parse::<Key>().unwrap());
        match what {
            "s" => self.begun.extend(keys),
            "S" => self.sent.extend(keys),
            "a" => self.ack_begun.extend(keys),
            "A" => self.acked.extend(keys),
            _ => panic!("{line:?} is no line"),
        }
        self.answers += u64::from(matches!(what, "S" | "A"));
    }
}

/// Opens the queues and looks at all messages, also those whose time has not come. Tells how long the
/// opening took.
fn find(folder: &Path) -> (BTreeSet<Key>, Duration) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let later_ms = u64::try_from(now.as_millis()).unwrap() + 3_600_000;
    let clock = Arc::new(ManualClock::new(later_ms));
    let started = Instant::now();
    let queues = Queues::open(Options { clock, ..Options::new(folder) }).unwrap();
    let took = started.elapsed();
    let mut found = BTreeSet::new();
    let mut count = 0;
    for queue in QUEUES {
        while let Some(delivery) = queues.take(queue, 100) {
            for message in delivery.messages {
                let key = Key::of(&message.body).expect("a message is as it was sent");
                assert!(found.insert(key), "{key} is there twice");
            }
        }
        count += queues.info(queue).map_or(0, |info| info.metrics.backlog_count);
    }
    assert_eq!(count, found.len() as u64, "the size is not that of the contents");
    (found, took)
}

/// Compares what is there with what was there before and what was said.
fn check(left: &BTreeSet<Key>, said: &Said, found: &BTreeSet<Key>) {
    for key in left.union(&said.sent) {
        let may_be_acked = said.ack_begun.contains(key);
        assert!(may_be_acked || found.contains(key), "{key} was stored, and is lost");
    }
    for key in found {
        assert!(!said.acked.contains(key), "{key} was acked, and is there");
        let was_sent = left.contains(key) || said.begun.contains(key);
        assert!(was_sent, "{key} is there, and was not, or was never sent");
    }
}
