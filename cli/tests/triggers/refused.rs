//! What a queue does not take, in the words of Workers: by the present rules with a code, and by those of an
//! older compatibility date without.

use serde_json::{Value, json};

use crate::node::{Node, consumes};
use crate::producer::Producer;

/// The date before which errors have no codes.
const BEFORE_CODES: &str = "2026-03-11";

/// How the cause of a refusal is told.
type Form = fn(method: &str, cause: &str, code: u16) -> String;

/// Calls that nothing is sent by, and what is thrown.
fn thrown() -> Vec<(Value, &'static str)> {
    let of = |kind: &str| json!({ "contentType": kind });
    vec![
        (json!(["send", { "nothing": 0 }]), "TypeError: Message body cannot be undefined"),
        (
            json!(["sendBatch", [{ "body": 1 }, { "body": { "nothing": 0 } }]]),
            "TypeError: Message body cannot be undefined",
        ),
        (json!(["sendBatch", []]), "TypeError: sendBatch() requires at least one message"),
        (json!(["send", "a", of("xml")]), "TypeError: Unsupported queue message content type: xml"),
        (
            json!(["send", 1, of("text")]),
            "TypeError: Content Type \"text\" requires a value of type string, but received: number",
        ),
        (
            json!(["send", { "buffer": 2 }, of("bytes")]),
            "TypeError: Content Type \"bytes\" requires a value of type ArrayBufferView, but \
             received: object",
        ),
        (
            json!(["send", "a", of("bytes")]),
            "TypeError: Content Type \"bytes\" requires a value of type ArrayBufferView, but \
             received: string",
        ),
    ]
}

/// Calls that the queue refuses: the method, what it is called with, the cause and the code.
fn refused() -> Vec<(&'static str, Value, &'static str, u16)> {
    let text = json!({ "contentType": "text" });
    let many: Vec<_> = (0..101).map(|number| json!({ "body": number })).collect();
    let long = |length: usize| json!({ "body": { "text": length }, "contentType": "text" });
    vec![
        (
            "send",
            json!([{ "text": 128_001 }, text]),
            "message length of 128001 bytes exceeds limit of 128000",
            10204,
        ),
        ("sendBatch", json!([many]), "batch message count of 101 exceeds limit of 100", 10206),
        (
            "sendBatch",
            json!([[{ "body": 1 }, long(128_001)]]),
            "message in batch has length 128001 bytes which exceeds single message size limit of \
             128000",
            10204,
        ),
        (
            "sendBatch",
            json!([[long(100_000), long(100_000), long(100_000)]]),
            "batch size of 300000 bytes exceeds limit of 288000",
            10205,
        ),
        (
            "send",
            json!(["a", { "contentType": "text", "delaySeconds": 86_401 }]),
            "message delay 86401 is invalid: it must be 0 to 86400 seconds",
            10203,
        ),
        (
            "sendBatch",
            json!([[{ "body": 1 }], { "delaySeconds": 86_401 }]),
            "message delay 86401 is invalid: it must be 0 to 86400 seconds",
            10202,
        ),
    ]
}

#[test]
fn what_a_queue_does_not_take_is_refused_in_the_words_of_workers() {
    let node = Node::start();
    let with_code: Form = |_, cause, code| format!("Error: {cause} ({code})");
    let without: Form = |method, cause, _| format!("Error: Queue {method} failed: {cause}");
    let before = json!({ "compatibility_date": BEFORE_CODES });
    for (worker, settings, form) in [("present", json!({}), with_code), ("older", before, without)]
    {
        let producer = Producer::named(&node, worker, "strict", &settings);
        for (call, expected) in thrown() {
            assert_eq!(producer.call(&call), expected, "{worker}");
        }
        for (method, given, cause, code) in refused() {
            let mut call = vec![json!(method)];
            call.extend(given.as_array().unwrap().iter().cloned());
            assert_eq!(producer.call(&json!(call)), form(method, cause, code), "{worker}");
        }
        // As much as may be is taken, and nothing was before.
        let metrics = producer.call(&json!(["metrics"]));
        assert_eq!(metrics["backlogCount"], 0, "{worker}: {metrics}");
    }
    let producer = Producer::named(&node, "last", "strict", &json!({}));
    let sent = producer.send(&json!({ "text": 128_000 }), &json!({ "contentType": "text" }));
    assert_eq!((&sent["backlogCount"], &sent["backlogBytes"]), (&json!(1), &json!(128_000)));
    let many: Vec<_> = (0..100).map(|number| json!(number)).collect();
    assert_eq!(producer.send_batch(&many)["backlogCount"], 101);
}

#[test]
fn nothing_is_sent_where_no_event_runs() {
    let node = Node::start();
    let source = "import { env } from 'cloudflare:workers';
        let said = 'nothing was said';
        try {
            env.Q.send('a').catch((error) => { said = error.message });
        } catch (error) {
            said = error.message;
        }
        export default { fetch: () => new Response(said) };";
    let producers = json!([{ "binding": "Q", "queue": "early" }]);
    node.deploy("early", &json!({ "queues": { "producers": producers } }), source);
    let said = node.get("early", "/").body;
    assert!(said.starts_with("Disallowed operation called within global scope."), "{said}");
    assert_eq!(node.peeked("early"), Vec::<Value>::new());
}

#[test]
fn a_queue_has_one_consumer() {
    let node = Node::start();
    let settings = consumes("orders", &Value::Null);
    let source = "export default { queue() {} }";
    node.deploy("shop", &settings, source);
    node.write("thief", &settings, source);
    let refused = node.isolane().bad(&["deploy", "thief"], 1);
    let words = "the queue orders is taken: worker shop consumes it, and a queue has one consumer";
    assert!(refused.contains(words), "{refused}");
    assert_eq!(node.queue("orders")["consumer"]["worker"], "shop");
    // What its worker gives up, another can have.
    node.deploy("shop", &json!({}), "export default { fetch() {} }");
    node.deploy("thief", &settings, source);
    assert_eq!(node.queue("orders")["consumer"]["worker"], "thief");
}
