//! Moments of UTC as people read and write them, and when an expression is due.

use std::time::{SystemTime, UNIX_EPOCH};

use ::cron::{Cron, Minute};
use time::{Date, Month, OffsetDateTime, Time};

use crate::output::count;

/// The last moment that a `Date` of JavaScript can be, in milliseconds.
const LAST_MS: u64 = 8_640_000_000_000_000;

const EXPECTED: &str =
    "expected a time of UTC such as '2026-12-24 09:00', or milliseconds since 1970";

/// Milliseconds since the UNIX epoch.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// The minute of a moment: `2026-12-24 09:00`.
pub(crate) fn utc(at_ms: u64) -> String {
    let seconds = i64::try_from(at_ms / 1000).unwrap_or(i64::MAX);
    let Ok(at) = OffsetDateTime::from_unix_timestamp(seconds) else {
        return format!("{at_ms} ms after 1970");
    };
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, _) = at.to_hms();
    format!("{year:04}-{:02}-{day:02} {hour:02}:{minute:02}", u8::from(month))
}

/// How long it is until then, in one unit.
pub(crate) fn until(at_ms: u64, now_ms: u64) -> String {
    let seconds = at_ms.saturating_sub(now_ms).div_ceil(1000);
    match seconds {
        0 => "now".to_owned(),
        1..60 => "in less than a minute".to_owned(),
        60..3_600 => format!("in {} min", seconds / 60),
        3_600..172_800 => format!("in {} h", seconds / 3_600),
        _ => format!("in {}", count(seconds / 86_400, "day")),
    }
}

/// When an expression is due, as a person reads it.
pub(crate) fn next(cron: &str) -> String {
    let Ok(cron) = Cron::parse(cron) else { return "is no cron expression".to_owned() };
    let now_ms = now_ms();
    let now = Minute::from_unix_ms(i64::try_from(now_ms).unwrap_or(i64::MAX));
    let next = cron.next_after(now).and_then(|next| u64::try_from(next.unix_ms()).ok());
    next.map_or_else(|| "never due".to_owned(), |next_ms| due(next_ms, now_ms))
}

/// The same of a moment that is known.
pub(crate) fn due(next_ms: u64, now_ms: u64) -> String {
    format!("{} UTC, {}", utc(next_ms), until(next_ms, now_ms))
}

/// A moment from an argument: milliseconds, or a date and a time of UTC.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    if let Ok(at_ms) = text.parse::<u64>() {
        return match at_ms {
            0..=LAST_MS => Ok(at_ms),
            _ => Err(EXPECTED.to_owned()),
        };
    }
    moment(text).ok_or_else(|| EXPECTED.to_owned())
}

fn moment(text: &str) -> Option<u64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once([' ', 'T'])?;
    let (year, date) = date.split_once('-')?;
    let (month, day) = date.split_once('-')?;
    let (hour, minute) = time.split_once(':')?;
    let (minute, second) = minute.split_once(':').unwrap_or((minute, "0"));
    let month = Month::try_from(number(month)?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, number(day)?).ok()?;
    let time = Time::from_hms(number(hour)?, number(minute)?, number(second)?).ok()?;
    let seconds = date.with_time(time).assume_utc().unix_timestamp();
    u64::try_from(seconds).ok()?.checked_mul(1000)
}

fn number(text: &str) -> Option<u8> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        for (text, expected) in [
            ("1700000000000", 1_700_000_000_000),
            ("0", 0),
            ("2023-11-14 22:13", 1_699_999_980_000),
            ("2023-11-14T22:13:20Z", 1_700_000_000_000),
            ("1970-01-01 00:00", 0),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for text in
            ["", "tomorrow", "2023-11-14", "2023-13-01 00:00", "2023-11-14 24:00", "-1", "1e3"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("8640000000000001").is_err());
        assert_eq!(utc(1_700_000_000_000), "2023-11-14 22:13");
    }

    #[test]
    fn the_time_until_then_has_one_unit() {
        for (seconds, expected) in [
            (0, "now"),
            (1, "in less than a minute"),
            (60, "in 1 min"),
            (3_599, "in 59 min"),
            (7_200, "in 2 h"),
            (172_800, "in 2 days"),
        ] {
            assert_eq!(until(5_000 + seconds * 1000, 5_000), expected, "{seconds}");
        }
        assert_eq!(until(1, 2), "now");
    }

    #[test]
    fn an_expression_has_a_next_run_or_none() {
        let next_run = next("* * * * *");
        assert!(next_run.ends_with(" UTC, in less than a minute") || next_run.ends_with("1 min"));
        assert_eq!(next("0 0 30 2 *"), "never due");
        assert_eq!(next("every day"), "is no cron expression");
    }
}
