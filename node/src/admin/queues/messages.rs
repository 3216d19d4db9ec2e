//! Messages as an operator sends them, and looks at them.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use queue::{ContentType, MAX_MESSAGE_BYTES, Message, MessageId, NewMessage, Queues};
use serde_json::Value;

use crate::admin::answer::{Answer, Fault, json};
use crate::admin::query::Query;
use crate::admin::upload::Upload;

/// Who sends what is sent by hand. No worker has such a name.
const SENDER: &str = "(admin)";

/// The longest request that sends a message: in JSON a byte of text takes at most six, as in `\u0000`.
const MAX_SEND_BYTES: usize = 6 * MAX_MESSAGE_BYTES + (64 << 10);

/// How many messages are looked at when the request does not say.
const DEFAULT_LIMIT: usize = 10;
/// The most that are looked at.
const MAX_LIMIT: i64 = 100;

/// Sends one.
pub(super) async fn send(queues: &Queues, queue: &str, body: Upload) -> Result<Answer, Fault> {
    super::existing(queues, queue)?;
    let body = body.whole("the message", MAX_SEND_BYTES).await?;
    let wanted: api::SendMessage = serde_json::from_slice(&body)
        .map_err(|error| Fault::bad_request(format!("the message is malformed: {error}")))?;
    let message = message_of(wanted)?;
    let stored = queues.store(queue, vec![message], None, &Arc::from(SENDER)).await?;
    let queue::Sent { ids, metrics } = stored;
    let metrics = api::QueueMetrics {
        backlog_count: metrics.backlog_count,
        backlog_bytes: metrics.backlog_bytes,
        oldest_message_timestamp_ms: metrics.oldest_message_timestamp_ms,
    };
    let id = ids.first().map(MessageId::to_string).unwrap_or_default();
    Ok(json(StatusCode::OK, &api::Sent { id, metrics }))
}

/// Looks at some, which stay where they are.
pub(super) async fn list(queues: &Queues, queue: &str, query: &Query) -> Result<Answer, Fault> {
    let limit = match query.whole("limit")? {
        None => DEFAULT_LIMIT,
        Some(limit @ 1..=MAX_LIMIT) => limit as usize,
        Some(limit) => {
            return Err(Fault::bad_request(format!(
                "expected a number from 1 to {MAX_LIMIT} as limit, found {limit}"
            )));
        }
    };
    super::existing(queues, queue)?;
    let (queues, queue) = (queues.clone(), queue.to_owned());
    // It reads the disk.
    let messages = tokio::task::spawn_blocking(move || queues.peek(&queue, limit)).await;
    let messages = messages.map_err(|_| {
        Fault::internal("the node failed while it looked at messages; its log says more")
    })?;
    let messages = messages.into_iter().map(to_api).collect();
    Ok(json(StatusCode::OK, &api::Messages { messages }))
}

/// The message that somebody asks for.
fn message_of(wanted: api::SendMessage) -> Result<NewMessage, Fault> {
    let api::SendMessage { body, body_base64, content_type, delay_s } = wanted;
    let content_type = content_type.as_deref().map(content_type_of).transpose()?;
    let (content_type, body) = match (body, body_base64) {
        (Some(_), Some(_)) => {
            return Err(Fault::bad_request("expected body or body_base64, found both"));
        }
        (None, None) => return Err(Fault::bad_request("expected body or body_base64")),
        (Some(body), None) => {
            let content_type = content_type.unwrap_or(ContentType::Json);
            (content_type, bytes_of(body, content_type)?)
        }
        (None, Some(text)) => {
            let content_type = content_type.unwrap_or(ContentType::Bytes);
            let bytes = STANDARD.decode(text.as_bytes()).map_err(|error| {
                Fault::bad_request(format!("body_base64 is not base64: {error}"))
            })?;
            check(&bytes, content_type)?;
            (content_type, bytes.into())
        }
    };
    Ok(NewMessage { body, content_type, delay: delay_s.map(Duration::from_secs) })
}

fn content_type_of(name: &str) -> Result<ContentType, Fault> {
    match name.parse::<ContentType>() {
        Ok(ContentType::V8) => Err(Fault::bad_request(
            "a message of the content type v8 is made by workers alone: send json, text or bytes",
        )),
        Ok(content_type) => Ok(content_type),
        Err(_) => Err(Fault::bad_request(format!(
            "expected json, text or bytes as content_type, found {name:?}"
        ))),
    }
}

