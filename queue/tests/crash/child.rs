//! The process that is killed: it sends with many producers, consumes, and says what it begins and what
//! was answered.
//!
//! A line on standard output is a letter and keys: `s` before messages are sent and `S` when they are
//! stored, `a` before messages are acked and `A` when that is recorded.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::{join, join_all};
use isolane_queue::{
    Broker as _, ConsumerSettings, ContentType, Limits, NewMessage, Options, Queues, Verdict,
};

use super::plan::{Key, PRODUCERS, QUEUES, ROUND, settings};

/// Consumers of the first queue.
const CONSUMERS: u64 = 4;
/// When more is waiting, the producers wait.
const MOST_WAITING: u64 = 2_000;

/// Works for ever.
pub(crate) fn work_until_killed(folder: &Path, round: u64) -> ! {
    let limits = Limits { log_bytes: 1 << 20, messages_per_second: u32::MAX, ..Limits::default() };
    let queues = Queues::open(Options { limits, ..Options::new(folder) }).unwrap();
    let acked = RefCell::default();
    let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
    tokio.block_on(async {
        queues.declare(QUEUES[0]).await.unwrap();
        let producers = (0..PRODUCERS).map(|producer| produce(&queues, producer, round));
        let consumers = (0..CONSUMERS).map(|_| consume(&queues, &acked));
        let bury = consume_dead(&queues, &acked);
        join(join_all(producers), join(join_all(consumers), bury)).await;
    });
    unreachable!("they work for ever");
}

async fn produce(queues: &Queues, producer: u64, round: u64) {
    let from = Arc::from(format!("producer {producer}"));
    let mut numbers = round * ROUND..;
    loop {
        while queues.info(QUEUES[0]).is_some_and(|it| it.metrics.backlog_count > MOST_WAITING) {
            tokio::task::yield_now().await;
        }
        let count = 1 + producer as usize * 2;
        let keys: Vec<Key> =
            numbers.by_ref().take(count).map(|number| Key { producer, number }).collect();
        say('s', &keys);
        let message = |key: &Key| NewMessage {
            delay: key.delay(),
            ..NewMessage::new(ContentType::Bytes, key.body())
        };
        // A batch has no more than so many bytes.
        for part in keys.chunks(2) {
            let messages = part.iter().map(message).collect();
            queues.send(QUEUES[0], messages, None, &from).await.unwrap();
            say('S', part);
        }
    }
}

async fn consume(queues: &Queues, acked: &RefCell<HashSet<Key>>) {
    let settings = settings();
    loop {
        let Some(delivery) = queues.take(QUEUES[0], 20) else {
            tokio::task::yield_now().await;
            continue;
        };
        let mut verdicts = Vec::new();
        let mut keys = Vec::new();
        for message in &delivery.messages {
            let key = Key::of(&message.body).expect("a message is as it was sent");
            assert!(!acked.borrow().contains(&key), "{key} was acked, and is delivered");
            let verdict = key.verdict(message.attempts);
            verdicts.push(verdict);
            keys.extend((verdict == Verdict::Ack).then_some(key));
        }
        say('a', &keys);
        queues.settle(QUEUES[0], delivery.lease, verdicts, &settings).await.unwrap();
        acked.borrow_mut().extend(&keys);
        say('A', &keys);
    }
}

/// Acks whatever has failed.
async fn consume_dead(queues: &Queues, acked: &RefCell<HashSet<Key>>) {
    let settings = ConsumerSettings::default();
    loop {
        let Some(delivery) = queues.take(QUEUES[1], 3) else {
            tokio::task::yield_now().await;
            continue;
        };
        let keys: Vec<Key> =
            delivery.messages.iter().filter_map(|message| Key::of(&message.body)).collect();
        assert_eq!(keys.len(), delivery.messages.len(), "a message is as it was sent");
        assert!(keys.iter().all(|key| !acked.borrow().contains(key)), "{keys:?} were acked");
        say('a', &keys);
        let verdicts = vec![Verdict::Ack; keys.len()];
        queues.settle(QUEUES[1], delivery.lease, verdicts, &settings).await.unwrap();
        acked.borrow_mut().extend(&keys);
        say('A', &keys);
    }
}

/// One call, so that a line is whole or not there.
fn say(what: char, keys: &[Key]) {
    let mut line = String::from(what);
    for key in keys {
        line.push_str(&format!(" {key}"));
    }
    line.push('\n');
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}
