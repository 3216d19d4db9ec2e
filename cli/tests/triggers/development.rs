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

/// Waits until all of these lines are printed, in whatever order: that of a batch may come behind what the next one
/// prints.
fn until_all(stdout: &mut Lines, lines: &[&str]) {
    for line in lines {
        if !stdout.seen().contains(line) {
            stdout.until(line);
        }
    }
}

#[test]
fn what_becomes_of_messages_is_printed_in_the_words_of_wrangler() {
    let folder = Folder::with(&[("shop/index.js", SOURCE), ("shop/isolane.toml", CONFIGURATION)]);
    let (mut process, port) = session(folder.path());
    assert_eq!(get(port, "shop.localhost", "/").body, "sent");
    let stdout = &mut process.stdout;
    let first = stdout.until("got orders bad ");
    let id = first.split_whitespace().rev().nth(1).expect("it says which message it got");
    until_all(
        stdout,
        &[
            &format!("Retrying message \"{id}\" on queue \"orders\"..."),
            "QUEUE orders 1/2 (",
            &format!("got orders bad {id} 2"),
            &format!(
                "Moving message \"{id}\" on queue \"orders\" to dead letter queue \"dead\" after 2 \
                 failed attempts..."
            ),
            "QUEUE orders 0/1 (",
            &format!("got dead bad {id} 1"),
            &format!("Dropped message \"{id}\" on queue \"dead\" after 1 failed attempts!"),
            "QUEUE dead 0/1 (",
        ],
    );
    // What was acked by hand is not delivered again, as on a node.
    assert_eq!(stdout.seen().matches("got orders good ").count(), 1, "{}", stdout.seen());
}
