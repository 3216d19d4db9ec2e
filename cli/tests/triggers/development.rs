//! Queues in `isolane dev`: what is printed of batches, and what is decided as on a node.

use std::path::Path;

use crate::folder::Folder;
use crate::http::get;
use crate::process::{Lines, Process};

const CONFIGURATION: &str = "name = 'shop'
[[queues.producers]]
binding = 'ORDERS'
queue = 'orders'
[[queues.consumers]]
queue = 'orders'
max_batch_timeout = 0
max_retries = 1
dead_letter_queue = 'dead'
[[queues.consumers]]
queue = 'dead'
max_batch_timeout = 0
max_retries = 0
";

/// Acks the first message of a batch by hand, and fails as long as there is another one.
const SOURCE: &str = "export default {
    async fetch(request, env) {
        await env.ORDERS.sendBatch([{ body: 'good' }, { body: 'bad' }]);
        return new Response('sent');
    },
    queue({ queue, messages }) {
        const bad = messages.filter(({ body }) => body === 'bad');
        for (const { body, id, attempts } of messages) console.log('got', queue, body, id, attempts);
        messages.find(({ body }) => body === 'good')?.ack();
        if (bad.length > 0) throw new Error('bad');
    },
};";

fn session(folder: &Path) -> (Process, u16) {
    let mut process = Process::start(folder, ["dev", "--port", "0", "--data", "data", "shop"]);
    let port = process.dev_port();
    (process, port)
}

/// The identity of the bad message, as its consumer says it of a delivery.
fn identity(stdout: &mut Lines, queue: &str, attempts: u32) -> String {
    let line = stdout.until(&format!("got {queue} bad "));
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words.last(), Some(&&*attempts.to_string()), "{line}");
    words[words.len() - 2].to_owned()
}

#[test]
fn what_becomes_of_messages_is_printed_in_the_words_of_wrangler() {
    let folder = Folder::with(&[("shop/index.js", SOURCE), ("shop/isolane.toml", CONFIGURATION)]);
    let (mut process, port) = session(folder.path());
    assert_eq!(get(port, "shop.localhost", "/").body, "sent");
    let stdout = &mut process.stdout;
    let id = identity(stdout, "orders", 1);
    stdout.until(&format!("Retrying message \"{id}\" on queue \"orders\"..."));
    // What was acked by hand is not delivered again, as on a node.
    stdout.until("QUEUE orders 1/2 (");
    assert_eq!(identity(stdout, "orders", 2), id);
    stdout.until(&format!(
        "Moving message \"{id}\" on queue \"orders\" to dead letter queue \"dead\" after 2 failed \
         attempts..."
    ));
    stdout.until("QUEUE orders 0/1 (");
    assert_eq!(identity(stdout, "dead", 1), id);
    stdout.until(&format!("Dropped message \"{id}\" on queue \"dead\" after 1 failed attempts!"));
    let line = stdout.until("QUEUE dead 0/1 (");
    assert!(line.ends_with("ms)"), "{line}");
}
