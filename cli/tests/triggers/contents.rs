//! What is in messages, from the one side to the other, and how much of it a queue is told to have.

use serde_json::{Value, json};

use crate::node::{Node, consumes};
use crate::producer::Producer;

/// Says what each message has, so that JSON can tell.
const CONSUMER: &str = "
    const shown = (body) => {
        if (body instanceof Uint8Array) return ['Uint8Array', [...body]];
        if (body instanceof Map) return ['Map', [...body].map(String)];
        return [typeof body, body];
    };
    export default { async queue({ messages: [message] }, env) {
        const { id, timestamp, body } = message;
        const isMessage = /^[0-9a-f]{32}$/.test(id) && timestamp instanceof Date;
        await env.SEEN.send([isMessage, ...shown(body)]);
    } }";

/// Sends a message of each content.
const SENDER: &str = "export default { async fetch(request, env) {
    await env.Q.sendBatch([
        { body: 'a \\u00e4', contentType: 'text' },
        { body: { b: [1, null] }, contentType: 'json' },
        { body: new Uint8Array([7, 8, 0]), contentType: 'bytes' },
        { body: new Map([['k', 1n]]), contentType: 'v8' },
        { body: 'by default' },
    ]);
    await env.Q.send('in capitals', { contentType: 'TEXT' });
    return new Response('sent');
} }";

fn deploy_sender(node: &Node, worker: &str, queue: &str) {
    let producers = json!([{ "binding": "Q", "queue": queue }]);
    node.deploy(worker, &json!({ "queues": { "producers": producers } }), SENDER);
    assert_eq!(node.get(worker, "/").body, "sent");
}

#[test]
fn a_consumer_gets_what_was_sent() {
    let node = Node::start();
    let settings = consumes("things", &json!({ "max_concurrency": 1 }));
    node.deploy("consumer", &settings, CONSUMER);
    deploy_sender(&node, "sender", "things");
    // The operator sends, too.
    for message in [
        json!({ "body": "by hand", "content_type": "text" }),
        json!({ "body": { "c": 2 }, "content_type": "json" }),
        json!({ "body_base64": "AQID", "content_type": "bytes" }),
    ] {
        let sent = node.good("POST", "/v1/queues/things/messages", &message);
        assert!(sent["metrics"].is_object(), "{sent}");
        assert_eq!(sent["id"].as_str().map(str::len), Some(32), "{sent}");
    }
    let expected = [
        json!([true, "string", "a \u{e4}"]),
        json!([true, "object", { "b": [1, null] }]),
        json!([true, "Uint8Array", [7, 8, 0]]),
        json!([true, "Map", ["k,1"]]),
        json!([true, "string", "by default"]),
        json!([true, "string", "in capitals"]),
        json!([true, "string", "by hand"]),
        json!([true, "object", { "c": 2 }]),
        json!([true, "Uint8Array", [1, 2, 3]]),
    ];
    assert_eq!(node.seen(expected.len()), expected);
    let clone = json!({ "body_base64": "/w8w", "content_type": "v8" });
    let (status, told) = node.told("POST", "/v1/queues/things/messages", &clone);
    assert_eq!(status, 400, "{told}");
}

#[test]
fn what_says_nothing_of_its_content_is_what_the_workers_date_makes_it() {
    let node = Node::start();
    let source = "export default { async fetch(request, env) {
        await env.Q.send({ a: [1] });
        await env.Q.sendBatch([{ body: new Date(0) }]);
        return new Response('sent');
    } }";
    let producers = json!([{ "binding": "Q", "queue": "things" }]);
    let mut settings = json!({ "queues": { "producers": producers } });
    for (worker, date, kind) in [("before", "2024-03-17", "v8"), ("since", "2024-03-18", "json")] {
        settings["compatibility_date"] = json!(date);
        node.deploy(worker, &settings, source);
        assert_eq!(node.get(worker, "/").body, "sent");
        let messages = node.peeked("things");
        let kinds: Vec<_> = messages.iter().map(|message| &message["content_type"]).collect();
        assert_eq!(kinds, [kind, kind], "{messages:?}");
        // What V8 writes begins with the byte 0xff; what JSON makes of a date is a text.
        let is_clone = messages[0]["body_base64"].as_str().is_some_and(|it| it.starts_with('/'));
        assert_eq!(is_clone, kind == "v8", "{messages:?}");
        assert_eq!(messages[1]["body"].is_string(), kind == "json", "{messages:?}");
        let consumer = "export default { async queue({ messages: [{ body }] }, env) {
            await env.SEEN.send([typeof body, body instanceof Date, body.a ?? null]);
        } }";
        node.deploy("consumer", &consumes("things", &json!({ "max_concurrency": 1 })), consumer);
        node.until_empty("things");
        node.deploy("consumer", &json!({}), "export default { fetch() {} }");
    }
    let expected = [
        json!(["object", false, [1]]),
        json!(["object", true, null]),
        json!(["object", false, [1]]),
        json!(["string", false, null]),
    ];
    assert_eq!(node.seen(4), expected);
}

#[test]
fn whatever_can_be_iterated_over_is_a_batch_and_json_is_what_stringify_makes() {
    let node = Node::start();
    let source = "export default { async fetch(request, env) {
        function* messages() {
            yield { body: { toJSON: () => 'mine', a: 1 } };
            yield { body: { gone: undefined, kept: [undefined, NaN] }, contentType: 'JSON' };
        }
        await env.Q.sendBatch(messages());
        await env.Q.sendBatch(new Set([{ body: null }]));
        return new Response('sent');
    } }";
    let producers = json!([{ "binding": "Q", "queue": "things" }]);
    node.deploy("sender", &json!({ "queues": { "producers": producers } }), source);
    assert_eq!(node.get("sender", "/").body, "sent");
    let bodies: Vec<_> =
        node.peeked("things").into_iter().map(|mut message| message["body"].take()).collect();
    assert_eq!(bodies, [json!("mine"), json!({ "kept": [null, null] }), Value::Null]);
}

