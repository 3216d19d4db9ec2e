//! KV as a worker on a node has it: the whole contract, and what is left after `kill -9`.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;

use crate::folder::Folder;
use crate::http::get;
use crate::process::Process;
use crate::serve::{metric, serve};

const CHECKS: &str = include_str!("../../../bindings/tests/kv/harness/checks.js");
const CONTRACT: &str = include_str!("kv/contract.js");

macro_rules! case {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../bindings/tests/kv/cases/", $name, ".js")))
    };
}

/// Every line of the contract is in one of these.
const CASES: [(&str, &str); 8] = [
    case!("bulk"),
    case!("expiration"),
    case!("get"),
    case!("identity"),
    case!("keys"),
    case!("list"),
    case!("put"),
    case!("streams"),
];

/// What a case answers with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    passed: Vec<String>,
    left_out: Vec<String>,
    failed: Vec<String>,
}

#[test]
fn a_worker_has_the_whole_contract() {
    let folder = Folder::with(&[]);
    let mut workers = String::new();
    for (name, text) in CASES {
        let configuration = format!(
            "routes = ['{name}.test']
            limits = {{ cpu_ms = 30000, memory_mb = 256, subrequests = 10000 }}
            kv_namespaces = [
                {{ binding = 'KV', id = '{name}' }},
                {{ binding = 'SECOND', id = '{name} two' }}
            ]"
        );
        let main = format!(
            "import {{ run }} from './contract.js';
            const define = ({{ test, equal, rejects, throws, KV, SECOND, KvNamespace, UNBOUND, \
                subrequests, advance, now, ON_DISK }}) => {{\n{text}\n}};
            export default {{ async fetch(request, env) {{
                return Response.json(await run(define, env));
            }} }}"
        );
        folder.write(&format!("{name}/isolane.toml"), &configuration);
        folder.write(&format!("{name}/index.js"), &main);
        folder.write(&format!("{name}/checks.js"), CHECKS);
        folder.write(&format!("{name}/contract.js"), CONTRACT);
        workers += &format!("[[workers]]\npath = '{name}'\n");
    }
    let (_process, port) = serve(&folder, &workers);
    let mut left_out = Vec::new();
    for (name, text) in CASES {
        let response = get(port, &format!("{name}.test"), "/");
        assert_eq!(response.status, 200, "{name}: {}", response.body);
        let answer: Answer = serde_json::from_str(&response.body).expect("the answer is JSON");
        assert!(answer.failed.is_empty(), "{name}: {:#?}", answer.failed);
        let ran = answer.passed.len() + answer.left_out.len();
        assert_eq!(ran, text.matches("\ntest(").count(), "{name}: {answer:?}");
        left_out.extend(answer.left_out);
    }
    // What they say is tested where there is a clock to move, and an event to look into.
    assert_eq!(left_out.len(), 6, "{left_out:#?}");
}

const NOTES: &str = "export default { async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const value = searchParams.get('put');
    if (value !== null) await env.NOTES.put(pathname, value);
    return new Response(await env.NOTES.get(pathname));
} }";

fn notes() -> Folder {
    Folder::with(&[
        ("a/index.js", NOTES),
        (
            "a/isolane.toml",
            "routes = ['a.test']\nkv_namespaces = [{ binding = 'NOTES', id = 'n' }]",
        ),
        ("b/index.js", NOTES),
        (
            "b/isolane.toml",
            "routes = ['b.test']\nkv_namespaces = [{ binding = 'NOTES', id = 'n' }]",
        ),
        ("c/index.js", NOTES),
        (
            "c/isolane.toml",
            "routes = ['c.test']\nkv_namespaces = [{ binding = 'NOTES', id = 'o' }]",
        ),
    ])
}

const NOTES_WORKERS: &str = "workers = [{ path = 'a' }, { path = 'b' }, { path = 'c' }]";

#[test]
fn what_was_put_survives_kill_9_and_is_seen_by_who_shares_the_namespace() {
    let folder = notes();
    let (mut process, port) = serve(&folder, NOTES_WORKERS);
    for number in 0..50 {
        let path = format!("/{number}?put=value+{number}");
        assert_eq!(get(port, "a.test", &path).body, format!("value {number}"));
    }
    kill(Pid::from_raw(i32::try_from(process.id()).unwrap()), Signal::SIGKILL).unwrap();
    process.ended();
    let (_process, port) = serve(&folder, NOTES_WORKERS);
    for number in 0..50 {
        assert_eq!(get(port, "b.test", &format!("/{number}")).body, format!("value {number}"));
        assert_eq!(get(port, "c.test", &format!("/{number}")).body, "");
    }
}

