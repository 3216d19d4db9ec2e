//! The memory of a node has a ceiling: who has the most goes first, a quiet worker goes on, and the node's
//! process is the same.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::done::Done;
use crate::folder::Folder;
use crate::http::get;
use crate::process::{PATIENCE, Process};
use crate::serve::{configure, listening, metric, serve};

/// The ceiling of the nodes here.
const CEILING_MB: u64 = 700;
/// What they may have for a moment: an isolate is ended after it has grown.
const MOST_MB: u64 = 1000;
const HOGS: usize = 14;

pub(crate) const QUIET: &str = "export default { fetch() { return new Response('good') } }";

/// Keeps 110 MiB in each isolate, within its limit.
const HOLDS: &str = "let kept;
    export default { fetch() { kept ??= new Uint8Array(110 << 20).fill(1); return new Response('kept') } }";

/// Keeps 60 MiB for as long as the request lasts, which never ends by itself.
const WAITS: &str = "export default { async fetch() {
    const kept = new Uint8Array(60 << 20).fill(1);
    await scheduler.wait(120000);
    return new Response(String(kept.length)) } }";

/// A node with a quiet worker and these, each with as much CPU time for an event.
fn node(folder: &Folder, hogs: usize, source: &str, cpu_ms: u32) -> (Process, u16) {
    folder.write("quiet.js", QUIET);
    let mut configuration = format!("limits = {{ memory_mb = {CEILING_MB} }}\n");
    configuration.push_str("[[workers]]\npath = 'quiet.js'\nroutes = ['quiet.test']\n");
    for number in 0..hogs {
        folder.write(&format!("h{number}/index.js"), source);
        let project = format!("main = 'index.js'\nlimits = {{ cpu_ms = {cpu_ms} }}\n");
        folder.write(&format!("h{number}/isolane.toml"), &project);
        let _ =
            write!(configuration, "[[workers]]\npath = 'h{number}'\nroutes = ['h{number}.test']\n");
    }
    serve(folder, &configuration)
}

/// Asks the quiet worker until the work is done; answers how often. Each answer has to be good.
pub(crate) fn beside<R>(port: u16, work: impl FnOnce() -> R) -> (usize, R) {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let quiet = scope.spawn(|| {
            let mut answers = 0;
            while !is_done.load(Ordering::Relaxed) {
                let answer = get(port, "quiet.test", "/");
                assert_eq!(
                    (answer.status, answer.body.as_str()),
                    (200, "good"),
                    "{answers} before"
                );
                answers += 1;
                // A pace, and nothing that is waited for.
                thread::park_timeout(Duration::from_millis(2));
            }
            answers
        });
        let result = {
            // Also where the work panics.
            let _done = Done(&is_done);
            work()
        };
        (quiet.join().expect("the quiet worker is always answered"), result)
    })
}

