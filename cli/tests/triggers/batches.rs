//! How the messages of a queue come: to whom, how many at a time, when, and in which order.

use serde_json::{Value, json};

use crate::http::{Connection, get};
use crate::node::{Node, consumes, seen};
use crate::producer::Producer;

/// Says what it gets of which queue.
const CONSUMER: &str = "export default { async queue(batch, env) {
    const messages = batch.messages.map(({ body, attempts }) => [body, attempts]);
    await env.SEEN.send([batch.queue, messages]);
} }";

/// Says what it gets, and how long the first message has waited.
const TIMED: &str = "export default { async queue(batch, env) {
    const waited = Date.now() - batch.messages[0].timestamp.getTime();
    await env.SEEN.send([batch.queue, batch.messages.map(({ body }) => body), waited]);
} }";

/// Says when it begins and ends, and takes a while.
const SLOW: &str = "export default { async queue(batch, env) {
    const numbers = batch.messages.map(({ body }) => body);
    await env.SEEN.send(['begins', numbers]);
    await scheduler.wait(5);
    await env.SEEN.send(['ends', numbers]);
} }";

#[test]
fn a_worker_of_queues_alone_gets_what_another_worker_sends() {
    let mut node = Node::open();
    let deployed = node.deploy("packer", &consumes("orders", &Value::Null), CONSUMER);
    assert_eq!(deployed["version"]["handlers"], json!(["queue"]));
    assert_eq!(deployed["urls"], json!([]), "no request comes to it");
    assert_eq!(node.get("packer", "/").status, 404);
    let shop = json!({
        "routes": ["shop.test"],
        "queues": { "producers": [{ "binding": "ORDERS", "queue": "orders" }] },
    });
    let source = "export default { async fetch(request, env) {
        const { metadata } = await env.ORDERS.send(new URL(request.url).pathname);
        return Response.json(metadata.metrics);
    } }";
    node.deploy("shop", &shop, source);
    let told: Value = serde_json::from_str(&get(node.port, "shop.test", "/a").body).unwrap();
    assert_eq!(told["backlogCount"], 1, "{told}");
    assert_eq!(node.seen(1), [json!(["orders", [["/a", 1]]])]);
    node.send("orders", &json!({ "number": 2 }));
    assert_eq!(node.seen(2)[1], json!(["orders", [[{ "number": 2 }, 1]]]));
    node.until_empty("orders");
    let queue = node.queue("orders");
    assert_eq!(queue["producers"], json!(["shop"]), "{queue}");
    assert_eq!(queue["consumer"]["worker"], "packer", "{queue}");
    assert_eq!(queue["consumer"]["max_batch_size"], 1, "{queue}");
    // What is deployed is called after a restart, too, and nobody has asked for it before.
    node.restart();
    node.send("orders", &json!("again"));
    assert_eq!(node.seen(3)[2], json!(["orders", [["again", 1]]]));
}

#[test]
fn a_worker_may_send_to_the_queue_that_it_consumes() {
    let node = Node::start();
    let mut settings = consumes("steps", &Value::Null);
    settings["queues"]["producers"] = json!([seen(), { "binding": "STEPS", "queue": "steps" }]);
    let source = "export default {
        async fetch(request, env) { await env.STEPS.send(1); return new Response('begun') },
        async queue({ messages: [{ body }] }, env) {
            await env.SEEN.send(body);
            if (body < 4) await env.STEPS.send(body + 1);
        },
    }";
    node.deploy("walker", &settings, source);
    assert_eq!(node.get("walker", "/").body, "begun");
    assert_eq!(node.seen(4), [1, 2, 3, 4].map(|step| json!(step)));
    node.until_empty("steps");
}

#[test]
fn a_batch_goes_out_when_it_is_full_or_has_waited() {
    let node = Node::start();
    let full = json!({ "queue": "full", "max_batch_size": 3, "max_batch_timeout": 60 });
    let waited = json!({ "queue": "waited", "max_batch_size": 100, "max_batch_timeout": 1 });
    let queues = json!({ "producers": [seen()], "consumers": [full, waited] });
    node.deploy("consumer", &json!({ "queues": queues }), TIMED);
    let producer = Producer::deploy(&node, "full");
    producer.send_batch(&[0, 1, 2, 3].map(|number| json!(number)));
    for number in 4..7 {
        producer.send(&json!(number), &Value::Null);
    }
    let batches = node.seen(2);
    for (batch, numbers) in batches.iter().zip([[0, 1, 2], [3, 4, 5]]) {
        assert_eq!((&batch[0], &batch[1]), (&json!("full"), &json!(numbers)), "{batches:?}");
    }
    // The seventh waits for others.
    node.until_left("full", 1);
    let producer = Producer::named(&node, "patient", "waited", &json!({}));
    producer.send_batch(&[json!("a"), json!("b")]);
    let batch = &node.seen(3)[2];
    assert_eq!((&batch[0], &batch[1]), (&json!("waited"), &json!(["a", "b"])));
    assert!(batch[2].as_u64().is_some_and(|ms| ms >= 990), "{batch}");
    assert_eq!(node.queue("full")["backlog_count"], 1);
}

