//! Schedules, and the law that no cron is due twice in a minute, whatever the clock does.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// 2026-12-01 00:00 UTC, a Tuesday.
const MIDNIGHT_MS: i64 = 1_796_083_200_000;

fn at(minute: i64) -> Minute {
    Minute::from_unix_ms(MIDNIGHT_MS + minute * 60_000)
}

fn keys(crons: &[(&str, &str)]) -> Vec<Key> {
    crons.iter().map(|&(worker, cron)| (worker.into(), cron.into())).collect()
}

fn schedule(crons: &[(&str, &str)], after: Minute) -> Schedule {
    let mut schedule = Schedule::default();
    schedule.set(&keys(crons), after);
    schedule
}

fn names(due: &Due) -> Vec<String> {
    due.crons.iter().map(|(worker, cron)| format!("{worker} {cron}")).collect()
}

#[test]
fn a_cron_is_due_in_its_minutes_and_once_in_each() {
    let mut schedule = schedule(&[("a", "*/2 * * * *"), ("b", "3 * * * *")], at(0));
    assert_eq!(schedule.next(), Some(at(2)));
    assert_eq!(schedule.due(at(1)), None);
    let due = schedule.due(at(2)).unwrap();
    assert_eq!((names(&due), due.missed), (vec!["a */2 * * * *".to_owned()], 0));
    assert_eq!(schedule.due(at(2)), Some(due), "nobody has said that it is done");
    schedule.advance(at(2));
    assert_eq!(schedule.due(at(2)), None);
    assert_eq!(schedule.next(), Some(at(3)));
    assert_eq!(names(&schedule.due(at(3)).unwrap()), ["b 3 * * * *"]);
}

#[test]
fn minutes_that_have_gone_by_are_counted_and_not_made_up_for() {
    let crons = [("a", "* * * * *"), ("b", "5 * * * *"), ("c", "30 * * * *")];
    let mut schedule = schedule(&crons, at(0));
    let due = schedule.due(at(10)).unwrap();
    assert_eq!(names(&due), ["a * * * * *"]);
    assert_eq!((due.missed, due.missed_since), (2, Some(at(1))));
    schedule.advance(at(10));
    assert_eq!(schedule.next(), Some(at(11)));
    schedule.advance(at(11));
    let due = schedule.due(at(30)).unwrap();
    assert_eq!(names(&due), ["a * * * * *", "c 30 * * * *"]);
    assert_eq!((due.missed, due.missed_since), (1, Some(at(12))));
}

#[test]
fn what_changes_is_read_again_and_the_rest_stays_as_it_is() {
    let mut schedule = schedule(&[("a", "* * * * *"), ("b", "* * * * *")], at(0));
    assert!(!schedule.set(&keys(&[("b", "* * * * *")]), at(1)), "none is new");
    assert!(schedule.set(&keys(&[("b", "* * * * *"), ("c", "* * * * *")]), at(1)));
    assert_eq!(names(&schedule.due(at(1)).unwrap()), ["b * * * * *"], "the minute of c is over");
    schedule.advance(at(1));
    assert_eq!(names(&schedule.due(at(2)).unwrap()), ["b * * * * *", "c * * * * *"]);
    assert!(schedule.has(&("c".into(), "* * * * *".into())));
    schedule.set(&[], at(2));
    assert_eq!((schedule.next(), schedule.due(at(9))), (None, None));
    assert!(schedule.due.is_empty() && schedule.crons.is_empty());
}

#[test]
fn what_is_never_due_is_known_and_waits_for_nothing() {
    let mut schedule = schedule(&[("a", "0 0 30 2 *")], at(0));
    assert_eq!(schedule.next(), None);
    assert!(!schedule.set(&keys(&[("a", "0 0 30 2 *"), ("b", "nonsense")]), at(0)));
    schedule.restart(at(7));
    assert_eq!(schedule.next(), None);
}

#[test]
fn a_clock_that_was_set_back_begins_anew() {
    let mut schedule = schedule(&[("a", "*/10 * * * *")], at(600));
    assert_eq!(schedule.next(), Some(at(610)));
    schedule.restart(at(5));
    assert_eq!(schedule.next(), Some(at(10)));
}

#[test]
fn workers_take_turns() {
    let crons = [
        ("a", "* * * * *"),
        ("a", "*/1 * * * *"),
        ("a", "0-59 * * * *"),
        ("b", "* * * * *"),
        ("b", "*/1 * * * *"),
        ("c", "* * * * *"),
    ];
    let due = schedule(&crons, at(0)).due(at(1)).unwrap();
    let workers: String = due.crons.iter().map(|(worker, _)| &**worker).collect();
    assert_eq!(workers, "abcaba");
}

#[test]
fn ten_thousand_are_in_as_many_groups_as_there_are_minutes() {
    let worker = |number: usize| Arc::<str>::from(format!("worker-{number}"));
    let cron = |number: usize| Arc::<str>::from(format!("{} * * * *", number % 60));
    let crons: Vec<Key> = (0..10_000).map(|number| (worker(number), cron(number))).collect();
    let mut schedule = Schedule::default();
    assert!(schedule.set(&crons, at(0)));
    assert_eq!(schedule.due.len(), 60);
    let mut count = 0;
    for minute in 1..=60 {
        count += schedule.due(at(minute)).map_or(0, |due| due.crons.len());
        schedule.advance(at(minute));
    }
    assert_eq!(count, 10_000);
}

proptest! {
    #[test]
    fn each_minute_that_is_looked_at_has_what_is_due_in_it_once(
        steps in prop::collection::vec(0_i64..90, 1..60),
    ) {
        let crons = [("a", "* * * * *"), ("a", "*/7 * * * *"), ("b", "0,30 1-4 * * *")];
        let mut schedule = schedule(&crons, at(0));
        let mut begun: BTreeMap<(Key, Minute), u32> = BTreeMap::new();
        let (mut minute, mut looked) = (0, at(0));
        for step in steps {
            minute += step;
            let now = at(minute);
            let due = schedule.due(now).unwrap_or_default();
            for key in keys(&crons) {
                let is_due = now > looked && Cron::parse(&key.1).unwrap().is_due(now);
                prop_assert_eq!(due.crons.contains(&key), is_due);
            }
            for key in due.crons {
                *begun.entry((key, now)).or_default() += 1;
            }
            schedule.advance(now);
            looked = looked.max(now);
            prop_assert!(schedule.next().is_none_or(|next| next > now));
        }
        prop_assert!(begun.values().all(|count| *count == 1));
    }
}
