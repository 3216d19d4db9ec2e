//! Too much of everything that calls have: of calls at once, of things that are held, of bytes in a value or a
//! stream, of workers that call each other. Whoever does it is told, and the node goes on.

use serde_json::{Value, json};

use super::sources::{IMPORTS, caller, limited, settings};
use crate::node::Node;
use crate::wait::until;

/// Pieces of 64 KiB that are asked of a stream which nobody reads: more than its window has, and less than
/// would be made while others are called.
const MOST_PULLS: u64 = 16;

/// A stream that says how often it was asked, and when nobody wants it any more.
const COUNTED: &str = "
    const counted = (told) => new ReadableStream({
        pull(controller) { told.pulls++; controller.enqueue(new Uint8Array(65536)) },
        cancel() { console.log('the stream is let go') },
    });";

const API: &str = "
    class Api extends RpcTarget {
        #told = { pulls: 0 };
        hello() { return 'hello' }
        echo(value) { return value }
        many(count) { return Array.from({ length: count }, (_, index) => () => index) }
        stream() { return counted(this.#told) }
        pulls() { return this.#told.pulls }
        ignore(stream) { return typeof stream }
    }
    export default class extends WorkerEntrypoint {
        hello() { return 'hello' }
        echo(value) { return value }
        open() { return new Api() }
        size(bytes) { return bytes.length }
        large(length) { return new Uint8Array(length) }
        // Each promises another one.
        later() {
            const next = { then(resolve) { scheduler.wait(1).then(() => resolve(next)) } };
            return next;
        }
    }";

/// As much as a worker may have.
fn generous() -> Value {
    json!({ "cpu_ms": 30_000, "memory_mb": 1024, "subrequests": 10_000 })
}

/// What these calls of a worker `API` come to, which has all that it may.
fn ends_of(node: &Node, calls: &str) -> Value {
    node.deploy("api", &limited(&generous()), &format!("{IMPORTS}{COUNTED}{API}"));
    let more = json!({ "limits": generous() });
    let source = format!("{}{COUNTED}", caller(calls));
    node.deploy("caller", &settings(&[("API", "api")], &more), &source);
    node.json("caller", "/")
}

/// Nothing is left of what was called, and it can be called as before.
fn all_is_over(node: &Node) {
    until(|| match node.running() {
        0 => Ok(()),
        count => Err(format!("{count} events run")),
    });
    let after = caller("({ API }) => API.hello(),");
    node.deploy("after", &settings(&[("API", "api")], &json!({})), &after);
    assert_eq!(node.json("after", "/"), json!(["hello"]));
}

#[test]
fn ten_thousand_calls_at_once_on_one_thing_are_answered_and_one_more_is_not() {
    let node = Node::start();
    let told = ends_of(
        &node,
        "({ API }) => API.hello(),
        async ({ API }) => {
            using api = await API.open();
            const calls = Array.from({ length: 10_001 }, (_, index) => api.echo(index));
            const ends = await Promise.allSettled(calls);
            const good = ends.filter(({ value }, index) => value === index).length;
            return [good, shown(ends[10_000].reason), await api.hello()];
        },",
    );
    let error = "Error: Too many RPC calls to another worker are open at a time (at most 10000): \
                 await some calls first.";
    assert_eq!(told[1], json!([10_000, error, "hello"]));
    all_is_over(&node);
}

#[test]
fn ten_thousand_calls_at_once_of_a_binding_are_answered_or_refused() {
    let node = Node::start();
    let told = ends_of(
        &node,
        "({ API }) => API.hello(),
        async ({ API }) => {
            const calls = Array.from({ length: 9900 }, (_, index) => API.echo(index));
            const ends = await Promise.allSettled(calls);
            const good = ends.filter(({ value }, index) => value === index).length;
            const refused = ends.filter(({ status }) => status === 'rejected');
            const words = new Set(refused.map(({ reason }) => shown(reason)));
            return [good, refused.length, [...words], await API.hello()];
        },",
    );
    let (good, refused) = (told[1][0].as_u64(), told[1][1].as_u64());
    assert_eq!(good.zip(refused).map(|(good, refused)| good + refused), Some(9900), "{told}");
    assert!(good.is_some_and(|good| good > 0), "{told}");
    let words = told[1][2].as_array().expect("it is a list");
    let waiting = "Error: Too many requests are waiting. Please try again.";
    assert!(words.iter().all(|words| words == waiting), "{told}");
    assert_eq!(told[1][3], "hello", "{told}");
    all_is_over(&node);
}

#[test]
fn a_hundred_thousand_things_that_are_left_go_with_the_event() {
    let node = Node::start();
    let told = ends_of(
        &node,
        "({ API }) => API.hello(),
        async ({ API }) => {
            const held = [];
            let last;
            for (let i = 0; i < 10; i++) {
                const api = await API.open();
                held.push(api, ...await api.many(5000), ...await api.many(4999));
                last = await tried(() => api.many(1));
            }
            return [held.length, await held[0].hello(), await held[9_999](), last];
        },",
    );
    let error = "Error: Too many RPC stubs are held by another worker at a time (at most 10000): \
                 dispose of some of them.";
    assert_eq!(told[1], json!([100_000, "hello", 4998, error]));
    all_is_over(&node);
}

#[test]
fn a_value_of_more_than_32_mib_is_refused_with_its_size() {
    let node = Node::start();
    let told = ends_of(
        &node,
        "({ API }) => API.hello(),
        ({ API }) => API.size(new Uint8Array((32 << 20) - 1024)),
        ({ API }) => API.size(new Uint8Array(32 << 20)),
        async ({ API }) => (await API.large((32 << 20) - 1024)).length,
        ({ API }) => API.large((32 << 20) + 1),
        ({ API }) => API.hello(),",
    );
    let largest = (32 << 20) - 1024;
    let refused = "Error: Serialized RPC arguments or return values are limited to 32MiB, but the \
                   size of this value was: 33554433 bytes.";
    assert_eq!(told, json!(["hello", largest, refused, largest, refused, "hello"]));
    all_is_over(&node);
}

#[test]
fn what_nobody_reads_is_not_made_and_what_nobody_waits_for_is_ended() {
    let mut node = Node::start();
    let told = ends_of(
        &node,
        "({ API }) => API.hello(),
        async ({ API }) => {
            using api = await API.open();
            const stream = await api.stream();
            for (let i = 0; i < 200; i++) await api.hello();
            return [typeof stream, await api.pulls()];
        },
        async ({ API }) => {
            using api = await API.open();
            const mine = { pulls: 0 };
            const said = await api.ignore(counted(mine));
            for (let i = 0; i < 200; i++) await api.hello();
            return [said, mine.pulls];
        },
        ({ API }) => Promise.race([API.later(), scheduler.wait(20).then(() => 'went on')]),",
    );
    for read in [&told[1], &told[2]] {
        assert_eq!(read[0], "object", "{told}");
        assert!(read[1].as_u64().is_some_and(|pulls| pulls <= MOST_PULLS), "{told}");
    }
    assert_eq!(told[3], "went on", "{told}");
    // Whoever makes a stream is told that nobody reads it; and what promises for ever is ended, too.
    let is_of_api = |line: &str| line.contains("\"worker\":\"api\"");
    while !is_of_api(&node.process.stderr.until("the stream is let go")) {}
    all_is_over(&node);
}

/// Calls the other one, by a method and by a request in turn, until it may no more; says how deep it has come and
/// what has ended that.
const DIVES: &str = "
    export default class extends WorkerEntrypoint {
        async dive(depth) {
            try {
                if (depth % 2 === 1) return await this.env.OTHER.dive(depth + 1);
                return await (await this.env.OTHER.fetch(`http://x/${depth + 1}`)).json();
            } catch (error) {
                return [depth, error.message];
            }
        }
        async fetch(request) {
            const depth = Number(new URL(request.url).pathname.slice(1));
            return Response.json(await this.dive(depth));
        }
    }";

#[test]
fn workers_that_call_each_other_come_sixteen_deep_in_whatever_way() {
    let node = Node::start();
    let source = format!("{IMPORTS}{DIVES}");
    for (worker, other) in [("ping", "pong"), ("pong", "ping")] {
        node.deploy(worker, &settings(&[("OTHER", other)], &json!({})), &source);
    }
    let words = "Subrequest depth limit exceeded. This request recursed through Workers too many \
                 times. This can happen e.g. if you have a Worker or Durable Object that calls \
                 other Workers or objects recursively.";
    // By a method first, or by a request.
    assert_eq!(node.json("ping", "/1"), json!([16, words]));
    assert_eq!(node.json("ping", "/2"), json!([17, words]));
    assert_eq!(node.json("pong", "/1"), json!([16, words]));
}
