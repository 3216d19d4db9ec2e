//! Batches of a queue: what a worker gets of the messages, and what is known of what it says of them,
//! whatever becomes of its handler.

use std::time::Duration;

use isolane_runtime::{ConsoleLevel, Ended, Flag, KindResult, Outcome, QueueBatch, Trigger};
use libtest_mimic::Trial;
use queue::{ContentType, Message, MessageId, Metrics, Verdict};

use crate::support::{Builder, Worker, trial};

/// What is delivered, each message with that content.
fn batch(contents: &[(ContentType, &[u8])]) -> Trigger {
    let messages = (1u128..).zip(contents).map(|(number, (content_type, body))| Message {
        id: MessageId::new(number),
        timestamp_ms: 1_700_000_000_000,
        attempts: 2,
        content_type: *content_type,
        body: body.to_vec().into(),
    });
    let metrics = Metrics {
        backlog_count: 3,
        backlog_bytes: 40,
        oldest_message_timestamp_ms: Some(1_700_000_000_000),
    };
    Trigger::Queue(QueueBatch { queue: "orders".into(), messages: messages.collect(), metrics })
}

/// So many messages.
fn texts(count: usize) -> Trigger {
    batch(&vec![(ContentType::Text, b"text".as_slice()); count])
}

/// A worker with this as the body of its `queue(batch, env, ctx)`.
fn consumer(body: &str) -> Builder {
    Worker::from_source(&format!("export default {{ async queue(batch, env, ctx) {{ {body} }} }}"))
}

/// Of each message whether it is to be delivered again, and after how many seconds.
fn retried(ended: Ended) -> Vec<Option<Option<u64>>> {
    let is_ok = ended.outcome == Outcome::Ok;
    let KindResult::Queue(acks) = ended.result else { panic!("it was a batch") };
    let verdicts = acks.resolve(is_ok);
    let seconds = |verdict: &Verdict| match verdict {
        Verdict::Ack => None,
        Verdict::Retry { delay } => Some(delay.as_ref().map(Duration::as_secs)),
    };
    verdicts.iter().map(seconds).collect()
}

fn message(ended: &Ended) -> &str {
    ended.exception.as_ref().map_or("", |thrown| &thrown.message)
}

/// What a structured clone writes of `{ a: 1n }` in an object, as V8 has it.
const CLONED: &[u8] =
    &[0xff, 0x0f, b'o', b'"', 1, b'a', b'Z', 0x10, 1, 0, 0, 0, 0, 0, 0, 0, b'{', 1];

pub fn trials() -> Vec<Trial> {
    let mut trials = contents();
    trials.extend(words());
    trials
}

