//! Messages: as they are sent, and as they are delivered.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::content_type::ContentType;

/// What names a message for as long as it exists, in whatever queue. Displayed as 32 hexadecimal
/// digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(u128);

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Up to [`MAX_MESSAGE_BYTES`](crate::MAX_MESSAGE_BYTES).
    pub body: Bytes,
    /// What the body is.
    pub content_type: ContentType,
    /// When it is delivered at the earliest, from now. `None` says nothing; zero overrides what the
    /// batch or the queue says.
    pub delay: Option<Duration>,
}

/// A message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its name.
    pub id: MessageId,
    /// When it was sent, in milliseconds since the UNIX epoch. It stays in a dead-letter queue.
    pub timestamp_ms: u64,
    /// How often it has been delivered from this queue, with this delivery: 1 for the first.
    pub attempts: u32,
    /// What the body is.
    pub content_type: ContentType,
    /// What was sent.
    pub body: Bytes,
}

impl MessageId {
    /// The identity with that number.
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u128 {
        self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl NewMessage {
    /// A message of that content that says nothing of a delay.
    pub fn new(content_type: ContentType, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), content_type, delay: None }
    }

    /// The same message with a delay of its own.
    #[must_use]
    pub fn delayed_by(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_32_digits() {
        assert_eq!(MessageId::new(0xab).to_string(), format!("{}ab", "0".repeat(30)));
        assert_eq!(MessageId::new(u128::MAX).to_string(), "f".repeat(32));
    }
}
