//! Workers that call each other: whom a binding leads to, what arrives there, what comes back, and what becomes of
//! calls while versions change. Here are requests; methods are called in `calls/`, and in `rpc.rs`.

#[path = "calls/accounts.rs"]
mod accounts;
#[path = "calls/floods.rs"]
mod floods;
#[path = "calls/leaving.rs"]
mod leaving;
#[path = "calls/methods.rs"]
mod methods;
#[path = "calls/sessions.rs"]
mod sessions;
#[path = "calls/shards.rs"]
mod shards;
#[path = "calls/sources.rs"]
pub(crate) mod sources;
#[path = "calls/versions.rs"]
mod versions;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::done::Done;
use crate::http::{Connection, get};
use crate::node::{Node, seen};

/// Between two requests of a visitor.
const PACE: Duration = Duration::from_millis(1);

/// Says what it gets, or does what the path says.
const CALLEE: &str = "
    import { WorkerEntrypoint } from 'cloudflare:workers';
    export class Api extends WorkerEntrypoint {
        fetch(request) {
            return Response.json(['Api', this.ctx.props, this.env.NAME, request.url, arguments.length]);
        }
    }
    export const plain = { fetch: (request, env, ctx) => Response.json(['plain', ctx.props, env.NAME]) };
    export default { async fetch(request, env, ctx) {
        const url = new URL(request.url);
        switch (url.pathname) {
            case '/throw': throw new RangeError('out of it');
            case '/own': throw new class Own extends Error { name = 'Own' }('of its own');
            case '/never': await new Promise(() => {});
            case '/here': return Response.redirect(new URL('/there', url));
            case '/head': return new Response('body', { status: 201, headers: { 'x-b': '2' } });
        }
        const { method, headers } = request;
        const told = [method, request.url, headers.get('x-a'), await request.text(), ctx.props, env.NAME];
        return Response.json(told);
    } }";

/// Makes calls, each in its turn, and says what came of them.
fn caller(calls: &str) -> String {
    format!(
        "const shown = (error) => `${{error.name}}: ${{error.message}}${{error.remote ? ' (remote)' : ''}}`;
        export default {{ async fetch(request, env) {{
            const told = [];
            const calls = [{calls}];
            for (const call of calls) told.push(await call(env).catch(shown));
            return Response.json(told);
        }} }}"
    )
}

/// The binding `name` to a worker.
fn service(name: &str, worker: &str) -> Value {
    json!({ "binding": name, "service": worker })
}

/// That `caller.test` answers with that, and nobody comes to the worker `callee`; the same when the node was
/// restarted: the callee is on the disk alone by then.
pub(crate) fn is_told_also_after_a_restart(node: &mut Node, expected: &Value) {
    for is_restarted in [false, true] {
        if is_restarted {
            node.restart();
        }
        let answer = get(node.port, "caller.test", "/");
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(&serde_json::from_str::<Value>(&answer.body).unwrap(), expected);
        assert_eq!(node.get("callee", "/").status, 404, "nobody else comes to it");
    }
}

/// Visits the worker `outer` as several visitors at once while something is changed. Each answer is good, and is
/// `checked`. Answers how many there were.
pub(crate) fn visited_while(
    node: &Node,
    visitors: usize,
    checked: impl Fn(&str) + Sync,
    change: impl FnOnce(),
) -> usize {
    let (port, is_over) = (node.port, AtomicBool::new(false));
    thread::scope(|scope| {
        let done = Done(&is_over);
        let ask = || {
            let (mut connection, mut answers) = (Connection::open(port), 0_usize);
            while !is_over.load(Ordering::Relaxed) {
                let answer = connection.get("outer.localhost", "/");
                assert_eq!(answer.status, 200, "{}", answer.body);
                checked(&answer.body);
                answers += 1;
                // A pace, and nothing that is waited for.
                thread::park_timeout(PACE);
            }
            answers
        };
        let visitors: Vec<_> = (0..visitors).map(|_| scope.spawn(ask)).collect();
        change();
        drop(done);
        visitors.into_iter().map(|it| it.join().expect("each call is answered")).sum()
    })
}

