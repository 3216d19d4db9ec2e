//! Code that does harm, in each position that a tenant can bring it to: a handler, the top level by
//! a request, the top level by a deploy, and `isolane check`; beside a quiet worker that is always
//! answered. At the end the node has what it had, and its process has not ended: one that costs no shards is the
//! same all along. Handlers of other events than requests are in `hostile/events.rs`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

#[path = "hostile/cases.rs"]
mod cases;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "deploy_commands/command.rs"]
mod command;
#[path = "support/done.rs"]
mod done;
#[path = "hostile/events.rs"]
mod events;
#[path = "support/folder.rs"]
mod folder;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "support/http.rs"]
mod http;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "deploy_commands/node.rs"]
mod node;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "triggers/wait.rs"]
mod wait;

use cases::{CASES, Case};
use done::Done;
use http::{Response, get};
use node::Node;

const QUIET: &str = "export default { fetch() { return new Response('good') } }";

/// What the node may have in the end beyond what it had: idle isolates of the cases that ended within their limits.
const KEPT_BYTES: u64 = 400 << 20;
const KEPT_DESCRIPTORS: u64 = 16;
const KEPT_THREADS: u64 = 4;

/// How often the node is looked at until it has what it had, half a second after another.
const LOOKS: usize = 240;

/// The code of an event whose shard was lost with it (docs/limits.md).
const LOST: &str = "1104";

/// A worker with the code of a case, in its handler or at its top level.
fn source(case: &Case, is_top: bool) -> String {
    let given = "const kept = []; const keep = (it) => (kept.push(it), it);
        let answered; const answer = (it) => { answered = it };";
    let (top, body) = if is_top { (case.code, "") } else { ("", case.code) };
    format!(
        "{given}\n{top}\nexport default {{ async fetch() {{ {body}
        return answered ?? new Response('done') }} }}\n"
    )
}

/// A node with the quiet worker, and for each case a worker with it in the handler and one with it at
/// the top level; beside it the projects to deploy.
fn node() -> Node {
    let mut files = vec![("quiet.js".to_owned(), QUIET.to_owned())];
    // Shards are lost on purpose.
    let mut configuration = String::from(
        "limits = { lost_shards = 10000 }\n\
         [[workers]]\npath = 'quiet.js'\nroutes = ['quiet.test']\n",
    );
    for case in CASES {
        let (name, settings) = (case.name, case.settings);
        for (position, is_top) in [("handler", false), ("top", true)] {
            let worker = format!("{name}-{position}");
            let project = format!("name = '{worker}'\n{settings}\n");
            files.push((format!("{worker}/index.js"), source(case, is_top)));
            files.push((format!("{worker}/isolane.toml"), project));
            let _ = write!(
                configuration,
                "[[workers]]\npath = '{worker}'\nroutes = ['{worker}.test']\n"
            );
        }
        files.push((format!("{name}/index.js"), source(case, true)));
        let routes = format!("routes = ['{name}-deployed.test']");
        let project = format!("name = '{name}-deployed'\n{routes}\n{settings}\n");
        files.push((format!("{name}/isolane.toml"), project));
    }
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    Node::with(&configuration, &files)
}

/// What the node says of itself.
#[derive(Debug, Clone)]
struct Figures(String);

impl Figures {
    fn of(node: &Node) -> Figures {
        let answer = node.ask("GET", "/metrics", "", b"");
        assert_eq!(answer.status, 200, "{}", answer.body);
        Figures(answer.body)
    }

    fn get(&self, name: &str) -> u64 {
        let prefix = format!("isolane_{name} ");
        let value = self.0.lines().find_map(|line| line.strip_prefix(prefix.as_str()));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name}: {}", self.0))
    }

    /// Shards that a worker has cost.
    fn lost_by(&self, worker: &str) -> u64 {
        let worker = format!("worker=\"{worker}\"");
        let is_loss = |line: &&str| {
            line.starts_with("isolane_incidents_total{kind=\"shardLost\"") && line.contains(&worker)
        };
        let counts = self.0.lines().filter(is_loss).filter_map(|line| line.rsplit(' ').next());
        counts.filter_map(|count| count.parse::<u64>().ok()).sum()
    }

    /// What is held that was not `before`, and how much may be. A lost shard keeps its thread, its
    /// descriptors and what its isolates had.
    fn beyond(&self, before: &Figures) -> [(&'static str, u64, u64); 3] {
        let lost = self.get("lost_shards");
        let beyond = |name| self.get(name).saturating_sub(before.get(name));
        let kept_bytes = KEPT_BYTES + self.get("memory_lost_bytes");
        [
            ("bytes", beyond("memory_bytes"), kept_bytes),
            ("descriptors", beyond("open_descriptors"), KEPT_DESCRIPTORS + 8 * lost),
            ("threads", beyond("threads").saturating_sub(lost), KEPT_THREADS),
        ]
    }
}

