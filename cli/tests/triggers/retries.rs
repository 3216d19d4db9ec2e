//! Messages that are delivered later or once more: delays, retries, dead letters, and those that are given up.

use serde_json::{Value, json};

use crate::node::{Node, SEEN, consumes};
use crate::producer::Producer;

/// Far beyond the end of a test, in seconds.
const HOUR_S: u64 = 3600;

/// Says how long each message has waited since it was sent.
const WAITS: &str = "export default { async queue({ messages: [message] }, env) {
    await env.SEEN.send([message.body, Date.now() - message.timestamp.getTime()]);
} }";

/// Does with each delivery what the message says, and says which delivery it was and how long after the sending.
const FAILS: &str = "export default { async queue(batch, env) {
    const [message] = batch.messages;
    const { body: [name, ...steps], attempts } = message;
    await env.SEEN.send([name, attempts, Date.now() - message.timestamp.getTime()]);
    const step = steps[attempts - 1];
    if (step === undefined) return;
    if (step === 'throw') throw new Error(name);
    if (step.all) batch.retryAll(step.all);
    if (step.one) message.retry(step.one);
} }";

/// Milliseconds that something is said to have waited.
fn waited(said: &Value) -> u64 {
    said.as_u64().unwrap_or_else(|| panic!("{said} is no time"))
}

#[test]
fn a_delay_is_that_of_the_message_or_the_batch_or_the_queue() {
    let node = Node::start();
    node.good("PUT", "/v1/queues/later", &json!({ "delivery_delay_s": 1 }));
    assert_eq!(node.queue("later")["delivery_delay_s"], 1);
    node.deploy("consumer", &consumes("later", &Value::Null), WAITS);
    let producer = Producer::deploy(&node, "later");
    let batch = json!([{ "body": "batch" }, { "body": "message", "delaySeconds": 3 }]);
    let delay = json!({ "delaySeconds": 2 });
    producer.call(&json!(["sendBatch", batch, delay]));
    producer.send(&json!("queue"), &Value::Null);
    producer.send(&json!("now"), &json!({ "delaySeconds": 0 }));
    let seen = node.seen(4);
    let names: Vec<_> = seen.iter().map(|said| &said[0]).collect();
    assert_eq!(names, ["now", "queue", "batch", "message"], "{seen:?}");
    for (said, least_ms) in seen.iter().zip([0, 990, 1_990, 2_990]) {
        assert!(waited(&said[1]) >= least_ms, "{seen:?}");
    }
    node.until_empty("later");
}

#[test]
fn what_is_delayed_is_there_and_is_not_delivered() {
    let node = Node::start();
    node.deploy("consumer", &consumes("later", &Value::Null), WAITS);
    let producer = Producer::deploy(&node, "later");
    let sent = producer.send(&json!("late"), &json!({ "delaySeconds": HOUR_S }));
    assert_eq!(sent["backlogCount"], 1);
    node.good("POST", "/v1/queues/later/messages", &json!({ "body": "later", "delay_s": HOUR_S }));
    // What comes after it and need not wait does not.
    node.send("later", &json!("now"));
    assert_eq!(node.seen(1)[0][0], "now");
    node.until_left("later", 2);
    assert_eq!(node.queue("later")["delayed_count"], 2);
    assert_eq!(node.good("POST", "/v1/queues/later/purge", &Value::Null)["purged"], 2);
    node.until_empty("later");
    assert_eq!(node.seen_so_far().len(), 1);
}

