//! Events as an observer learns of them, and what those get who are told.

use bytes::Bytes;
use futures_util::FutureExt as _;
use runtime::{ConsoleLevel, Kind};

use super::trace::tests::report;
use super::*;

/// Runs an event of a worker that logs a line.
fn run(tails: &Tails, number: u64, worker: &str, text: &str) {
    let mut report = report(worker, "http://a.b/?id=0123456789abcdef0123456789abcdef");
    report.event = number;
    report.is_traced = tails.wants_traces(&report.worker);
    let (worker, version) = (&report.worker, &report.version);
    if report.is_traced {
        let (event, kind) = (number, Kind::Fetch);
        tails.event_began(&EventBegan { worker, version, event, kind, entrypoint: None });
    }
    let (event, level) = (Some(number), ConsoleLevel::Log);
    tails.console(&ConsoleLine { worker, version, event, level, text });
    tails.event_ended(&report);
}

fn listen(tails: &Arc<Tails>, worker: &str, wanted: Wanted<'_>) -> Listening {
    let scope = Scope::Named(vec![worker.into()]);
    tails.listen(scope, Filter::parse(wanted).unwrap()).unwrap()
}

/// The lines that are there.
fn lines(listening: &Listening) -> Vec<serde_json::Value> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    // A timer is begun where there is nothing.
    let _entered = tokio.enter();
    let bytes: Bytes = listening.next().now_or_never().flatten().unwrap_or_default();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn triggers(edges: &[(&str, &str)]) -> Arc<Triggers> {
    let mut triggers = Triggers::default();
    for &(worker, consumer) in edges {
        triggers.tails.entry(worker.into()).or_default().push(consumer.into());
    }
    Arc::new(triggers)
}

#[test]
fn nobody_is_told_of_what_nobody_asks_for() {
    let tails = Arc::new(Tails::new());
    run(&tails, 1, "shop", "before");
    let listening = listen(&tails, "shop", Wanted::default());
    assert!(tails.wants_traces(&"shop".into()) && !tails.wants_traces(&"blog".into()));
    run(&tails, 2, "blog", "of another");
    assert!(lines(&listening).is_empty());
    run(&tails, 3, "shop", "now");
    let lines = lines(&listening);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["logs"][0]["message"][0], "now");
    assert_eq!(lines[0]["event"]["request"]["url"], "http://a.b/?id=REDACTED");
    drop(listening);
    assert!(!tails.wants_traces(&"shop".into()));
}

#[test]
fn whoever_looks_on_gets_what_they_want() {
    let tails = Arc::new(Tails::new());
    let all = listen(&tails, "shop", Wanted::default());
    let orders = listen(&tails, "shop", Wanted { search: Some("order"), ..Wanted::default() });
    run(&tails, 1, "shop", "an Order");
    run(&tails, 2, "shop", "nothing");
    assert_eq!((lines(&all).len(), lines(&orders).len()), (2, 1));
}

#[test]
fn a_gap_is_told_where_it_is() {
    let tails = Arc::new(Tails::new());
    let listening = listen(&tails, "shop", Wanted::default());
    for number in 0..1_003 {
        run(&tails, number, "shop", "x");
    }
    let mut all = Vec::new();
    while all.len() < 1_001 {
        let more = lines(&listening);
        assert!(!more.is_empty());
        all.extend(more);
    }
    assert_eq!(all[1_000], serde_json::json!({ "dropped": 3 }));
}

#[test]
fn workers_that_are_told_have_an_outbox_as_long_as_they_are() {
    let tails = Tails::new();
    let first = triggers(&[("shop", "watcher"), ("blog", "watcher"), ("shop", "audit")]);
    let mut new = tails.follow(Arc::clone(&first));
    new.sort_by(|one, other| one.0.cmp(&other.0));
    let names: Vec<&str> = new.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["audit", "watcher"]);
    assert!(tails.follow(first).is_empty(), "nothing has changed");
    run(&tails, 1, "shop", "a");
    run(&tails, 2, "blog", "b");
    assert_eq!(tails.waiting(), 3);
    assert!(tails.follow(triggers(&[("blog", "watcher")])).is_empty());
    assert!(!tails.wants_traces(&"shop".into()));
    let outbox = |name: &str| &new.iter().find(|(it, _)| **it == *name).unwrap().1;
    // What is there is delivered; then there is an end.
    let taken = || outbox("audit").take(9, usize::MAX).now_or_never().unwrap();
    assert_eq!(taken().unwrap().traces.len(), 1);
    assert!(taken().is_none());
    assert_eq!(tails.waiting(), 2);
    tails.close();
    assert!(!tails.wants_traces(&"blog".into()));
}

#[test]
fn not_too_many_look_on() {
    let tails = Arc::new(Tails::new());
    let all: Vec<_> = (0..MOST_LIVE).map(|_| listen(&tails, "shop", Wanted::default())).collect();
    assert!(tails.listen(Scope::All, Filter::default()).is_none());
    drop(all);
    assert!(tails.listen(Scope::All, Filter::default()).is_some());
}