/// The highest resident memory of the process so far.
pub(crate) fn most_mb(process: &Process) -> u64 {
    let status =
        fs::read_to_string(format!("/proc/{}/status", process.node_id())).expect("it runs");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is there");
    most.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

#[test]
fn idle_isolates_that_hold_much_go_before_the_ceiling_is_reached() {
    let folder = Folder::with(&[]);
    let (mut process, port) = node(&folder, HOGS, HOLDS, 20_000);
    let node = process.node_id();
    let (quiet, good) = beside(port, || {
        let mut good = 0;
        for round in 0..3 {
            for number in 0..HOGS {
                let host = format!("h{number}.test");
                let answer = get(port, &host, "/");
                good += usize::from(answer.status == 200);
                assert!([200, 503].contains(&answer.status), "round {round}: {}", answer.body);
            }
        }
        good
    });
    assert_eq!(process.node_id(), node, "it is another process");
    assert!(quiet > 10, "{quiet} answers");
    // Each is within its limit, and alone at work: nearly all are served.
    assert!(good >= 3 * HOGS - 3, "{good} answers");
    let most = most_mb(&process);
    assert!(most < MOST_MB, "{most} MB at most");
    // Whose isolates went is counted, and told.
    let evicted = (0..HOGS).map(|number| {
        let labels = format!("kind=\"evicted\",resource=\"memory\",worker=\"h{number}\"");
        metric(&process, &format!("incidents_total{{{labels}}}"))
    });
    assert!(evicted.sum::<u64>() > 0);
    assert!(metric(&process, "evicted_isolates_total{reason=\"shortage\"}") > 0);
    let log = process.stderr.until("\"kind\":\"evicted\"");
    assert!(log.contains("\"worker\":\"h"), "{log}");
}

#[test]
fn workers_that_each_hold_much_on_several_shards_stay_below_the_ceiling() {
    const MANY: usize = 30;
    let folder = Folder::with(&[]);
    let (process, port) = node(&folder, MANY, HOLDS, 20_000);
    let node = process.node_id();
    let ask = |number: usize| {
        let answer = get(port, &format!("h{number}.test"), "/");
        assert!([200, 503].contains(&answer.status), "h{number}: {}", answer.body);
        usize::from(answer.status == 200)
    };
    let (quiet, good) = beside(port, || {
        thread::scope(|scope| {
            // Each asks every worker, and no two ask the same one at a time.
            let clients = (0..4).map(|client| {
                scope.spawn(move || {
                    (0..MANY).map(|number| ask((number + client * 7) % MANY)).sum::<usize>()
                })
            });
            let clients: Vec<_> = clients.collect();
            clients.into_iter().map(|client| client.join().expect("it is answered")).sum::<usize>()
        })
    });
    assert_eq!(process.node_id(), node, "it is another process");
    assert!(quiet > 10, "{quiet} answers");
    assert!(good >= MANY, "{good} answers");
    let most = most_mb(&process);
    assert!(most < MOST_MB, "{most} MB at most");
}

#[test]
fn what_has_no_room_in_the_node_is_refused_before_it_is_given() {
    const ASKS: &str = "export default { fetch() {
        return new Response(String(new Uint8Array(300 << 20).fill(1).length)) } }";
    let folder = Folder::with(&[
        ("quiet.js", QUIET),
        ("h0/index.js", ASKS),
        ("h0/isolane.toml", "main = 'index.js'\nlimits = { cpu_ms = 20000, memory_mb = 512 }\n"),
    ]);
    // An isolate may have more than the node.
    let (mut process, port) = serve(
        &folder,
        "limits = { memory_mb = 256, memory_mb_max = 512 }
        [[workers]]\npath = 'quiet.js'\nroutes = ['quiet.test']
        [[workers]]\npath = 'h0'\nroutes = ['h0.test']\n",
    );
    let node = process.node_id();
    let (_, ()) = beside(port, || {
        let refused = get(port, "h0.test", "/");
        let error = (refused.status, refused.header("isolane-error"));
        assert_eq!(error, (503, "1105"), "{}", refused.body);
        assert_eq!(refused.header("isolane-outcome"), "loadShed");
        assert!(!refused.header("retry-after").is_empty());
        assert!(refused.body.contains("short of memory"), "{}", refused.body);
    });
    let log = process.stderr.until("no room for the memory");
    assert!(log.contains("\"worker\":\"h0\""), "{log}");
    assert_eq!(process.node_id(), node, "it is another process");
    let most = most_mb(&process);
    assert!(most < 256, "{most} MB at most");
}

#[test]
fn in_a_group_of_processes_with_little_memory_the_system_ends_none() {
    const GROUP_MB: u64 = 1024;
    const LENGTHENS: &str = "export default { async fetch() {
        const long = () => crypto.subtle.digest(
            { name: 'cSHAKE128', outputLength: 2 ** 32 - 8 }, new Uint8Array(1));
        await Promise.all(Array.from({ length: 40 }, long)); return new Response('long') } }";
    const GROWS: &str = "export default { fetch() {
        const memory = new WebAssembly.Memory({ initial: 1 });
        for (;;) { memory.grow(64); new Uint8Array(memory.buffer).fill(1) } } }";
    const POSTS: &str = "const { port1 } = new MessageChannel();
        export default { fetch() {
            for (let i = 0; i < 40; i++) port1.postMessage(new Uint8Array(1 << 20).fill(1));
            return new Response('posted') } }";
    let group = Group::new(GROUP_MB << 20);
    let folder = Folder::with(&[("quiet.js", QUIET)]);
    let mut configuration = "[[workers]]\npath = 'quiet.js'\nroutes = ['quiet.test']\n".to_owned();
    for (name, source) in [("lengthens", LENGTHENS), ("grows", GROWS), ("posts", POSTS)] {
        folder.write(&format!("{name}.js"), source);
        let _ =
            write!(configuration, "[[workers]]\npath = '{name}.js'\nroutes = ['{name}.test']\n");
    }
    let in_group = match &group {
        Some(group) => format!("echo $$ > {}/cgroup.procs && ", group.0.display()),
        // As much as the node takes of such a group by itself.
        None => {
            configuration
                .insert_str(0, &format!("limits = {{ memory_mb = {} }}\n", GROUP_MB * 4 / 5));
            String::new()
        }
    };
    configure(&folder, &configuration);
    let command = format!("{in_group}exec {} serve", env!("CARGO_BIN_EXE_isolane"));
    let mut process = Process::start_program("sh", folder.path(), ["-c", &command]);
    let port = listening(&mut process);
    let node = process.node_id();
    let (quiet, ()) = beside(port, || {
        assert_ne!(get(port, "lengthens.test", "/").status, 200);
        thread::scope(|scope| {
            for _client in 0..6 {
                scope.spawn(|| {
                    for _ in 0..12 {
                        assert_eq!(get(port, "grows.test", "/").status, 503);
                    }
                    for _ in 0..20 {
                        let answer = get(port, "posts.test", "/");
                        assert!([200, 503].contains(&answer.status), "{}", answer.body);
                    }
                });
            }
        });
    });
    assert!(quiet > 10, "{quiet} answers");
    assert_eq!(process.node_id(), node, "the system has not ended it");
    let most = most_mb(&process);
    assert!(most < GROUP_MB, "{most} MB at most");
}

