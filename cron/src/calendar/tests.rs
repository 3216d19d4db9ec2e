//! Dates with known day numbers and weekdays, and laws of the walk from month to month.

use super::*;

#[track_caller]
fn check(day: i64, (year, month, date): (i64, u32, u32), weekday: u32) {
    let found = Month::of_day(day);
    assert_eq!((found.year, found.number, found.date_of(day)), (year, month, date), "{day}");
    assert_eq!(found.weekday(date), weekday, "{day}");
    assert_eq!(found.day(date), day);
}

#[test]
fn days_have_the_dates_that_almanacs_give_them() {
    check(0, (1970, 1, 1), 5);
    check(-1, (1969, 12, 31), 4);
    check(58, (1970, 2, 28), 7);
    check(59, (1970, 3, 1), 1);
    check(789, (1972, 2, 29), 3);
    check(790, (1972, 3, 1), 4);
    check(11_016, (2000, 2, 29), 3);
    check(11_017, (2000, 3, 1), 4);
    check(19_782, (2024, 2, 29), 5);
    check(47_540, (2100, 2, 28), 1);
    check(47_541, (2100, 3, 1), 2);
    check(-25_567, (1900, 1, 1), 2);
    check(-25_509, (1900, 2, 28), 4);
    check(-25_508, (1900, 3, 1), 5);
    check(-719_162, (1, 1, 1), 2);
    check(-719_468, (0, 3, 1), 4);
    check(-719_469, (0, 2, 29), 3);
}

#[test]
fn the_ends_of_javascript_s_time_have_the_dates_of_its_specification() {
    check(100_000_000, (275_760, 9, 13), 7);
    check(-100_000_000, (-271_821, 4, 20), 3);
}

#[test]
fn months_follow_one_another_as_their_days_do() {
    // From 1600 on: a whole cycle, and what is before 1970.
    let first = Month::of_day(-135_140);
    let mut day = first.first_day;
    for month in first.onward().take(CYCLE_MONTHS + 1) {
        assert_eq!(month.first_day, day);
        for date in [1, 2, 15, 28, month.length()] {
            assert_eq!(Month::of_day(month.day(date)), month);
        }
        day += i64::from(month.length());
        assert_ne!(Month::of_day(day), month);
    }
}

#[test]
fn a_cycle_later_all_is_the_same() {
    let first = Month::of_day(0);
    let later = Month::of_day(CYCLE_DAYS);
    for (month, later) in first.onward().zip(later.onward()).take(CYCLE_MONTHS) {
        assert_eq!((month.number, month.length()), (later.number, later.length()));
        assert_eq!(month.weekday(1), later.weekday(1));
    }
    assert_eq!(first.onward().nth(CYCLE_MONTHS), Some(later));
}

#[test]
fn the_first_of_each_weekday_is_within_the_first_week() {
    for month in Month::of_day(0).onward().take(500) {
        for weekday in SUNDAY..=SATURDAY {
            let date = month.first(weekday);
            assert!((1..=7).contains(&date));
            assert_eq!(month.weekday(date), weekday);
        }
    }
}
