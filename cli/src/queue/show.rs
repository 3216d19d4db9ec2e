//! What there is: queues, one of them, messages.

use api::{Message, Messages, Queue, Queues};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::queue_path;
use crate::admin::client::Client;
use crate::admin::exchange::get;
use crate::output::{Output, count, plain, say, size, table};
use crate::who;

/// So much of a body is shown in a line.
const SHOWN_CHARS: usize = 80;

pub(super) async fn list(client: &mut Client, url: &str, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return say(true, &get::<Value>(client, "/v1/queues").await?, String::new);
    }
    let Queues { queues } = get(client, "/v1/queues").await?;
    if queues.is_empty() {
        return say(false, &json!(null), || format!("there are no queues on {url}"));
    }
    let rows = queues.iter().map(|queue| {
        vec![
            plain(&queue.name),
            queue.backlog_count.to_string(),
            queue.backlog_bytes.to_string(),
            queue.delayed_count.to_string(),
            queue.in_flight_count.to_string(),
            consumer(queue),
        ]
    });
    let mut output = Output::to(None)?;
    let head = ["QUEUE", "MESSAGES>", "BYTES>", "DELAYED>", "UNDERWAY>", "CONSUMER"];
    output.write(table(&head, rows).as_bytes())?;
    output.finish()
}

fn consumer(queue: &Queue) -> String {
    let worker = queue.consumer.as_ref().map(|consumer| plain(&consumer.worker));
    match (worker, queue.is_paused) {
        (Some(worker), false) => worker,
        (Some(worker), true) => format!("{worker} (paused)"),
        (None, false) => String::new(),
        (None, true) => "(paused)".to_owned(),
    }
}

pub(super) async fn info(client: &mut Client, queue: &str, as_json: bool) -> anyhow::Result<()> {
    let path = queue_path(queue);
    if as_json {
        return say(true, &get::<Value>(client, &path).await?, String::new);
    }
    let queue: Queue = get(client, &path).await?;
    let mut output = Output::to(None)?;
    for (name, value) in lines(&queue) {
        output.write(format!("{name:<15}{value}\n").as_bytes())?;
    }
    output.finish()
}

/// What there is to know of a queue, line by line.
fn lines(queue: &Queue) -> Vec<(&'static str, String)> {
    let mut lines = vec![("queue", plain(&queue.name)), ("made", who::ago(queue.created_at_ms))];
    let (messages, bytes) = (count(queue.backlog_count, "message"), size(queue.backlog_bytes));
    lines.push(("backlog", format!("{messages}, {bytes}")));
    if let Some(oldest_ms) = queue.oldest_message_timestamp_ms {
        lines.push(("oldest", who::ago(oldest_ms)));
    }
    lines.push(("delayed", queue.delayed_count.to_string()));
    lines.push(("underway", queue.in_flight_count.to_string()));
    lines.push(("paused", if queue.is_paused { "yes" } else { "no" }.to_owned()));
    lines.push(("delay", span(queue.delivery_delay_s)));
    lines.push(("kept for", span(queue.retention_s)));
    let producers: Vec<_> = queue.producers.iter().map(|worker| plain(worker)).collect();
    if !producers.is_empty() {
        lines.push(("producers", producers.join(", ")));
    }
    let Some(consumer) = &queue.consumer else {
        lines.push(("consumer", "none: messages wait until they are too old".to_owned()));
        return lines;
    };
    lines.push(("consumer", plain(&consumer.worker)));
    let wait = span(consumer.max_batch_timeout_s);
    let batches = count(consumer.max_batch_size.into(), "message");
    lines.push(("batches", format!("up to {batches}, after {wait} at the latest")));
    let dead = consumer.dead_letter_queue.as_deref().map(plain);
    let then = dead.map_or_else(|| "dropped".to_owned(), |queue| format!("moved to {queue}"));
    lines.push(("retries", format!("{}, then {then}", consumer.max_retries)));
    if consumer.retry_delay_s > 0 {
        lines.push(("retry delay", span(consumer.retry_delay_s)));
    }
    if let Some(most) = consumer.max_concurrency {
        lines.push(("concurrency", format!("up to {most}")));
    }
    lines
}

