//! A minute of UTC, the resolution of schedules. Which date it has is in `calendar.rs`.

use std::time::{SystemTime, UNIX_EPOCH};

/// What a minute has in milliseconds, in which JavaScript counts time.
const MS: i64 = 60_000;
const SECONDS: u64 = 60;
/// What a day of UTC has in minutes: leap seconds are in no count of Unix time.
const OF_DAY: i64 = 1440;
/// The last minute of JavaScript's time, 8.64e15 ms, and, negated, its first.
const LAST: i64 = 144_000_000_000;

/// A minute of UTC: a run is due at its beginning. Ordered by time.
///
/// It holds what a JavaScript `Date` can hold (ECMA-262, Time Values and Time Range), about
/// 275,000 years to either side of 1970, and takes times beyond that as the first or last of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Minute(i64);

impl Minute {
    /// The minute that a time in milliseconds since 1970 falls into.
    pub fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms.div_euclid(MS).clamp(-LAST, LAST))
    }

    /// The minute that a time falls into; one before 1970 is taken as 1970's first minute.
    pub fn of(time: SystemTime) -> Self {
        let minutes = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / SECONDS;
        Self(i64::try_from(minutes).unwrap_or(LAST).min(LAST))
    }

    /// Its beginning in milliseconds since 1970: the `scheduledTime` of a run.
    pub fn unix_ms(self) -> i64 {
        self.0 * MS
    }

    /// The day, counted from 1970-01-01, and the minute of that day, 0 to 1439.
    pub(crate) fn split(self) -> (i64, u32) {
        let of_day =
            u32::try_from(self.0.rem_euclid(OF_DAY)).expect("a remainder of 1440 is below");
        (self.0.div_euclid(OF_DAY), of_day)
    }

    /// The minute of a day, or `None` where it is beyond what a `Date` can hold.
    pub(crate) fn at(day: i64, of_day: u32) -> Option<Self> {
        let minute = day.checked_mul(OF_DAY)?.checked_add(of_day.into())?;
        (-LAST..=LAST).contains(&minute).then_some(Self(minute))
    }
}
