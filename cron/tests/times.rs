//! Expressions, and the minutes at which calendars and the rules of `Cron` have them due: examples
//! with right answers. The laws for all expressions are in `laws.rs`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use isolane_cron::{Cron, Minute};

#[allow(dead_code, reason = "the laws use the rest")]
#[path = "support/dates.rs"]
mod dates;

/// What is due after a minute: as many runs as are expected.
#[track_caller]
fn check(text: &str, after: &str, expected: &[&str]) {
    let cron = Cron::parse(text).unwrap();
    let mut minute = dates::minute(after);
    let mut found = Vec::new();
    for _ in expected {
        minute = cron.next_after(minute).unwrap();
        assert!(cron.is_due(minute), "{text} {}", dates::written(minute));
        found.push(dates::written(minute));
    }
    assert_eq!(found, expected, "{text}");
}

/// The dates of a year on which an expression is due at midnight.
#[track_caller]
fn check_days(days: &str, year: u32, expected: &[&str]) {
    let cron = Cron::parse(&format!("0 0 {days}")).unwrap();
    let end = dates::minute(&format!("{}-01-01 00:00", year + 1));
    let before = dates::minute(&format!("{}-12-31 23:59", year - 1));
    let due: Vec<_> =
        std::iter::successors(cron.next_after(before), |minute| cron.next_after(*minute))
            .take_while(|minute| *minute < end)
            .map(|minute| dates::written(minute)[5..10].to_owned())
            .collect();
    assert_eq!(due, expected, "{days} in {year}");
}

#[test]
fn minutes_and_hours() {
    check("* * * * *", "2024-12-31 23:58", &["2024-12-31 23:59", "2025-01-01 00:00"]);
    check("*/30 * * * *", "2024-01-01 00:00", &["2024-01-01 00:30", "2024-01-01 01:00"]);
    check("45 * * * *", "2024-01-01 23:45", &["2024-01-02 00:45"]);
    // A step goes up to the field's end, and begins again there.
    check("5/25 1 * * *", "2024-01-01 00:00", &["2024-01-01 01:05", "2024-01-01 01:30"]);
    check("5/25 1 * * *", "2024-01-01 01:30", &["2024-01-01 01:55", "2024-01-02 01:05"]);
    check("0 9-17/4 * * *", "2024-01-01 09:00", &["2024-01-01 13:00", "2024-01-01 17:00"]);
    check("0,30 8,20 * * *", "2024-01-01 08:30", &["2024-01-01 20:00", "2024-01-01 20:30"]);
    check("10-10/3 0 * * *", "2024-01-01 00:10", &["2024-01-02 00:10"]);
    check("59/3 0 * * *", "2024-01-01 00:00", &["2024-01-01 00:59", "2024-01-02 00:59"]);
    // After the first element `*` is the least value.
    check("30,* 3 * * *", "2024-01-01 00:00", &["2024-01-01 03:00", "2024-01-01 03:30"]);
    check("30,*-1 3 * * *", "2024-01-01 03:00", &["2024-01-01 03:01", "2024-01-01 03:30"]);
    check("30,*/59 3 * * *", "2024-01-01 03:00", &["2024-01-01 03:30", "2024-01-01 03:59"]);
}

#[test]
fn ranges_go_round() {
    check(
        "0 22-1 * * *",
        "2024-01-01 01:00",
        &["2024-01-01 22:00", "2024-01-01 23:00", "2024-01-02 00:00", "2024-01-02 01:00"],
    );
    // The step goes on over the end: 58, 1, 4.
    check(
        "58-5/3 0 * * *",
        "2024-01-01 00:00",
        &["2024-01-01 00:01", "2024-01-01 00:04", "2024-01-01 00:58", "2024-01-02 00:01"],
    );
    check("50-49 0 * * *", "2024-01-01 00:48", &["2024-01-01 00:49", "2024-01-01 00:50"]);
    check_days("1 NOV-2 *", 2023, &["01-01", "02-01", "11-01", "12-01"]);
    check_days("31-2 1-2 *", 2023, &["01-01", "01-02", "01-31", "02-01", "02-02"]);
    check_days("29-2/2 JAN *", 2023, &["01-02", "01-29", "01-31"]);
    check_days("30-4/2 JAN *", 2023, &["01-01", "01-03", "01-30"]);
    // 2024-09-01 is a Sunday.
    let weekend = ["09-01", "09-07", "09-08", "09-14", "09-15", "09-21", "09-22", "09-28", "09-29"];
    check_days("* 9 SAT-SUN", 2024, &weekend);
    check_days("* 9 7-1", 2024, &weekend);
    check_days("* 9 sat,1", 2024, &weekend);
}

