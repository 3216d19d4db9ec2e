//! What a call of another worker may use: the limits of whoever is called are its own, and so is what it does
//! with them.

use serde_json::{Value, json};

use crate::node::Node;

/// Uses more CPU time than a worker of a tight limit has, and less than one without.
const BURNS: &str = "export default { fetch() {
    let number = 1;
    for (let i = 0; i < 3e8; i++) number = (number * 31 + i) | 0;
    return new Response(`burnt ${typeof number}`);
} }";

const LOOPS: &str = "export default { fetch() { for (;;); } }";

/// Keeps memory for ever, in itself.
const FILLS: &str = "const kept = [];
    export default { fetch() { for (;;) kept.push(new Array(1000).fill('x' + Math.random())) } }";

/// Makes calls of its bindings, named by the path, one after the other; says what each comes to.
const CALLER: &str = "export default { async fetch(request, env) {
    const told = [];
    for (const name of new URL(request.url).pathname.slice(1).split('/')) {
        try {
            const answer = await env[name].fetch('http://x/');
            told.push(`${answer.status} ${await answer.text()}`);
        } catch (error) {
            told.push(`${error.name}: ${error.message}`);
        }
    }
    return Response.json(told);
} }";

/// The settings of a worker that calls others, each by its name in capitals.
fn calls(workers: &[&str], limits: &Value) -> Value {
    let service = |worker: &&str| json!({ "binding": worker.to_uppercase(), "service": worker });
    let services: Vec<_> = workers.iter().map(service).collect();
    json!({ "services": services, "limits": limits })
}

#[test]
fn whoever_is_called_has_limits_of_its_own() {
    let mut node = Node::start();
    node.deploy("burns", &json!({ "limits": { "cpu_ms": 20_000 } }), BURNS);
    node.deploy("tight", &json!({ "limits": { "cpu_ms": 50 } }), BURNS);
    node.deploy("loops", &json!({ "limits": { "cpu_ms": 50 } }), LOOPS);
    node.deploy("fills", &json!({ "limits": { "memory_mb": 64, "cpu_ms": 20_000 } }), FILLS);
    let all = ["burns", "tight", "loops", "fills"];
    node.deploy("caller", &calls(&all, &json!({ "cpu_ms": 50 })), CALLER);
    // What it waits for costs the caller nothing, and what ends the other does not end it.
    let told = node.json("caller", "/BURNS/TIGHT/LOOPS/FILLS/BURNS");
    let text = |index: usize| told[index].as_str().unwrap_or_default();
    for index in [0, 4] {
        assert_eq!(text(index), "200 burnt number", "{told}");
    }
    for index in [1, 2, 3] {
        assert!(text(index).starts_with("Error: "), "{told}");
    }
    for (worker, outcomes) in [
        ("tight", ["exceededCpu"].as_slice()),
        ("loops", &["exceededCpu"]),
        ("fills", &["exceededMemory", "exceededCpu"]),
    ] {
        let ended = node.ended(worker, "fetch");
        let outcome = ended["outcome"].as_str().unwrap_or_default();
        assert!(outcomes.contains(&outcome), "{ended}");
    }
}

#[test]
fn each_call_is_a_subrequest_of_whoever_makes_it() {
    let node = Node::start();
    node.deploy("inner", &json!({}), "export default { fetch: () => new Response('inner') }");
    // The calls of the one between are not those of the outer one.
    node.deploy("middle", &calls(&["inner"], &json!({ "subrequests": 2 })), CALLER);
    let outer = "export default { async fetch(request, env) {
        const answer = await env.MIDDLE.fetch('http://x/INNER/INNER/INNER');
        const told = [await answer.json()];
        try {
            await env.MIDDLE.fetch('http://x/INNER');
            told.push('done');
            await env.MIDDLE.fetch('http://x/INNER');
        } catch (error) {
            told.push(error.message);
        }
        return Response.json(told);
    } }";
    node.deploy("outer", &calls(&["middle"], &json!({ "subrequests": 2 })), outer);
    let expected = json!([
        ["200 inner", "200 inner", "Error: Too many subrequests."],
        "done",
        "Too many subrequests.",
    ]);
    assert_eq!(node.json("outer", "/"), expected);
}

#[test]
fn calls_are_none_of_the_connections_that_an_event_may_have() {
    let node = Node::start();
    // Each waits until all have come, far more than an event may have connections.
    let inner = "export default { async fetch(request, env) {
        const key = new URL(request.url).pathname.slice(1);
        await env.KV.put(key, 'here');
        while ((await env.KV.list()).keys.length < 20) await scheduler.wait(5);
        return new Response(key);
    } }";
    node.deploy(
        "inner",
        &json!({ "kv_namespaces": [{ "binding": "KV", "id": "meeting" }] }),
        inner,
    );
    let outer = "export default { async fetch(request, env) {
        const keys = Array.from({ length: 20 }, (_, i) => String(i));
        const answers = keys.map(async (key) => (await env.INNER.fetch(`http://x/${key}`)).text());
        return new Response((await Promise.all(answers)).length);
    } }";
    node.deploy("outer", &calls(&["inner"], &json!({})), outer);
    assert_eq!(node.get("outer", "/").body, "20");
}
