//! Items as they are told, and their bounds.

use std::time::Duration;

use runtime::{EventReport, Outcome};

use super::super::gathering::Gathered;
use super::super::trace::tests::report;
use super::*;

fn line(level: ConsoleLevel, text: &str) -> Log {
    Log { at_ms: 7, level, text: text.to_owned() }
}

fn of(report: EventReport, logs: Vec<Log>) -> TraceItem {
    item(&Trace::new(report, Gathered { logs, is_truncated: false }), None)
}

fn with_detail(detail: Detail) -> Value {
    let mut report = report("shop", "");
    report.detail = Some(Box::new(detail));
    of(report, Vec::new()).event.unwrap()
}

fn messages(item: &TraceItem) -> Vec<&str> {
    item.logs.iter().map(|log| log.message[0].as_str().unwrap()).collect()
}

#[test]
fn a_request_is_told_with_its_response_and_its_figures() {
    let mut report = report("shop", "https://a.b/c?d=e");
    let Some(Detail::Fetch(fetch)) = report.detail.as_deref_mut() else {
        panic!("it is a request")
    };
    fetch.cf = Some(r#"{"country":"DE"}"#.to_owned());
    fetch.headers.append("accept", "a".parse().unwrap());
    fetch.headers.append("accept", "b".parse().unwrap());
    report.entrypoint = Some("Api".into());
    let item = of(report, vec![line(ConsoleLevel::Warn, "careful")]);
    let request = json!({
        "cf": { "country": "DE" },
        "headers": { "accept": "a, b" },
        "method": "GET",
        "url": "https://a.b/c?d=e",
    });
    let response = json!({ "status": 200 });
    assert_eq!(item.event, Some(json!({ "request": request, "response": response })));
    assert_eq!((item.cpu_time, item.wall_time, item.truncated), (3, 20, false));
    assert_eq!((&*item.outcome, item.entrypoint.as_deref()), ("ok", Some("Api")));
    assert_eq!((item.logs[0].timestamp, &*item.logs[0].level), (7, "warn"));
    assert_eq!(messages(&item), ["careful"]);
}

#[test]
fn the_kind_of_an_event_is_told_by_its_members() {
    let scheduled = Detail::Scheduled { cron: "* * * * *".into(), scheduled_time_ms: 60_000 };
    let expected = json!({ "cron": "* * * * *", "scheduledTime": 60_000 });
    assert_eq!(with_detail(scheduled), expected);
    let queue = Detail::Queue { queue: "mail".into(), batch_size: 3 };
    assert_eq!(with_detail(queue), json!({ "queue": "mail", "batchSize": 3 }));
    let tail = Detail::Tail { consumed: vec!["blog".into(), "news".into()] };
    let consumed = json!([{ "scriptName": "blog" }, { "scriptName": "news" }]);
    assert_eq!(with_detail(tail), json!({ "consumedEvents": consumed }));
    let rpc = Detail::Rpc { method: "greet".into() };
    assert_eq!(with_detail(rpc), json!({ "rpcMethod": "greet" }));
}

#[test]
fn an_exception_has_a_name() {
    let thrown = |message: &str, stack: &str| {
        let mut report = report("shop", "");
        report.outcome = Outcome::Exception;
        report.exception = Some((message.to_owned(), stack.to_owned()));
        let mut item = of(report, Vec::new());
        let TraceException { name, message, stack, .. } = item.exceptions.remove(0);
        (name, message, stack)
    };
    let expected = ("RangeError".to_owned(), "no: none".to_owned(), Some("at a".to_owned()));
    assert_eq!(thrown("RangeError: no: none", "at a"), expected);
    let expected = ("Error".to_owned(), "what was it: a text".to_owned(), None);
    assert_eq!(thrown("what was it: a text", ""), expected);
}

#[test]
fn what_is_too_much_is_left_out_and_that_is_said() {
    let third = "x".repeat(MAX_BYTES / 3);
    let logs = (0..4).map(|_| line(ConsoleLevel::Log, &third)).collect();
    let mut report = report("shop", "http://a.b/");
    report.exception = Some(("Error: no".to_owned(), String::new()));
    let item = of(report, logs);
    let messages = messages(&item);
    assert_eq!(messages.len(), 3, "two of them, and the warning");
    assert!(messages[2].starts_with("Log size limit exceeded: More than 256KB of data"));
    assert_eq!(item.logs[2].level, "warn");
    assert!(item.truncated && item.exceptions.is_empty());
    assert_eq!(item.event.unwrap()["request"]["url"], "http://a.b/");
}

#[test]
fn logs_that_were_left_out_before_are_told_too() {
    let gathered = Gathered { logs: Vec::new(), is_truncated: true };
    let item = item(&Trace::new(report("shop", ""), gathered), None);
    assert!(item.truncated && messages(&item)[0].starts_with("Log size limit exceeded"));
}

#[test]
fn colours_of_a_terminal_are_left_out() {
    assert_eq!(without_colours("\u{1b}[33m7\u{1b}[39m, \u{1b}[1;31mno\u{1b}[0m"), "7, no");
    for text in ["", "plain", "\u{1b}[2K", "\u{1b}[", "a \u{1b}]b"] {
        assert_eq!(without_colours(text), text);
    }
}

#[test]
fn places_are_those_of_the_sources() {
    struct Upper;
    impl MapStack for Upper {
        fn map_stack(&self, served: &Served, stack: &str) -> String {
            format!("{} of {}", stack.to_uppercase(), served.worker)
        }
    }
    let mut report = report("shop", "");
    report.wall = Duration::from_millis(5);
    let stack = format!("at a ({}index.js:1:1)", bundle::MODULE_PREFIX);
    report.exception = Some(("Error: no".to_owned(), stack));
    let item = item(&Trace::new(report, Gathered::default()), Some(&Upper));
    let stack = item.exceptions[0].stack.as_deref().unwrap();
    assert!(stack.starts_with("AT A (") && stack.ends_with(" of shop"), "{stack}");
    let started_at_ms = item.event_timestamp.unwrap();
    assert_eq!(item.exceptions[0].timestamp, started_at_ms + 5);
}
