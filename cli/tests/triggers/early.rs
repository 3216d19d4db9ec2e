//! When it is decided what becomes of a batch: when all that its handler has begun is over, or, by a compatibility
//! flag, when the handler is.

use serde_json::{Value, json};

use crate::node::{Node, consumes};

const FLAG: &str = "queue_consumer_no_wait_for_wait_until";

/// What a handler does beside: it waits to be released, and fails then.
const BESIDE: &str = "const beside = async (body, attempts, seen, gate) => {
        while (await gate.get('released') === null) await scheduler.wait(5);
        await seen.send(['beside', body, attempts]);
        if (attempts === 1) throw new Error('late');
    };";

/// Lets it go on.
fn release(node: &Node) {
    node.good("PUT", "/v1/kv/namespaces/gate/values/released", &json!(true));
}

/// The settings of a worker whose handler is released.
fn settings(flags: &[&str]) -> Value {
    let mut settings = consumes("jobs", &Value::Null);
    settings["kv_namespaces"] = json!([{ "binding": "GATE", "id": "gate" }]);
    settings["compatibility_flags"] = json!(flags);
    settings
}

fn module() -> String {
    format!(
        "{BESIDE}
        export default {{ async queue({{ messages: [{{ body, attempts }}] }}, env, ctx) {{
            ctx.waitUntil(beside(body, attempts, env.SEEN, env.GATE));
            await env.SEEN.send(['handled', body, attempts]);
        }} }}"
    )
}

/// Sends a message, of which the handler says first that it is done with it and then that it is not: that counts.
fn check_that_it_waits(node: &mut Node, worker: &str) {
    node.send("jobs", &json!("a"));
    assert_eq!(node.seen(1), [json!(["handled", "a", 1])]);
    assert_eq!(node.queue("jobs")["in_flight_count"], 1);
    release(node);
    let said = ["handled", "beside"];
    let expected = [1, 2].map(|attempts| said.map(|said| json!([said, "a", attempts]))).concat();
    let mut seen = node.seen(4);
    // In the second delivery both say so at once.
    seen[2..].sort_by_key(|said| said[0] == "beside");
    assert_eq!(seen, expected);
    node.until_empty("jobs");
    let ended = node.failed(worker, "queue");
    let of_ended = (&ended["outcome"], &ended["exception"]);
    assert_eq!(of_ended, (&json!("exception"), &json!("Error: late")));
}

#[test]
fn a_batch_is_over_when_all_that_its_handler_has_begun_is() {
    let mut node = Node::start();
    node.deploy("patient", &settings(&[]), &module());
    check_that_it_waits(&mut node, "patient");
}

#[test]
fn by_a_flag_a_batch_is_over_when_its_handler_is() {
    let mut node = Node::start();
    node.deploy("hasty", &settings(&[FLAG]), &module());
    node.send("jobs", &json!("a"));
    node.until_empty("jobs");
    assert_eq!(node.seen_so_far(), [json!(["handled", "a", 1])]);
    // The rest goes on, and what becomes of it is nothing to the message.
    release(&node);
    assert_eq!(node.seen(2)[1], json!(["beside", "a", 1]));
    let ended = node.failed("hasty", "queue");
    assert_eq!(
        (&ended["outcome"], &ended["exception"]),
        (&json!("exception"), &json!("Error: late"))
    );
    node.until_empty("jobs");
    assert_eq!(node.seen(2).len(), 2);
}

#[test]
fn a_listener_is_waited_for_whatever_the_flag_says() {
    let mut node = Node::start();
    let source = format!(
        "{BESIDE}
        addEventListener('queue', (event) => {{
            const [{{ body, attempts }}] = event.messages;
            event.waitUntil(SEEN.send(['handled', body, attempts]));
            event.waitUntil(beside(body, attempts, SEEN, GATE));
        }});"
    );
    node.deploy("listener", &settings(&[FLAG]), &source);
    check_that_it_waits(&mut node, "listener");
}
