//! When a batch goes out, and how many may be on their way. Who waits for that moment, and calls the
//! handler, is not here.

use std::time::Instant;

use queue_rules::CONCURRENCY;

use crate::settings::ConsumerSettings;

/// What of a queue could be delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// How many messages, as far as they were counted: a thousand and some at most.
    pub count: usize,
    /// Since when the first of them has waited.
    pub oldest_ready_since: Option<Instant>,
    /// When the next one of those is due that wait for their time.
    pub next_due: Option<Instant>,
}

/// When a batch goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// At once.
    Now,
    /// Not before that moment, when it is to be looked again.
    At(Instant),
    /// Not before something changes.
    Idle,
}

/// How many batches of a queue may be on their way. It goes up by one step after each batch that
/// leaves a full one waiting, and down after one that was thrown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    allowed: u32,
    most: u32,
}

impl Ready {
    /// When the next batch goes out: when there are `max_batch_size` messages, or the first of them has
    /// waited for `max_batch_timeout`. Never an empty one.
    pub fn due(&self, settings: &ConsumerSettings, now: Instant) -> Due {
        if self.count == 0 {
            return self.next_due.map_or(Due::Idle, Due::At);
        }
        let is_full = self.count >= settings.max_batch_size.max(1) as usize;
        let since = self.oldest_ready_since.unwrap_or(now);
        match since.checked_add(settings.max_batch_timeout) {
            Some(at) if at > now && !is_full => {
                // Another one may be what the batch lacks.
                Due::At(self.next_due.map_or(at, |due| due.min(at)))
            }
            _ => Due::Now,
        }
    }
}

impl Concurrency {
    /// Begins with one batch at a time. `most` is `max_concurrency`; `None`: as many as are of use.
    pub fn new(most: Option<u32>) -> Self {
        let (least, greatest) = (*CONCURRENCY.start(), *CONCURRENCY.end());
        Self { allowed: least, most: most.unwrap_or(greatest).clamp(least, greatest) }
    }

    /// How many batches may be on their way.
    pub fn allowed(&self) -> u32 {
        self.allowed
    }

    /// Takes note of the end of a batch: whether its handler threw, which `retry()` is not, and whether
    /// another full batch is waiting.
    pub fn after_batch(&mut self, has_thrown: bool, is_full_batch_waiting: bool) {
        if has_thrown {
            self.allowed = self.allowed.saturating_sub(1).max(1);
        } else if is_full_batch_waiting {
            self.allowed = (self.allowed + 1).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn settings() -> ConsumerSettings {
        ConsumerSettings::default()
    }

    fn ready(count: usize, since: Instant) -> Ready {
        Ready { count, oldest_ready_since: (count > 0).then_some(since), next_due: None }
    }

    #[test]
    fn a_batch_goes_out_when_it_is_full() {
        let now = Instant::now();
        assert_eq!(ready(10, now).due(&settings(), now), Due::Now);
        assert_eq!(ready(11, now).due(&settings(), now), Due::Now);
        let timeout = now + Duration::from_secs(5);
        assert_eq!(ready(9, now).due(&settings(), now), Due::At(timeout));
    }

    #[test]
    fn a_batch_goes_out_when_the_first_has_waited() {
        let since = Instant::now();
        let timeout = since + Duration::from_secs(5);
        assert_eq!(ready(1, since).due(&settings(), timeout), Due::Now);
        let just_before = timeout.checked_sub(Duration::from_millis(1)).unwrap();
        assert_eq!(ready(1, since).due(&settings(), just_before), Due::At(timeout));
        let at_once = ConsumerSettings { max_batch_timeout: Duration::ZERO, ..settings() };
        assert_eq!(ready(1, since).due(&at_once, since), Due::Now);
    }

    #[test]
    fn no_batch_is_empty() {
        let now = Instant::now();
        assert_eq!(ready(0, now).due(&settings(), now), Due::Idle);
        let later = now + Duration::from_secs(60);
        let delayed = Ready { next_due: Some(later), ..ready(0, now) };
        assert_eq!(delayed.due(&settings(), now), Due::At(later));
    }

    #[test]
    fn what_becomes_due_may_fill_a_batch() {
        let now = Instant::now();
        let soon = now + Duration::from_secs(1);
        let waiting = Ready { next_due: Some(soon), ..ready(9, now) };
        assert_eq!(waiting.due(&settings(), now), Due::At(soon));
    }

    #[test]
    fn concurrency_goes_up_and_down_by_steps_within_its_bounds() {
        let mut concurrency = Concurrency::new(Some(3));
        assert_eq!(concurrency.allowed(), 1);
        concurrency.after_batch(false, false);
        assert_eq!(concurrency.allowed(), 1);
        for expected in [2, 3, 3] {
            concurrency.after_batch(false, true);
            assert_eq!(concurrency.allowed(), expected);
        }
        for expected in [2, 1, 1] {
            concurrency.after_batch(true, true);
            assert_eq!(concurrency.allowed(), expected);
        }
        assert_eq!(Concurrency::new(Some(1_000)).most, 250);
        assert_eq!(Concurrency::new(Some(0)).most, 1);
    }
}
