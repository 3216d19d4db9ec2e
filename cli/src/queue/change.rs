//! What changes a queue: its messages, its settings, its end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context as _;
use api::{Purged, Queue, SendMessage, Sent, SetQueue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::args::{ContentType, CreateArgs, QueueCommand, SendArgs};
use super::queue_path;
use crate::admin::Meant;
use crate::admin::client::{Client, read};
use crate::admin::exchange::send;
use crate::failure::BadArgument;
use crate::output::{count, plain, say};
use crate::prompt;

/// So much of a file is read, in bytes: more than any message may have.
const MAX_READ_BYTES: u64 = 1 << 20;

/// Asks before messages are lost, unless that is agreed.
pub(super) fn confirm(command: &QueueCommand, meant: &Meant) -> anyhow::Result<()> {
    match command {
        QueueCommand::Purge { queue, yes: false } => {
            let question = format!("Remove all messages of the queue {} of {meant}?", plain(queue));
            prompt::confirm(&question, "messages are removed for good", "nothing was removed")
        }
        QueueCommand::Delete { queue, yes: false, .. } => {
            let queue = plain(queue);
            let question = format!("Delete the queue {queue} of {meant} with all its messages?");
            prompt::confirm(&question, "a queue is deleted for good", "nothing was deleted")
        }
        _ => Ok(()),
    }
}

pub(super) async fn run(
    client: &mut Client,
    command: &QueueCommand,
    place: &str,
    as_json: bool,
) -> anyhow::Result<()> {
    match command {
        QueueCommand::Create(args) => create(client, args, place, as_json).await,
        QueueCommand::Send(args) => send_one(client, args, place, as_json).await,
        QueueCommand::Purge { queue, .. } => {
            let path = format!("{}/purge", queue_path(queue));
            let Purged { purged } = read(client.ask(Method::POST, &path).await?).await?;
            say(as_json, &json!({ "queue": queue, "purged": purged }), || {
                format!("removed {} of {}{place}", count(purged, "message"), plain(queue))
            })
        }
        QueueCommand::Pause { queue } => {
            let said = format!("paused {}{place}: what is sent waits for `resume`", plain(queue));
            press(client, queue, "pause", said, as_json).await
        }
        QueueCommand::Resume { queue } => {
            let said = format!("resumed {}{place}", plain(queue));
            press(client, queue, "resume", said, as_json).await
        }
        QueueCommand::Delete { queue, force, .. } => {
            let force = if *force { "?force=true" } else { "" };
            client.ask(Method::DELETE, &format!("{}{force}", queue_path(queue))).await?;
            say(as_json, &json!({ "queue": queue, "deleted": true }), || {
                format!("deleted the queue {}{place}", plain(queue))
            })
        }
        QueueCommand::List | QueueCommand::Info { .. } | QueueCommand::Peek { .. } => Ok(()),
    }
}

async fn create(
    client: &mut Client,
    args: &CreateArgs,
    place: &str,
    as_json: bool,
) -> anyhow::Result<()> {
    let CreateArgs { queue, delay, retention } = args;
    let ask = SetQueue { delivery_delay_s: *delay, retention_s: *retention, ..SetQueue::default() };
    let answer = send(client, Method::PUT, &queue_path(queue), &ask).await?;
    let is_new = answer.status() == StatusCode::CREATED;
    let made: Value = read(answer).await?;
    say(as_json, &made, || {
        let queue = plain(queue);
        match (is_new, ask == SetQueue::default()) {
            (true, _) => format!("created the queue {queue}{place}"),
            (false, true) => format!("the queue {queue} is there{place}"),
            (false, false) => format!("changed the queue {queue}{place}"),
        }
    })
}

async fn send_one(
    client: &mut Client,
    args: &SendArgs,
    place: &str,
    as_json: bool,
) -> anyhow::Result<()> {
    let message = SendMessage { delay_s: args.delay, ..message(args)? };
    let path = format!("{}/messages", queue_path(&args.queue));
    let answer = send(client, Method::POST, &path, &message).await?;
    if as_json {
        return say(true, &read::<Value>(answer).await?, String::new);
    }
    let Sent { metrics, .. } = read(answer).await?;
    say(false, &json!(null), || {
        let waiting = count(metrics.backlog_count, "message");
        format!("sent to {}{place}, which has {waiting} now", plain(&args.queue))
    })
}

/// Asks for something of a queue that takes no more than a word.
async fn press(
    client: &mut Client,
    queue: &str,
    what: &str,
    said: String,
    as_json: bool,
) -> anyhow::Result<()> {
    let answer = client.ask(Method::POST, &format!("{}/{what}", queue_path(queue))).await?;
    let queue: Queue = read(answer).await?;
    say(as_json, &serde_json::to_value(&queue)?, || said)
}

/// The message that the arguments say.
fn message(args: &SendArgs) -> anyhow::Result<SendMessage> {
    if let Some(value) = &args.json_body {
        return Ok(of_json(value.clone()));
    }
    if let Some(text) = &args.text {
        return Ok(of_text(text.clone()));
    }
    let (bytes, name) = bytes(args.path.as_deref())?;
    of_bytes(bytes, args.content_type, &name)
}

fn of_bytes(
    bytes: Vec<u8>,
    content_type: Option<ContentType>,
    name: &str,
) -> anyhow::Result<SendMessage> {
    let as_bytes = |bytes: &[u8]| SendMessage {
        body_base64: Some(STANDARD.encode(bytes)),
        content_type: Some("bytes".to_owned()),
        ..SendMessage::default()
    };
    match content_type {
        Some(ContentType::Bytes) => Ok(as_bytes(&bytes)),
        Some(ContentType::Json) => {
            let value = serde_json::from_slice(&bytes)
                .map_err(|error| BadArgument(format!("expected JSON in {name}: {error}")))?;
            Ok(of_json(value))
        }
        Some(ContentType::Text) => match String::from_utf8(bytes) {
            Ok(text) => Ok(of_text(text)),
            Err(_) => Err(BadArgument(format!("expected a text in {name}, in UTF-8")).into()),
        },
        None => Ok(match String::from_utf8(bytes) {
            Ok(text) => of_text(text),
            Err(other) => as_bytes(other.as_bytes()),
        }),
    }
}

fn of_text(text: String) -> SendMessage {
    SendMessage {
        body: Some(Value::String(text)),
        content_type: Some("text".to_owned()),
        ..SendMessage::default()
    }
}

fn of_json(value: Value) -> SendMessage {
    SendMessage {
        body: Some(value),
        content_type: Some("json".to_owned()),
        ..SendMessage::default()
    }
}

/// What a file has, or the standard input, and what that is called.
fn bytes(path: Option<&Path>) -> anyhow::Result<(Vec<u8>, String)> {
    match path.filter(|path| *path != Path::new("-")) {
        None => {
            let name = "the standard input".to_owned();
            Ok((all(&mut io::stdin(), &name)?, name))
        }
        Some(path) => {
            let name = path.display().to_string();
            let unfit = |error: io::Error| BadArgument(format!("cannot read {name}: {error}"));
            let mut file = File::open(path).map_err(unfit)?;
            Ok((all(&mut file, &name)?, name))
        }
    }
}

fn all(reader: &mut dyn Read, name: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = reader.take(MAX_READ_BYTES + 1).read_to_end(&mut bytes);
    let read = read.with_context(|| format!("cannot read {name}"))?;
    if read as u64 > MAX_READ_BYTES {
        let message = format!("{name} is longer than any message may be (128,000 bytes)");
        return Err(BadArgument(message).into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_has_is_a_text_if_it_is_one() {
        let of = |bytes: &[u8], content_type| of_bytes(bytes.to_vec(), content_type, "a.bin");
        let kind = |message: SendMessage| message.content_type.unwrap_or_default();
        assert_eq!(of("ü".as_bytes(), None).unwrap(), of_text("ü".to_owned()));
        let binary = of(&[0xff, 0], None).unwrap();
        assert_eq!(binary.body_base64.as_deref(), Some("/wA="));
        assert_eq!(kind(binary), "bytes");
        let bytes = of(b"a", Some(ContentType::Bytes)).unwrap();
        assert_eq!(bytes.body_base64.as_deref(), Some("YQ=="));
        let value = of(b" [1] ", Some(ContentType::Json)).unwrap();
        assert_eq!(value, of_json(json!([1])));
        for (bytes, content_type) in
            [(&b"{"[..], ContentType::Json), (&[0xff][..], ContentType::Text)]
        {
            let message = of(bytes, Some(content_type)).unwrap_err().to_string();
            assert!(message.contains("a.bin"), "{message}");
        }
    }

    #[test]
    fn a_file_that_is_no_message_is_not_read_to_its_end() {
        let message = all(&mut io::repeat(b'x'), "a.bin").unwrap_err().to_string();
        assert!(message.starts_with("a.bin is longer"), "{message}");
    }
}