#[test]
fn an_operator_is_told_what_a_message_is_called() {
    let node = Node::start();
    node.good("PUT", "/v1/queues/things", &json!({ "is_paused": true }));
    let send = |body: u32| {
        let mut sent = node.good("POST", "/v1/queues/things/messages", &json!({ "body": body }));
        sent["id"].take()
    };
    let ids: Vec<_> = (0..3).map(send).collect();
    let peeked = node.peeked("things");
    let there: Vec<_> = peeked.iter().map(|message| message["id"].clone()).collect();
    assert_eq!(there, ids);
    let source = "export default { async queue({ messages }, env) {
        for (const { id, body } of messages) await env.SEEN.send([body, id]);
    } }";
    node.deploy("consumer", &consumes("things", &json!({ "max_concurrency": 1 })), source);
    node.good("POST", "/v1/queues/things/resume", &Value::Null);
    let expected: Vec<_> = ids.iter().enumerate().map(|(body, id)| json!([body, id])).collect();
    assert_eq!(node.seen(3), expected);
}

#[test]
fn an_operator_sees_what_is_in_a_queue() {
    let node = Node::start();
    deploy_sender(&node, "sender", "things");
    let messages = node.peeked("things");
    let kinds: Vec<_> = messages.iter().map(|message| &message["content_type"]).collect();
    assert_eq!(kinds, ["text", "json", "bytes", "v8", "json", "text"], "{messages:?}");
    assert_eq!(messages[0]["body"], "a \u{e4}");
    assert_eq!(messages[1]["body"], json!({ "b": [1, null] }));
    assert_eq!(messages[2]["body_base64"], "BwgA");
    assert!(messages[3]["body_base64"].is_string(), "{messages:?}");
    assert_eq!(messages[4]["body"], "by default");
    for message in &messages {
        assert_eq!(message["id"].as_str().map(str::len), Some(32), "{message}");
        assert!(message["timestamp_ms"].as_u64().is_some_and(|ms| ms > 0), "{message}");
    }
    // They are still there.
    assert_eq!(node.peeked("things"), messages);
    assert_eq!(node.queue("things")["backlog_count"], 6);
    let (status, told) = node.told("GET", "/v1/queues/things/messages?limit=2", &Value::Null);
    assert_eq!((status, told["messages"].as_array().map(Vec::len)), (200, Some(2)), "{told}");
}

#[test]
fn a_buffer_that_is_sent_alone_is_given_away() {
    let node = Node::start();
    let producer = Producer::deploy(&node, "things");
    let (bytes, kind) = (json!({ "bytes": [1, 2] }), json!({ "contentType": "bytes" }));
    let told = producer.call(&json!(["send", bytes, kind]));
    assert_eq!(told["lengths"], json!([0]), "{told}");
    let shared = "export default { async fetch(request, env) {
        const body = new Uint8Array([1, 2]);
        await env.Q.sendBatch([{ body, contentType: 'bytes' }]);
        return new Response(body.byteLength);
    } }";
    let producers = json!([{ "binding": "Q", "queue": "things" }]);
    node.deploy("batch", &json!({ "queues": { "producers": producers } }), shared);
    assert_eq!(node.get("batch", "/").body, "2");
}

#[test]
fn whoever_sends_is_told_how_much_there_is() {
    let node = Node::start();
    let producer = Producer::deploy(&node, "kept");
    let empty = producer.call(&json!(["metrics"]));
    assert_eq!(empty, json!({ "backlogCount": 0, "backlogBytes": 0 }));
    let text = json!({ "contentType": "text" });
    let one = producer.send(&json!("12345"), &text);
    assert_eq!((&one["backlogCount"], &one["backlogBytes"]), (&json!(1), &json!(5)), "{one}");
    let oldest = one["oldestMessageTimestamp"].clone();
    assert!(oldest.as_str().is_some_and(|time| time.ends_with('Z')), "{one}");
    let two = producer.send(&json!("123"), &text);
    let expected =
        json!({ "backlogCount": 2, "backlogBytes": 8, "oldestMessageTimestamp": oldest });
    assert_eq!(two, expected);
    assert_eq!(producer.call(&json!(["metrics"])), expected);
    let queue = node.queue("kept");
    assert_eq!((&queue["backlog_count"], &queue["backlog_bytes"]), (&json!(2), &json!(8)));
    assert!(queue["oldest_message_timestamp_ms"].is_u64(), "{queue}");
    assert!(queue["consumer"].is_null(), "{queue}");
    // A consumer is told, too.
    let source = "export default { async queue({ messages, metadata: { metrics } }, env) {
        await env.SEEN.send([messages.length, Object.keys(metrics), metrics.backlogCount]);
    } }";
    let settings = consumes("kept", &json!({ "max_batch_size": 2, "max_concurrency": 1 }));
    node.deploy("consumer", &settings, source);
    let seen = &node.seen(1)[0];
    let keys = ["backlogCount", "backlogBytes", "oldestMessageTimestamp"];
    assert_eq!((&seen[0], &seen[1]), (&json!(2), &json!(keys)), "{seen}");
    node.until_empty("kept");
}