/// A body that was given as JSON.
fn bytes_of(body: Value, content_type: ContentType) -> Result<Bytes, Fault> {
    match (content_type, body) {
        (ContentType::Text, Value::String(text)) => Ok(text.into()),
        (ContentType::Json, body) => Ok(body.to_string().into()),
        (ContentType::Text, _) => {
            Err(Fault::bad_request("expected a text as the body of a message of the type text"))
        }
        (ContentType::Bytes | ContentType::V8, _) => {
            Err(Fault::bad_request("expected the bytes as body_base64"))
        }
    }
}

/// That bytes are what a consumer can read as that.
fn check(bytes: &[u8], content_type: ContentType) -> Result<(), Fault> {
    let is_fit = match content_type {
        ContentType::Bytes | ContentType::V8 => true,
        ContentType::Text => std::str::from_utf8(bytes).is_ok(),
        ContentType::Json => serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok(),
    };
    match is_fit {
        true => Ok(()),
        false => Err(Fault::bad_request(format!("body_base64 is no {content_type}"))),
    }
}

fn to_api(message: Message) -> api::Message {
    let Message { id, timestamp_ms, attempts, content_type, body } = message;
    let shown = match content_type {
        ContentType::Json => serde_json::from_slice(&body).ok(),
        ContentType::Text => std::str::from_utf8(&body).ok().map(Value::from),
        ContentType::Bytes | ContentType::V8 => None,
    };
    let body_base64 = shown.is_none().then(|| STANDARD.encode(&body));
    api::Message {
        id: id.to_string(),
        timestamp_ms,
        attempts,
        content_type: content_type.as_str().to_owned(),
        body: shown,
        body_base64,
    }
}

#[cfg(test)]
mod tests {
    use queue::MessageId;
    use serde_json::json;

    use super::*;

    fn sent(message: Value) -> Result<NewMessage, String> {
        message_of(serde_json::from_value(message).unwrap()).map_err(|fault| fault.message)
    }

    #[test]
    fn a_body_is_json_or_what_it_is_said_to_be() {
        for (message, content_type, body) in [
            (json!({ "body": { "a": [1, null] } }), ContentType::Json, r#"{"a":[1,null]}"#),
            (json!({ "body": null }), ContentType::Json, "null"),
            (json!({ "body": "a" }), ContentType::Json, "\"a\""),
            (json!({ "body": "a", "content_type": "text" }), ContentType::Text, "a"),
            (json!({ "body_base64": "YWI=" }), ContentType::Bytes, "ab"),
            (json!({ "body_base64": "NwA=", "content_type": "BYTES" }), ContentType::Bytes, "7\0"),
            (json!({ "body_base64": "Nw==", "content_type": "json" }), ContentType::Json, "7"),
        ] {
            let made = sent(message.clone()).unwrap();
            let expected = (content_type, body.as_bytes());
            assert_eq!((made.content_type, &*made.body), expected, "{message}");
            assert_eq!(made.delay, None);
        }
        let delayed = sent(json!({ "body": 1, "delay_s": 7 })).unwrap();
        assert_eq!(delayed.delay, Some(Duration::from_secs(7)));
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (message, part) in [
            (json!({}), "expected body or body_base64"),
            (json!({ "body": 1, "body_base64": "" }), "found both"),
            (json!({ "body": 1, "content_type": "text" }), "expected a text"),
            (json!({ "body": "a", "content_type": "bytes" }), "expected the bytes"),
            (json!({ "body": 1, "content_type": "v8" }), "made by workers alone"),
            (json!({ "body": 1, "content_type": "xml" }), "found \"xml\""),
            (json!({ "body_base64": "*" }), "is not base64"),
            (json!({ "body_base64": "YQ==", "content_type": "json" }), "is no json"),
        ] {
            let told = sent(message.clone()).unwrap_err();
            assert!(told.contains(part), "{message}: {told}");
        }
    }

    #[test]
    fn a_message_is_shown_as_what_it_is() {
        let shown = |content_type, body: &'static [u8]| {
            let (id, body) = (MessageId::new(10), Bytes::from_static(body));
            to_api(Message { id, timestamp_ms: 1, attempts: 0, content_type, body })
        };
        let json_message = shown(ContentType::Json, b"{\"a\":1}");
        assert_eq!((json_message.body, json_message.body_base64), (Some(json!({ "a": 1 })), None));
        assert_eq!(json_message.id, format!("{}a", "0".repeat(31)));
        assert_eq!(shown(ContentType::Text, b"a").body, Some(json!("a")));
        let bytes = shown(ContentType::Bytes, b"\xff");
        assert_eq!((bytes.body, bytes.body_base64.as_deref()), (None, Some("/w==")));
        assert_eq!(shown(ContentType::Json, b"null").body, Some(Value::Null));
    }
}
