//! Handlers that do harm, of events that are no requests: each costs its own event and nothing else, beside a
//! quiet worker that is asked, and called by its cron and its queue, all along.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::thread;

use serde_json::{Value, json};

use crate::done::Done;
use crate::http::{Connection, get};
use crate::node::Node;
use crate::wait::{ended, until};
use crate::{Figures, ask_quiet, comes_back};

/// The cron by which a handler does harm, and one by which it does not.
const HARM: &str = "1 1 1 1 *";
const FINE: &str = "2 2 2 2 *";

/// Code that does harm in a handler, which may use `kept` and `ctx`.
struct Case {
    name: &'static str,
    code: &'static str,
    /// What the worker's configuration has beside its triggers.
    settings: &'static str,
    /// How an event may end that runs it.
    outcomes: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "never-returns",
        code: "for (;;);",
        settings: "limits = { cpu_ms = 50 }",
        outcomes: &["exceededCpu"],
    },
    Case {
        name: "allocates",
        code: "for (;;) kept.push(new Array(1000).fill('x' + Math.random()));",
        settings: "limits = { cpu_ms = 20000, memory_mb = 64 }",
        outcomes: &["exceededMemory", "exceededCpu"],
    },
    Case {
        name: "never-settles",
        code: "await new Promise(() => {});",
        settings: "",
        outcomes: &["exception"],
    },
    Case {
        name: "never-ends",
        code: "ctx.waitUntil(new Promise(() => {}));",
        settings: "",
        outcomes: &["ok"],
    },
    Case {
        name: "goes-on",
        code: "ctx.waitUntil((async () => {
            for (;;) { for (let i = 0; i < 1e5; i++); await scheduler.wait(0); }
        })());",
        settings: "limits = { cpu_ms = 50 }",
        outcomes: &["exceededCpu"],
    },
    Case {
        name: "throws-late",
        code: "ctx.waitUntil(scheduler.wait(5).then(() => { throw new Error('x'.repeat(1e4)) }));",
        settings: "",
        outcomes: &["exception"],
    },
];

/// A quiet worker, with a handler for each kind of event.
const QUIET: &str =
    "export default { fetch: () => new Response('good'), scheduled() {}, queue() {} }";

impl Case {
    /// The worker: its handlers do harm where the cron or the message says so, and `tail` does always.
    fn source(&self) -> String {
        format!(
            "const kept = [];
            const harm = async (ctx) => {{ {code} }};
            export default {{
                fetch: () => new Response('good'),
                scheduled: ({{ cron }}, env, ctx) => cron === '{HARM}' ? harm(ctx) : undefined,
                queue: ({{ messages: [{{ body }}] }}, env, ctx) => body === 'harm' ? harm(ctx) : undefined,
                tail: (items, env, ctx) => harm(ctx),
            }};\n",
            code = self.code,
        )
    }

    fn is_expected(&self, event: &Value) -> bool {
        event["outcome"].as_str().is_some_and(|outcome| self.outcomes.contains(&outcome))
    }
}

/// The configuration of a worker that has a queue of its own name, whose messages are delivered once.
fn project(worker: &str, settings: &str) -> String {
    format!(
        "name = '{worker}'\nroutes = ['{worker}.test']\n{settings}\n\
         triggers = {{ crons = ['{HARM}', '{FINE}'] }}\n\
         [[queues.consumers]]\nqueue = '{worker}'\nmax_batch_size = 1\nmax_batch_timeout = 0\n\
         max_retries = 0\n"
    )
}

/// A node with the quiet worker and one for each case, deployed.
fn node() -> Node {
    let node = Node::with("limits = { lost_shards = 10000 }\n", &[]);
    let deploy = |worker: &str, settings: &str, source: &str| {
        node.folder.write(&format!("{worker}/index.js"), source);
        node.folder.write(&format!("{worker}/isolane.toml"), &project(worker, settings));
        node.isolane().good(&["deploy", worker]);
    };
    deploy("quiet", "", QUIET);
    for case in CASES {
        deploy(case.name, case.settings, &case.source());
    }
    node
}

/// The admin API of a node.
#[derive(Clone, Copy)]
struct Admin(u16);

impl Admin {
    fn of(node: &Node) -> Self {
        let port = node.admin.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        Self(port.expect("an address has a port"))
    }

    /// What it answers to what it does; while a queue is not there yet it is asked again.
    fn told(self, method: &str, path: &str, body: &Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let kind = "content-type: application/json\r\n";
        until(|| {
            let mut connection = Connection::open(self.0);
            let answer = connection.request(method, "localhost", path, kind, text.as_bytes());
            match answer.status {
                200..300 => Ok(serde_json::from_str(&answer.body).expect("it is JSON")),
                status => Err(format!("{method} {path}: {status} {}", answer.body)),
            }
        })
    }

    /// Runs a cron of a worker, and gives what it has come to.
    fn run(self, worker: &str, cron: &str) -> Value {
        self.told("POST", &format!("/v1/workers/{worker}/crons"), &json!({ "cron": cron }))
    }
}