#[test]
fn sunday_is_the_first_day_of_the_week() {
    let sundays = ["09-01", "09-08", "09-15", "09-22", "09-29"];
    check_days("* 9 1", 2024, &sundays);
    check_days("* 9 SUN", 2024, &sundays);
    check_days("* 9 1-1", 2024, &sundays);
    check_days("* 9 2", 2024, &["09-02", "09-09", "09-16", "09-23", "09-30"]);
    for saturday in ["* 9 7", "* 9 sat", "* 9 L", "* 9 7/1", "* 9 7/6"] {
        check_days(saturday, 2024, &["09-07", "09-14", "09-21", "09-28"]);
    }
    check_days(
        "* 9 5/2",
        2024,
        &["09-05", "09-07", "09-12", "09-14", "09-19", "09-21", "09-26", "09-28"],
    );
    check("0 0 * * */6", "2024-09-01 00:00", &["2024-09-07 00:00", "2024-09-08 00:00"]);
}

#[test]
fn a_day_of_either_field_is_due_where_both_restrict() {
    // 2024-09-13 is a Friday.
    check_days("13 9 FRI", 2024, &["09-06", "09-13", "09-20", "09-27"]);
    check_days("14 9 FRI", 2024, &["09-06", "09-13", "09-14", "09-20", "09-27"]);
    check_days("14 9 *", 2024, &["09-14"]);
    check_days("* 9 FRI", 2024, &["09-06", "09-13", "09-20", "09-27"]);
    check_days("L 9 FRI#2", 2024, &["09-13", "09-30"]);
    // A step of 1 names all days, but it is no bare star.
    check("0 0 */1 * FRI", "2024-09-13 00:00", &["2024-09-14 00:00", "2024-09-15 00:00"]);
    check("0 0 13 * */1", "2024-09-13 00:00", &["2024-09-14 00:00", "2024-09-15 00:00"]);
    check_days("*/10 9 MON#1", 2024, &["09-01", "09-02", "09-11", "09-21"]);
    // The day that is never there leaves the other.
    check_days("31 9 MON#1", 2024, &["09-02"]);
}

#[test]
fn leap_years() {
    check("0 0 29 2 *", "2023-01-01 00:00", &["2024-02-29 00:00", "2028-02-29 00:00"]);
    check("0 0 29 2 *", "2096-02-29 00:00", &["2104-02-29 00:00"]);
    check("0 0 29 2 *", "1999-02-01 00:00", &["2000-02-29 00:00", "2004-02-29 00:00"]);
    check("0 0 L 2 *", "2098-03-01 00:00", &["2099-02-28 00:00", "2100-02-28 00:00"]);
    check("0 0 L 2 *", "2023-02-28 00:00", &["2024-02-29 00:00", "2025-02-28 00:00"]);
    check("0 0 28 2 *", "2024-02-28 00:00", &["2025-02-28 00:00"]);
    check("0 0 * * *", "2024-02-28 00:00", &["2024-02-29 00:00", "2024-03-01 00:00"]);
    check("0 0 * * *", "2100-02-28 00:00", &["2100-03-01 00:00"]);
    // The 29th is all there is of a fifth week. 2100 has none, so that 40 years may go by.
    check("0 0 * 2 THU#5", "2024-01-01 00:00", &["2024-02-29 00:00", "2052-02-29 00:00"]);
    check("0 0 * 2 MON#5", "2044-03-01 00:00", &["2072-02-29 00:00", "2112-02-29 00:00"]);
    check("0 0 L-28 2 *", "2021-01-01 00:00", &["2024-02-01 00:00", "2028-02-01 00:00"]);
}