/// Calls itself until it may no more; says how deep it has come and what has ended that.
const DEEP: &str = "export default { async fetch(request, env) {
    try {
        const answer = await env.SELF.fetch(request.url);
        const [depth, ...why] = (await answer.text()).split(' ');
        return new Response([Number(depth) + 1, ...why].join(' '));
    } catch (error) {
        return new Response(`1 ${error.message}`);
    }
} }";

#[test]
fn a_worker_without_a_route_is_called_by_its_name() {
    let mut node = Node::open();
    node.deploy("callee", &json!({ "vars": { "NAME": "callee" } }), CALLEE);
    let api = json!({
        "binding": "API",
        "service": "callee",
        "entrypoint": "Api",
        "props": { "tenant": 7, "roles": ["a", { "b": null }] },
    });
    let plain = json!({ "binding": "PLAIN", "service": "callee", "entrypoint": "plain" });
    let default = json!({ "binding": "DEFAULT", "service": "callee", "entrypoint": "default" });
    let settings = json!({
        "routes": ["caller.test"],
        "vars": { "NAME": "caller" },
        "services": [service("INNER", "callee"), api, plain, default],
    });
    let source = caller(
        "async ({ INNER }) => (await INNER.fetch('https://any.host:8080/a?b=c', {
            method: 'POST', headers: { 'x-a': '1' }, body: 'text',
        })).json(),
        async ({ API }) => (await API.fetch(new Request('http://x/'))).json(),
        async ({ PLAIN }) => (await PLAIN.fetch('http://x/')).json(),
        async ({ DEFAULT }) => (await DEFAULT.fetch('http://x/', { method: 'PUT' })).json(),
        async ({ INNER }) => {
            const { status, headers } = await INNER.fetch('http://x/head', { method: 'HEAD' });
            return [status, headers.get('x-b')];
        },
        async ({ INNER }) => {
            const answer = await INNER.fetch('http://any.host/here');
            return [answer.redirected, (await answer.json())[1]];
        },
        async ({ INNER }) => (await INNER.fetch('http://x/here', { redirect: 'manual' })).status,",
    );
    node.deploy("caller", &settings, &source);
    let expected = json!([
        ["POST", "https://any.host:8080/a?b=c", "1", "text", {}, "callee"],
        ["Api", { "tenant": 7, "roles": ["a", { "b": null }] }, "callee", "http://x/", 1],
        ["plain", {}, "callee"],
        ["PUT", "http://x/", null, "", {}, "callee"],
        [201, "2"],
        [true, "http://any.host/there"],
        302,
    ]);
    is_told_also_after_a_restart(&mut node, &expected);
}

#[test]
fn a_call_that_fails_says_why() {
    let mut node = Node::start();
    node.deploy("callee", &json!({}), CALLEE);
    node.deploy("gone", &json!({}), CALLEE);
    let nobody = json!({ "binding": "NOBODY", "service": "callee", "entrypoint": "Nobody" });
    let services = json!([service("INNER", "callee"), service("GONE", "gone"), nobody]);
    let source = caller(
        "({ INNER }) => INNER.fetch('http://x/throw'),
        ({ INNER }) => INNER.fetch('http://x/own'),
        ({ INNER }) => INNER.fetch('http://x/never'),
        ({ INNER }) => INNER.fetch('/relative'),
        ({ NOBODY }) => NOBODY.fetch('http://x/'),
        ({ GONE }) => GONE.fetch('http://x/'),
        async ({ INNER }) => (await INNER.fetch('http://x/head')).text(),",
    );
    node.deploy("caller", &json!({ "services": services }), &source);
    node.isolane().good(&["delete", "gone", "--yes"]);
    let told = node.json("caller", "/");
    let text = |index: usize| told[index].as_str().unwrap_or_default();
    assert_eq!(text(0), "RangeError: out of it (remote)", "{told}");
    assert!(text(1).contains("of its own") && text(1).ends_with(" (remote)"), "{told}");
    let hung = "Error: The Workers runtime canceled this request because it detected that your \
                Worker's code had hung and would never generate a response.";
    assert!(text(2).starts_with(hung), "{told}");
    assert!(text(3).starts_with("TypeError: "), "{told}");
    assert!(text(4).contains("has no entrypoint \"Nobody\""), "{told}");
    assert!(text(5).starts_with("Error: Worker \"gone\" not found."), "{told}");
    assert_eq!(text(6), "body", "the worker goes on");
    // What the callee has thrown is in the log under its own name.
    let ended = node.ended("callee", "fetch");
    assert_eq!(ended["exception"], "RangeError: out of it", "{ended}");
}