#[test]
fn a_retry_waits_as_the_message_or_the_batch_or_the_consumer_says() {
    let node = Node::start();
    let settings = json!({ "max_retries": 10, "retry_delay": HOUR_S });
    node.deploy("consumer", &consumes("again", &settings), FAILS);
    // Each names itself, and what becomes of its first deliveries.
    let now = json!({ "one": { "delaySeconds": 0 } });
    for message in [
        json!(["at once", now, now]),
        json!(["in a second", { "one": { "delaySeconds": 1 } }]),
        json!(["with the batch", { "all": { "delaySeconds": 1 } }]),
        json!(["as the batch says", { "all": { "delaySeconds": 1 }, "one": {} }]),
        json!(["before the batch", { "all": { "delaySeconds": HOUR_S }, "one": { "delaySeconds": 1 } }]),
    ] {
        node.send("again", &message);
    }
    let seen = node.seen(11);
    for (name, waits_ms) in [
        ("at once", [0, 0, 0].as_slice()),
        ("in a second", &[0, 990]),
        ("with the batch", &[0, 990]),
        ("as the batch says", &[0, 990]),
        ("before the batch", &[0, 990]),
    ] {
        let of_name: Vec<_> = seen.iter().filter(|said| said[0] == name).collect();
        assert_eq!(of_name.len(), waits_ms.len(), "{name}: {seen:?}");
        for (attempts, (said, least_ms)) in (1_u64..).zip(of_name.iter().zip(waits_ms)) {
            assert_eq!(said[1], attempts, "{name}: {seen:?}");
            assert!(waited(&said[2]) >= *least_ms, "{name}: {seen:?}");
        }
    }
    node.until_empty("again");
    // By its own settings a consumer has it wait for an hour.
    node.send("again", &json!(["at last", "throw"]));
    node.seen(12);
    node.until_left("again", 1);
    assert_eq!(node.queue("again")["delayed_count"], 1);
}

#[test]
fn the_last_delay_that_a_message_is_given_counts() {
    let node = Node::start();
    let source = "export default { async queue(batch, env) {
        const [message] = batch.messages;
        await env.SEEN.send([message.body, message.attempts]);
        if (message.attempts > 1) return;
        for (const options of message.body) message.retry(options);
    } }";
    let settings = json!({ "retry_delay": HOUR_S });
    node.deploy("consumer", &consumes("again", &settings), source);
    let (hour, now) = (json!({ "delaySeconds": HOUR_S }), json!({ "delaySeconds": 0 }));
    // A call without a delay takes none away.
    for message in [json!([hour, now]), json!([now, {}]), json!([now, hour])] {
        node.send("again", &message);
    }
    node.until_left("again", 1);
    let mut seen: Vec<_> = node.seen(5).iter().map(ToString::to_string).collect();
    seen.sort_unstable();
    let mut expected = [
        json!([[hour, now], 1]),
        json!([[hour, now], 2]),
        json!([[now, {}], 1]),
        json!([[now, {}], 2]),
        json!([[now, hour], 1]),
    ];
    expected.sort_unstable_by_key(ToString::to_string);
    assert_eq!(seen, expected.map(|said| said.to_string()));
    assert_eq!(node.queue("again")["delayed_count"], 1);
}

#[test]
fn a_producer_may_have_a_delay_of_its_own() {
    let node = Node::start();
    node.deploy("consumer", &consumes("later", &Value::Null), WAITS);
    let producers = json!([{ "binding": "Q", "queue": "later", "delivery_delay": HOUR_S }]);
    let source = "export default { async fetch(request, env) {
        await env.Q.send('late');
        await env.Q.sendBatch([{ body: 'late, too' }, { body: 'now', delaySeconds: 0 }]);
        await env.Q.sendBatch([{ body: 'at once' }], { delaySeconds: 0 });
        return new Response('sent');
    } }";
    let deployed = node.deploy("slow", &json!({ "queues": { "producers": producers } }), source);
    let warnings = deployed["warnings"].to_string();
    assert!(
        warnings.contains("delivery_delay") && warnings.contains("is deprecated"),
        "{deployed}"
    );
    assert_eq!(node.get("slow", "/").body, "sent");
    let mut names: Vec<_> = node.seen(2).iter().map(|said| said[0].to_string()).collect();
    names.sort_unstable();
    assert_eq!(names, ["\"at once\"", "\"now\""]);
    node.until_left("later", 2);
    assert_eq!(node.queue("later")["delayed_count"], 2);
}