#[test]
fn last_days_of_months() {
    check_days(
        "L * *",
        2023,
        &[
            "01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30",
            "10-31", "11-30", "12-31",
        ],
    );
    check_days("L-3 1-4 *", 2024, &["01-28", "02-26", "03-28", "04-27"]);
    check_days("L-1 2 *", 2023, &["02-27"]);
    // The first, where there are 31.
    check_days("L-30 * *", 2023, &["01-01", "03-01", "05-01", "07-01", "08-01", "10-01", "12-01"]);
    check_days("31 * *", 2023, &["01-31", "03-31", "05-31", "07-31", "08-31", "10-31", "12-31"]);
}

#[test]
fn weekdays_near_to_a_day() {
    // 2023-01-01 is a Sunday, 2023-04-01 and 2023-07-01 are Saturdays.
    check_days("1W 1-7 *", 2023, &["01-02", "02-01", "03-01", "04-03", "05-01", "06-01", "07-03"]);
    check_days("15W 1-4 *", 2023, &["01-16", "02-15", "03-15", "04-14"]);
    // 2023-04-30 is a Sunday, 2023-09-30 a Saturday, 2023-12-31 a Sunday.
    check_days("30W 4-9 *", 2023, &["04-28", "05-30", "06-30", "07-31", "08-30", "09-29"]);
    check_days("31W * *", 2023, &["01-31", "03-31", "05-31", "07-31", "08-31", "10-31", "12-29"]);
    check_days("29W 2 *", 2023, &[]);
    check_days("29W 2 *", 2024, &["02-29"]);
    // 2032-02-29 is a Sunday.
    check_days("29W 2 *", 2032, &["02-27"]);
    check("59 23 LW * *", "2023-04-01 00:00", &["2023-04-28 23:59", "2023-05-31 23:59"]);
    check_days("LW 9-12 *", 2023, &["09-29", "10-31", "11-30", "12-29"]);
    // L-3 of 2023: Saturday 01-28, Saturday 02-25, Tuesday 03-28, Thursday 04-27, Sunday 05-28.
    check_days("L-3W 1-5 *", 2023, &["01-27", "02-24", "03-28", "04-27", "05-29"]);
    // The first is a Sunday in January, a Saturday in July, and a Friday in December.
    check_days("L-30W 1,7,12 *", 2023, &["01-02", "07-03", "12-01"]);
    check_days("L-30W 4 *", 2023, &[]);
}

#[test]
fn the_nth_and_the_last_weekdays_of_months() {
    check_days("* 1-4 MON#1", 2024, &["01-01", "02-05", "03-04", "04-01"]);
    check_days("* 1-4 6#2", 2024, &["01-12", "02-09", "03-08", "04-12"]);
    check_days("* 1-6 thu#5", 2024, &["02-29", "05-30"]);
    check_days("* 1-4 friL", 2024, &["01-26", "02-23", "03-29", "04-26"]);
    check_days("* 1-4 1L", 2024, &["01-28", "02-25", "03-31", "04-28"]);
    check_days("* 2 5L", 2024, &["02-29"]);
    check_days("* 2 4L", 2023, &["02-22"]);
}

#[test]
fn some_expressions_are_never_due() {
    for text in [
        "0 0 30 2 *",
        "0 0 30,31 2 *",
        "* * 31 11 *",
        "0 0 31 2,4,6,9,11 *",
        "0 0 30W 2 *",
        "0 0 31W 4 *",
        "0 0 L-29 2 *",
        "0 0 L-30W 2,4,6,9,11 *",
    ] {
        let cron = Cron::parse(text).unwrap();
        assert!(!cron.is_ever_due(), "{text}");
        assert_eq!(cron.next_after(dates::minute("2024-01-01 00:00")), None, "{text}");
        assert_eq!(cron.shortest_gap(), None, "{text}");
    }
    for text in ["0 0 29 2 *", "0 0 L-28W 2 *", "0 0 * 2 SAT#5", "0 0 30 2 1", "0 0 30 1,2 *"] {
        assert!(Cron::parse(text).unwrap().is_ever_due(), "{text}");
    }
}

