//! Calls of other workers that are on their way: bodies that stream, and callers that go away.

use serde_json::{Value, json};

use crate::http::Connection;
use crate::node::{Node, seen};

/// A node that soon takes a client for gone that has closed its half.
fn of_little_patience() -> Node {
    Node::with("127.0.0.1:0", "[limits]\nhalf_close_timeout_s = 1\n")
}

/// The settings of a worker that calls `inner`.
fn calls_inner() -> Value {
    json!({ "services": [{ "binding": "INNER", "service": "inner" }] })
}

/// Says that it has begun and that its caller has gone, and never answers.
const HANGS: &str = "export default { async fetch(request, env, ctx) {
    const gone = new Promise((resolve) => request.signal.addEventListener('abort', resolve));
    ctx.waitUntil(gone.then(() => env.SEEN.send('gone')));
    await env.SEEN.send('begun');
    await scheduler.wait(3_600_000);
    await env.SEEN.send('never');
} }";

#[test]
fn bodies_stream_both_ways_through_the_workers() {
    let node = Node::start();
    let inner = "export default { fetch(request) {
        const louder = new TransformStream({
            transform(chunk, controller) {
                const text = new TextDecoder().decode(chunk);
                controller.enqueue(new TextEncoder().encode(text.toUpperCase()));
            },
        });
        return new Response(request.body.pipeThrough(louder));
    } }";
    node.deploy("inner", &json!({}), inner);
    let between = "export default { fetch: (request, env) => env.INNER.fetch(request) }";
    node.deploy("outer", &calls_inner(), between);
    let third = json!({ "services": [{ "binding": "INNER", "service": "outer" }] });
    node.deploy("third", &third, between);
    for worker in ["outer", "third"] {
        let host = format!("{worker}.localhost");
        let mut connection = Connection::open(node.port);
        connection.begin_post(&host, "/");
        connection.send_chunk("one");
        assert_eq!(connection.head().status, 200);
        assert_eq!(connection.chunk(), "ONE");
        // Each piece is there before the next one is sent.
        for (sent, received) in [("two", "TWO"), ("three", "THREE")] {
            connection.send_chunk(sent);
            assert_eq!(connection.chunk(), received);
        }
        connection.send_chunk("");
        assert_eq!(connection.chunk(), "");
    }
}

#[test]
fn a_body_that_breaks_off_breaks_off_for_the_caller() {
    let node = Node::start();
    let inner = "export default { fetch() {
        let pulls = 0;
        return new Response(new ReadableStream({
            pull(controller) {
                if (pulls++ > 0) throw new Error('no more');
                controller.enqueue(new TextEncoder().encode('a part'));
            },
        }));
    } }";
    node.deploy("inner", &json!({}), inner);
    let outer = "export default { async fetch(request, env) {
        const answer = await env.INNER.fetch('http://x/');
        const reader = answer.body.getReader();
        const told = [answer.status];
        try {
            for (;;) {
                const { done, value } = await reader.read();
                told.push(done ? 'done' : new TextDecoder().decode(value));
                if (done) break;
            }
        } catch (error) {
            told.push('broken');
        }
        return Response.json(told);
    } }";
    node.deploy("outer", &calls_inner(), outer);
    let told = node.json("outer", "/");
    let last = told.as_array().and_then(|told| told.last());
    assert_eq!((&told[0], last), (&json!(200), Some(&json!("broken"))), "{told}");
}

#[test]
fn a_long_body_comes_as_it_was_sent() {
    let node = Node::start();
    let inner = "export default { async fetch(request) {
        const bytes = new Uint8Array(await request.arrayBuffer());
        return new Response(bytes.map((byte, index) => byte ^ (index & 1)));
    } }";
    node.deploy("inner", &json!({}), inner);
    let outer = "export default { async fetch(request, env) {
        const sent = new Uint8Array(5_000_000).map((_, index) => index % 251);
        const options = { method: 'POST', body: new Blob([sent]).stream() };
        const answer = await env.INNER.fetch('http://x/', options);
        const received = new Uint8Array(await answer.arrayBuffer());
        const isSame = received.every((byte, index) => byte === (sent[index] ^ (index & 1)));
        return Response.json([received.length, isSame]);
    } }";
    node.deploy("outer", &calls_inner(), outer);
    assert_eq!(node.json("outer", "/"), json!([5_000_000, true]));
}

#[test]
fn a_client_that_goes_away_ends_the_call_that_is_made_for_it() {
    let mut node = of_little_patience();
    node.deploy("inner", &json!({ "queues": { "producers": [seen()] } }), HANGS);
    let outer = "export default { fetch: (request, env) => env.INNER.fetch('http://x/') }";
    node.deploy("outer", &calls_inner(), outer);
    let mut connection = Connection::open(node.port);
    connection.send("GET / HTTP/1.1\r\nhost: outer.localhost\r\n\r\n");
    assert_eq!(node.seen(1), ["begun"]);
    drop(connection);
    // What the callee has given to waitUntil goes on.
    assert_eq!(node.seen(2), ["begun", "gone"]);
    let ended = node.ended("inner", "fetch");
    assert_eq!(ended["outcome"], "canceled", "{ended}");
}

#[test]
fn a_caller_that_ends_ends_the_call_that_it_does_not_wait_for() {
    let mut node = Node::start();
    node.deploy("inner", &json!({ "queues": { "producers": [seen()] } }), HANGS);
    let mut settings = calls_inner();
    settings["queues"] = json!({ "producers": [seen()] });
    // It waits until the other has begun, and leaves it then.
    let outer = "export default { async fetch(request, env) {
        env.INNER.fetch('http://x/').catch(() => {});
        while ((await env.SEEN.metrics()).backlogCount === 0) await scheduler.wait(5);
        return new Response('left');
    } }";
    node.deploy("outer", &settings, outer);
    assert_eq!(node.get("outer", "/").body, "left");
    assert_eq!(node.seen(2), ["begun", "gone"]);
    let ended = node.ended("inner", "fetch");
    assert_eq!(ended["outcome"], "canceled", "{ended}");
}

#[test]
fn a_call_that_is_given_up_ends_and_its_caller_goes_on() {
    let mut node = Node::start();
    node.deploy("inner", &json!({ "queues": { "producers": [seen()] } }), HANGS);
    let mut settings = calls_inner();
    settings["queues"] = json!({ "producers": [seen()] });
    let outer = "export default { async fetch(request, env) {
        const controller = new AbortController();
        const { signal } = controller;
        const call = env.INNER.fetch('http://x/', { signal }).catch((error) => error.name);
        while ((await env.SEEN.metrics()).backlogCount === 0) await scheduler.wait(5);
        controller.abort();
        return new Response(`gave up: ${await call}`);
    } }";
    node.deploy("outer", &settings, outer);
    assert_eq!(node.get("outer", "/").body, "gave up: AbortError");
    assert_eq!(node.seen(2), ["begun", "gone"]);
    assert_eq!(node.ended("inner", "fetch")["outcome"], "canceled");
}