#[test]
fn dead_letters_may_go_round_in_a_circle_of_queues() {
    let node = Node::start();
    let mut settings = consumes("one", &json!({ "max_retries": 0, "dead_letter_queue": "other" }));
    let mut other = settings["queues"]["consumers"][0].clone();
    (other["queue"], other["dead_letter_queue"]) = (json!("other"), json!("one"));
    settings["queues"]["consumers"].as_array_mut().unwrap().push(other);
    settings["kv_namespaces"] = json!([{ "binding": "COUNT", "id": "count" }]);
    let source = "export default { async queue({ queue, messages: [message] }, env) {
        const { id, attempts, timestamp } = message;
        await env.SEEN.send([queue, attempts, id, timestamp.getTime()]);
        const count = Number(await env.COUNT.get('count')) + 1;
        await env.COUNT.put('count', String(count));
        if (count < 4) throw new Error('round');
    } }";
    node.deploy("consumer", &settings, source);
    node.send("one", &json!("a"));
    let seen = node.seen(4);
    let (id, sent_at) = (&seen[0][2], &seen[0][3]);
    let expected = ["one", "other", "one", "other"].map(|queue| json!([queue, 1, id, sent_at]));
    assert_eq!(seen, expected);
    node.until_empty("one");
    node.until_empty("other");
}

#[test]
fn what_fails_too_often_goes_to_the_dead_letters_as_it_was() {
    let mut node = Node::start();
    let settings = json!({ "max_retries": 2, "dead_letter_queue": "dead" });
    node.deploy("consumer", &consumes("work", &settings), FAILS);
    // It is there, and is made again where somebody has deleted it.
    assert_eq!(node.queue("dead")["backlog_count"], 0);
    node.good("DELETE", "/v1/queues/dead", &Value::Null);
    let message = json!(["doomed", "throw", { "one": {} }, "throw"]);
    node.send("work", &message);
    let seen = node.seen(3);
    let deliveries: Vec<_> = seen.iter().map(|said| (&said[0], &said[1])).collect();
    let name = json!("doomed");
    assert_eq!(deliveries, [(&name, &json!(1)), (&name, &json!(2)), (&name, &json!(3))]);
    node.until_empty("work");
    let dead = node.peeked("dead");
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!((&dead[0]["body"], &dead[0]["content_type"]), (&message, &json!("json")));
    // Where nobody consumes it, it stays for four days.
    assert_eq!(node.queue("dead")["retention_s"], 4 * 24 * HOUR_S);
    // A queue like any: it outlasts the node, and a consumer gets what it has.
    node.restart();
    assert_eq!(node.peeked("dead"), dead);
    let undertaker = "export default { async queue({ queue, messages: [{ id, attempts }] }, env) {
        await env.SEEN.send([queue, id, attempts]);
    } }";
    node.deploy("undertaker", &consumes("dead", &Value::Null), undertaker);
    assert_eq!(node.seen(4)[3], json!(["dead", dead[0]["id"], 1]));
    node.until_empty("dead");
}

#[test]
fn what_fails_too_often_is_dropped_where_there_are_no_dead_letters() {
    let mut node = Node::start();
    node.deploy("consumer", &consumes("work", &json!({ "max_retries": 1 })), FAILS);
    node.send("work", &json!(["doomed", "throw", "throw", "throw"]));
    node.send("work", &json!(["lucky", "throw"]));
    node.until_empty("work");
    let mut seen: Vec<_> = node
        .seen_so_far()
        .iter()
        .map(|said| format!("{} {}", said[0].as_str().unwrap_or_default(), said[1]))
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, ["doomed 1", "doomed 2", "lucky 1", "lucky 2"]);
    // Failures are in the log, with what was thrown.
    let ended = node.failed("consumer", "queue");
    assert_eq!((&ended["outcome"], &ended["queue"]), (&json!("exception"), &json!("work")));
    assert!(ended["exception"].as_str().is_some_and(|it| it.starts_with("Error: ")), "{ended}");
    assert_eq!(node.queue(SEEN)["backlog_count"], 4);
}
