//! How long to wait for a minute of the time of day, which may be set meanwhile, forwards and back; and a
//! machine may sleep. Timers count another time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cron::Minute;

/// The time of day is looked at so often at least, so that what is due begins within a second where it
/// was set.
const LOOK_EACH: Duration = Duration::from_millis(500);

/// A clock that is set back by no more than this is waited for, so that nothing runs in a minute a second
/// time. By more it had been wrong: nobody wants to wait until it comes to where it was.
const WAIT_FOR_MS: i64 = 3 * 60 * 60 * 1000;

/// How long to wait until that minute begins, or until it is to be looked again.
pub(super) fn wait(now: SystemTime, next: Minute) -> Duration {
    begin_of(next).duration_since(now).unwrap_or_default().min(LOOK_EACH)
}

/// Whether the clock was set back so far that it is not waited for. `looked` is the last minute that was
/// looked at.
pub(super) fn is_set_back(looked: Minute, now: Minute) -> bool {
    looked.unix_ms() - now.unix_ms() > WAIT_FOR_MS
}

/// The beginning of a minute in milliseconds since the UNIX epoch; that of 1970 for those before.
pub(super) fn unix_ms(minute: Minute) -> u64 {
    u64::try_from(minute.unix_ms()).unwrap_or(0)
}

/// The minute of a time in milliseconds since the UNIX epoch.
pub(super) fn minute(unix_ms: u64) -> Minute {
    Minute::from_unix_ms(i64::try_from(unix_ms).unwrap_or(i64::MAX))
}

fn begin_of(minute: Minute) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(unix_ms(minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(ms)
    }

    #[test]
    fn a_minute_is_waited_for_to_its_beginning() {
        let next = minute(120_000);
        assert_eq!(wait(ms(119_900), next), Duration::from_millis(100));
        assert_eq!(wait(ms(120_000), next), Duration::ZERO);
        assert_eq!(wait(ms(500_000), next), Duration::ZERO, "it has begun");
        assert_eq!(wait(ms(0), next), LOOK_EACH, "the clock may be set meanwhile");
    }

    #[test]
    fn a_clock_that_is_set_back_a_little_is_waited_for() {
        let looked = minute(1_000 * 60_000);
        let minutes_before = |minutes: u64| minute((1_000 - minutes) * 60_000);
        for minutes in [0, 1, 60, 180] {
            assert!(!is_set_back(looked, minutes_before(minutes)), "{minutes}");
        }
        assert!(is_set_back(looked, minutes_before(181)));
        assert!(!is_set_back(minutes_before(500), looked), "it goes forwards");
    }

    #[test]
    fn a_minute_has_the_time_of_its_beginning() {
        assert_eq!(unix_ms(minute(123_456)), 120_000);
        assert_eq!(unix_ms(Minute::from_unix_ms(-1)), 0);
        assert_eq!(minute(u64::MAX), minute(u64::MAX - 1), "the last one");
    }
}
