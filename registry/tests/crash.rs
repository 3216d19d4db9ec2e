//! Kills a process that deploys, at random moments and again and again on one folder: what was
//! answered is there, the active version is the one before or the one after, and the archive of
//! every record is whole.
//!
//! `REGISTRY_CRASH_KILLS` sets how often. The process is this program, started with `--child`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use isolane_registry::{Activation, Options, Registry, Secret, VersionRecord};
use libtest_mimic::{Arguments, Trial};
use proptest::prelude::RngExt as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

const DEFAULT_KILLS: u64 = 100;
/// A process is killed after up to so many answers, and up to so long after the last of them.
const MAX_ANSWERS: u64 = 12;
const MAX_DELAY_US: u64 = 6_000;
/// No answer takes so long.
const PATIENCE: Duration = Duration::from_secs(60);
const WORKERS: u64 = 2;
/// Every so many versions, the worker is deleted and begun again.
const DELETE_EVERY: u64 = 17;
/// Numbers of a process begin at a multiple of this.
const ROUND: u64 = 1 << 32;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, child, folder, round] = arguments.as_slice()
        && child == "--child"
    {
        deploy_until_killed(Path::new(folder), round.parse().unwrap());
    }
    let trial = Trial::test("a_deploy_survives_kill_9_or_never_was", || {
        run();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn open(folder: &Path) -> Registry {
    Registry::open(Options {
        folder: folder.join("registry"),
        key_file: folder.join("secrets.key"),
        keep_versions: 3,
        keep_deployments: 10,
        min_free_bytes: 0,
    })
    .unwrap()
}

fn name(worker: u64) -> String {
    format!("worker-{worker}")
}

fn id(worker: u64, number: u64) -> String {
    format!("{:02x}{worker:02x}{number:060x}", number % 256)
}

fn number(id: &str) -> u64 {
    u64::from_str_radix(&id[4..], 16).unwrap()
}

fn content(id: &str) -> Vec<u8> {
    id.as_bytes().repeat(1 + (number(id) % 300) as usize)
}

/// Deploys for ever. A line `WORKER NUMBER` on standard output follows each activation, `WORKER 0`
/// each deletion.
fn deploy_until_killed(folder: &Path, round: u64) -> ! {
    let registry = open(folder);
    let say = |worker: u64, number: u64| {
        let line = format!("{worker} {number}\n");
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    };
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let registry = &registry;
            scope.spawn(move || {
                for number in round * ROUND + 1.. {
                    deploy(registry, worker, number);
                    say(worker, number);
                    if number % DELETE_EVERY == 0 {
                        registry.delete_worker(&name(worker)).unwrap();
                        say(worker, 0);
                    }
                }
            });
        }
    });
    unreachable!("the workers are deployed for ever");
}

fn deploy(registry: &Registry, worker: u64, number: u64) {
    let id = id(worker, number);
    let record = VersionRecord { id: id.clone(), worker: name(worker), ..VersionRecord::default() };
    registry.put_version(&record, &content(&id)).unwrap();
    registry.activate(&name(worker), &Activation { version: id, ..Default::default() }).unwrap();
    let secret = Secret::from(number.to_string());
    registry.put_secret(&name(worker), "NUMBER", &secret).unwrap();
}

/// What is known of a worker.
#[derive(Clone, Copy, Default)]
struct Known {
    /// The number of the version that was active at the last answer; 0 where there was none.
    active: u64,
    /// The same, deletions aside.
    last: u64,
    /// The number in its secret; 0 where there was none.
    secret: u64,
    revision: u64,
}

fn run() {
    let kills =
        std::env::var("REGISTRY_CRASH_KILLS").map_or(DEFAULT_KILLS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    let mut known = [Known::default(); WORKERS as usize];
    let mut answers = 0;
    for round in 1..=kills {
        let enough = random.random_range(0..=MAX_ANSWERS);
        let delay_us = random.random_range(0..=MAX_DELAY_US);
        answers += deploy_and_kill(folder.path(), round, enough, delay_us, &mut known);
        check(folder.path(), round, &mut known);
    }
    println!("{kills} kills, {answers} answered changes checked");
    assert!(answers >= kills, "hardly anything was deployed");
}

fn deploy_and_kill(
    folder: &Path,
    round: u64,
    enough: u64,
    delay_us: u64,
    known: &mut [Known],
) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--child".as_ref(), folder.as_os_str(), round.to_string().as_ref()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = channel();
    let printed = BufReader::new(child.stdout.take().unwrap()).lines();
    thread::spawn(move || printed.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut count = 0;
    let mut note = |line: String| {
        let (worker, number) = line.split_once(' ').unwrap();
        let known = &mut known[worker.parse::<usize>().unwrap()];
        known.active = number.parse().unwrap();
        known.secret = known.active;
        known.last = known.last.max(known.active);
        count += 1;
    };
    for _ in 0..enough {
        let Ok(line) = lines.recv_timeout(PATIENCE) else {
            child.kill().unwrap();
            panic!("the deploying process has ended by itself, or answers nothing any more");
        };
        note(line);
    }
    let last_answer = Instant::now();
    while last_answer.elapsed() < Duration::from_micros(delay_us) {
        thread::yield_now();
    }
    child.kill().unwrap();
    // What it has written to the pipe is still read.
    lines.iter().for_each(note);
    child.wait().unwrap();
    count
}

fn check(folder: &Path, round: u64, known: &mut [Known]) {
    let registry = open(folder);
    registry.remove_orphans().unwrap();
    let mut archives = 0;
    for (worker, known) in (0..).zip(known) {
        let record = registry.worker(&name(worker)).unwrap();
        let active = record.as_ref().map_or(0, |record| number(&record.active.version));
        // The change that may have been under way when the process was killed: the next version,
        // or the deletion.
        let next = (known.last + 1).max(round * ROUND + 1);
        let is_deletion = active == 0 && known.active % DELETE_EVERY == 0;
        assert!(
            active == known.active || active == next || is_deletion,
            "worker {worker} is at {active}, after {}",
            known.active
        );
        let before = std::mem::replace(&mut known.active, active);
        known.last = known.last.max(active);
        if let Some(record) = &record {
            assert!(record.revision >= known.revision, "a revision came again");
            known.revision = record.revision;
            assert!(registry.version(&name(worker), &record.active.version).unwrap().is_some());
        }
        for version in registry.versions(&name(worker)).unwrap() {
            assert!(registry.archive(&version.id).unwrap() == content(&version.id), "not whole");
            archives += 1;
        }
        let secrets = registry.secrets(&name(worker)).unwrap();
        let numbers: Vec<u64> =
            secrets.iter().map(|(_, secret)| secret.expose().parse().unwrap()).collect();
        match numbers.as_slice() {
            [] => assert!(active == 0 || known.secret == 0, "a secret is gone"),
            [number] => assert!([known.secret, before, active].contains(number), "{number}"),
            _ => panic!("there are {} secrets", numbers.len()),
        }
        known.secret = numbers.first().copied().unwrap_or_default();
    }
    let files = walk(&folder.join("registry/versions"));
    assert_eq!(files, archives, "an archive without a record was left");
}

fn walk(versions: &Path) -> usize {
    let folders = std::fs::read_dir(versions).unwrap();
    folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}
