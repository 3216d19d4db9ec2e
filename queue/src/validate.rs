//! The rules of what is sent, in the words of Workers Queues. Rates and what is on disk already are
//! not looked at here.

use std::time::Duration;

use queue_rules::DELAY_S;

use crate::error::SendError;
use crate::limits::{MAX_BATCH_BYTES, MAX_BATCH_COUNT, MAX_MESSAGE_BYTES};
use crate::message::NewMessage;

/// Looks at the message of a `send`.
///
/// # Errors
///
/// When it is too long, or its delay is none.
pub fn check_send(message: &NewMessage) -> Result<(), SendError> {
    let bytes = message.body.len();
    if bytes > MAX_MESSAGE_BYTES {
        let cause = format!("message length of {bytes} bytes exceeds limit of {MAX_MESSAGE_BYTES}");
        return Err(SendError::new(SendError::MESSAGE_SIZE, 413, cause));
    }
    check_delay(message.delay, SendError::MESSAGE_METADATA)
}

/// Looks at the messages of a `sendBatch`, and at the delay that it gives to all of them.
///
/// # Errors
///
/// When there are none or too many, one is too long, all are, or a delay is none.
pub fn check_batch(
    messages: &[NewMessage],
    batch_delay: Option<Duration>,
) -> Result<(), SendError> {
    let count = messages.len();
    if count == 0 {
        let cause = "sendBatch() requires at least one message";
        return Err(SendError::new(SendError::BATCH_COUNT, 400, cause));
    }
    if count > MAX_BATCH_COUNT {
        let cause = format!("batch message count of {count} exceeds limit of {MAX_BATCH_COUNT}");
        return Err(SendError::new(SendError::BATCH_COUNT, 413, cause));
    }
    let lengths = messages.iter().map(|message| message.body.len());
    let longest = lengths.clone().max().unwrap_or_default();
    if longest > MAX_MESSAGE_BYTES {
        let cause = format!(
            "message in batch has length {longest} bytes which exceeds single message size limit \
             of {MAX_MESSAGE_BYTES}"
        );
        return Err(SendError::new(SendError::MESSAGE_SIZE, 413, cause));
    }
    let bytes = lengths.sum::<usize>();
    if bytes > MAX_BATCH_BYTES {
        let cause = format!("batch size of {bytes} bytes exceeds limit of {MAX_BATCH_BYTES}");
        return Err(SendError::new(SendError::BATCH_SIZE, 413, cause));
    }
    check_delay(batch_delay, SendError::BATCH_DELAY)?;
    messages.iter().try_for_each(|message| check_delay(message.delay, SendError::MESSAGE_METADATA))
}

fn check_delay(delay: Option<Duration>, code: u16) -> Result<(), SendError> {
    match delay {
        Some(delay) if delay > Duration::from_secs((*DELAY_S.end()).into()) => {
            let cause = format!(
                "message delay {} is invalid: it must be {} to {} seconds",
                delay.as_secs_f64(),
                DELAY_S.start(),
                DELAY_S.end()
            );
            Err(SendError::new(code, 400, cause))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
