//! Methods of workers that others call, through a node: what a worker without routes answers, what a call costs
//! whom, and what becomes of calls while versions change. What can be called, and with what, is the runtime's
//! own tests'.

use serde_json::{Value, json};

use crate::calls::{is_told_also_after_a_restart, sources, visited_while};
use crate::node::Node;

/// Makes calls, each in its turn, and says what came of them; and has an entrypoint of its own.
fn caller(calls: &str) -> String {
    let own = "export class Own extends WorkerEntrypoint { props() { return this.ctx.props } }";
    format!("{}\n{own}", sources::caller(calls))
}

/// The settings of a worker that may be called by methods, and calls `worker` as these entrypoints.
fn calls(worker: &str, entrypoints: &[&str], limits: &Value) -> Value {
    let service = |entrypoint: &&str| {
        json!({
            "binding": entrypoint.to_uppercase(),
            "service": worker,
            "entrypoint": entrypoint,
            "props": { "tenant": 7 },
        })
    };
    let services: Vec<_> = entrypoints.iter().map(service).collect();
    json!({ "compatibility_date": "2026-01-01", "services": services, "limits": limits })
}

/// A worker that is called, and nothing else.
const CALLEE: &str = "
    import { RpcTarget, WorkerEntrypoint } from 'cloudflare:workers';
    class Counter extends RpcTarget {
        #count = 0;
        add(n = 1) { return this.#count += n }
    }
    export class Api extends WorkerEntrypoint {
        #secret = 'own';
        greet(name) { return `hello ${name}` }
        props() { return this.ctx.props }
        counter() { return new Counter() }
        each(list, f) { return Promise.all(list.map((item) => f(item))) }
        fail() { throw new RangeError('out of it') }
        never() { return new Promise(() => {}) }
        endless() { for (;;); }
        thenable() { return { then(resolve) { resolve(this) } } }
        size(bytes) { return bytes.length }
        huge() { return new Uint8Array(33 << 20) }
        stream(text) { return new Response(text).body }
        async text(stream) { return new Response(stream).text() }
    }
    export const plain = { twice: (n, env, ctx) => [2 * n, ctx.props] };";

#[test]
fn a_worker_of_methods_alone_is_called_by_its_name() {
    let mut node = Node::open();
    node.deploy("callee", &json!({ "compatibility_date": "2026-01-01" }), CALLEE);
    let source = caller(
        "({ API }) => API.greet('Ada'),
        ({ API }) => API.props(),
        ({ PLAIN }) => PLAIN.twice(21),
        async ({ API }) => {
            using counter = await API.counter();
            return [await counter.add(), await counter.add(5)];
        },
        ({ API }) => API.counter().add(3),
        ({ API }) => API.each([1, 2, 3], (n) => n * n),
        async ({ API }) => new Response(await API.stream('a stream')).text(),
        ({ API }) => API.text(new Response('another').body),
        ({ API }) => API.fail(),
        ({ API }) => API.secret(),
        ({ NOBODY }) => NOBODY.greet(),
        (env, ctx) => ctx.exports.Own({ props: { mine: true } }).props(),",
    );
    let mut settings = calls("callee", &["Api", "plain", "Nobody"], &json!({}));
    settings["routes"] = json!(["caller.test"]);
    node.deploy("caller", &settings, &source);
    let expected = json!([
        "hello Ada",
        { "tenant": 7 },
        [42, { "tenant": 7 }],
        [1, 6],
        3,
        [1, 4, 9],
        "a stream",
        "another",
        "RangeError: out of it",
        "TypeError: The RPC receiver does not implement the method \"secret\".",
        "Error: The worker has no entrypoint \"Nobody\": export class Nobody extends WorkerEntrypoint \
         { ... }, or an object of handlers of that name.",
        { "mine": true },
    ]);
    is_told_also_after_a_restart(&mut node, &expected);
    let ended = node.ended("callee", "rpc");
    assert_eq!((&ended["outcome"], &ended["entrypoint"]), (&json!("exception"), &json!("Api")));
}

#[test]
fn methods_that_do_harm_cost_their_own_event() {
    let node = Node::start();
    let settings = json!({ "compatibility_date": "2026-01-01", "limits": { "cpu_ms": 50 } });
    node.deploy("callee", &settings, CALLEE);
    let source = caller(
        "({ API }) => API.never(),
        ({ API }) => API.endless(),
        ({ API }) => API.thenable(),
        ({ API }) => API.size(new Uint8Array(33 << 20)),
        ({ API }) => API.huge(),
        async ({ API }) => {
            const all = Array.from({ length: 900 }, (_, index) => API.greet(index));
            return new Set(await Promise.all(all)).size;
        },
        ({ API }) => API.greet('again'),",
    );
    node.deploy("caller", &calls("callee", &["Api"], &json!({ "cpu_ms": 5000 })), &source);
    let told = node.json("caller", "/");
    let text = |index: usize| told[index].as_str().unwrap_or_default();
    let hung = "Error: The Workers runtime canceled this request because it detected that your \
                Worker's code had hung and would never generate a response.";
    let large = "Serialized RPC arguments or return values are limited to 32MiB, but the size of \
                 this value was: ";
    assert!(text(0).starts_with(hung), "{told}");
    for index in [1, 2] {
        assert!(text(index).contains("exceeded its CPU limit of 50 ms"), "{told}");
    }
    for index in [3, 4] {
        assert!(text(index).contains(large), "{told}");
    }
    assert_eq!((&told[5], text(6)), (&json!(900), "hello again"), "{told}");
}

/// Calls itself until it may no more; says how deep it has come and what has ended that.
const DEEP: &str = "import { WorkerEntrypoint } from 'cloudflare:workers';
    export class Own extends WorkerEntrypoint {
        async dive(depth) {
            try { return await this.env.OWN.dive(depth + 1) } catch (error) { return [depth, error.message] }
        }
    }
    export default { fetch: async (request, env) => Response.json(await env.OWN.dive(1)) };";

#[test]
fn a_worker_that_calls_its_own_methods_comes_sixteen_deep() {
    let node = Node::start();
    node.deploy("deep", &calls("deep", &["Own"], &json!({})), DEEP);
    let told = node.json("deep", "/");
    let words = told[1].as_str().unwrap_or_default();
    assert!(words.starts_with("Subrequest depth limit exceeded."), "{told}");
    assert_eq!(told[0], 15, "{told}");
}

#[test]
fn no_call_of_a_method_is_lost_while_its_worker_is_deployed_anew() {
    let node = Node::start();
    let inner = |version: u32| {
        format!(
            "import {{ RpcTarget, WorkerEntrypoint }} from 'cloudflare:workers';
            class Held extends RpcTarget {{
                async version() {{ await scheduler.wait(2); return {version} }}
            }}
            export class Api extends WorkerEntrypoint {{ hold() {{ return new Held() }} }}"
        )
    };
    let settings = json!({ "compatibility_date": "2026-01-01" });
    node.deploy("inner", &settings, &inner(0));
    // What was asked of one version goes on being that version's.
    let outer = "export default { async fetch(request, env) {
        using held = await env.API.hold();
        const first = await held.version();
        const second = await held.version();
        if (first !== second) throw new Error(`${first} became ${second}`);
        return new Response(String(first));
    } }";
    node.deploy("outer", &calls("inner", &["Api"], &json!({})), outer);
    let checked = |answer: &str| assert!(answer.parse::<u32>().unwrap() <= 10, "{answer}");
    let answers = visited_while(&node, 2, checked, || {
        for version in 1..=10 {
            node.deploy("inner", &settings, &inner(version));
        }
        assert_eq!(node.get("outer", "/").body, "10");
    });
    assert!(answers > 0, "nobody has called meanwhile");
}
