//! Dates by counting: one day after another from 1970-01-01, a Thursday. It shares nothing with
//! the crate's calendar but the numbers of weekdays, 1 for Sunday to 7 for Saturday.

use std::sync::LazyLock;

use isolane_cron::Minute;

pub(crate) const DAY_MINUTES: i64 = 1440;
/// 400 years, after which the calendar repeats itself.
pub(crate) const CYCLE_DAYS: usize = 146_097;

/// A day with its date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Day {
    /// Days since 1970-01-01.
    pub(crate) number: i64,
    pub(crate) year: u32,
    pub(crate) month: u32,
    pub(crate) date: u32,
    /// 1, Sunday, to 7, Saturday.
    pub(crate) weekday: u32,
}

/// The days of a cycle from 1970 on, and some years more.
pub(crate) static DAYS: LazyLock<Vec<Day>> = LazyLock::new(|| {
    let first = Day { number: 0, year: 1970, month: 1, date: 1, weekday: 5 };
    std::iter::successors(Some(first), |day| Some(tomorrow(*day))).take(CYCLE_DAYS + 4000).collect()
});

pub(crate) fn length(year: u32, month: u32) -> u32 {
    let is_leap_year =
        if year.is_multiple_of(100) { year.is_multiple_of(400) } else { year.is_multiple_of(4) };
    match month {
        2 => 28 + u32::from(is_leap_year),
        _ => [31, 0, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1],
    }
}

fn tomorrow(mut day: Day) -> Day {
    day.number += 1;
    day.weekday = if day.weekday == 7 { 1 } else { day.weekday + 1 };
    day.date += 1;
    if day.date > length(day.year, day.month) {
        (day.date, day.month) = (1, day.month + 1);
    }
    if day.month > 12 {
        (day.month, day.year) = (1, day.year + 1);
    }
    day
}

/// The minute of a day, both counted from 0.
pub(crate) fn minute_at(day: i64, minute_of_day: i64) -> Minute {
    Minute::from_unix_ms((day * DAY_MINUTES + minute_of_day) * 60_000)
}

/// The minute that is written as `2024-02-29 12:00`.
pub(crate) fn minute(text: &str) -> Minute {
    let numbers: Vec<u32> = text.split(['-', ' ', ':']).map(|part| part.parse().unwrap()).collect();
    let [year, month, date, hour, minute] = numbers[..] else { panic!("{text} is no minute") };
    let day = DAYS.iter().find(|day| (day.year, day.month, day.date) == (year, month, date));
    minute_at(day.unwrap().number, i64::from(hour * 60 + minute))
}

/// The reverse of [`minute`].
pub(crate) fn written(minute: Minute) -> String {
    let minutes = minute.unix_ms() / 60_000;
    let day = DAYS[usize::try_from(minutes / DAY_MINUTES).unwrap()];
    let (hour, minute) = (minutes % DAY_MINUTES / 60, minutes % 60);
    format!("{:04}-{:02}-{:02} {hour:02}:{minute:02}", day.year, day.month, day.date)
}
