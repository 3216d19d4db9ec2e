//! Queues: what there is, how it is set, and messages as an operator sends and sees them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// All queues.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queues {
    /// In the order of their names.
    pub queues: Vec<Queue>,
}

/// A queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// When it was made, in milliseconds since the UNIX epoch.
    pub created_at_ms: u64,
    /// How many messages it has, those that are being delivered among them.
    pub backlog_count: u64,
    /// The bytes of their bodies.
    pub backlog_bytes: u64,
    /// When the oldest of them came, in milliseconds since the UNIX epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_message_timestamp_ms: Option<u64>,
    /// How many of them wait for their time, about.
    pub delayed_count: u64,
    /// How many of them are being delivered.
    pub in_flight_count: u64,
    /// Whether nothing of it is delivered.
    pub is_paused: bool,
    /// How long its messages wait before they are delivered, in seconds, where their senders say nothing.
    pub delivery_delay_s: u64,
    /// How long it keeps a message that nobody takes, in seconds.
    pub retention_s: u64,
    /// The workers that send to it, by name.
    pub producers: Vec<String>,
    /// The worker that gets its messages, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<QueueConsumer>,
}

/// The worker that gets the messages of a queue, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueConsumer {
    /// The worker's name.
    pub worker: String,
    /// The most messages of a batch.
    pub max_batch_size: u32,
    /// How long a batch waits to be full, in seconds.
    pub max_batch_timeout_s: u64,
    /// How often a message is delivered again.
    pub max_retries: u32,
    /// The queue that gets what was delivered too often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_queue: Option<String>,
    /// The most batches at one time; as many as are of use where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// How long a message waits before it is delivered again, in seconds.
    pub retry_delay_s: u64,
}

/// What is sent to make a queue, or to change one. What is absent stays as it is. A node that finds more than
/// it knows refuses it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetQueue {
    /// How long its messages wait before they are delivered, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_delay_s: Option<u64>,
    /// How long it keeps a message that nobody takes, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_s: Option<u64>,
    /// Whether nothing of it is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_paused: Option<bool>,
}

/// A message that is sent by hand: a body of one of two kinds. A node that finds more than it knows refuses
/// it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// The body: any JSON; a text where the content type is `text`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "even_null")]
    pub body: Option<Value>,
    /// The body instead, as bytes in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
    /// `json`, `text` or `bytes`. Where it is absent, `bytes` for what is in base64 and else `json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// How long it waits before it is delivered, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_s: Option<u64>,
}

/// What that is answered with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The message's identity: 32 hexadecimal digits.
    #[serde(default)]
    pub id: String,
    /// How much the queue has now.
    pub metrics: QueueMetrics,
}

/// How much a queue has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueMetrics {
    /// How many messages.
    pub backlog_count: u64,
    /// The bytes of their bodies.
    pub backlog_bytes: u64,
    /// When the oldest of them came, in milliseconds since the UNIX epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_message_timestamp_ms: Option<u64>,
}

/// Messages of a queue, which stay where they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Messages {
    /// Those first that are delivered first, about.
    pub messages: Vec<Message>,
}

/// A message of a queue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its identity: 32 hexadecimal digits.
    pub id: String,
    /// When it was sent, in milliseconds since the UNIX epoch.
    pub timestamp_ms: u64,
    /// How often its delivery has begun.
    pub attempts: u32,
    /// `json`, `text`, `bytes` or `v8`.
    pub content_type: String,
    /// The body of one that is `json` or `text`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "even_null")]
    pub body: Option<Value>,
    /// The body of any other, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
}

/// What the removal of all messages is answered with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purged {
    /// How many those were.
    pub purged: u64,
}

/// `null` is a body, too.
fn even_null<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(json).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_be_null_and_is_not_absent_then() {
        let message: SendMessage = serde_json::from_str(r#"{"body":null}"#).unwrap();
        assert_eq!(message.body, Some(Value::Null));
        assert_eq!(serde_json::to_string(&message).unwrap(), r#"{"body":null}"#);
        let message: SendMessage = serde_json::from_str(r#"{"body_base64":"AA=="}"#).unwrap();
        assert_eq!(message.body, None);
        serde_json::from_str::<SendMessage>(r#"{"body":1,"delay":2}"#).unwrap_err();
    }

    #[test]
    fn a_queue_of_which_little_is_known_says_little() {
        let queue = Queue { name: "mail".to_owned(), ..Queue::default() };
        let text = serde_json::to_string(&queue).unwrap();
        let expected = r#"{"name":"mail","created_at_ms":0,"backlog_count":0,"backlog_bytes":0,"delayed_count":0,"in_flight_count":0,"is_paused":false,"delivery_delay_s":0,"retention_s":0,"producers":[]}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Queue>(&text).unwrap(), queue);
    }

    #[test]
    fn what_is_not_said_of_a_queue_stays_as_it_is() {
        assert_eq!(serde_json::from_str::<SetQueue>("{}").unwrap(), SetQueue::default());
        serde_json::from_str::<SetQueue>(r#"{"paused":true}"#).unwrap_err();
    }
}
