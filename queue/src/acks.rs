//! What handlers say of a batch while it runs, and what follows from it when the event has ended: the
//! precedence that workerd has (`src/workerd/api/queue.c++`).

use std::time::Duration;

use crate::message::MessageId;

/// What was said of a batch so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acks {
    messages: Vec<Said>,
    batch: Option<SaidOfAll>,
}

/// What was said of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Said {
    #[default]
    Nothing,
    Ack,
    Retry {
        delay_s: Option<u32>,
    },
}

/// What was said of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SaidOfAll {
    Ack,
    Retry { delay_s: Option<u32> },
}

/// What is to become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was handled.
    Ack,
    /// It is to be delivered again.
    Retry {
        /// After how long; `None` where nobody said so, and the consumer's settings do.
        delay: Option<Duration>,
    },
}

/// A call that had no effect, because another one came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warning {
    /// `message.retry()` after `batch.ackAll()`.
    RetryAfterAckAll,
    /// `message.retry()` after `message.ack()`.
    RetryAfterAck,
    /// `message.ack()` after `batch.retryAll()`.
    AckAfterRetryAll,
    /// `message.ack()` after `message.retry()`.
    AckAfterRetry,
    /// `batch.retryAll()` after `batch.ackAll()`.
    RetryAllAfterAckAll,
    /// `batch.ackAll()` after `batch.retryAll()`.
    AckAllAfterRetryAll,
}

impl Acks {
    /// Of a batch of so many messages, of which nothing was said yet.
    pub fn new(messages: usize) -> Self {
        Self { messages: vec![Said::Nothing; messages], batch: None }
    }

    /// How many messages the batch has.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether the batch has no messages.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// `message.ack()` of the message at that place; one that is not there is ignored.
    pub fn ack(&mut self, index: usize) -> Option<Warning> {
        let said = self.messages.get_mut(index)?;
        match (self.batch, *said) {
            (Some(SaidOfAll::Ack), _) => None,
            (Some(SaidOfAll::Retry { .. }), _) => Some(Warning::AckAfterRetryAll),
            (None, Said::Retry { .. }) => Some(Warning::AckAfterRetry),
            (None, Said::Nothing | Said::Ack) => {
                *said = Said::Ack;
                None
            }
        }
    }

    /// `message.retry()` of the message at that place, after so many seconds; one that is not there is
    /// ignored. A delay that was set stays where a further call has none.
    pub fn retry(&mut self, index: usize, delay_s: Option<u32>) -> Option<Warning> {
        let said = self.messages.get_mut(index)?;
        match (self.batch, *said) {
            (Some(SaidOfAll::Ack), _) => return Some(Warning::RetryAfterAckAll),
            (_, Said::Ack) => return Some(Warning::RetryAfterAck),
            (_, Said::Nothing) => *said = Said::Retry { delay_s },
            (_, Said::Retry { delay_s: before }) => {
                *said = Said::Retry { delay_s: delay_s.or(before) };
            }
        }
        None
    }

    /// `batch.ackAll()`.
    pub fn ack_all(&mut self) -> Option<Warning> {
        if matches!(self.batch, Some(SaidOfAll::Retry { .. })) {
            return Some(Warning::AckAllAfterRetryAll);
        }
        self.batch = Some(SaidOfAll::Ack);
        None
    }

    /// `batch.retryAll()`, after so many seconds. A delay that was set stays where a further call has
    /// none.
    pub fn retry_all(&mut self, delay_s: Option<u32>) -> Option<Warning> {
        let before = match self.batch {
            Some(SaidOfAll::Ack) => return Some(Warning::RetryAllAfterAckAll),
            Some(SaidOfAll::Retry { delay_s }) => delay_s,
            None => None,
        };
        self.batch = Some(SaidOfAll::Retry { delay_s: delay_s.or(before) });
        None
    }

    /// What becomes of each message, in their order, now that the event has ended: what was said of it
    /// comes before what was said of the batch, and that before how the event ended. `is_ok`: with
    /// the outcome `ok`.
    pub fn resolve(&self, is_ok: bool) -> Vec<Verdict> {
        let of_batch = match self.batch {
            Some(SaidOfAll::Retry { delay_s }) => delay_s,
            _ => None,
        };
        let retry = |delay_s: Option<u32>| Verdict::Retry {
            delay: delay_s.or(of_batch).map(|seconds| Duration::from_secs(seconds.into())),
        };
        let of_message = |said: &Said| match (*said, self.batch) {
            (Said::Retry { delay_s }, _) => retry(delay_s),
            (Said::Ack, _) | (Said::Nothing, Some(SaidOfAll::Ack)) => Verdict::Ack,
            (Said::Nothing, Some(SaidOfAll::Retry { .. })) => retry(None),
            (Said::Nothing, None) if is_ok => Verdict::Ack,
            (Said::Nothing, None) => retry(None),
        };
        self.messages.iter().map(of_message).collect()
    }
}

impl Warning {
    /// The line on the worker's console; `id` is that of the message, for what is said of one.
    pub fn text(&self, id: Option<MessageId>) -> String {
        let (call, earlier) = match self {
            Self::RetryAfterAckAll => ("retry()", "ackAll()"),
            Self::RetryAfterAck => ("retry()", "ack()"),
            Self::AckAfterRetryAll => ("ack()", "retryAll()"),
            Self::AckAfterRetry => ("ack()", "retry()"),
            Self::RetryAllAfterAckAll => ("retryAll()", "ackAll()"),
            Self::AckAllAfterRetryAll => ("ackAll()", "retryAll()"),
        };
        if matches!(self, Self::RetryAllAfterAckAll | Self::AckAllAfterRetryAll) {
            return format!(
                "Received a call to {call} after {earlier} was already called. Calling {call} \
                 after calling {earlier} has no effect."
            );
        }
        let message = match id {
            Some(id) => format!("message {id}"),
            None => "a message".to_owned(),
        };
        format!(
            "Received a call to {call} on {message} after {earlier} was already called. Calling \
             {call} on a message after calling {earlier} has no effect."
        )
    }
}

#[cfg(test)]
mod tests;