/// A control group of its own for a process and what it starts, with a limit of memory.
struct Group(PathBuf);

impl Group {
    /// `None` where this process may make none, which only root may everywhere.
    fn new(limit_bytes: u64) -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let (root, path, limit) = groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            match (parts.next()?, parts.next()?) {
                ("memory", path) => Some(("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes")),
                _ => None,
            }
        })?;
        let name = format!("isolane-test-{}", std::process::id());
        let group = Path::new(root).join(path.trim_start_matches('/')).join(name);
        fs::create_dir(&group).ok()?;
        let group = Self(group);
        fs::write(group.0.join(limit), limit_bytes.to_string()).ok()?;
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let began = Instant::now();
        // It can be removed when the last of its processes has ended.
        while fs::remove_dir(&self.0).is_err() && began.elapsed() < PATIENCE {
            thread::park_timeout(Duration::from_millis(20));
        }
    }
}

#[test]
fn the_greediest_worker_is_refused_by_name() {
    let folder = Folder::with(&[]);
    let (mut process, port) = node(&folder, 1, WAITS, 20_000);
    let node = process.node_id();
    let (_, (log, _waiting)) = beside(port, || {
        // As many as fill the node twice.
        let waiting: Vec<TcpStream> = (0..36)
            .map(|_| {
                thread::park_timeout(Duration::from_millis(20));
                let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
                let request = b"GET / HTTP/1.1\r\nhost: h0.test\r\n\r\n";
                stream.write_all(request).expect("it reads");
                stream
            })
            .collect();
        (process.stderr.until("\"kind\":\"refused\""), waiting)
    });
    assert!(log.contains("\"worker\":\"h0\"") && log.contains("memory"), "{log}");
    assert_eq!(process.node_id(), node, "it is another process");
    let most = most_mb(&process);
    assert!(most < MOST_MB, "{most} MB at most");
    let answer = get(port, "h0.test", "/");
    let error = (answer.status, answer.header("isolane-error"), answer.header("isolane-outcome"));
    assert_eq!(error, (503, "1102", "exceededMemory"), "{}", answer.body);
    assert!(answer.body.contains("h0"), "{}", answer.body);
    // That its isolates were ended, and that request.
    let refused = "incidents_total{kind=\"refused\",resource=\"memory\",worker=\"h0\"}";
    assert!(metric(&process, refused) >= 2);
}

/// V8 makes a gigabyte and more of it in one call that it does not interrupt.
const DOUBLES: &str = "export default { fetch() {
    return new Response(String('a'.repeat(2 ** 26).replaceAll('a', 'bb').length)) } }";

#[test]
fn what_v8_cannot_stop_stays_below_the_ceiling() {
    let folder = Folder::with(&[]);
    let (process, port) = node(&folder, 1, DOUBLES, 50);
    let (quiet, most) = beside(port, || {
        let most = (0..4).map(|_| {
            let answer = get(port, "h0.test", "/");
            assert_ne!(answer.status, 200, "{}", answer.body);
            // Before another process takes over, for what was lost with a shard.
            most_mb(&process)
        });
        most.max().unwrap_or_default()
    });
    assert_eq!(metric(&process, "restarts_total{reason=\"crash\"}"), 0);
    assert!(quiet > 0);
    let most = most.max(most_mb(&process));
    assert!(most < MOST_MB + 200, "{most} MB at most");
}