#[test]
fn the_shortest_gap_decides() {
    let check = |text: &str, minutes: u64| {
        let gap = Cron::parse(text).unwrap().shortest_gap();
        assert_eq!(gap, Some(Duration::from_secs(minutes * 60)), "{text}");
    };
    const HOUR: u64 = 60;
    const DAY: u64 = 24 * HOUR;
    check("* * * * *", 1);
    check("*/5 * * * *", 5);
    check("*/7 * * * *", 4);
    check("0 * * * *", HOUR);
    check("59 * * * *", HOUR);
    check("0,59 * * * *", 1);
    check("0,30 0 * * *", 30);
    check("0,50 0 * * *", 50);
    check("0,50 0,1 * * *", 10);
    check("0,50 0,2 * * *", 50);
    check("0 0,23 * * *", HOUR);
    check("0 0,23 * * 1", 23 * HOUR);
    check("0 0,23 * * 1-2", HOUR);
    check("59,0 0,23 1 * *", 59);
    check("0,59 0,23 * * *", 1);
    check("0 */2 * * *", 2 * HOUR);
    check("0 */7 * * *", 3 * HOUR);
    check("0 0 * * *", DAY);
    check("0 0 * * 1", 7 * DAY);
    check("0 0 * * 7,1", DAY);
    check("0 0 1,15 * *", 14 * DAY);
    check("0 0 1 * *", 28 * DAY);
    check("0 0 1 1 *", 365 * DAY);
    check("0 0 31 * *", 31 * DAY);
    check("0 0 31,1 * *", DAY);
    check("0 0 29 2 *", 4 * 365 * DAY + DAY);
    check("0 0 1 * 2", DAY);
    check("0 0 * * 2L", 28 * DAY);
    check("0 0 * 2 2#5", 12 * 365 * DAY + 2 * DAY);
}

#[test]
fn a_time_within_a_minute_is_that_minute() {
    let noon = dates::minute("2024-02-29 12:00");
    assert_eq!(Minute::from_unix_ms(noon.unix_ms() + 59_999), noon);
    assert!(Minute::from_unix_ms(noon.unix_ms() - 1) < noon);
    let time = UNIX_EPOCH + Duration::from_millis(u64::try_from(noon.unix_ms()).unwrap() + 59_999);
    assert_eq!(Minute::of(time), noon);
    assert_eq!(Minute::of(UNIX_EPOCH - Duration::from_secs(90)).unix_ms(), 0);
    assert!(Minute::of(SystemTime::now()) > noon);
}

#[test]
fn times_before_1970_and_at_the_ends_of_javascript_s_time_are_times_like_others() {
    let cron = Cron::parse("0 0 29 2 *").unwrap();
    // 1968-02-29 is 672 days before 1970.
    let leap_day = cron.next_after(Minute::from_unix_ms(-700 * 86_400_000)).unwrap();
    assert_eq!(leap_day.unix_ms(), -672 * 86_400_000);
    let end = Minute::from_unix_ms(8_640_000_000_000_000);
    assert_eq!(end, Minute::from_unix_ms(i64::MAX));
    assert_eq!(cron.next_after(end), None);
    let each = Cron::parse("* * * * *").unwrap();
    assert_eq!(each.next_after(end), None);
    assert_eq!(each.next_after(Minute::from_unix_ms(end.unix_ms() - 1)), Some(end));
    let start = Minute::from_unix_ms(i64::MIN);
    assert_eq!(start.unix_ms(), -end.unix_ms());
    assert_eq!(each.next_after(start).unwrap().unix_ms(), start.unix_ms() + 60_000);
    assert!(each.is_due(start) && each.is_due(end));
}