const STREAMS: &str = "export default { async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const chunk = new Uint8Array(100000);
    let left = Number(searchParams.get('chunks'));
    const given = Promise.withResolvers();
    const stream = new ReadableStream({ pull(controller) {
        if (left-- > 0) return controller.enqueue(chunk);
        given.resolve('left');
        if (searchParams.has('leave')) return new Promise(() => {});
        controller.close();
    } });
    const stored = env.NOTES.put(pathname, stream).then(() => 'stored', (error) => error.message);
    return new Response(await (searchParams.has('leave') ? given.promise : stored));
} }";

#[test]
fn streams_count_for_their_namespace_until_they_or_their_events_are_over() {
    let folder = Folder::with(&[
        ("a/index.js", STREAMS),
        (
            "a/isolane.toml",
            "routes = ['a.test']\nkv_namespaces = [{ binding = 'NOTES', id = 'n' }]",
        ),
    ]);
    let (mut process, port) = serve(&folder, "workers = [{ path = 'a' }]\n[kv]\nnamespace_mb = 1");
    let refused = get(port, "a.test", "/large?chunks=20").body;
    let expected = "KV PUT failed: 507 Insufficient Storage: a namespace may hold 1048576 bytes, \
                    and this one has 0, and ";
    assert!(refused.starts_with(expected), "{refused}");
    let incidents = "incidents_total{kind=\"refused\",resource=\"kv\",worker=\"a\"}";
    assert!(metric(&process, incidents) > 0, "it is counted");
    let log = process.stderr.until("\"resource\":\"kv\"");
    assert!(log.contains("\"worker\":\"a\""), "{log}");
    assert_eq!(get(port, "a.test", "/left?chunks=10&leave").body, "left");
    let deadline = Instant::now() + Duration::from_secs(30);
    // The event may be over a little after its answer.
    while get(port, "a.test", "/fits?chunks=5").body != "stored" {
        assert!(Instant::now() < deadline, "what an event has left still counts");
    }
    let refused = get(port, "a.test", "/more?chunks=9").body;
    assert!(refused.contains("507"), "{refused}");
}

/// Puts a stream, most of which is written then, and does not come back.
const LOST: &str = "export default { async fetch(request, env) {
    const given = Promise.withResolvers();
    let left = 9;
    env.NOTES.put('lost', new ReadableStream({ pull(controller) {
        if (left-- > 0) return controller.enqueue(new Uint8Array(100000));
        given.resolve();
        return new Promise(() => {});
    } }));
    await given.promise;
    return new Response(String(Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)));
} }";

#[test]
fn streams_of_a_shard_that_is_lost_count_no_more() {
    let folder = Folder::with(&[
        ("a/index.js", LOST),
        (
            "a/isolane.toml",
            "routes = ['a.test']\nkv_namespaces = [{ binding = 'NOTES', id = 'n' }]",
        ),
        ("b/index.js", STREAMS),
        (
            "b/isolane.toml",
            "routes = ['b.test']\nkv_namespaces = [{ binding = 'NOTES', id = 'n' }]",
        ),
    ]);
    let workers = "workers = [{ path = 'a' }, { path = 'b' }]\n[kv]\nnamespace_mb = 1";
    let (_process, port) = serve(&folder, workers);
    assert_eq!(get(port, "a.test", "/").status, 503);
    let deadline = Instant::now() + Duration::from_secs(30);
    // What was on its way to the disk takes a moment.
    while get(port, "b.test", "/fits?chunks=9").body != "stored" {
        assert!(Instant::now() < deadline, "what the shard had still counts");
    }
}

#[test]
fn a_second_node_on_the_same_data_says_who_has_it() {
    let folder = notes();
    let (first, _) = serve(&folder, NOTES_WORKERS);
    let mut second = Process::start(folder.path(), ["serve"]);
    let holder = format!("is in use by the process {}", first.node_id());
    let line = second.stderr.until("error");
    assert!(line.contains(&holder), "{line}");
    assert_eq!(second.ended().code(), Some(1));
}

#[test]
fn a_node_wants_its_namespaces_named() {
    let folder = Folder::with(&[
        ("a/index.js", NOTES),
        ("a/isolane.toml", "routes = ['*']\nkv_namespaces = [{ binding = 'NOTES' }]"),
        ("node.toml", "workers = [{ path = 'a' }]"),
    ]);
    let mut process = Process::start(folder.path(), ["serve"]);
    let line = process.stderr.until("error");
    assert!(line.contains("the KV binding NOTES names no namespace"), "{line}");
    assert_eq!(process.ended().code(), Some(2));
}