fn contents() -> Vec<Trial> {
    vec![
        trial("queue::messages_have_what_was_sent", || async {
            let worker = consumer(
                "const [text, json, bytes, clone] = batch.messages;
                 console.log(JSON.stringify([
                     batch.queue, batch.metadata.metrics, Object.keys(batch), Object.keys(text),
                     text, json.body, bytes.body instanceof Uint8Array, [...bytes.body],
                     typeof clone.body.a, clone.timestamp instanceof Date, Array.isArray(batch.messages),
                     batch.constructor.name, text.constructor.name,
                 ]));",
            )
            .build();
            let ended = worker
                .run(batch(&[
                    (ContentType::Text, "a \u{e4}".as_bytes()),
                    (ContentType::Json, br#"{"b":[1]}"#),
                    (ContentType::Bytes, &[7, 8]),
                    (ContentType::V8, CLONED),
                ]))
                .await
                .unwrap();
            assert_eq!((ended.outcome, message(&ended)), (Outcome::Ok, ""));
            let time = "2023-11-14T22:13:20.000Z";
            let id = MessageId::new(1).to_string();
            let expected = serde_json::json!([
                "orders",
                { "backlogCount": 3, "backlogBytes": 40, "oldestMessageTimestamp": time },
                ["queue", "messages", "metadata"], ["id", "timestamp", "body", "attempts"],
                { "id": id, "timestamp": time, "body": "a \u{e4}", "attempts": 2 },
                { "b": [1] }, true, [7, 8], "bigint", true, true, "MessageBatch", "Message",
            ]);
            let line = worker.line("[").await.1;
            assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), expected);
            assert_eq!(retried(ended), [None; 4], "nothing was said, and nothing thrown");
        }),
        trial("queue::a_body_that_is_none_fails_its_batch_and_no_shard", || async {
            let hostile: &[&[u8]] = &[
                b"",
                b"no clone",
                &[0xff, 0x0f],
                // A dense array, a string and a buffer of four gigabytes.
                &[0xff, 0x0f, b'A', 0xff, 0xff, 0xff, 0xff, 0x0f],
                &[0xff, 0x0f, b'"', 0xff, 0xff, 0xff, 0xff, 0x0f],
                &[0xff, 0x0f, b'B', 0xff, 0xff, 0xff, 0xff, 0x0f],
                // Objects of the runtime, a shared buffer, a module of Wasm.
                &[0xff, 0x0f, b'\\', 0xff, 0xff, 0xff, 0xff, 0x0f],
                &[0xff, 0x0f, b'u', 0],
                &[0xff, 0x0f, b'w', 0],
            ];
            // Objects in objects.
            let mut deep = vec![0xff, 0x0f];
            deep.extend(b"o\"\x01a".repeat(20_000));
            let worker = consumer("console.log('called')").build();
            for body in hostile.iter().copied().chain([deep.as_slice()]) {
                let ended = worker.run(batch(&[(ContentType::V8, body)])).await.unwrap();
                assert_eq!(ended.outcome, Outcome::Exception, "{body:?}");
                assert_eq!(retried(ended), [Some(None)]);
            }
            let ended = worker.run(batch(&[(ContentType::Json, b"{")])).await.unwrap();
            assert!(message(&ended).starts_with("SyntaxError: "), "{}", message(&ended));
        }),
        trial("queue::a_class_and_listeners_get_batches", || async {
            for source in [
                "import { WorkerEntrypoint } from 'cloudflare:workers';
                 export default class extends WorkerEntrypoint {
                     queue(batch) { batch.messages[0].retry(); console.log(`[${arguments.length} ${batch.queue} ${this.env.A}]`) }
                 }",
                "addEventListener('queue', (event) => {
                     event.messages[0].retry();
                     event.waitUntil(scheduler.wait(1).then(() => console.log(`[1 ${event.queue} ${A}]`)));
                 })",
            ] {
                let worker = Worker::from_source(source).with_var("A", "a").build();
                let ended = worker.run(texts(2)).await.unwrap();
                assert_eq!((ended.outcome, message(&ended)), (Outcome::Ok, ""), "{source}");
                assert_eq!(worker.line("[").await.1, "[1 orders a]");
                assert_eq!(retried(ended), [Some(None), None]);
            }
        }),
        trial("queue::a_worker_without_the_handler_fails_in_the_words_of_workers", || async {
            for (source, expected) in [
                ("export default { fetch() {} }", "Handler does not export a queue() function."),
                (
                    "addEventListener('fetch', () => {})",
                    "No event listener registered for queue messages.",
                ),
            ] {
                let ended = Worker::from_source(source).build().run(texts(1)).await.unwrap();
                assert_eq!(message(&ended), format!("Error: {expected}"));
                assert_eq!(retried(ended), [Some(None)]);
            }
        }),
    ]
}

