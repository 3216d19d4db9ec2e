//! A producer sends and a consumer acks while the node is killed, while another process takes over, and while the
//! consumer is deployed anew: no message is lost that was taken, and none comes again that was done with.
//!
//! `TRIGGERS_KILLS` sets how often the node is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};

use crate::done::Done;
use crate::journal::{binding, entries};
use crate::node::{MOST_PEEKED, Node, try_get};
use crate::process::PATIENCE;

/// How often the node is killed where `TRIGGERS_KILLS` does not say.
const KILLS: usize = 20;

/// Messages that are done with before the node is killed.
const SETTLED: u64 = 10;

/// Messages that are taken before the node is killed, at least, and how many more at most.
const TAKEN: usize = 20;
const TAKEN_MORE: usize = 47;

/// How often the consumer is deployed anew.
const DEPLOYS: usize = 4;

/// How often another process takes over.
const TAKEOVERS: usize = 3;

const QUEUE: &str = "work";

/// Sends the number that the path has.
const PRODUCER: &str = "export default { async fetch(request, env) {
    await env.Q.send(Number(new URL(request.url).pathname.slice(1)));
    return new Response('sent');
} }";

/// Writes each delivery down, and acks it then. Some take longer than others.
fn consumer(version: usize) -> String {
    format!(
        "export default {{ async queue(batch, env) {{
            await Promise.all(batch.messages.map(async (message) => {{
                const key = [message.body, {version}, message.attempts, crypto.randomUUID()];
                await env.JOURNAL.put(key.join('/'), '');
                await scheduler.wait(message.body % 4);
                message.ack();
            }}));
        }} }}"
    )
}

fn deploy_consumer(node: &Node, version: usize) {
    let consumer_settings = json!({
        "queue": QUEUE,
        "max_batch_size": 10,
        "max_batch_timeout": 0,
        // A kill is none of theirs.
        "max_retries": 100,
    });
    let settings = json!({
        "queues": { "consumers": [consumer_settings] },
        "kv_namespaces": binding(),
    });
    node.deploy("consumer", &settings, &consumer(version));
}

fn node() -> Node {
    let node = Node::start();
    let queues = json!({ "producers": [{ "binding": "Q", "queue": QUEUE }] });
    node.deploy("producer", &json!({ "queues": queues }), PRODUCER);
    deploy_consumer(&node, 0);
    node
}

/// How often each message was delivered.
fn delivered(node: &Node) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for entry in entries(node) {
        let number = entry.first().and_then(|number| number.parse().ok());
        *counts.entry(number.expect("a number comes first")).or_default() += 1;
    }
    counts
}

/// Sends one message after the other, from that number on, until one is not taken or it is over; tells of each
/// that was.
fn send_all(
    port: u16,
    first: u64,
    is_over: &AtomicBool,
) -> (Receiver<u64>, impl FnOnce() + Send + '_) {
    let (taken, receiver) = channel();
    let send = move || {
        for number in first.. {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            match try_get(port, "producer.localhost", &format!("/{number}")) {
                Ok((200, body)) if body == "sent" => {
                    // Nobody listens where the test has failed.
                    let _ = taken.send(number);
                }
                _ => return,
            }
        }
    };
    (receiver, send)
}

/// Notes of those that were taken how often each was delivered, as far as they are done with: a message is in its
/// queue until its ack is on disk.
fn note_settled(node: &Node, taken: &[u64], settled: &mut BTreeMap<u64, usize>) {
    let waiting = node.peeked(QUEUE);
    if waiting.len() >= MOST_PEEKED {
        // There may be more.
        return;
    }
    let waiting: BTreeSet<u64> =
        waiting.iter().filter_map(|message| message["body"].as_u64()).collect();
    let counts = delivered(node);
    for number in taken.iter().filter(|number| !waiting.contains(number)) {
        let count = counts.get(number);
        let count = count.unwrap_or_else(|| panic!("{number} is gone, and was never delivered"));
        settled.entry(*number).or_insert(*count);
    }
}

/// Sends messages until some were taken, looks which of all that were taken are done with, and kills the node then,
/// while more are sent.
fn send_until_killed(
    node: &mut Node,
    first: u64,
    count: usize,
    taken: &mut Vec<u64>,
    settled: &mut BTreeMap<u64, usize>,
) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let done = Done(&is_over);
        let (receiver, send) = send_all(node.port, first, &is_over);
        scope.spawn(send);
        let next = || receiver.recv_timeout(PATIENCE).expect("a message is taken in time");
        taken.extend((0..count).map(|_| next()));
        note_settled(node, taken, settled);
        node.restart();
        drop(done);
        // The sender has ended with the node, and leaves what was on its way.
        taken.extend(receiver.iter());
    });
}

