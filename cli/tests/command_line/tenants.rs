//! A thousand workers in one process of which a few fit into memory: each comes back with its
//! own answers, and none ever sees another's.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::thread;

use serde::Deserialize;

use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::process::Process;
use crate::serve::{metric, serve};

const WORKERS: usize = 1000;
/// Isolates that stay in memory.
const ISOLATES: usize = 40;
/// Clients at a time. Each has workers of its own, so that it knows what they have seen.
const CLIENTS: usize = 8;
const ROUNDS: usize = 2;
/// Requests to a worker in a row.
const IN_A_ROW: usize = 3;

/// Isolates of a thousand workers would take 2.5 GiB and more.
const MOST_RESIDENT_KB: u64 = 1 << 20;

/// What a worker answers.
#[derive(Debug, Deserialize)]
struct Answer {
    /// A constant of its source.
    source: usize,
    /// A variable of its `env`.
    variable: usize,
    /// Who has set the global before this request.
    global: Option<usize>,
    /// Who has marked a built-in prototype before this request.
    prototype: Option<usize>,
    /// The hosts that this isolate was called for.
    hosts: Vec<String>,
    /// Requests that this isolate has answered, this one included.
    count: usize,
}

fn source(number: usize) -> String {
    format!(
        "const source = {number};
        const hosts = new Set();
        let count = 0;
        export default {{
          fetch(request, env) {{
            count += 1;
            hosts.add(new URL(request.url).hostname);
            const {{ global = null }} = globalThis;
            const prototype = Array.prototype.mark ?? null;
            globalThis.global = source;
            Array.prototype.mark = source;
            const variable = env.NUMBER;
            return Response.json({{ source, variable, global, prototype, hosts: [...hosts], count }});
          }},
        }};"
    )
}

fn host(number: usize) -> String {
    format!("t{number}.example.com")
}

#[test]
fn a_thousand_workers_take_turns_in_memory_and_see_nothing_of_each_other() {
    let folder = Folder::with(&[]);
    let mut configuration = format!("limits = {{ isolates = {ISOLATES} }}\n");
    for number in 0..WORKERS {
        folder.write(&format!("workers/t{number}.js"), &source(number));
        let (host, line) = (host(number), &mut configuration);
        let _ = write!(line, "[[workers]]\npath = 'workers/t{number}.js'\nroutes = ['{host}']\n");
        let _ = writeln!(line, "vars = {{ NUMBER = {number} }}");
    }
    let (process, port) = serve(&folder, &configuration);
    let fresh: Vec<usize> = thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || visit(port, client))).collect();
        clients.into_iter().map(|client| client.join().expect("the answers are right")).collect()
    });
    // A worker that was kept is one of the few that fit.
    let fresh: usize = fresh.iter().sum();
    assert!(fresh >= ROUNDS * (WORKERS - ISOLATES), "{fresh} fresh isolates");
    let evicted = metric(&process, "evicted_isolates_total{reason=\"isolates\"}");
    assert!(evicted > 0, "that isolates are given up is counted");
    let resident = resident_kb(&process);
    assert!(resident < MOST_RESIDENT_KB, "{resident} KiB are resident");
}

/// Visits every worker of that client in each round; answers how many isolates were new.
fn visit(port: u16, client: usize) -> usize {
    let mut connection = Connection::open(port);
    let mut fresh = 0;
    let mut requests: HashMap<usize, usize> = HashMap::new();
    for _ in 0..ROUNDS {
        for number in (client..WORKERS).step_by(CLIENTS) {
            for _ in 0..IN_A_ROW {
                let host = host(number);
                let response = connection.get(&host, "/");
                assert_eq!(response.status, 200, "{host}: {}", response.body);
                let answer: Answer = serde_json::from_str(&response.body).expect("an answer");
                let sent = requests.entry(number).or_default();
                *sent += 1;
                check(number, *sent, &answer);
                fresh += usize::from(answer.count == 1);
            }
        }
    }
    fresh
}

fn check(number: usize, sent: usize, answer: &Answer) {
    assert_eq!((answer.source, answer.variable), (number, number), "{answer:?}");
    assert_eq!(answer.hosts, [host(number)], "{answer:?}");
    assert!((1..=sent).contains(&answer.count), "{answer:?} after {sent} requests");
    let before = (answer.count > 1).then_some(number);
    assert_eq!((answer.global, answer.prototype), (before, before), "{answer:?}");
}

/// `VmRSS` of proc(5).
fn resident_kb(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.node_id()));
    let status = status.expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kb.and_then(|kb| kb.parse().ok()).expect("the status has VmRSS in kB")
}

/// A block of DEFLATE that is a mebibyte of zeros, again and again, in one chunk.
const BOMB: &str = "export default { async fetch() {
    const block = new Uint8Array(1037);
    block.set([236, 193, 49, 1, 0, 0, 0, 194, 160, 245, 79, 109, 8, 95, 160]);
    block.set([62, 3, 0, 0, 255, 255], 1031);
    const chunk = new Uint8Array(1037 * 1500);
    for (let i = 0; i < 1500; i++) chunk.set(block, i * 1037);
    const stream = new DecompressionStream('deflate-raw');
    stream.writable.getWriter().write(chunk);
    let bytes = 0;
    for await (const piece of stream.readable) bytes += piece.length;
    return new Response(String(bytes));
} }";

#[test]
fn what_a_chunk_decompresses_to_counts_while_it_does() {
    let folder = Folder::with(&[
        ("index.js", BOMB),
        ("isolane.toml", "name = 'bomb'\nmain = 'index.js'\n[limits]\ncpu_ms = 20000"),
    ]);
    let mut process = Process::start(folder.path(), ["dev", ".", "--port", "0"]);
    let port = process.dev_port();
    let answer = get(port, "localhost", "/");
    assert_eq!((answer.status, answer.header("isolane-error")), (503, "1102"), "{}", answer.body);
    let status =
        fs::read_to_string(format!("/proc/{}/status", process.node_id())).expect("it runs");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is there");
    let most_kb: u64 = most.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(most_kb < 600 << 10, "{most_kb} kB");
}
