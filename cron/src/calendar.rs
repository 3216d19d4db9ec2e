//! The Gregorian calendar, extended to all times, as far as schedules ask for it: a day's month,
//! a month's length and weekdays. Which days are due is in `days.rs`.

#[cfg(test)]
mod tests;

/// After so many days the calendar repeats itself, weekdays included: 400 years.
pub(crate) const CYCLE_DAYS: i64 = 146_097;
/// The same in months.
pub(crate) const CYCLE_MONTHS: usize = 4800;

/// Sunday, as cron triggers count the days of a week.
pub(crate) const SUNDAY: u32 = 1;
/// Saturday, likewise.
pub(crate) const SATURDAY: u32 = 7;

/// From 0000-03-01 to 1970-01-01.
const MARCH_0_TO_1970: i64 = 719_468;
/// The weekday of 1970-01-01, a Thursday, counted from 0 for Sunday.
const WEEKDAY_OF_1970: i64 = 4;

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Month {
    year: i64,
    /// 1 to 12.
    number: u32,
    /// Its first day, counted from 1970-01-01.
    first_day: i64,
}

impl Month {
    /// The month of a day that is counted from 1970-01-01.
    ///
    /// Years begin in March here, so that the leap day is the last one and the lengths of the
    /// months before it follow one formula: <https://howardhinnant.github.io/date_algorithms.html>,
    /// `civil_from_days`.
    pub(crate) fn of_day(day: i64) -> Self {
        let from_march_0 = day + MARCH_0_TO_1970;
        let cycle = from_march_0.div_euclid(CYCLE_DAYS);
        let day_of_cycle = from_march_0.rem_euclid(CYCLE_DAYS);
        let leap_days = day_of_cycle / 1460 - day_of_cycle / 36_524 + day_of_cycle / 146_096;
        let year_of_cycle = (day_of_cycle - leap_days) / 365;
        let day_of_year =
            day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let day_of_month = day_of_year - (153 * from_march + 2) / 5;
        let (number, next_year) =
            if from_march < 10 { (from_march + 3, 0) } else { (from_march - 9, 1) };
        Self {
            year: cycle * 400 + year_of_cycle + next_year,
            number: u32::try_from(number).expect("a month's number is 1 to 12"),
            first_day: day - day_of_month,
        }
    }

    /// 1 to 12.
    pub(crate) fn number(self) -> u32 {
        self.number
    }

    /// Its days: 28 to 31.
    pub(crate) fn length(self) -> u32 {
        match self.number {
            2 if self.is_in_leap_year() => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// The day of this month, counted from 1, that a day counted from 1970-01-01 is.
    pub(crate) fn date_of(self, day: i64) -> u32 {
        u32::try_from(day - self.first_day + 1).unwrap_or(0)
    }

    /// The reverse: a day of this month, counted from 1970-01-01.
    pub(crate) fn day(self, date: u32) -> i64 {
        self.first_day + i64::from(date) - 1
    }

    /// The weekday of one of its days: 1, Sunday, to 7, Saturday.
    pub(crate) fn weekday(self, date: u32) -> u32 {
        let from_sunday = (self.day(date) + WEEKDAY_OF_1970).rem_euclid(7);
        u32::try_from(from_sunday).expect("a remainder of 7 is below 7") + SUNDAY
    }

    /// The date, 1 to 7, of its first such weekday.
    pub(crate) fn first(self, weekday: u32) -> u32 {
        (weekday + 7 - self.weekday(1)) % 7 + 1
    }

    /// This month and all that follow.
    pub(crate) fn onward(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |month| Some(month.next()))
    }

    fn next(self) -> Self {
        let (year, number) =
            if self.number == 12 { (self.year + 1, 1) } else { (self.year, self.number + 1) };
        Self { year, number, first_day: self.first_day + i64::from(self.length()) }
    }

    fn is_in_leap_year(self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }
}
