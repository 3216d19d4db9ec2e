//! An expression of `triggers.crons` and its runs. Reading its text is in `parse.rs`, the days of
//! a month are in `days.rs`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::calendar::{CYCLE_DAYS, CYCLE_MONTHS, Month};
use crate::days::{self, MonthDays, WeekDays};
use crate::error::ParseError;
use crate::minute::Minute;
use crate::parse;
use crate::set::Set;

const DAY_MINUTES: i64 = 1440;
const HOUR_MINUTES: u32 = 60;

/// When a worker is to be called: `minute hour day-of-month month day-of-week`, in UTC.
///
/// | field | values | other forms, each alone in its field |
/// |---|---|---|
/// | minute | 0-59 | |
/// | hour | 0-23 | |
/// | day of month | 1-31 | `L` last day · `L-3` three days before it · `15W` Monday to Friday nearest to the 15th, in the same month · `LW`, `L-3W` likewise |
/// | month | 1-12, JAN-DEC | |
/// | day of week | 1-7, SUN-SAT: **1 is Sunday** | `L` Saturday · `6L` the month's last Friday · `6#2` its second Friday |
///
/// - Five fields, apart by spaces or tabs, and nothing before or after them.
/// - A field is `*`, or a list with commas of `a`, `a-b`, `a/s`, `a-b/s` and `*/s`. `a/s` goes up
///   to the field's greatest value. A range whose end is before its beginning goes round: `22-2`,
///   `NOV-2`, `SAT-SUN`. A step is 1 to the difference of the greatest and the least value.
/// - After the first element of a list `*` is read as the field's least value.
/// - Names have three letters in any case; `L` and `W` are capitals.
/// - Where day of month and day of week are both restricted, a day is due that either names. Only a
///   bare `*` restricts nothing.
/// - A day that a month does not have is not due in it: the 31st, a fifth Friday, `31W`.
/// - An expression that is never due, as `0 0 30 2 *`, is one all the same.
///
/// Two expressions are equal if their texts are, byte for byte: workers compare the text of the
/// expression that fired with what stands in their configuration.
///
/// The grammar is that of Workers
/// (<https://developers.cloudflare.com/workers/configuration/cron-triggers/#supported-cron-expressions>),
/// in detail that of the parser behind it (<https://github.com/cloudflare/saffron>).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cron {
    text: Arc<str>,
    fields: Fields,
}

/// What the text says. Each set has at least one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fields {
    pub(crate) minutes: Set,
    pub(crate) hours: Set,
    pub(crate) month_days: MonthDays,
    pub(crate) months: Set,
    pub(crate) week_days: WeekDays,
}

impl Cron {
    /// How many expressions the workers of a paid account may have
    /// (<https://developers.cloudflare.com/workers/platform/limits/>, Cron Triggers). Nothing here
    /// counts them.
    pub const MOST_OF_AN_ACCOUNT: usize = 250;

    /// Reads the text of an expression.
    ///
    /// # Errors
    /// [`ParseError`], whose message is that of the Workers API and whose source says what to write
    /// instead.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match parse::fields(text) {
            Ok(fields) => Ok(Self { text: text.into(), fields }),
            Err(fault) => Err(ParseError { expression: text.to_owned(), fault }),
        }
    }

    /// The text as it was written: the `cron` of a run.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Cron {
    /// Whether a run begins with that minute.
    pub fn is_due(&self, minute: Minute) -> bool {
        let (day, of_day) = minute.split();
        let month = Month::of_day(day);
        self.fields.first_time_from(of_day) == Some(of_day)
            && self.fields.due_days(month).contains(month.date_of(day))
    }

    /// The first due minute after that one; `None` if the expression is never due, or not before
    /// the end of JavaScript's time.
    ///
    /// It looks at months, not at minutes, and at no more of them than 400 years have, after which
    /// the calendar repeats itself.
    pub fn next_after(&self, minute: Minute) -> Option<Minute> {
        let (day, of_day) = minute.split();
        let month = Month::of_day(day);
        if self.fields.due_days(month).contains(month.date_of(day))
            && let Some(time) = self.fields.first_time_from(of_day + 1)
        {
            return Minute::at(day, time);
        }
        Minute::at(self.fields.next_due_day(day + 1)?, self.fields.first_time_from(0)?)
    }

    /// Whether it has a run at all; `0 0 30 2 *` has none.
    pub fn is_ever_due(&self) -> bool {
        self.fields.next_due_day(0).is_some()
    }

    /// The shortest time from one run to the next, over all time; `None` if it is never due.
    ///
    /// This is the interval that CPU limits of scheduled events go by: 30 s below an hour, 15 min
    /// from an hour on (<https://developers.cloudflare.com/workers/platform/limits/>, CPU time).
    /// Where an expression has several, the shortest one counts, so that none gets more time by a
    /// rare run.
    pub fn shortest_gap(&self) -> Option<Duration> {
        let minutes = self.fields.shortest_gap()?;
        Some(Duration::from_secs(60 * u64::try_from(minutes).ok()?))
    }
}

