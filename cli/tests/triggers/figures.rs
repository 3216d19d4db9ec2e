//! What a node counts of its queues, on `/metrics`.

use serde_json::{Value, json};

use crate::node::Node;
use crate::producer::Producer;

/// Fails as often as each message says.
const CONSUMER: &str = "export default { queue({ messages: [{ body, attempts }] }) {
    if (attempts <= body) throw new Error('no');
} }";

#[test]
fn what_becomes_of_messages_is_counted() {
    let node = Node::start();
    let consumer = |queue: &str, max_retries: u32, dead: Value| {
        json!({
            "queue": queue, "max_batch_size": 1, "max_batch_timeout": 0, "max_retries": max_retries,
            "dead_letter_queue": dead,
        })
    };
    let mut lossy = consumer("lossy", 0, Value::Null);
    lossy.as_object_mut().unwrap().remove("dead_letter_queue");
    let consumers = json!([consumer("jobs", 1, json!("dead")), lossy]);
    node.deploy("consumer", &json!({ "queues": { "consumers": consumers } }), CONSUMER);
    let jobs = Producer::deploy(&node, "jobs");
    jobs.send_batch(&[json!(0), json!(1), json!(20)]);
    let lossy = Producer::named(&node, "careless", "lossy", &json!({}));
    lossy.send(&json!(1), &Value::Null);
    jobs.call(&json!(["send", { "text": 128_001 }]));
    for queue in ["jobs", "lossy"] {
        node.until_empty(queue);
    }
    node.until_left("dead", 1);
    let metrics = node.metrics();
    for line in [
        "isolane_queue_sent_messages_total 4",
        "isolane_queue_delivered_messages_total 6",
        "isolane_queue_acked_messages_total 2",
        "isolane_queue_retried_messages_total 2",
        "isolane_queue_dead_lettered_messages_total 1",
        "isolane_queue_dropped_messages_total 1",
        "isolane_queue_expired_messages_total 0",
        "isolane_queue_refused_messages_total 0",
        "isolane_events_total{kind=\"queue\",outcome=\"ok\"} 2",
        "isolane_events_total{kind=\"queue\",outcome=\"exception\"} 4",
        "isolane_queue_batches_given_back_total 0",
        "isolane_queue_backlog_messages{queue=\"jobs\"} 0",
        "isolane_queue_backlog_messages{queue=\"lossy\"} 0",
        "isolane_queue_backlog_messages{queue=\"dead\"} 1",
        // What is in it is JSON.
        "isolane_queue_backlog_bytes{queue=\"dead\"} 2",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line} is not in {metrics}");
    }
    for measured in ["commit_seconds_count ", "log_bytes "] {
        let line = metrics
            .lines()
            .find_map(|it| it.strip_prefix("isolane_queue_")?.strip_prefix(measured));
        assert!(line.and_then(|it| it.parse::<u64>().ok()).is_some_and(|it| it > 0), "{metrics}");
    }
}
