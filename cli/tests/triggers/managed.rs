//! What an operator does with queues: looks, pauses, empties, sets and deletes them.

use serde_json::{Value, json};

use crate::node::{Node, consumes, seen};
use crate::producer::Producer;

const CONSUMER: &str = "export default { async queue({ queue, messages: [message] }, env) {
    await env.SEEN.send([queue, message.body, message.attempts]);
} }";

/// The names of all queues.
fn names(node: &Node) -> Vec<String> {
    let told = node.good("GET", "/v1/queues", &Value::Null);
    let queues = told["queues"].as_array().expect("it lists queues").iter();
    let names = queues.map(|queue| queue["name"].as_str().expect("a queue has a name").to_owned());
    names.collect()
}

#[test]
fn a_paused_queue_takes_messages_and_delivers_none() {
    let mut node = Node::start();
    let consumer =
        |queue: &str| json!({ "queue": queue, "max_batch_size": 1, "max_batch_timeout": 0 });
    let queues =
        json!({ "producers": [seen()], "consumers": [consumer("paused"), consumer("other")] });
    node.deploy("consumer", &json!({ "queues": queues }), CONSUMER);
    node.send("paused", &json!("before"));
    assert_eq!(node.seen(1), [json!(["paused", "before", 1])]);
    node.until_empty("paused");
    let paused = node.good("POST", "/v1/queues/paused/pause", &Value::Null);
    assert_eq!((&paused["name"], &paused["is_paused"]), (&json!("paused"), &json!(true)));
    for number in 0..3 {
        node.send("paused", &json!(number));
    }
    // Another queue of the worker goes on, and so does the node.
    node.send("other", &json!("meanwhile"));
    assert_eq!(node.seen(2)[1], json!(["other", "meanwhile", 1]));
    let waiting = node.peeked("paused");
    let bodies: Vec<_> = waiting.iter().map(|message| &message["body"]).collect();
    assert_eq!(bodies, [0, 1, 2]);
    assert!(waiting.iter().all(|message| message["attempts"] == 0), "{waiting:?}");
    // What was handled before it was acked comes once more.
    node.until_empty("other");
    // It stays paused, whatever becomes of the node.
    node.restart();
    node.send("other", &json!("after"));
    assert_eq!(node.seen(3)[2], json!(["other", "after", 1]));
    let queue = node.queue("paused");
    assert_eq!((&queue["is_paused"], &queue["backlog_count"]), (&json!(true), &json!(3)));
    let resumed = node.good("POST", "/v1/queues/paused/resume", &Value::Null);
    assert_eq!(resumed["is_paused"], false);
    let mut bodies: Vec<_> = node.seen(6)[3..].iter().filter_map(|said| said[1].as_u64()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, [0, 1, 2]);
    node.until_empty("paused");
}

#[test]
fn a_queue_is_emptied_of_what_is_in_it() {
    let node = Node::start();
    node.deploy("consumer", &consumes("full", &Value::Null), CONSUMER);
    node.good("PUT", "/v1/queues/full", &json!({ "is_paused": true }));
    assert_eq!(node.queue("full")["is_paused"], true);
    for number in 0..5 {
        node.send("full", &json!(number));
    }
    assert_eq!(node.good("POST", "/v1/queues/full/purge", &Value::Null)["purged"], 5);
    assert_eq!(node.peeked("full"), Vec::<Value>::new());
    assert_eq!(node.queue("full")["backlog_count"], 0);
    node.good("POST", "/v1/queues/full/resume", &Value::Null);
    node.send("full", &json!("last"));
    assert_eq!(node.seen(1), [json!(["full", "last", 1])]);
    node.until_empty("full");
}

#[test]
fn queues_are_made_set_and_deleted() {
    let mut node = Node::start();
    assert_eq!(names(&node), Vec::<String>::new());
    node.good("PUT", "/v1/queues/made", &json!({ "delivery_delay_s": 7, "retention_s": 3600 }));
    let check = |node: &Node| {
        let queue = node.queue("made");
        assert_eq!((&queue["delivery_delay_s"], &queue["retention_s"]), (&json!(7), &json!(3600)));
        assert_eq!((&queue["backlog_count"], &queue["is_paused"]), (&json!(0), &json!(false)));
        assert!(queue["created_at_ms"].as_u64().is_some_and(|ms| ms > 0), "{queue}");
        assert_eq!(names(node), ["made"]);
    };
    check(&node);
    node.restart();
    check(&node);
    for wrong in [
        json!({ "delivery_delay_s": 86_401 }),
        json!({ "retention_s": 59 }),
        json!({ "retention_s": 1_209_601 }),
        json!({ "retention": 3600 }),
    ] {
        let (status, told) = node.told("PUT", "/v1/queues/made", &wrong);
        assert_eq!(status, 400, "{wrong}: {told}");
    }
    check(&node);
    node.good("DELETE", "/v1/queues/made", &Value::Null);
    assert_eq!(node.told("GET", "/v1/queues/made", &Value::Null).0, 404);
    assert_eq!(node.told("DELETE", "/v1/queues/made", &Value::Null).0, 404);
    assert_eq!(names(&node), Vec::<String>::new());
}