#[test]
fn a_worker_that_calls_itself_comes_sixteen_deep() {
    let node = Node::start();
    node.deploy("deep", &json!({ "services": [service("SELF", "deep")] }), DEEP);
    let said = node.get("deep", "/").body;
    let words = "Subrequest depth limit exceeded. This request recursed through Workers too many \
                 times. This can happen e.g. if you have a Worker or Durable Object that calls other \
                 Workers or objects recursively.";
    assert_eq!(said, format!("16 {words}"));
    // Two that call each other come no deeper.
    node.deploy("ping", &json!({ "services": [service("SELF", "pong")] }), DEEP);
    node.deploy("pong", &json!({ "services": [service("SELF", "ping")] }), DEEP);
    assert_eq!(node.get("ping", "/").body, format!("16 {words}"));
}

#[test]
fn events_of_all_kinds_call_other_workers() {
    let node = Node::start();
    let inner = "let count = 0; export default { fetch: () => Response.json(++count) }";
    node.deploy("inner", &json!({}), inner);
    let settings = json!({
        "services": [service("INNER", "inner")],
        "triggers": { "crons": ["1 1 1 1 *"] },
        "queues": {
            "producers": [seen()],
            "consumers": [{ "queue": "jobs", "max_batch_size": 1, "max_batch_timeout": 0 }],
        },
    });
    let outer = "const tell = async (what, env) => {
            const answer = await env.INNER.fetch('http://x/');
            await env.SEEN.send([what, answer.status]);
        };
        export default {
            scheduled: (controller, env) => tell('scheduled', env),
            queue: (batch, env) => tell('queue', env),
        };";
    node.deploy("outer", &settings, outer);
    assert_eq!(node.run("outer", &json!({ "cron": "1 1 1 1 *" }))["outcome"], "ok");
    assert_eq!(node.seen(1)[0], json!(["scheduled", 200]));
    node.send("jobs", &json!("a"));
    assert_eq!(node.seen(2)[1], json!(["queue", 200]));
}

#[test]
fn no_call_is_lost_while_the_worker_that_is_called_is_deployed_anew() {
    let node = Node::start();
    let inner = |version: u32| {
        format!(
            "export default {{ async fetch() {{
                await scheduler.wait(2);
                return new Response('{version}');
            }} }}"
        )
    };
    node.deploy("inner", &json!({}), &inner(0));
    let outer = "export default { async fetch(request, env) {
        const answers = [env.INNER.fetch('http://x/'), env.INNER.fetch('http://x/')];
        const texts = await Promise.all(answers.map(async (it) => (await it).text()));
        return new Response(texts.join(' '));
    } }";
    node.deploy("outer", &json!({ "services": [service("INNER", "inner")] }), outer);
    let checked = |answer: &str| {
        let versions = answer.split(' ').map(str::parse::<u32>);
        assert_eq!(versions.filter(Result::is_ok).count(), 2, "{answer}");
    };
    let answers = visited_while(&node, 4, checked, || {
        for version in 1..=5 {
            node.deploy("inner", &json!({}), &inner(version));
            // What was answered is true: this call comes after it.
            assert_eq!(node.get("outer", "/").body, format!("{version} {version}"));
        }
    });
    assert!(answers > 20, "{answers} answers");
}