fn words() -> Vec<Trial> {
    vec![
        trial("queue::what_is_said_by_hand_counts_though_the_handler_throws", || async {
            let worker = consumer(
                "const [a, b, c] = batch.messages;
                 a.ack(); await 1; b.retry({ delaySeconds: 7.9 }); c.retry({ delaySeconds: -1 });
                 throw new Error('no')",
            )
            .build();
            let ended = worker.run(texts(4)).await.unwrap();
            assert_eq!((ended.outcome, message(&ended)), (Outcome::Exception, "Error: no"));
            assert_eq!(retried(ended), [None, Some(Some(7)), Some(Some(0)), Some(None)]);
        }),
        trial("queue::what_is_said_counts_though_the_handler_is_ended", || async {
            let worker = consumer("batch.messages[0].ack(); for (;;);").with_cpu_ms(100).build();
            let ended = worker.run(texts(2)).await.unwrap();
            assert_eq!(ended.outcome, Outcome::ExceededCpu);
            assert_eq!(retried(ended), [None, Some(None)]);
        }),
        trial("queue::the_whole_batch_is_acked_or_retried", || async {
            let worker = consumer("batch.retryAll({ delaySeconds: 100_000 })").build();
            let ended = worker.run(texts(2)).await.unwrap();
            assert_eq!(retried(ended), [Some(Some(86_400)); 2]);
            let worker = consumer("batch.ackAll(); throw 1").build();
            assert_eq!(retried(worker.run(texts(2)).await.unwrap()), [None; 2]);
        }),
        trial("queue::what_has_no_effect_is_told", || async {
            let worker = consumer(
                "batch.messages[0].ack(); batch.messages[0].retry(); batch.ackAll(); batch.retryAll()",
            )
            .build();
            assert_eq!(retried(worker.run(texts(1)).await.unwrap()), [None]);
            let id = MessageId::new(1);
            for expected in [
                format!(
                    "Received a call to retry() on message {id} after ack() was already called. \
                     Calling retry() on a message after calling ack() has no effect."
                ),
                "Received a call to retryAll() after ackAll() was already called. Calling retryAll() \
                 after calling ackAll() has no effect."
                    .to_owned(),
            ] {
                assert_eq!(worker.line(&expected).await, (ConsoleLevel::Warn, expected));
            }
        }),
        trial("queue::what_a_handler_waits_for_is_part_of_the_batch", || async {
            let worker = consumer(
                "ctx.waitUntil(scheduler.wait(5).then(() => { batch.messages[0].ack(); throw new Error('late') }))",
            )
            .build();
            let ended = worker.run(texts(2)).await.unwrap();
            assert_eq!((ended.outcome, message(&ended)), (Outcome::Exception, "Error: late"));
            assert_eq!(retried(ended), [None, Some(None)]);
        }),
        trial("queue::a_flag_has_the_batch_told_before_what_is_waited_for", || async {
            let worker = consumer(
                "ctx.waitUntil(scheduler.wait(100).then(() => { console.log('later'); throw new Error('late') }))",
            )
            .with_flag(Flag::QueueConsumerNoWaitForWaitUntil, true)
            .build();
            let ended = worker.run(texts(1)).await.unwrap();
            assert_eq!((ended.outcome, message(&ended)), (Outcome::Ok, ""));
            assert_eq!(retried(ended), [None]);
            worker.line("later").await;
            let report = worker.report(|_| true).await;
            assert_eq!(report.exception.unwrap().0, "Error: late");
        }),
        trial("queue::what_is_kept_after_the_event_counts_for_nothing", || async {
            let worker = Worker::from_source(
                "let kept;
                 export default { async queue(batch) {
                     if (kept !== undefined) {
                         kept.retryAll(); kept.messages[0].retry();
                         console.log(`[${kept.messages[0].body} ${kept.messages.length}]`);
                     }
                     kept = batch;
                 } }",
            )
            .build();
            for _ in 0..50 {
                let ended = worker.run(texts(1)).await.unwrap();
                assert_eq!((ended.outcome, message(&ended)), (Outcome::Ok, ""));
                assert_eq!(retried(ended), [None]);
            }
            assert_eq!(worker.line("[").await.1, "[text 1]");
        }),
        trial("queue::methods_need_their_objects", || async {
            let worker = consumer(
                "const tried = (f) => { try { f.call({}); return 'no' } catch (e) { return e.message } };
                 const { ack, retry } = batch.messages[0], { ackAll, retryAll } = batch;
                 console.log(JSON.stringify([ack, retry, ackAll, retryAll].map(tried)));",
            )
            .build();
            worker.run(texts(1)).await.unwrap();
            let illegal = "Illegal invocation";
            let expected = serde_json::json!([illegal, illegal, illegal, illegal]);
            assert_eq!(worker.line("[").await.1, expected.to_string());
        }),
    ]
}