/// Brings a case to each position, by requests and by commands at the same time; each comes to an end. Answers
/// whether the handler has run twice.
fn bring(node: &Node, case: &Case) -> bool {
    let (name, port) = (case.name, node.port);
    thread::scope(|scope| {
        let requests = scope.spawn(move || {
            let host = format!("{name}-handler.test");
            let is_repeated = handler_ends(case, &get(port, &host, "/"), || get(port, &host, "/"));
            let answer = get(port, &format!("{name}-top.test"), "/");
            assert!(answer.status >= 200, "{name}, top: {answer:?}");
            is_repeated
        });
        for arguments in [["deploy", name], ["check", name]] {
            let ended = node.isolane().run(&arguments);
            assert!(ended.code.is_some(), "{arguments:?} was killed: {}", ended.stderr);
            assert!(!ended.stderr.contains("panicked"), "{arguments:?}: {}", ended.stderr);
        }
        requests.join().expect("the requests have come to an end")
    })
}

/// Brings one case after the other, and waits until the node has what it had before. Answers how many workers
/// that cost a shard were called again.
fn bring_all(node: &Node, cases: &[&Case], before: &Figures) -> usize {
    let mut repeated = 0;
    for case in cases {
        let is_repeated = bring(node, case);
        repeated += usize::from(is_repeated);
        costs_are_as_expected(&Figures::of(node), case, is_repeated);
    }
    comes_back(node, before);
    repeated
}

/// The handler's event has ended as it should; and where it has cost a shard, its worker is not called again at
/// once. Answers whether it was.
fn handler_ends(case: &Case, answer: &Response, again: impl FnOnce() -> Response) -> bool {
    let (name, error) = (case.name, answer.header("isolane-error"));
    let is_expected = case.errors.is_empty() || case.errors.contains(&error);
    assert!(is_expected && answer.status >= 200, "{name}: {answer:?}");
    if error != LOST {
        return false;
    }
    let again = again();
    let told = (again.status, again.header("isolane-error"), again.header("isolane-outcome"));
    if told != (503, "1106", "loadShed") {
        assert_eq!(told, (503, LOST, "internalError"), "{name}: {}", again.body);
        return true;
    }
    false
}

fn costs_are_as_expected(figures: &Figures, case: &Case, is_repeated: bool) {
    for (position, times) in [("handler", 1 + u64::from(is_repeated)), ("top", 1), ("deployed", 1)]
    {
        let worker = format!("{}-{position}", case.name);
        let (lost, most) = (figures.lost_by(&worker), times * u64::from(case.may_cost_a_shard));
        assert!(lost <= most, "{worker} has cost {lost} shards");
    }
}

/// Asks the quiet worker until told to stop; answers how often. Each answer has to be good.
fn ask_quiet(port: u16, is_done: &AtomicBool) -> usize {
    let mut answers = 0;
    while !is_done.load(Ordering::Relaxed) {
        let answer = get(port, "quiet.test", "/");
        assert_eq!((answer.status, answer.body.as_str()), (200, "good"), "{answers} before");
        answers += 1;
        // A pace, and nothing that is waited for.
        thread::park_timeout(Duration::from_millis(5));
    }
    answers
}

/// Waits until the node has what it had.
fn comes_back(node: &Node, before: &Figures) {
    let mut after = Figures::of(node);
    for _ in 0..LOOKS {
        if after.beyond(before).iter().all(|(_, beyond, most)| beyond <= most) {
            return;
        }
        thread::park_timeout(Duration::from_millis(500));
        after = Figures::of(node);
    }
    panic!("{:?} beyond what there was\n{}", after.beyond(before), after.0);
}

#[test]
fn each_case_ends_in_each_position_and_nobody_else_is_hurt() {
    let node = node();
    assert_eq!(node.body("quiet.test"), "good");
    let (process, before) = (node.process.node_id(), Figures::of(&node));
    let is_done = AtomicBool::new(false);
    let quiet = thread::scope(|scope| {
        let quiet = scope.spawn(|| ask_quiet(node.port, &is_done));
        // Also where a case fails: the scope waits for whoever asks.
        let done = Done(&is_done);
        // What costs no shard comes first: after it everything is there again.
        let (costing, ending): (Vec<_>, Vec<_>) =
            CASES.iter().partition(|case| case.may_cost_a_shard);
        assert_eq!(bring_all(&node, &ending, &before), 0);
        assert_eq!(node.process.node_id(), process, "it is not the process that it was");
        // Each is kept out for two seconds, and a request may come later on a machine that has gigabytes to give
        // back.
        let repeated = bring_all(&node, &costing, &before);
        assert!(repeated <= 1, "{repeated} were called again at once");
        drop(done);
        quiet.join().unwrap()
    });
    assert!(quiet > CASES.len(), "{quiet} answers");
    assert_eq!(node.body("quiet.test"), "good");
    // Another may have taken over, for what was lost with shards.
    assert_eq!(Figures::of(&node).get("restarts_total{reason=\"crash\"}"), 0);
}
