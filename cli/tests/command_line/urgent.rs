//! Real-time priority: threads that answer have it beside slow shards, and give it back.

use std::fs;
use std::os::unix::fs::chown;
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use nix::unistd::Uid;

use crate::folder::Folder;
use crate::http::{Connection, Response, get};
use crate::process::{PATIENCE, Process};
use crate::serve::serve;

const QUIET: &str = "export default { fetch() { return new Response('good') } }";
const SPINS: &str = "export default { fetch() { for (;;); } }";
const SPINS_FOR_LONG: &str = "name = 'hog'\nmain = 'index.js'\n[limits]\ncpu_ms = 3000";

/// The policy of ordinary threads, and that of urgent ones (sched(7)).
const SCHED_OTHER: &str = "0";
const SCHED_RR: &str = "2";
/// Of capabilities(7).
const CAP_SYS_NICE: u64 = 1 << 23;
const CAP_SYS_RESOURCE: u64 = 1 << 24;

fn nodes_workers(more: &str) -> (Folder, String) {
    let folder = Folder::with(&[
        ("quiet.js", QUIET),
        ("hog/index.js", SPINS),
        ("hog/isolane.toml", SPINS_FOR_LONG),
    ]);
    let workers = "workers = [{ path = 'quiet.js', routes = ['quiet.test'] },
        { path = 'hog', routes = ['hog.test'] }]";
    (folder, format!("{more}\n{workers}"))
}

/// The scheduling policies of the threads that answer connections (proc(5), stat).
fn policies(process: &Process) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{}/task", process.node_id())).expect("it runs");
    let stats =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    let policy = |stat: String| {
        let (name, fields) = stat.rsplit_once(") ")?;
        // The 41st field; the third is the first after the name.
        let policy = fields.split(' ').nth(41 - 3)?;
        name.contains("(front-").then(|| policy.to_owned())
    };
    stats.filter_map(policy).collect()
}

/// Whether this process, and so the node, has a right.
fn has(capability: u64) -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("it is there");
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let mask = u64::from_str_radix(mask.unwrap_or_default().trim(), 16).expect("a mask");
    mask & capability != 0
}

/// Asks the quiet worker until the policies are as wanted; answers whether they became so in time.
fn become_so(process: &Process, port: u16, wanted: impl Fn(&[String]) -> bool) -> bool {
    let mut connection = Connection::open(port);
    let ends = Instant::now() + PATIENCE;
    while !wanted(&policies(process)) {
        if Instant::now() > ends {
            return false;
        }
        assert_eq!(connection.get("quiet.test", "/").body, "good");
    }
    true
}

fn are_ordinary(policies: &[String]) -> bool {
    !policies.is_empty() && policies.iter().all(|policy| policy == SCHED_OTHER)
}

/// Asks the quiet worker until that request is over: no thread is urgent meanwhile.
fn stay_ordinary_during(hog: &ScopedJoinHandle<'_, Response>, process: &Process, port: u16) {
    while !hog.is_finished() {
        assert_eq!(get(port, "quiet.test", "/").body, "good");
        assert!(are_ordinary(&policies(process)), "{:?}", policies(process));
    }
}

#[test]
fn threads_that_answer_are_urgent_while_there_are_slow_shards() {
    let (folder, configuration) = nodes_workers("");
    check_urgency(&folder, &configuration, has(CAP_SYS_NICE));
}

#[test]
fn so_they_are_when_the_node_is_not_root_any_more() {
    let (folder, configuration) = nodes_workers("");
    if !Uid::effective().is_root() {
        return;
    }
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("it can be made");
    chown(&data, Some(12_345), Some(12_345)).expect("root may");
    // Without the second one the node cannot keep the first for its user.
    let may_be_urgent = has(CAP_SYS_NICE) && has(CAP_SYS_RESOURCE);
    check_urgency(&folder, &configuration, may_be_urgent);
}

fn check_urgency(folder: &Folder, configuration: &str, may_be_urgent: bool) {
    let (process, port) = serve(folder, configuration);
    assert_eq!(get(port, "quiet.test", "/").body, "good");
    assert!(are_ordinary(&policies(&process)), "{:?}", policies(&process));
    thread::scope(|scope| {
        let hog = scope.spawn(|| get(port, "hog.test", "/"));
        let is_urgent = |policies: &[String]| policies.iter().any(|it| it == SCHED_RR);
        if may_be_urgent {
            assert!(become_so(&process, port, is_urgent), "{:?}", policies(&process));
        }
        if !may_be_urgent {
            stay_ordinary_during(&hog, &process, port);
        }
    });
    // Slow shards end when they have had nothing to do for a while.
    assert!(become_so(&process, port, are_ordinary), "{:?}", policies(&process));
}

#[test]
fn a_node_that_is_told_so_has_no_urgent_threads() {
    let (folder, configuration) = nodes_workers("real_time = false");
    let (process, port) = serve(&folder, &configuration);
    thread::scope(|scope| {
        let hog = scope.spawn(|| get(port, "hog.test", "/"));
        stay_ordinary_during(&hog, &process, port);
        assert_eq!(hog.join().expect("it is answered").header("isolane-error"), "1102");
    });
}