#[test]
fn a_queue_has_a_name_of_few_letters() {
    let node = Node::start();
    let rule = "1 to 63 letters, digits, hyphens and underscores";
    let longest = "q".repeat(63);
    for name in ["JOBS_2", "-", &longest] {
        node.good("PUT", &format!("/v1/queues/{name}"), &Value::Null);
        assert_eq!(node.queue(name)["name"], name);
    }
    for (path, name) in
        [("a%20b", "a b"), ("a.b", "a.b"), ("%C3%A4", "ä"), (&format!("{longest}q"), "q")]
    {
        let path = format!("/v1/queues/{path}");
        let (status, told) = node.told("PUT", &path, &Value::Null);
        assert_eq!(status, 400, "{told}");
        let message = told["error"]["message"].as_str().expect("it says why");
        assert!(message.contains(name), "{message}");
        assert!(message.ends_with(&format!("is no name for a queue: write {rule}")), "{message}");
        assert_eq!(node.told("GET", &path, &Value::Null).0, 404);
        assert_eq!(node.told("POST", &format!("{path}/messages"), &json!({ "body": 1 })).0, 404);
    }
    assert_eq!(names(&node).len(), 3);
    // A configuration is told the same, and the description of the API says it.
    for queues in [
        json!({ "producers": [{ "binding": "Q", "queue": "a.b" }] }),
        json!({ "consumers": [{ "queue": "a.b" }] }),
        json!({ "consumers": [{ "queue": "q", "dead_letter_queue": "a.b" }] }),
    ] {
        node.write("wrong", &json!({ "queues": queues }), CONSUMER);
        let refused = node.isolane().bad(&["deploy", "wrong"], 2);
        assert!(
            refused.contains(&format!("\"a.b\" is no name for a queue: write {rule}")),
            "{refused}"
        );
    }
    let description = node.good("GET", "/v1/openapi.json", &Value::Null);
    let parameter = &description["paths"]["/v1/queues/{queue}"]["parameters"][0];
    assert_eq!(parameter["description"], format!("The queue's name: {rule}."));
}

#[test]
fn a_queue_that_is_consumed_is_deleted_by_force_alone() {
    let node = Node::start();
    node.deploy("consumer", &consumes("used", &Value::Null), CONSUMER);
    node.good("PUT", "/v1/queues/used", &json!({ "is_paused": true }));
    let producer = Producer::deploy(&node, "used");
    assert_eq!(producer.send(&json!("lost"), &Value::Null)["backlogCount"], 1);
    let (status, told) = node.told("DELETE", "/v1/queues/used", &Value::Null);
    assert_eq!(status, 409, "{told}");
    assert!(told.to_string().contains("consumer"), "{told}");
    assert_eq!(node.queue("used")["backlog_count"], 1);
    node.good("DELETE", "/v1/queues/used?force=true", &Value::Null);
    // What is sent afterwards comes to a queue of that name that is new.
    assert_eq!(producer.send(&json!("new"), &Value::Null)["backlogCount"], 1);
    assert_eq!(node.seen(1), [json!(["used", "new", 1])]);
    node.until_empty("used");
}

#[test]
fn what_is_no_message_is_refused() {
    let node = Node::start();
    node.good("PUT", "/v1/queues/strict", &json!({}));
    for wrong in [
        json!({}),
        json!({ "body": "a", "content_type": "xml" }),
        json!({ "body": 1, "content_type": "text" }),
        json!({ "body_base64": "%", "content_type": "bytes" }),
        json!({ "body": "a", "delay_s": 86_401 }),
        json!({ "body": "a", "other": 1 }),
    ] {
        let (status, told) = node.told("POST", "/v1/queues/strict/messages", &wrong);
        assert_eq!(status, 400, "{wrong}: {told}");
    }
    let long = json!({ "body": "x".repeat(128_001), "content_type": "text" });
    let (status, told) = node.told("POST", "/v1/queues/strict/messages", &long);
    assert!(status == 400 || status == 413, "{status} {told}");
    assert_eq!(node.queue("strict")["backlog_count"], 0);
}
