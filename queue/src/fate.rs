//! What becomes of a message that was delivered: it is gone, tried again, or dead.

use std::time::Duration;

use queue_rules::DELAY_S;

use crate::acks::Verdict;
use crate::settings::ConsumerSettings;

/// What becomes of a message after a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was acked.
    Gone,
    /// It is delivered once more, at the earliest after a delay.
    Again {
        /// The delay.
        delay: Duration,
    },
    /// It has been tried often enough, and goes to the dead-letter queue.
    DeadLetter,
    /// It has been tried often enough, and there is no dead-letter queue: it is gone.
    Dropped,
}

impl Fate {
    /// What becomes of a message of `queue` whose delivery number `attempts` came to that verdict: with
    /// `max_retries` failures allowed beside the first, it has one delivery more than that. A queue
    /// that is its own dead-letter queue has none, since nothing would ever leave it.
    pub fn of(verdict: Verdict, attempts: u32, queue: &str, settings: &ConsumerSettings) -> Self {
        let Verdict::Retry { delay } = verdict else { return Self::Gone };
        if attempts <= settings.max_retries {
            let longest = Duration::from_secs((*DELAY_S.end()).into());
            return Self::Again { delay: delay.unwrap_or(settings.retry_delay).min(longest) };
        }
        match &settings.dead_letter_queue {
            Some(other) if other != queue => Self::DeadLetter,
            _ => Self::Dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Verdict = Verdict::Retry { delay: None };

    fn settings(max_retries: u32, dead_letter_queue: Option<&str>) -> ConsumerSettings {
        let dead_letter_queue = dead_letter_queue.map(str::to_owned);
        let retry_delay = Duration::from_secs(7);
        ConsumerSettings { max_retries, dead_letter_queue, retry_delay, ..Default::default() }
    }

    #[test]
    fn an_ack_is_the_end_whatever_was_before() {
        for attempts in [1, 4, 1_000] {
            assert_eq!(Fate::of(Verdict::Ack, attempts, "q", &settings(3, Some("d"))), Fate::Gone);
        }
    }

    #[test]
    fn a_message_is_delivered_once_more_than_it_may_be_retried() {
        for max_retries in [0, 1, 3, 100] {
            let settings = settings(max_retries, None);
            for attempts in 1..=max_retries {
                let again = Fate::Again { delay: Duration::from_secs(7) };
                assert_eq!(Fate::of(RETRY, attempts, "q", &settings), again);
            }
            assert_eq!(Fate::of(RETRY, max_retries + 1, "q", &settings), Fate::Dropped);
        }
    }

    #[test]
    fn a_message_that_failed_too_often_goes_to_another_queue_and_not_to_its_own() {
        assert_eq!(Fate::of(RETRY, 1, "q", &settings(0, Some("d"))), Fate::DeadLetter);
        assert_eq!(Fate::of(RETRY, 1, "q", &settings(0, Some("q"))), Fate::Dropped);
    }

    #[test]
    fn its_own_delay_is_before_the_consumers_and_zero_is_one() {
        let settings = settings(3, None);
        let fate = |seconds| {
            let delay = Some(Duration::from_secs(seconds));
            Fate::of(Verdict::Retry { delay }, 1, "q", &settings)
        };
        assert_eq!(fate(0), Fate::Again { delay: Duration::ZERO });
        assert_eq!(fate(30), Fate::Again { delay: Duration::from_secs(30) });
        assert_eq!(fate(100_000), Fate::Again { delay: Duration::from_secs(86_400) });
    }
}