impl Fields {
    /// The days of a month that are due.
    fn due_days(&self, month: Month) -> Set {
        if self.months.contains(month.number()) {
            days::due(self.month_days, self.week_days, month)
        } else {
            Set::EMPTY
        }
    }

    /// The first due day that is not before that one, both counted from 1970-01-01.
    fn next_due_day(&self, day: i64) -> Option<i64> {
        let month = Month::of_day(day);
        let first_from =
            |month: Month, date| Some(month.day(self.due_days(month).first_from(date)?));
        // The month itself is among those that follow, 400 years later, for what is before the day.
        first_from(month, month.date_of(day)).or_else(|| {
            month.onward().skip(1).take(CYCLE_MONTHS).find_map(|month| first_from(month, 1))
        })
    }

    /// The first due minute of a due day that is not before that one.
    fn first_time_from(&self, minute_of_day: u32) -> Option<u32> {
        let (hour, minute) = (minute_of_day / HOUR_MINUTES, minute_of_day % HOUR_MINUTES);
        if self.hours.contains(hour)
            && let Some(minute) = self.minutes.first_from(minute)
        {
            return Some(hour * HOUR_MINUTES + minute);
        }
        Some(self.hours.first_from(hour + 1)? * HOUR_MINUTES + self.minutes.first_from(0)?)
    }

    /// From one run to the next, at least, in minutes.
    fn shortest_gap(&self) -> Option<i64> {
        let (first, last) = (self.minutes.first_from(0)?, self.minutes.last()?);
        let (first_hour, last_hour) = (self.hours.first_from(0)?, self.hours.last()?);
        // From an hour's last run to the next hour's first; from a day's first run to its last.
        let by_hour = self.hours.shortest_gap().map(|hours| hours * HOUR_MINUTES - (last - first));
        let within_day =
            by_hour.into_iter().chain(self.minutes.shortest_gap()).min().map(i64::from);
        let span = i64::from((last_hour - first_hour) * HOUR_MINUTES + last - first);
        match within_day {
            // No two days are near enough to make it shorter; it has to have one, though.
            Some(gap) if gap <= DAY_MINUTES - span => self.next_due_day(0).map(|_| gap),
            _ => {
                let by_day = self.shortest_days()? * DAY_MINUTES - span;
                Some(within_day.map_or(by_day, |gap| gap.min(by_day)))
            }
        }
    }

    /// From one due day to the next, at least, in days.
    fn shortest_days(&self) -> Option<i64> {
        let first = self.next_due_day(0)?;
        // The first one's repetition ends the last gap.
        let end = first + CYCLE_DAYS;
        let (mut before, mut shortest) = (first, CYCLE_DAYS);
        for month in Month::of_day(first).onward().take_while(|month| month.day(1) <= end) {
            for day in self.due_days(month).iter().map(|date| month.day(date)) {
                if day > before {
                    shortest = shortest.min(day - before);
                    before = day;
                }
            }
            if shortest == 1 {
                break;
            }
        }
        Some(shortest)
    }
}

impl FromStr for Cron {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
