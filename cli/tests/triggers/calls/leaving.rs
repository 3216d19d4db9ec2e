//! What becomes of a call of a method, and of what a call has given, when whoever has made it goes: in whatever
//! way its event ends.

use serde_json::{Value, json};

use super::sources::{IMPORTS, settings};
use crate::http::Connection;
use crate::node::{Node, seen};

/// Says that it has begun, and does not end by itself.
const HELD: &str = "
    class Thing extends RpcTarget {
        [Symbol.dispose]() { console.log('the thing is let go') }
    }
    export default class extends WorkerEntrypoint {
        async hold(begun) {
            await begun();
            await scheduler.wait(3_600_000);
            console.log('it was not ended');
        }
        make() { return new Thing() }
    }";

/// Goes as the path says, as soon as what it has called has begun.
const GOES: &str = "
    const begun = (env) => new Promise((resolve) => env.HELD.hold(resolve).catch(() => {}));
    export default { async fetch(request, env, ctx) {
        const thing = await env.HELD.make();
        await begun(env);
        switch (new URL(request.url).pathname) {
            case '/returns': return new Response('left');
            case '/throws': throw new Error('enough');
            case '/aborts': ctx.abort(new Error('enough'));
            case '/burns': for (;;);
        }
        await env.SEEN.send('begun');
        await scheduler.wait(3_600_000);
        return new Response(typeof thing);
    } };";

/// How a caller goes, and the status and the error that its client gets.
const WAYS: [(&str, u16, &str); 4] = [
    ("returns", 200, ""),
    ("throws", 500, "1101"),
    ("aborts", 500, "1101"),
    ("burns", 503, "1102"),
];

/// A node that soon takes a client for gone, with the worker that is held and one that goes.
fn node() -> Node {
    let node = Node::with("127.0.0.1:0", "[limits]\nhalf_close_timeout_s = 1\n");
    node.deploy("held", &settings(&[], &json!({})), &format!("{IMPORTS}{HELD}"));
    let more = json!({
        "limits": { "cpu_ms": 200 },
        "queues": { "producers": [seen()] },
    });
    node.deploy("goes", &settings(&[("HELD", "held")], &more), &format!("{IMPORTS}{GOES}"));
    node
}

/// What was called is ended, and what it has given is let go: in whichever order.
fn is_let_go(node: &mut Node) {
    let (mut is_canceled, mut is_disposed_of) = (false, false);
    while !(is_canceled && is_disposed_of) {
        let line = node.process.stderr.until("\"worker\":\"held\"");
        let event: Value = serde_json::from_str(&line).expect("a line is JSON");
        assert!(!line.contains("it was not ended"), "{line}");
        is_disposed_of |= line.contains("the thing is let go");
        is_canceled |= event["kind"] == "rpc" && event["outcome"] == "canceled";
    }
}

#[test]
fn a_call_ends_with_the_event_that_has_made_it_in_whatever_way_that_ends() {
    let mut node = node();
    for (way, status, error) in WAYS {
        let answer = node.get("goes", &format!("/{way}"));
        let found = (answer.status, answer.header("isolane-error"));
        assert_eq!(found, (status, error), "{way}: {}", answer.body);
        is_let_go(&mut node);
    }
}

#[test]
fn a_call_ends_when_the_client_of_whoever_has_made_it_goes_away() {
    let mut node = node();
    let mut connection = Connection::open(node.port);
    connection.send("GET /waits HTTP/1.1\r\nhost: goes.localhost\r\n\r\n");
    assert_eq!(node.seen(1), ["begun"]);
    drop(connection);
    is_let_go(&mut node);
}

/// Keeps what it is given, and calls it for as long as it can.
const KEEPER: &str = "
    export default class extends WorkerEntrypoint {
        async keep(thing) {
            const own = thing.dup();
            await own.hello();
            const call = async () => { for (;;) { await own.hello(); await scheduler.wait(5) } };
            this.ctx.waitUntil(call().catch((error) => console.log('kept until:', error.message)));
        }
    }";

#[test]
fn what_one_worker_gives_another_goes_with_whoever_has_brought_them_together() {
    let mut node = Node::start();
    let maker = "
        class Thing extends RpcTarget { hello() { return 'hello' } }
        export default class extends WorkerEntrypoint { make() { return new Thing() } }";
    node.deploy("maker", &settings(&[], &json!({})), &format!("{IMPORTS}{maker}"));
    node.deploy("keeper", &settings(&[], &json!({})), &format!("{IMPORTS}{KEEPER}"));
    let between = "export default { async fetch(request, env) {
        const thing = await env.MAKER.make();
        await env.KEEPER.keep(thing);
        return new Response(await thing.hello());
    } };";
    let services = [("MAKER", "maker"), ("KEEPER", "keeper")];
    node.deploy("between", &settings(&services, &json!({})), between);
    assert_eq!(node.get("between", "/").body, "hello");
    let gone = "The execution context which hosts this callback is no longer running.";
    node.process.stderr.until(&format!("kept until: {gone}"));
}
