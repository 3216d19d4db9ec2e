//! What a consumer says of the messages of a batch, and what becomes of each.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::node::{Node, consumes};
use crate::producer::Producer;

/// Messages of each batch.
const SIZE: usize = 3;

/// Does with the first delivery of a batch what its messages name, and says of each delivery what there was.
const CONSUMER: &str = "
    const cases = {
        nothing: () => {},
        throws: () => { throw new Error('no') },
        'ack, then throw': (batch, first) => { first.ack(); throw new Error('no') },
        'retry, then return': (batch, first) => first.retry(),
        'retry, then ackAll': (batch, first) => { first.retry(); batch.ackAll() },
        'ackAll, then retry': (batch, first) => { batch.ackAll(); first.retry() },
        'ackAll, then throw': (batch) => { batch.ackAll(); throw new Error('no') },
        'ack, then retryAll': (batch, first) => { first.ack(); batch.retryAll() },
        'retryAll, then ack': (batch, first) => { batch.retryAll(); first.ack() },
        'retryAll, then ackAll': (batch) => { batch.retryAll(); batch.ackAll() },
        'ack, then retry': (batch, first) => { first.ack(); first.retry(); batch.retryAll() },
        'retry, then ack': (batch, first) => { first.retry(); first.ack(); batch.ackAll() },
        'late ack': async (batch, first) => { await scheduler.wait(5); first.ack(); throw new Error('no') },
        'a failed waitUntil': (batch, first, ctx) => {
            first.ack();
            ctx.waitUntil(scheduler.wait(5).then(() => { throw new Error('late') }));
        },
    };
    export default { async queue(batch, env, ctx) {
        const [first] = batch.messages;
        await env.SEEN.send(batch.messages.map(({ body, attempts }) => [body.case, body.number, attempts]));
        if (first.attempts === 1) await cases[first.body.case](batch, first, ctx);
    } }";

/// Cases, and which of their messages are delivered once more.
const CASES: [(&str, &[u64]); 14] = [
    ("nothing", &[]),
    ("throws", &[0, 1, 2]),
    ("ack, then throw", &[1, 2]),
    ("retry, then return", &[0]),
    ("retry, then ackAll", &[0]),
    ("ackAll, then retry", &[]),
    ("ackAll, then throw", &[]),
    ("ack, then retryAll", &[1, 2]),
    ("retryAll, then ack", &[0, 1, 2]),
    ("retryAll, then ackAll", &[0, 1, 2]),
    ("ack, then retry", &[1, 2]),
    ("retry, then ack", &[0]),
    ("late ack", &[1, 2]),
    ("a failed waitUntil", &[1, 2]),
];

/// The messages of a case that were delivered so often.
fn delivered(seen: &[Value], case: &str, attempts: u64) -> BTreeSet<u64> {
    let messages = seen.iter().filter_map(Value::as_array).flatten();
    let of_case = messages.filter(|message| message[0] == case && message[2] == attempts);
    of_case.filter_map(|message| message[1].as_u64()).collect()
}

#[test]
fn what_is_said_of_a_message_counts_before_what_is_said_of_all() {
    let node = Node::start();
    let settings = json!({ "max_batch_size": SIZE, "max_concurrency": 1 });
    node.deploy("consumer", &consumes("jobs", &settings), CONSUMER);
    let producer = Producer::deploy(&node, "jobs");
    for (case, again) in CASES {
        let bodies: Vec<_> =
            (0..SIZE).map(|number| json!({ "case": case, "number": number })).collect();
        producer.send_batch(&bodies);
        node.until_empty("jobs");
        let seen = node.seen_so_far();
        let first = seen.iter().find(|batch| batch[0][0] == case);
        assert_eq!(first.and_then(Value::as_array).map(Vec::len), Some(SIZE), "{case}: {seen:?}");
        assert_eq!(delivered(&seen, case, 1), BTreeSet::from([0, 1, 2]), "{case}: {seen:?}");
        let expected: BTreeSet<u64> = again.iter().copied().collect();
        assert_eq!(delivered(&seen, case, 2), expected, "{case}: {seen:?}");
        assert_eq!(delivered(&seen, case, 3), BTreeSet::new(), "{case}: {seen:?}");
    }
}

#[test]
fn what_counts_for_nothing_is_told_on_the_console() {
    let mut node = Node::start();
    let settings = json!({ "max_batch_size": SIZE, "max_concurrency": 1 });
    node.deploy("consumer", &consumes("jobs", &settings), CONSUMER);
    let producer = Producer::deploy(&node, "jobs");
    let send = |case: &str| {
        producer.send_batch(&[json!({ "case": case, "number": 0 })]);
        node.until_empty("jobs");
    };
    for case in ["ackAll, then retry", "retry, then ack", "retryAll, then ackAll"] {
        send(case);
    }
    let log = &mut node.process.stderr;
    let of_retry = log.until("Received a call to retry() on message ");
    let words = "after ackAll() was already called. Calling retry() on a message after calling \
                 ackAll() has no effect.";
    assert!(of_retry.contains(words) && of_retry.contains("\"WARN\""), "{of_retry}");
    let of_ack = log.until("Received a call to ack() on message ");
    assert!(of_ack.contains("after retry() was already called."), "{of_ack}");
    let of_all = log.until("Received a call to ackAll() after retryAll() was already called.");
    let words = "Calling ackAll() after calling retryAll() has no effect.";
    assert!(of_all.contains(words), "{of_all}");
}

#[test]
fn a_worker_without_the_handler_fails_its_batches_in_the_words_of_workers() {
    let mut node = Node::start();
    let settings = consumes("jobs", &json!({ "max_retries": 0 }));
    node.deploy("mute", &settings, "export default { fetch() { return new Response('good') } }");
    node.send("jobs", &json!("a"));
    let ended = node.ended("mute", "queue");
    assert_eq!(ended["outcome"], "exception", "{ended}");
    assert_eq!(ended["exception"], "Error: Handler does not export a queue() function.");
    node.until_empty("jobs");
    assert_eq!(node.get("mute", "/").body, "good");
}
