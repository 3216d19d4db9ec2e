//! Each limit: what is just within it, and what is told beyond it.

use super::*;
use crate::content_type::ContentType;

fn message(bytes: usize) -> NewMessage {
    NewMessage::new(ContentType::Bytes, vec![0; bytes])
}

fn refusal(refused: Result<(), SendError>) -> (u16, u16, String) {
    let error = refused.expect_err("it is refused");
    (error.code, error.status, error.cause)
}

#[test]
fn a_message_may_have_128_000_bytes() {
    assert_eq!(check_send(&message(128_000)), Ok(()));
    let cause = "message length of 128001 bytes exceeds limit of 128000".to_owned();
    assert_eq!(refusal(check_send(&message(128_001))), (10204, 413, cause));
}

#[test]
fn a_batch_has_1_to_100_messages() {
    assert_eq!(check_batch(&vec![message(1); 100], None), Ok(()));
    let cause = "batch message count of 101 exceeds limit of 100".to_owned();
    assert_eq!(refusal(check_batch(&vec![message(1); 101], None)), (10206, 413, cause));
    let cause = "sendBatch() requires at least one message".to_owned();
    assert_eq!(refusal(check_batch(&[], None)), (10206, 400, cause));
}

#[test]
fn no_message_of_a_batch_is_longer_than_any_message() {
    let cause = "message in batch has length 128001 bytes which exceeds single message size limit \
                 of 128000";
    let batch = [message(1), message(128_001)];
    assert_eq!(refusal(check_batch(&batch, None)), (10204, 413, cause.to_owned()));
}

#[test]
fn a_batch_has_its_bytes() {
    let within = [message(128_000), message(128_000), message(32_000)];
    assert_eq!(check_batch(&within, None), Ok(()));
    let beyond = [message(128_000), message(128_000), message(32_001)];
    let cause = "batch size of 288001 bytes exceeds limit of 288000".to_owned();
    assert_eq!(refusal(check_batch(&beyond, None)), (10205, 413, cause));
}

#[test]
fn a_delay_is_at_most_a_day() {
    let day = Duration::from_secs(86_400);
    let longer = Duration::from_secs(86_401);
    assert_eq!(check_send(&message(1).delayed_by(day)), Ok(()));
    let cause = "message delay 86401 is invalid: it must be 0 to 86400 seconds".to_owned();
    let refused = check_send(&message(1).delayed_by(longer));
    assert_eq!(refusal(refused), (10203, 400, cause.clone()));
    assert_eq!(check_batch(&[message(1)], Some(day)), Ok(()));
    let refused = check_batch(&[message(1)], Some(longer));
    assert_eq!(refusal(refused), (10202, 400, cause.clone()));
    let refused = check_batch(&[message(1).delayed_by(longer)], None);
    assert_eq!(refusal(refused), (10203, 400, cause));
}