#[test]
fn a_message_that_was_taken_outlasts_the_node_and_is_done_with_once() {
    let mut node = node();
    let mut taken: Vec<u64> = Vec::new();
    let mut settled: BTreeMap<u64, usize> = BTreeMap::new();
    let mut next = 0;
    let kills = env::var("TRIGGERS_KILLS").map_or(KILLS, |count| count.parse().unwrap());
    for kill in 0..kills {
        // These are done with, and what becomes of the node is nothing to them.
        for number in next..next + SETTLED {
            let sent = try_get(node.port, "producer.localhost", &format!("/{number}"));
            assert_eq!(sent.expect("the node is there"), (200, "sent".to_owned()));
        }
        node.until_empty(QUEUE);
        taken.extend(next..next + SETTLED);
        next += SETTLED;
        note_settled(&node, &taken, &mut settled);
        // And these are wherever they are.
        let count = TAKEN + 13 * kill % TAKEN_MORE;
        send_until_killed(&mut node, next, count, &mut taken, &mut settled);
        // The last one may have been taken, and its sender not told.
        next = taken.last().map_or(next, |last| last + 2);
    }
    node.until_empty(QUEUE);
    let counts = delivered(&node);
    let lost: Vec<_> = taken.iter().filter(|number| !counts.contains_key(number)).collect();
    assert!(lost.is_empty(), "{lost:?} of {} are lost", taken.len());
    let many = settled.len();
    for (number, count) in settled {
        assert_eq!(counts.get(&number), Some(&count), "{number} was done with, and came again");
    }
    println!(
        "{} messages were taken over {kills} kills, {many} were known to be done with before one",
        taken.len()
    );
    assert_eq!(node.peeked(QUEUE), Vec::<Value>::new());
}

#[test]
fn a_consumer_is_deployed_anew_and_no_message_is_lost() {
    let node = node();
    let is_over = AtomicBool::new(false);
    let taken: BTreeSet<u64> = thread::scope(|scope| {
        let done = Done(&is_over);
        let (receiver, send) = send_all(node.port, 0, &is_over);
        scope.spawn(send);
        let next = || receiver.recv_timeout(PATIENCE).expect("a message is taken in time");
        let mut taken = BTreeSet::from([next()]);
        for version in 1..=DEPLOYS {
            deploy_consumer(&node, version);
            // Each version has something to do.
            taken.extend(receiver.try_iter());
            taken.extend((0..5).map(|_| next()));
        }
        drop(done);
        taken.extend(receiver.iter());
        taken
    });
    let last = taken.last().copied().unwrap_or_default();
    assert_eq!(taken.len() as u64, last + 1, "each message was taken");
    node.until_empty(QUEUE);
    let counts = delivered(&node);
    assert_eq!(counts.keys().copied().collect::<BTreeSet<_>>(), taken);
    // Nothing has failed: batches that run end on their version.
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let versions: BTreeSet<String> =
        entries(&node).into_iter().filter_map(|entry| entry.into_iter().nth(1)).collect();
    assert!(versions.len() > 2, "{versions:?}");
}

#[test]
fn other_processes_take_over_and_each_message_is_delivered_once() {
    let mut node = node();
    let is_over = AtomicBool::new(false);
    let taken: BTreeSet<u64> = thread::scope(|scope| {
        let done = Done(&is_over);
        let (receiver, send) = send_all(node.port, 0, &is_over);
        scope.spawn(send);
        let next = || receiver.recv_timeout(PATIENCE).expect("a message is taken in time");
        let mut taken = BTreeSet::from([next()]);
        for _ in 0..TAKEOVERS {
            node.take_over();
            // Each process has something to do.
            taken.extend(receiver.try_iter());
            taken.extend((0..20).map(|_| next()));
        }
        drop(done);
        taken.extend(receiver.iter());
        taken
    });
    let last = taken.last().copied().unwrap_or_default();
    assert_eq!(taken.len() as u64, last + 1, "each message was taken");
    node.until_empty(QUEUE);
    let counts = delivered(&node);
    assert_eq!(counts.keys().copied().collect::<BTreeSet<_>>(), taken);
    // A process that goes lets its batches end.
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
}
