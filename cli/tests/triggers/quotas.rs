//! How much may be sent, and what a consumer may ask for and use: each bound, from both sides.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};

use crate::http::get;
use crate::node::{Node, consumes};
use crate::producer::Producer;
use crate::wait::until;

/// The date before which errors have no codes.
const BEFORE_CODES: &str = "2026-03-11";

/// Messages that a queue takes in a second.
const PER_SECOND: u64 = 5_000;

const DAY_S: u64 = 86_400;

/// Events that send at the same time, each far more than a queue takes.
const FLOODERS: usize = 4;

const FLOOD: &str = "export default { async fetch(request, env) {
    const batch = Array.from({ length: 100 }, () => ({ body: 'x', contentType: 'text' }));
    const sent = await Promise.allSettled(Array.from({ length: 150 }, () => env.Q.sendBatch(batch)));
    const refused = sent.filter(({ status }) => status === 'rejected');
    return Response.json({
        taken: 100 * (sent.length - refused.length),
        refused: 100 * refused.length,
        reasons: refused.map(({ reason }) => String(reason)),
    });
} }";

/// Has a worker flood the queue of its name. Answers how many messages were taken and how many were not, and why.
fn flood(node: &Node, worker: &str, date: &Value) -> (u64, u64, BTreeSet<String>) {
    let producers = json!([{ "binding": "Q", "queue": worker }]);
    let mut settings =
        json!({ "queues": { "producers": producers }, "limits": { "cpu_ms": 20_000 } });
    if !date.is_null() {
        settings["compatibility_date"] = date.clone();
    }
    node.deploy(worker, &settings, FLOOD);
    let (port, host) = (node.port, format!("{worker}.localhost"));
    let ask = || serde_json::from_str(&get(port, &host, "/").body).expect("it says what was taken");
    let told: Vec<Value> = thread::scope(|scope| {
        let flooders: Vec<_> = (0..FLOODERS).map(|_| scope.spawn(ask)).collect();
        flooders.into_iter().map(|flooder| flooder.join().expect("it is answered")).collect()
    });
    let sum = |key: &str| told.iter().filter_map(|told| told[key].as_u64()).sum();
    let reasons = told.iter().filter_map(|told| told["reasons"].as_array()).flatten();
    let reasons = reasons.filter_map(Value::as_str).map(str::to_owned).collect();
    (sum("taken"), sum("refused"), reasons)
}

#[test]
fn a_queue_takes_5000_messages_a_second() {
    let node = Node::start();
    let mut all_refused = 0;
    for (worker, date, reason) in [
        ("present", Value::Null, "Error: Too Many Requests (10250)"),
        ("older", json!(BEFORE_CODES), "Error: Queue sendBatch failed: Too Many Requests"),
    ] {
        let (taken, refused, reasons) = flood(&node, worker, &date);
        assert_eq!(reasons, BTreeSet::from([reason.to_owned()]));
        // A second's worth comes at once; what is refused is so as a whole.
        assert!(taken >= PER_SECOND, "{taken}");
        assert_eq!(node.queue(worker)["backlog_count"], taken);
        all_refused += refused;
    }
    let line = format!("isolane_queue_refused_messages_total {all_refused}");
    let metrics = node.metrics();
    assert!(metrics.lines().any(|it| it == line), "{line} is not in {metrics}");
    // As time goes by it takes more.
    let producer = Producer::named(&node, "later", "present", &json!({}));
    until(|| match producer.call(&json!(["send", 1])) {
        told if told["metadata"].is_object() => Ok(()),
        told => Err(told.to_string()),
    });
}

#[test]
fn as_much_as_may_be_is_taken() {
    let node = Node::start();
    let producer = Producer::deploy(&node, "kept");
    let text = |length: u64| json!({ "body": { "text": length }, "contentType": "text" });
    let batch = [text(128_000), text(128_000), text(32_000)];
    let told = producer.call(&json!(["sendBatch", batch]));
    assert_eq!(told["metadata"]["metrics"]["backlogBytes"], 288_000, "{told}");
    let batch = [text(128_000), text(128_000), text(32_001)];
    let told = producer.call(&json!(["sendBatch", batch]));
    assert_eq!(told, "Error: batch size of 288001 bytes exceeds limit of 288000 (10205)");
    let day = json!({ "delaySeconds": DAY_S });
    producer.send(&json!(1), &day);
    let told = producer.call(&json!(["sendBatch", [{ "body": 2 }], day]));
    assert!(told["metadata"].is_object(), "{told}");
    for delay in [json!(-1), json!(DAY_S + 1)] {
        let cause =
            format!("Error: message delay {delay} is invalid: it must be 0 to 86400 seconds");
        let delay = json!({ "delaySeconds": delay });
        let told = producer.call(&json!(["send", 1, delay]));
        assert_eq!(told, format!("{cause} (10203)"));
        let told = producer.call(&json!(["sendBatch", [{ "body": 1 }], delay]));
        assert_eq!(told, format!("{cause} (10202)"));
    }
    let queue = node.queue("kept");
    assert_eq!(
        (&queue["backlog_count"], &queue["delayed_count"]),
        (&json!(5), &json!(2)),
        "{queue}"
    );
}