#[test]
fn a_queue_of_one_batch_at_a_time_keeps_its_order() {
    let node = Node::start();
    let settings = json!({ "max_batch_size": 2, "max_concurrency": 1 });
    node.deploy("consumer", &consumes("line", &settings), SLOW);
    let producer = Producer::deploy(&node, "line");
    for number in 0..20 {
        producer.send(&json!(number), &Value::Null);
    }
    node.until_empty("line");
    let seen = node.seen_so_far();
    let mut numbers = Vec::new();
    for pair in seen.chunks(2) {
        let [begins, ends] = pair else { panic!("a batch does not end: {seen:?}") };
        assert_eq!((&begins[0], &ends[0]), (&json!("begins"), &json!("ends")), "{seen:?}");
        assert_eq!(begins[1], ends[1], "{seen:?}");
        numbers.extend(begins[1].as_array().unwrap().iter().filter_map(Value::as_u64));
    }
    assert_eq!(numbers, (0..20).collect::<Vec<u64>>());
}

#[test]
fn more_batches_run_at_a_time_where_more_are_waiting() {
    let node = Node::start();
    let mut settings = consumes("wide", &json!({ "max_concurrency": 2 }));
    settings["kv_namespaces"] = json!([{ "binding": "KV", "id": "meeting" }]);
    // Whoever comes second ends the wait of the first, and neither ends before.
    let source = "export default { async queue({ messages: [{ body }] }, env) {
        if (body === 'first') return;
        await env.KV.put(body, 'here');
        const other = body === 'one' ? 'other' : 'one';
        while (await env.KV.get(other) === null) await scheduler.wait(5);
        await env.SEEN.send(body);
    } }";
    node.good("PUT", "/v1/queues/wide", &json!({ "is_paused": true }));
    node.deploy("consumer", &settings, source);
    for body in ["first", "one", "other"] {
        node.send("wide", &json!(body));
    }
    node.good("POST", "/v1/queues/wide/resume", &Value::Null);
    assert_eq!(node.seen(2).len(), 2);
    node.until_empty("wide");
}

#[test]
fn no_more_batches_run_at_a_time_than_a_consumer_says() {
    let node = Node::start();
    let settings = json!({ "max_concurrency": 3 });
    node.deploy("consumer", &consumes("narrow", &settings), SLOW);
    let producer = Producer::deploy(&node, "narrow");
    producer.send_batch(&(0..40).map(|number| json!(number)).collect::<Vec<_>>());
    node.until_empty("narrow");
    let (mut running, mut most) = (0_usize, 0);
    for said in node.seen(80) {
        // It is said after the one has begun, and before it ends.
        running = if said[0] == "begins" { running + 1 } else { running - 1 };
        most = most.max(running);
    }
    assert!((2..=3).contains(&most), "{most} ran at a time");
}

#[test]
fn as_many_batches_run_at_a_time_as_are_of_use() {
    let node = Node::start();
    let mut settings = consumes("wide", &Value::Null);
    settings["kv_namespaces"] = json!([{ "binding": "KV", "id": "meeting" }]);
    // Each of the last ones waits for all of them: by then so many run, one more after each of the first.
    let source = "export default { async queue({ messages: [{ body }] }, env) {
        if (body < 12) return;
        await env.KV.put(String(body), 'here');
        while ((await env.KV.list()).keys.length < 12) await scheduler.wait(5);
        await env.SEEN.send(body);
    } }";
    node.good("PUT", "/v1/queues/wide", &json!({ "is_paused": true }));
    node.deploy("consumer", &settings, source);
    let producer = Producer::deploy(&node, "wide");
    producer.send_batch(&(0..24).map(|number| json!(number)).collect::<Vec<_>>());
    node.good("POST", "/v1/queues/wide/resume", &Value::Null);
    node.seen(12);
    node.until_empty("wide");
}

#[test]
fn listeners_and_classes_are_called_with_batches() {
    let node = Node::start();
    let listener = "addEventListener('queue', (event) => {
        event.waitUntil(SEEN.send(['listener', event.messages[0].body]));
    })";
    node.deploy("listener", &consumes("one", &Value::Null), listener);
    let class = "import { WorkerEntrypoint } from 'cloudflare:workers';
        export default class extends WorkerEntrypoint {
            async queue(batch) { await this.env.SEEN.send(['class', batch.messages[0].body]) }
        }";
    node.deploy("class", &consumes("two", &Value::Null), class);
    node.send("one", &json!("a"));
    assert_eq!(node.seen(1)[0], json!(["listener", "a"]));
    node.send("two", &json!("b"));
    assert_eq!(node.seen(2)[1], json!(["class", "b"]));
}

#[test]
fn of_many_messages_each_is_delivered_once() {
    let node = Node::start();
    let settings = json!({ "max_batch_size": 100, "max_concurrency": 4 });
    let source = "export default { async queue(batch, env) {
        await env.SEEN.send(batch.messages.map(({ body }) => body));
    } }";
    node.deploy("consumer", &consumes("much", &settings), source);
    let settings = json!({ "queues": { "producers": [{ "binding": "MUCH", "queue": "much" }] } });
    let producer = "let number = 0;
        export default { async fetch(request, env) {
            const batch = Array.from({ length: 50 }, () => ({ body: number++ }));
            await env.MUCH.sendBatch(batch);
            return Response.json(batch.map(({ body }) => body));
        } }";
    node.deploy("producer", &settings, producer);
    let mut connection = Connection::open(node.port);
    let mut sent: Vec<u64> = Vec::new();
    for _ in 0..20 {
        let answer = connection.get("producer.localhost", "/");
        sent.extend(serde_json::from_str::<Vec<u64>>(&answer.body).unwrap());
    }
    node.until_empty("much");
    let seen = node.seen_so_far();
    let mut delivered: Vec<u64> =
        seen.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_u64).collect();
    delivered.sort_unstable();
    sent.sort_unstable();
    assert_eq!(delivered, sent);
}