/// Sends a message to the queue of a worker, and waits until it is gone. Gives the event.
fn deliver(node: &mut Node, worker: &str, body: &str) -> Value {
    let (admin, queue) = (Admin::of(node), format!("/v1/queues/{worker}"));
    admin.told("POST", &format!("{queue}/messages"), &json!({ "body": body }));
    let event = ended(&mut node.process.stderr, worker, "queue");
    until(|| {
        let queue = admin.told("GET", &queue, &Value::Null);
        match (queue["backlog_count"].as_u64(), queue["in_flight_count"].as_u64()) {
            (Some(0), Some(0)) => Ok(()),
            _ => Err(queue.to_string()),
        }
    });
    event
}

/// The quiet worker is called, whatever others do.
fn quiet_is_called(node: &mut Node) {
    assert_eq!(Admin::of(node).run("quiet", HARM)["outcome"], "ok");
    assert_eq!(deliver(node, "quiet", "harm")["outcome"], "ok");
}

/// Does something with the node while the quiet worker is asked, which is answered. The node has what it had then,
/// and its process is the same.
fn beside_the_quiet(node: &mut Node, what: impl FnOnce(&mut Node)) {
    quiet_is_called(node);
    assert_eq!(node.body("quiet.test"), "good");
    let (process, before) = (node.process.node_id(), Figures::of(node));
    let (port, is_done) = (node.port, AtomicBool::new(false));
    let answers = thread::scope(|scope| {
        let quiet = scope.spawn(|| ask_quiet(port, &is_done));
        let done = Done(&is_done);
        what(node);
        drop(done);
        quiet.join().expect("the quiet worker is answered")
    });
    assert!(answers > CASES.len(), "{answers} answers");
    quiet_is_called(node);
    comes_back(node, &before);
    assert_eq!(node.process.node_id(), process, "it is not the process that it was");
    let figures = Figures::of(node);
    for case in CASES {
        assert_eq!(figures.lost_by(case.name), 0, "{} has cost a shard", case.name);
    }
}

/// Waits until each worker that does harm was told of an event of another, in whatever order, but for those that
/// end well: of these there is no line.
fn until_tails_end(node: &mut Node) {
    let cases = CASES.iter().filter(|case| case.outcomes != ["ok"]);
    let mut waiting: BTreeSet<&str> = cases.map(|case| case.name).collect();
    while !waiting.is_empty() {
        let line = node.process.stderr.until("\"kind\":\"tail\"");
        let event: Value = serde_json::from_str(&line).expect("a line is JSON");
        let case = CASES.iter().find(|case| event["worker"] == case.name);
        let case = case.unwrap_or_else(|| panic!("{event} is nobody's"));
        assert!(case.is_expected(&event), "{event}");
        waiting.remove(case.name);
    }
}

#[test]
fn a_cron_or_a_batch_that_does_harm_costs_its_own_event() {
    let mut node = node();
    beside_the_quiet(&mut node, |node| {
        let admin = Admin::of(node);
        for case in CASES {
            let name = case.name;
            let ran = admin.run(name, HARM);
            assert!(case.is_expected(&ran), "{name}: {ran}");
            let event = deliver(node, name, "harm");
            assert!(case.is_expected(&event), "{name}: {event}");
            // The worker goes on, whatever became of its isolate.
            assert_eq!(admin.run(name, FINE)["outcome"], "ok", "{name}");
            assert_eq!(deliver(node, name, "fine")["outcome"], "ok", "{name}");
            assert_eq!(node.body(&format!("{name}.test")), "good", "{name}");
            quiet_is_called(node);
        }
    });
}

#[test]
fn many_events_that_do_harm_at_a_time_cost_themselves() {
    let mut node = node();
    beside_the_quiet(&mut node, |node| {
        let admin = Admin::of(node);
        thread::scope(|scope| {
            for case in CASES.iter().flat_map(|case| [case; 3]) {
                scope.spawn(move || {
                    let ran = admin.run(case.name, HARM);
                    // One that shares its isolate may be lost with what another has done to that.
                    let is_lost = ran["outcome"] == "internalError";
                    assert!(is_lost || case.is_expected(&ran), "{}: {ran}", case.name);
                });
            }
        });
        for case in CASES {
            assert_eq!(admin.run(case.name, FINE)["outcome"], "ok", "{}", case.name);
        }
    });
}

#[test]
fn a_tail_that_does_harm_costs_nothing_of_whoever_is_watched() {
    let mut node = node();
    let tails: Vec<_> =
        CASES.iter().map(|case| format!("{{ service = '{}' }}", case.name)).collect();
    let watched = format!(
        "name = 'watched'\nroutes = ['watched.test']\ntail_consumers = [{}]\n",
        tails.join(", ")
    );
    node.folder.write("watched/index.js", "export default { fetch: () => new Response('seen') }");
    node.folder.write("watched/isolane.toml", &watched);
    node.isolane().good(&["deploy", "watched"]);
    beside_the_quiet(&mut node, |node| {
        for _ in 0..3 {
            let answer = get(node.port, "watched.test", "/");
            assert_eq!((answer.status, answer.body.as_str()), (200, "seen"));
            until_tails_end(node);
        }
    });
}
