//! Laws of expressions, for all of them: proptest makes them up, and a slow and obvious reference
//! (`laws/reference.rs`) says when they are due.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use isolane_cron::{Cron, Minute};
use proptest::prelude::*;
use proptest::sample::select;

#[allow(dead_code, reason = "the tables of times use the rest")]
#[path = "support/dates.rs"]
mod dates;
#[path = "laws/reference.rs"]
mod reference;

use dates::{CYCLE_DAYS, DAY_MINUTES, minute_at, written};
use reference::{Element, Expression, MonthDay, Rule, Spelling, WeekDay};

fn element(min: u32, max: u32) -> impl Strategy<Value = Element> {
    let value = min..=max;
    let step = prop_oneof![2 => 1..=(max - min), 1 => 1..=(max - min).min(5)];
    prop_oneof![
        4 => value.clone().prop_map(Element::One),
        2 => (value.clone(), value.clone()).prop_map(|(first, last)| Element::Range(first, last)),
        1 => (value.clone(), step.clone()).prop_map(|(first, step)| Element::From { first, step }),
        1 => (value.clone(), value, step.clone())
            .prop_map(|(first, last, step)| Element::Steps { first, last, step }),
        1 => step.prop_map(Element::Every),
    ]
}

fn rule(min: u32, max: u32) -> impl Strategy<Value = Rule> {
    prop_oneof![
        1 => Just(Rule::All),
        2 => prop::collection::vec(element(min, max), 1..4).prop_map(Rule::List),
    ]
}

fn month_day() -> impl Strategy<Value = MonthDay> {
    // What lies at the end of months is what can go wrong.
    let late = prop_oneof![1..=31_u32, 28..=31_u32];
    let before = prop_oneof![1..=30_u32, 27..=30_u32];
    prop_oneof![
        3 => Just(MonthDay::Rule(Rule::All)),
        3 => rule(1, 31).prop_map(MonthDay::Rule),
        2 => late.clone().prop_map(|date| MonthDay::Rule(Rule::List(vec![Element::One(date)]))),
        1 => Just(MonthDay::Last),
        1 => Just(MonthDay::NearLast),
        1 => before.clone().prop_map(MonthDay::Before),
        1 => before.prop_map(MonthDay::NearBefore),
        1 => late.prop_map(MonthDay::Near),
    ]
}

fn week_day() -> impl Strategy<Value = WeekDay> {
    let weekday = 1..=7_u32;
    prop_oneof![
        5 => Just(WeekDay::Rule(Rule::All)),
        2 => rule(1, 7).prop_map(WeekDay::Rule),
        1 => Just(WeekDay::Saturday),
        1 => weekday.clone().prop_map(WeekDay::Last),
        2 => (weekday, 1..=5_u32).prop_map(|(weekday, nth)| WeekDay::Nth(weekday, nth)),
    ]
}

/// February alone is more frequent than chance would have it, for what is rarely due or never.
fn month() -> impl Strategy<Value = Rule> {
    prop_oneof![
        3 => rule(1, 12),
        1 => Just(Rule::List(vec![Element::One(2)])),
    ]
}

fn expression() -> impl Strategy<Value = Expression> {
    (rule(0, 59), rule(0, 23), month_day(), month(), week_day()).prop_map(
        |(minute, hour, month_day, month, week_day)| Expression {
            minute,
            hour,
            month_day,
            month,
            week_day,
        },
    )
}

fn spelling() -> impl Strategy<Value = Spelling> {
    let blank = select(vec![" ", "  ", "\t", " \t "]);
    let zeros = select(vec!["", "", "0", "000"]);
    (blank, zeros, any::<bool>(), any::<bool>()).prop_map(|(blank, zeros, has_names, is_upper)| {
        Spelling { blank, zeros, has_names, is_upper }
    })
}

/// A time in milliseconds, in all of JavaScript's time and now and then beyond.
fn time() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => -8_640_000_000_000_000..=8_640_000_000_000_000_i64,
        8 => 0..=10_000_000_000_000_i64,
        1 => any::<i64>(),
    ]
}

/// An expression with a text of it.
fn written_expression() -> impl Strategy<Value = (Expression, String)> {
    (expression(), spelling()).prop_map(|(expression, spelling)| {
        let text = expression.text(&spelling);
        (expression, text)
    })
}

fn parse(text: &str) -> Cron {
    Cron::parse(text).unwrap_or_else(|error| panic!("{text}: {:?}", error.fault))
}