/// A span of time in the largest unit that it is a whole number of.
fn span(seconds: u64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let whole =
        units.into_iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) => count(seconds / unit, name),
        None => count(seconds, "second"),
    }
}

pub(super) async fn peek(
    client: &mut Client,
    queue: &str,
    limit: u64,
    as_json: bool,
) -> anyhow::Result<()> {
    let path = format!("{}/messages?limit={limit}", queue_path(queue));
    if as_json {
        return say(true, &get::<Value>(client, &path).await?, String::new);
    }
    let Messages { messages } = get(client, &path).await?;
    if messages.is_empty() {
        return say(false, &json!(null), || format!("{} is empty", plain(queue)));
    }
    let rows = messages.iter().map(|message| {
        vec![
            plain(&message.id),
            message.attempts.to_string(),
            who::ago(message.timestamp_ms),
            plain(&message.content_type),
            body(message),
        ]
    });
    let mut output = Output::to(None)?;
    let head = ["MESSAGE", "ATTEMPTS>", "SENT", "TYPE", "BODY"];
    output.write(table(&head, rows).as_bytes())?;
    output.finish()
}

/// A body in one line, as far as there is room for it.
fn body(message: &Message) -> String {
    let text = match (&message.body, &message.body_base64) {
        (Some(Value::String(text)), _) if message.content_type == "text" => text.clone(),
        (Some(value), _) => value.to_string(),
        (None, Some(coded)) => match STANDARD.decode(coded) {
            Ok(bytes) => return size(bytes.len() as u64),
            Err(_) => coded.clone(),
        },
        (None, None) => String::new(),
    };
    let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    plain(&shown)
}

#[cfg(test)]
mod tests {
    use api::QueueConsumer;

    use super::*;

    fn message(content_type: &str, body: Option<Value>, coded: Option<&str>) -> Message {
        Message {
            content_type: content_type.to_owned(),
            body,
            body_base64: coded.map(str::to_owned),
            ..Message::default()
        }
    }

    #[test]
    fn a_body_is_shown_in_a_line() {
        for (message, expected) in [
            (message("text", Some(json!("hello")), None), "hello"),
            (message("text", Some(json!("one\ntwo")), None), "\"one\\ntwo\""),
            (message("json", Some(json!("hello")), None), "\"hello\""),
            (message("json", Some(json!([1, null])), None), "[1,null]"),
            (message("bytes", None, Some("AAEC")), "3 bytes"),
        ] {
            assert_eq!(body(&message), expected);
        }
        let long = body(&message("text", Some(json!("ü".repeat(100))), None));
        assert_eq!(long, format!("{}…", "ü".repeat(80)));
    }

    #[test]
    fn a_span_has_the_largest_unit_that_fits() {
        for (seconds, expected) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (90, "90 seconds"),
            (3_600, "1 hour"),
            (345_600, "4 days"),
        ] {
            assert_eq!(span(seconds), expected);
        }
    }

    #[test]
    fn a_queue_says_who_gets_its_messages_and_when_they_are_given_up() {
        let mut queue = Queue { name: "mail".to_owned(), is_paused: true, ..Queue::default() };
        let line = |queue: &Queue, name: &str| {
            let line = lines(queue).into_iter().find(|(it, _)| *it == name);
            line.map(|(_, value)| value).unwrap_or_default()
        };
        assert!(line(&queue, "consumer").starts_with("none"));
        assert_eq!((consumer(&queue), line(&queue, "paused")), ("(paused)".into(), "yes".into()));
        queue.consumer = Some(QueueConsumer {
            worker: "sender".to_owned(),
            max_batch_size: 10,
            max_batch_timeout_s: 5,
            max_retries: 3,
            dead_letter_queue: Some("dead".to_owned()),
            ..QueueConsumer::default()
        });
        assert_eq!(line(&queue, "batches"), "up to 10 messages, after 5 seconds at the latest");
        assert_eq!(line(&queue, "retries"), "3, then moved to dead");
        assert_eq!(consumer(&queue), "sender (paused)");
    }
}
