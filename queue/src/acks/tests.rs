//! All sequences of calls up to some length, against a model that is as naive as the table in the
//! documentation: it keeps every call, and looks at all of them for each question.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Ack(usize),
    Retry(usize, Option<u32>),
    AckAll,
    RetryAll(Option<u32>),
}

/// Keeps the calls that had an effect, in their order.
#[derive(Default)]
struct Model {
    effective: Vec<Call>,
}

impl Model {
    fn has(&self, is_it: impl Fn(Call) -> bool) -> bool {
        self.effective.iter().any(|call| is_it(*call))
    }

    fn was_acked(&self, index: usize) -> bool {
        self.has(|call| call == Call::Ack(index))
    }

    fn was_retried(&self, index: usize) -> bool {
        self.has(|call| matches!(call, Call::Retry(other, _) if other == index))
    }

    fn all_acked(&self) -> bool {
        self.has(|call| call == Call::AckAll)
    }

    fn all_retried(&self) -> bool {
        self.has(|call| matches!(call, Call::RetryAll(_)))
    }

    fn call(&mut self, call: Call) -> Option<Warning> {
        match call {
            Call::Ack(_) if self.all_acked() => return None,
            Call::Ack(_) if self.all_retried() => return Some(Warning::AckAfterRetryAll),
            Call::Ack(index) if self.was_retried(index) => return Some(Warning::AckAfterRetry),
            Call::Retry(..) if self.all_acked() => return Some(Warning::RetryAfterAckAll),
            Call::Retry(index, _) if self.was_acked(index) => return Some(Warning::RetryAfterAck),
            Call::AckAll if self.all_retried() => return Some(Warning::AckAllAfterRetryAll),
            Call::RetryAll(_) if self.all_acked() => return Some(Warning::RetryAllAfterAckAll),
            _ => {}
        }
        self.effective.push(call);
        None
    }

    /// The delay that the last call set which set one.
    fn last_delay(&self, of: impl Fn(Call) -> Option<Option<u32>>) -> Option<u32> {
        self.effective.iter().rev().find_map(|call| of(*call).flatten())
    }

    fn verdict(&self, index: usize, is_ok: bool) -> Verdict {
        let own = self.last_delay(|call| match call {
            Call::Retry(other, delay) if other == index => Some(delay),
            _ => None,
        });
        let of_batch = self.last_delay(|call| match call {
            Call::RetryAll(delay) => Some(delay),
            _ => None,
        });
        let seconds = |delay: Option<u32>| delay.map(|delay| Duration::from_secs(delay.into()));
        if self.was_retried(index) {
            return Verdict::Retry { delay: seconds(own.or(of_batch)) };
        }
        if self.was_acked(index) || self.all_acked() {
            return Verdict::Ack;
        }
        if self.all_retried() || !is_ok {
            return Verdict::Retry { delay: seconds(of_batch) };
        }
        Verdict::Ack
    }
}

fn make(acks: &mut Acks, call: Call) -> Option<Warning> {
    match call {
        Call::Ack(index) => acks.ack(index),
        Call::Retry(index, delay) => acks.retry(index, delay),
        Call::AckAll => acks.ack_all(),
        Call::RetryAll(delay) => acks.retry_all(delay),
    }
}

/// Makes the calls on both, and compares what they say and what follows.
fn check(messages: usize, calls: &[Call]) {
    let (mut acks, mut model) = (Acks::new(messages), Model::default());
    for (at, call) in calls.iter().enumerate() {
        let warned = make(&mut acks, *call);
        assert_eq!(warned, model.call(*call), "call {at} of {calls:?}");
    }
    for is_ok in [true, false] {
        let expected: Vec<_> = (0..messages).map(|index| model.verdict(index, is_ok)).collect();
        assert_eq!(acks.resolve(is_ok), expected, "{calls:?}, ok: {is_ok}");
    }
}

#[test]
fn all_sequences_of_five_calls_come_to_what_the_table_says() {
    let mut alphabet = vec![Call::AckAll, Call::RetryAll(None), Call::RetryAll(Some(5))];
    for index in 0..2 {
        alphabet.extend([Call::Ack(index), Call::Retry(index, None), Call::Retry(index, Some(9))]);
    }
    let mut sequences = vec![Vec::new()];
    for _ in 0..5 {
        sequences = sequences
            .iter()
            .flat_map(|sequence: &Vec<Call>| {
                alphabet.iter().map(move |call| {
                    let mut longer = sequence.clone();
                    longer.push(*call);
                    longer
                })
            })
            .collect();
        sequences.iter().for_each(|sequence| check(2, sequence));
    }
    check(2, &[]);
}

fn call() -> impl Strategy<Value = Call> {
    let delay = || proptest::option::of(0..3_u32);
    prop_oneof![
        (0..4_usize).prop_map(Call::Ack),
        (0..4_usize, delay()).prop_map(|(index, delay)| Call::Retry(index, delay)),
        Just(Call::AckAll),
        delay().prop_map(Call::RetryAll),
    ]
}

proptest! {
    #[test]
    fn any_sequence_of_calls_comes_to_what_the_table_says(
        calls in proptest::collection::vec(call(), 0..40)
    ) {
        check(4, &calls);
    }
}

#[test]
fn what_is_not_in_the_batch_is_ignored() {
    let mut acks = Acks::new(1);
    assert_eq!((acks.ack(1), acks.retry(7, None)), (None, None));
    assert_eq!(acks, Acks::new(1));
    assert!(Acks::new(0).resolve(false).is_empty());
}

#[test]
fn messages_acked_by_hand_are_not_delivered_again_when_the_handler_throws() {
    let mut acks = Acks::new(2);
    acks.ack(0);
    assert_eq!(acks.resolve(false), [Verdict::Ack, Verdict::Retry { delay: None }]);
}

#[test]
fn a_retry_before_ack_all_retries_that_one_only() {
    let mut acks = Acks::new(2);
    acks.retry(1, Some(3));
    acks.ack_all();
    let again = Verdict::Retry { delay: Some(Duration::from_secs(3)) };
    assert_eq!(acks.resolve(false), [Verdict::Ack, again]);
}

#[test]
fn warnings_have_the_words_of_workers() {
    let id = MessageId::new(1);
    let text = |warning: Warning| warning.text(Some(id));
    assert_eq!(
        text(Warning::RetryAfterAckAll),
        format!(
            "Received a call to retry() on message {id} after ackAll() was already called. Calling \
             retry() on a message after calling ackAll() has no effect."
        )
    );
    assert_eq!(
        text(Warning::AckAfterRetry),
        format!(
            "Received a call to ack() on message {id} after retry() was already called. Calling \
             ack() on a message after calling retry() has no effect."
        )
    );
    assert_eq!(
        text(Warning::RetryAllAfterAckAll),
        "Received a call to retryAll() after ackAll() was already called. Calling retryAll() after \
         calling ackAll() has no effect."
    );
    assert_eq!(
        text(Warning::AckAllAfterRetryAll),
        "Received a call to ackAll() after retryAll() was already called. Calling ackAll() after \
         calling retryAll() has no effect."
    );
    for warning in [Warning::RetryAfterAck, Warning::AckAfterRetryAll] {
        assert!(warning.text(Some(id)).contains(&id.to_string()));
        assert!(warning.text(None).contains("on a message after"));
    }
}