#[test]
fn each_call_of_a_queue_is_a_subrequest() {
    let node = Node::start();
    let source = "export default { async fetch(request, env) {
        const told = [];
        for (const [method, given] of [['send', 1], ['metrics'], ['sendBatch', [{ body: 2 }]], ['send', 3]]) {
            told.push(await env.Q[method](given).then(() => 'done', String));
        }
        return Response.json(told);
    } }";
    let producers = json!([{ "binding": "Q", "queue": "kept" }]);
    let settings = json!({ "queues": { "producers": producers }, "limits": { "subrequests": 3 } });
    node.deploy("frugal", &settings, source);
    let expected = json!(["done", "done", "done", "Error: Too many subrequests."]);
    assert_eq!(node.json("frugal", "/"), expected);
    assert_eq!(node.queue("kept")["backlog_count"], 2);
}

#[test]
fn a_consumer_that_says_nothing_gets_ten_messages_after_five_seconds_and_four_times() {
    let node = Node::start();
    let mut settings = consumes("plain", &Value::Null);
    settings["queues"]["consumers"] = json!([{ "queue": "plain" }]);
    let source = "export default { async queue({ messages }, env) {
        const [{ attempts, timestamp }] = messages;
        await env.SEEN.send([messages.length, attempts, Date.now() - timestamp.getTime()]);
        if (messages.length === 10) throw new Error('too many');
    } }";
    node.deploy("consumer", &settings, source);
    let expected = json!({
        "worker": "consumer", "max_batch_size": 10, "max_batch_timeout_s": 5, "max_retries": 3,
        "retry_delay_s": 0,
    });
    assert_eq!(node.queue("plain")["consumer"], expected);
    let producer = Producer::deploy(&node, "plain");
    producer.send_batch(&[0; 10].map(|number| json!(number)));
    node.until_empty("plain");
    let seen = node.seen(4);
    for (said, attempts) in seen.iter().zip(1..) {
        assert_eq!((&said[0], &said[1]), (&json!(10), &json!(attempts)), "{seen:?}");
    }
    producer.send_batch(&[0; 2].map(|number| json!(number)));
    let said = &node.seen(5)[4];
    assert_eq!((&said[0], &said[1]), (&json!(2), &json!(1)));
    assert!(said[2].as_u64().is_some_and(|ms| ms >= 4_990), "{said}");
    node.until_empty("plain");
}

#[test]
fn what_a_consumer_asks_for_is_within_its_bounds() {
    let node = Node::start();
    let source = "export default { queue() {} }";
    let of = |settings: Value| json!({ "queues": { "consumers": [settings] } });
    for (key, least, most) in [
        ("max_batch_size", 1, 100),
        ("max_batch_timeout", 0, 60),
        ("max_retries", 0, 100),
        ("max_concurrency", 1, 250),
        ("retry_delay", 0, 86_400),
    ] {
        for wrong in [least - 1, most + 1] {
            node.write("wrong", &of(json!({ "queue": "wrong", key: wrong })), source);
            let refused = node.isolane().bad(&["deploy", "wrong"], 2);
            let expected = format!(
                "expected an integer from {least} to {most} for \"queues.consumers[0].{key}\", found \
                 {wrong}"
            );
            assert!(refused.contains(&expected), "{refused}");
        }
    }
    let most = json!({
        "queue": "most", "max_batch_size": 100, "max_batch_timeout": 60, "max_retries": 100,
        "max_concurrency": 250, "retry_delay": 86_400, "dead_letter_queue": "dead", "type": "worker",
    });
    node.deploy("most", &of(most), source);
    let expected = json!({
        "worker": "most", "max_batch_size": 100, "max_batch_timeout_s": 60, "max_retries": 100,
        "max_concurrency": 250, "retry_delay_s": 86_400, "dead_letter_queue": "dead",
    });
    assert_eq!(node.queue("most")["consumer"], expected);
    // As many batches as are of use is what `null` says.
    node.deploy("any", &of(json!({ "queue": "any", "max_concurrency": null })), source);
    assert_eq!(node.queue("any")["consumer"]["max_concurrency"], Value::Null);
}

#[test]
fn a_batch_has_more_cpu_time_than_a_request() {
    let mut node = Node::with("127.0.0.1:0", "limits = { cpu_ms = 20 }");
    let source = "const burn = () => {
            let number = 1;
            for (let i = 0; i < 3e8; i++) number = (number * 31 + i) | 0;
            return typeof number;
        };
        export default {
            fetch: () => new Response(burn()),
            async queue(batch, env) { await env.SEEN.send(burn()) },
        };";
    node.deploy("burner", &consumes("jobs", &json!({ "max_retries": 0 })), source);
    assert_eq!(node.get("burner", "/").status, 503);
    assert_eq!(node.ended("burner", "fetch")["outcome"], "exceededCpu");
    node.send("jobs", &json!("a"));
    assert_eq!(node.seen(1), ["number"]);
    node.until_empty("jobs");
    assert_eq!(node.ended("burner", "queue")["outcome"], "ok");
    let mut settings = consumes("jobs", &json!({ "max_retries": 0 }));
    settings["limits"] = json!({ "cpu_ms": 20 });
    node.deploy("burner", &settings, source);
    node.send("jobs", &json!("b"));
    node.until_empty("jobs");
    assert_eq!(node.seen_so_far(), ["number"]);
    assert_eq!(node.ended("burner", "queue")["outcome"], "exceededCpu");
}
