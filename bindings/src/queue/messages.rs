//! The messages of a call, from the lists that the script makes of them. None is copied that is longer
//! than a queue takes.

use std::time::Duration;

use deno_core::v8;
use queue::{ContentType, DELAY_S, MAX_BATCH_COUNT, MAX_MESSAGE_BYTES, NewMessage, SendError};

use super::error::Method;
use crate::binding::{copied, length_of};

/// Messages that are not copied yet.
pub(super) struct Listed<'s> {
    method: Method,
    messages: Vec<Message<'s>>,
}

struct Message<'s> {
    /// A string or a view.
    body: v8::Local<'s, v8::Value>,
    bytes: usize,
    content_type: ContentType,
    delay: Option<Duration>,
}

/// The three lists of a call: bodies, what they are, and delays in seconds.
pub(super) struct Lists<'s> {
    pub(super) bodies: v8::Local<'s, v8::Array>,
    pub(super) content_types: v8::Local<'s, v8::Array>,
    pub(super) delays: v8::Local<'s, v8::Array>,
}

impl<'s> Listed<'s> {
    /// Reads the lists. `count` is how many messages there are, with those that are not in the lists
    /// because there are too many.
    ///
    /// # Errors
    /// What no queue takes.
    pub(super) fn read(
        scope: &mut v8::PinScope<'s, '_>,
        method: Method,
        count: f64,
        lists: &Lists<'s>,
    ) -> Result<Self, SendError> {
        if count > MAX_BATCH_COUNT as f64 {
            let cause =
                format!("batch message count of {count} exceeds limit of {MAX_BATCH_COUNT}");
            return Err(SendError::new(SendError::BATCH_COUNT, 413, cause));
        }
        let mut messages = Vec::with_capacity(lists.bodies.length() as usize);
        for index in 0..lists.bodies.length() {
            let Some(body) = lists.bodies.get_index(scope, index) else { break };
            let content_type = lists.content_types.get_index(scope, index);
            let delay = lists.delays.get_index(scope, index).map_or(f64::NAN, number);
            messages.push(Message {
                body,
                bytes: length_of(scope, body),
                content_type: content_type_of(content_type.map_or(f64::NAN, number)),
                delay: delay_of(delay, SendError::MESSAGE_METADATA)?,
            });
        }
        let listed = Self { method, messages };
        match listed.messages.iter().map(|message| message.bytes).max() {
            Some(bytes) if bytes > MAX_MESSAGE_BYTES => Err(too_long(method, bytes)),
            _ => Ok(listed),
        }
    }

    /// What the bodies have together.
    pub(super) fn bytes(&self) -> usize {
        self.messages.iter().map(|message| message.bytes).sum()
    }

    /// Copies them. The buffer of a single message of bytes is taken from the worker, as on Workers, if
    /// it can be.
    pub(super) fn copied(self, scope: &mut v8::PinScope<'s, '_>) -> Vec<NewMessage> {
        let is_single = self.method == Method::Send;
        let copy = |message: Message<'s>| {
            let Message { body, content_type, delay, .. } = message;
            let copy = NewMessage { body: copied(scope, body), content_type, delay };
            if is_single && content_type == ContentType::Bytes {
                detach(scope, body);
            }
            copy
        };
        self.messages.into_iter().map(copy).collect()
    }
}

/// A delay in seconds, or `NaN` for none.
///
/// # Errors
/// It lies in the past. One that is too long is refused by the queue.
pub(super) fn delay_of(seconds: f64, code: u16) -> Result<Option<Duration>, SendError> {
    if seconds.is_nan() {
        return Ok(None);
    }
    if seconds < 0.0 {
        let (least, most) = (*DELAY_S.start(), *DELAY_S.end());
        let cause =
            format!("message delay {seconds} is invalid: it must be {least} to {most} seconds");
        return Err(SendError::new(code, 400, cause));
    }
    Ok(Some(Duration::from_secs(seconds as u64)))
}

fn too_long(method: Method, bytes: usize) -> SendError {
    let cause = if method == Method::Send {
        format!("message length of {bytes} bytes exceeds limit of {MAX_MESSAGE_BYTES}")
    } else {
        format!(
            "message in batch has length {bytes} bytes which exceeds single message size limit of \
             {MAX_MESSAGE_BYTES}"
        )
    };
    SendError::new(SendError::MESSAGE_SIZE, 413, cause)
}

/// The numbers are those of `arguments.js`.
fn content_type_of(number: f64) -> ContentType {
    match number as u32 {
        0 => ContentType::Text,
        1 => ContentType::Bytes,
        2 => ContentType::Json,
        _ => ContentType::V8,
    }
}

fn number(value: v8::Local<'_, v8::Value>) -> f64 {
    v8::Local::<v8::Number>::try_from(value).map_or(f64::NAN, |number| number.value())
}

fn detach(scope: &v8::PinScope<'_, '_>, view: v8::Local<'_, v8::Value>) {
    let view = v8::Local::<v8::ArrayBufferView>::try_from(view);
    if let Some(buffer) = view.ok().and_then(|view| view.buffer(scope))
        && buffer.is_detachable()
    {
        // One with a key of its own stays what it is.
        let _ = buffer.detach(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_none_or_not_in_the_past() {
        assert_eq!(delay_of(f64::NAN, 1), Ok(None));
        assert_eq!(delay_of(0.0, 1), Ok(Some(Duration::ZERO)));
        assert_eq!(delay_of(30.0, 1), Ok(Some(Duration::from_secs(30))));
        let refused = delay_of(-1.0, SendError::BATCH_DELAY).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "message delay -1 is invalid: it must be 0 to 86400 seconds (10202)"
        );
    }

    #[test]
    fn numbers_are_those_of_the_script() {
        let script = include_str!("arguments.js");
        for (number, kind) in ContentType::ALL.into_iter().enumerate() {
            assert_eq!(content_type_of(number as f64), kind);
            let named = format!("{} = {number}", kind.as_str().to_uppercase());
            assert!(script.contains(&named), "{named}");
        }
    }
}