/// The runs of an expression that a walk from day to day and from minute to minute finds.
fn runs(expression: &Expression, from: usize) -> impl Iterator<Item = Minute> {
    let times = expression.times();
    expression
        .days(from)
        .flat_map(move |day| times.clone().into_iter().map(move |time| minute_at(day, time)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_next_runs_are_those_that_a_walk_finds(
        (expression, text) in written_expression(),
        day in 0..CYCLE_DAYS,
        time in 0..DAY_MINUTES,
    ) {
        let cron = parse(&text);
        let start = minute_at(day as i64, time);
        let mut minute = start;
        for expected in runs(&expression, day).filter(|run| *run > start).take(300) {
            let next = cron.next_after(minute);
            prop_assert_eq!(next.map(written), Some(written(expected)), "{}", text);
            minute = expected;
        }
    }

    #[test]
    fn of_some_weeks_exactly_those_minutes_are_due_that_a_walk_finds(
        (expression, text) in written_expression(),
        day in 0..CYCLE_DAYS,
    ) {
        let cron = parse(&text);
        let (first, end) = (day as i64, day as i64 + 35);
        let mut expected = runs(&expression, day).peekable();
        for minute in first * DAY_MINUTES..end * DAY_MINUTES {
            let minute = minute_at(0, minute);
            let is_due = expected.next_if_eq(&minute).is_some();
            prop_assert_eq!(cron.is_due(minute), is_due, "{} {}", text, written(minute));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn it_is_never_due_if_no_day_of_400_years_is(
        (expression, text) in written_expression(),
        start in time(),
    ) {
        let cron = parse(&text);
        let is_ever_due = expression.days(0).next().is_some();
        prop_assert_eq!(cron.is_ever_due(), is_ever_due, "{}", text);
        prop_assert_eq!(cron.shortest_gap().is_some(), is_ever_due, "{}", text);
        if !is_ever_due {
            prop_assert_eq!(cron.next_after(Minute::from_unix_ms(start)), None, "{}", text);
        }
    }

    #[test]
    fn the_shortest_gap_is_the_one_that_a_walk_through_400_years_finds(
        (expression, text) in written_expression(),
    ) {
        let times = expression.times();
        let within = times.windows(2).map(|pair| pair[1] - pair[0]).min();
        let days: Vec<_> = expression.days(0).collect();
        let overnight = days
            .windows(2)
            .map(|pair| (pair[1] - pair[0]) * DAY_MINUTES + times[0] - times[times.len() - 1])
            .min();
        let expected = match days.len() {
            0 => None,
            _ => within.into_iter().chain(overnight).min(),
        };
        let found = parse(&text).shortest_gap();
        let expected = expected.map(|minutes| Duration::from_secs(minutes as u64 * 60));
        prop_assert_eq!(found, expected, "{}", text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn an_expression_displays_as_it_was_written((_, text) in written_expression()) {
        let cron = parse(&text);
        prop_assert_eq!(cron.to_string(), text.clone());
        prop_assert_eq!(Cron::parse(&cron.to_string()), Ok(cron));
    }

    #[test]
    fn the_next_run_is_the_first_one_from_wherever_one_looks(
        (_, text) in written_expression(),
        start in time(),
        part in 0..1000_i64,
    ) {
        let cron = parse(&text);
        let start = Minute::from_unix_ms(start);
        if let Some(next) = cron.next_after(start) {
            prop_assert!(next > start && cron.is_due(next), "{}", text);
            // From each minute between it is the next one, too.
            let distance = next.unix_ms() - start.unix_ms();
            let between = Minute::from_unix_ms(start.unix_ms() + distance / 1000 * part);
            prop_assert_eq!(cron.next_after(between), Some(next), "{}", text);
            prop_assert!(between == start || !cron.is_due(between), "{}", text);
            if let (Some(gap), Some(after)) = (cron.shortest_gap(), cron.next_after(next)) {
                let ms = u128::try_from(after.unix_ms() - next.unix_ms()).unwrap();
                prop_assert!(gap.as_millis() <= ms, "{}", text);
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_stays(
        text in "\\PC{0,40}|([0-9A-Za-z*,/#?@-]{1,6}[ \t]){0,6}|([*0-9LW#/,-]{1,5} ){4}[*0-9LW#/,-]{1,5}",
        start in time(),
    ) {
        match Cron::parse(&text) {
            Ok(cron) => {
                prop_assert_eq!(cron.as_str(), text.as_str());
                let next = cron.next_after(Minute::from_unix_ms(start));
                prop_assert!(next.is_none_or(|next| cron.is_due(next)));
            }
            Err(error) => {
                prop_assert_eq!(error.to_string(), format!("invalid cron string: {text}"));
                prop_assert_eq!(error.expression, text);
            }
        }
    }
}
