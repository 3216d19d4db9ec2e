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
        'ackAll, then ack': (batch, first) => { batch.ackAll(); first.ack() },
        'ackAll, then retryAll': (batch) => { batch.ackAll(); batch.retryAll() },
        'ackAll, then throw': (batch) => { batch.ackAll(); throw new Error('no') },
        'ack, then retryAll': (batch, first) => { first.ack(); batch.retryAll() },
        'retryAll, then ack': (batch, first) => { batch.retryAll(); first.ack() },
        'retryAll, then ackAll': (batch) => { batch.retryAll(); batch.ackAll() },
        'retryAll, then retry': (batch, first) => { batch.retryAll(); first.retry() },
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
        const seen = ({ id, body, attempts }) => [body.case, body.number, attempts, id];
        await env.SEEN.send(batch.messages.map(seen));
        if (first.attempts === 1) await cases[first.body.case](batch, first, ctx);
    } }";

/// Cases, and which of their messages are delivered once more.
const CASES: [(&str, &[u64]); 17] = [
    ("nothing", &[]),
    ("throws", &[0, 1, 2]),
    ("ack, then throw", &[1, 2]),
    ("retry, then return", &[0]),
    ("retry, then ackAll", &[0]),
    ("ackAll, then retry", &[]),
    ("ackAll, then ack", &[]),
    ("ackAll, then retryAll", &[]),
    ("ackAll, then throw", &[]),
    ("ack, then retryAll", &[1, 2]),
    ("retryAll, then ack", &[0, 1, 2]),
    ("retryAll, then ackAll", &[0, 1, 2]),
    ("retryAll, then retry", &[0, 1, 2]),
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

/// Calls that count for nothing, by their cases: what is called, and what was before.
const IN_VAIN: [(&str, &str, &str); 6] = [
    ("ackAll, then retry", "retry()", "ackAll()"),
    ("ack, then retry", "retry()", "ack()"),
    ("retryAll, then ack", "ack()", "retryAll()"),
    ("retry, then ack", "ack()", "retry()"),
    ("ackAll, then retryAll", "retryAll()", "ackAll()"),
    ("retryAll, then ackAll", "ackAll()", "retryAll()"),
];

#[test]
fn what_counts_for_nothing_is_told_on_the_console() {
    let mut node = Node::start();
    let settings = json!({ "max_batch_size": SIZE, "max_concurrency": 1 });
    node.deploy("consumer", &consumes("jobs", &settings), CONSUMER);
    let producer = Producer::deploy(&node, "jobs");
    let mut said = Vec::new();
    let silent = ["ackAll, then ack", "retryAll, then retry", "retry, then ackAll"];
    for case in silent.into_iter().chain(IN_VAIN.map(|(case, ..)| case)) {
        producer.send_batch(&[json!({ "case": case, "number": 0 })]);
        node.until_empty("jobs");
        let seen = node.seen_so_far();
        let batch = seen.iter().find(|batch| batch[0][0] == case).expect("it was delivered");
        said.push((case, batch[0][3].as_str().expect("a message has an identity").to_owned()));
    }
    for (case, call, earlier) in IN_VAIN {
        let id = said.iter().find(|(it, _)| *it == case).map_or("", |(_, id)| id);
        let (of, a) = match call.ends_with("All()") {
            true => (String::new(), ""),
            false => (format!(" on message {id}"), " on a message"),
        };
        let line = node.process.stderr.until("Received a call to ");
        let words = format!(
            "\"Received a call to {call}{of} after {earlier} was already called. Calling {call}{a} \
             after calling {earlier} has no effect.\""
        );
        assert!(line.contains(&words) && line.contains("\"WARN\""), "{case}: {line}");
    }
}

#[test]
fn what_is_said_of_messages_never_throws() {
    let node = Node::start();
    let source = "export default { async queue(batch, env) {
        const [message] = batch.messages;
        const delays = [-1, 1.5, NaN, 1e12, 'soon', null, undefined, {}];
        const calls = [
            () => message.retry(null), () => message.retry(5), () => message.retry({}),
            ...delays.map((delaySeconds) => () => message.retry({ delaySeconds })),
            ...delays.map((delaySeconds) => () => batch.retryAll({ delaySeconds })),
            () => batch.retryAll(null), () => message.ack(), () => batch.ackAll(), () => message.ack(),
        ];
        const thrown = [];
        if (message.attempts === 1) {
            for (const call of calls) try { call() } catch (error) { thrown.push(`${call}: ${error}`) }
            // The last delay counts.
            message.retry({ delaySeconds: 0 });
        }
        await env.SEEN.send([message.attempts, thrown]);
    } }";
    node.deploy("consumer", &consumes("jobs", &Value::Null), source);
    node.send("jobs", &json!("a"));
    assert_eq!(node.seen(2), [json!([1, []]), json!([2, []])]);
    node.until_empty("jobs");
}

#[test]
fn what_is_said_of_a_batch_that_is_over_counts_for_nothing() {
    let node = Node::start();
    let source = "let kept, context;
        export default { async queue(batch, env, ctx) {
            const [{ body, attempts }] = batch.messages;
            kept?.retryAll();
            kept?.messages[0].retry();
            await env.SEEN.send([body, attempts, kept?.messages[0].body ?? null, context === ctx]);
            [kept, context] = [batch, ctx];
        } }";
    node.deploy("consumer", &consumes("jobs", &json!({ "max_concurrency": 1 })), source);
    for number in 0..10 {
        node.send("jobs", &json!(number));
    }
    node.until_empty("jobs");
    let seen = node.seen(10);
    for (number, said) in seen.iter().enumerate() {
        assert_eq!((&said[0], &said[1]), (&json!(number), &json!(1)), "{seen:?}");
        assert_eq!(said[3], false, "each event has a context of its own");
    }
    // What was kept can be looked at.
    assert!(seen.iter().any(|said| said[2].is_u64()), "{seen:?}");
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
    let settings = consumes("calls", &json!({ "max_retries": 0 }));
    node.deploy("deaf", &settings, "addEventListener('fetch', () => {})");
    node.send("calls", &json!("a"));
    let ended = node.ended("deaf", "queue");
    assert_eq!(ended["outcome"], "exception", "{ended}");
    assert_eq!(ended["exception"], "Error: No event listener registered for queue messages.");
}
