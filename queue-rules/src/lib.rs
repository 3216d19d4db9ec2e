//! What a queue can be called, and the ranges of what is set of one: for configurations, which say it, and for the
//! queues themselves, which keep to it. Limits of messages are not here (`queue/src/limits.rs`).

#![forbid(unsafe_code)]

use std::ops::RangeInclusive;

/// The rule of names, for messages and descriptions. Workers' own is narrower: it has neither capitals nor
/// underscores.
pub const NAME_RULE: &str = "1 to 63 letters, digits, hyphens and underscores";

/// The longest name of a queue.
const MAX_NAME_BYTES: usize = 63;

/// `delaySeconds`, `retry_delay`, `delivery_delay` and a queue's own delay.
pub const DELAY_S: RangeInclusive<u32> = 0..=86_400;
/// `max_batch_size` of a consumer.
pub const BATCH_SIZE: RangeInclusive<u32> = 1..=100;
/// `max_batch_timeout` of a consumer.
pub const BATCH_TIMEOUT_S: RangeInclusive<u32> = 0..=60;
/// `max_retries` of a consumer.
pub const RETRIES: RangeInclusive<u32> = 0..=100;
/// `max_concurrency` of a consumer.
pub const CONCURRENCY: RangeInclusive<u32> = 1..=250;

/// What no queue can be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name for a queue: write {NAME_RULE}")]
pub struct BadName(pub String);

/// Looks at the name of a queue that is to be.
///
/// # Errors
///
/// When no queue can be called so.
pub fn check_name(name: &str) -> Result<(), BadName> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_name = (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_letter);
    if is_name { Ok(()) } else { Err(BadName(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_has_a_name_of_few_letters() {
        let long = "a".repeat(MAX_NAME_BYTES);
        for name in ["q", "my-queue", "JOBS_2", "-", "_", "7", &long] {
            assert_eq!(check_name(name), Ok(()));
        }
        for name in ["", " ", "a b", "größe", "a.b", "a/b", "a\n", "\0", &format!("{long}a")] {
            assert_eq!(check_name(name), Err(BadName(name.to_owned())));
        }
    }

    #[test]
    fn whoever_has_no_name_is_told_what_one_is() {
        assert_eq!(
            check_name("a b").unwrap_err().to_string(),
            "\"a b\" is no name for a queue: write 1 to 63 letters, digits, hyphens and underscores"
        );
        assert!(NAME_RULE.contains(&MAX_NAME_BYTES.to_string()));
    }
}
