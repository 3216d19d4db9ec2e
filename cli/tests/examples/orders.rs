//! `examples/orders`: what is no order, what becomes of orders, and which of them a report counts.

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::app::App;
use crate::wait::until;

const HOST: &str = "orders.localhost";

/// The cards, what becomes of orders that are to be paid with them, and after how many attempts.
const CARDS: [(&str, &str, u32); 3] =
    [("good", "paid", 1), ("shaky", "paid", 3), ("empty", "failed", 4)];

/// The tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("orders::what_is_no_order_is_told_and_not_kept", not_kept),
        Trial::test("orders::each_order_comes_to_one_end_and_is_counted_once", counted),
    ]
}

fn not_kept() -> Result<(), Failed> {
    let app = App::start(&["orders"]);
    for (body, expected) in [
        ("", "expected JSON\n"),
        ("null", "id: expected up to 64 letters, digits, hyphens and underscores\n"),
        (r#"{"id":"a/b"}"#, "id: expected up to 64 letters, digits, hyphens and underscores\n"),
        (r#"{"id":"a1","item":7}"#, "item: expected a text\n"),
        (r#"{"id":"a1","item":"tea","cents":0.5}"#, "cents: expected a whole number above 0\n"),
        (r#"{"id":"a1","item":"tea","cents":5}"#, "card: expected a text\n"),
    ] {
        let answer = app.post(HOST, "/orders", body);
        assert_eq!((answer.status, &*answer.body), (400, expected), "{body}");
    }
    for path in ["/orders/a1", "/orders", "/report", "/"] {
        assert_eq!(app.get(HOST, path).status, 404, "{path}");
    }
    // It is made soon after the start.
    until(|| {
        let peeked = app.isolane().run(&["queue", "peek", "payments"]);
        if peeked.stdout == "payments is empty\n" { Ok(()) } else { Err(format!("{peeked:?}")) }
    });
    Ok(())
}

fn counted() -> Result<(), Failed> {
    let app = App::start(&["orders"]);
    for (card, ..) in CARDS {
        assert_eq!(place(&app, card), (202, order(card, "open", 0)));
    }
    for (card, state, attempts) in CARDS {
        let wanted = order(card, state, attempts);
        until(|| {
            let found = app.get(HOST, &format!("/orders/{card}")).body;
            if json_of(&found) == wanted { Ok(()) } else { Err(found) }
        });
    }
    for (card, state, attempts) in CARDS {
        assert_eq!(place(&app, card), (200, order(card, state, attempts)), "it is known");
    }

    let ran = app.get(HOST, "/cdn-cgi/handler/scheduled?cron=0+0+*+*+*&format=json");
    assert_eq!((ran.status, &*ran.body), (200, r#"{"outcome":"ok","noRetry":false}"#));
    let report = app.get(HOST, "/report").body;
    assert_eq!(json_of(&report), json!({ "paid": 2, "failed": 1, "open": 0, "cents": 200 }));

    // The day that ends then has none of them.
    let ran = app.isolane().good(&["cron", "run", "orders", "--time", "2100-01-01 00:00"]);
    assert!(ran.starts_with("ok: orders ran for "), "{ran}");
    let report = app.get(HOST, "/report");
    assert_eq!(report.header("last-modified"), "Fri, 01 Jan 2100 00:00:00 GMT");
    assert_eq!(json_of(&report.body), json!({ "paid": 0, "failed": 0, "open": 0, "cents": 0 }));
    Ok(())
}

/// Places an order that is called as its card is.
fn place(app: &App, card: &str) -> (u16, Value) {
    let body = json!({ "id": card, "item": "tea", "cents": 100, "card": card });
    let answer = app.post(HOST, "/orders", &body.to_string());
    (answer.status, json_of(&answer.body))
}

fn order(card: &str, state: &str, attempts: u32) -> Value {
    json!({ "id": card, "item": "tea", "cents": 100, "state": state, "attempts": attempts })
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
