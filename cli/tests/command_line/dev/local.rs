//! Crons in development: they are shown, and run where somebody asks for it.

use super::dev;
use crate::folder::Folder;
use crate::http::{Connection, get};

const WORKER: &str = "export default {
    fetch() { return new Response('page') },
    async scheduled(controller) {
        const { cron, scheduledTime } = controller;
        console.log('ran', JSON.stringify(cron), scheduledTime);
        if (cron === 'fails') throw new TypeError('no reason');
        if (cron === 'never again') controller.noRetry();
    },
};";

const PATH: &str = "/cdn-cgi/local/scheduled";

fn app() -> Folder {
    let configuration = "name = 'app'\ntriggers = { crons = ['*/5 * * * *'] }\n";
    Folder::with(&[("app/index.js", WORKER), ("app/isolane.toml", configuration)])
}

#[test]
fn a_cron_is_run_by_a_url_of_its_worker() {
    let folder = app();
    let (mut process, port) = dev(&folder, &["app"]);
    let mut connection = Connection::open(port);
    let mut ask = |query: &str| {
        let answer = connection.get("app.localhost", &format!("{PATH}?{query}"));
        (answer.status, answer.body)
    };
    assert_eq!(ask("cron=*/5+*+*+*+*&time=1700000000000"), (200, "ok".to_owned()));
    process.stdout.until("ran \"*/5 * * * *\" 1700000000000");
    // What it throws is told here, too, where there is room for it.
    assert_eq!(ask("cron=fails"), (500, "exception".to_owned()));
    process.stderr.until("app: TypeError: no reason");
    let json = [
        ("format=json", 200, r#"{"outcome":"ok","noRetry":false}"#),
        ("format=json&cron=never+again", 200, r#"{"outcome":"ok","noRetry":true}"#),
        (
            "format=json&cron=fails",
            500,
            r#"{"outcome":"exception","noRetry":false,"exception":"TypeError: no reason"}"#,
        ),
    ];
    for (query, status, body) in json {
        assert_eq!(ask(query), (status, body.to_owned()), "{query}");
    }
    process.stdout.until("ran \"\" 1");
    let (status, message) = ask("time=tomorrow");
    assert!(status == 400 && message.contains("tomorrow"), "{message}");
    // The access line, and that of the event.
    process.stdout.until("CRON");
}

#[test]
fn the_url_has_older_names_and_takes_any_method() {
    let folder = app();
    let (_process, port) = dev(&folder, &["app"]);
    let mut connection = Connection::open(port);
    for path in [PATH, "/cdn-cgi/handler/scheduled", "/cdn-cgi/mf/scheduled"] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = connection.request(method, "localhost", path, "", b"a body");
            assert_eq!((answer.status, &*answer.body), (200, "ok"), "{method} {path}");
        }
    }
    // All others are the worker's.
    assert_eq!(connection.get("localhost", "/cdn-cgi/local/other").body, "page");
    assert_eq!(connection.get("localhost", "/__scheduled").body, "page");
}

#[test]
fn a_page_of_another_site_runs_no_cron() {
    let folder = app();
    let (_process, port) = dev(&folder, &["app"]);
    let answer = get(port, "evil.test", PATH);
    assert_eq!((answer.status, &*answer.body), (403, "Invalid Host header"));
    let with_origin = |origin: &str| {
        let headers = format!("origin: {origin}\r\n");
        Connection::open(port).get_with("localhost", PATH, &headers)
    };
    for origin in ["https://evil.test", "null", "http://192.0.2.1"] {
        let answer = with_origin(origin);
        assert_eq!((answer.status, &*answer.body), (403, "Invalid Origin header"), "{origin}");
    }
    for origin in ["http://localhost:5173", "http://app.localhost", "http://127.0.0.1"] {
        assert_eq!(with_origin(origin).status, 200, "{origin}");
    }
}

#[test]
fn a_worker_without_the_handler_is_told_which_is_missing() {
    let folder = Folder::with(&[("a.js", "export default { fetch() { return new Response() } }")]);
    let (mut process, port) = dev(&folder, &["a.js"]);
    let answer = get(port, "localhost", &format!("{PATH}?format=json"));
    assert_eq!(answer.status, 500);
    let missing = "Handler does not export a scheduled() function";
    assert!(answer.body.contains(missing), "{}", answer.body);
    process.stderr.until(missing);
}

#[test]
fn a_worker_can_be_asked_itself_where_that_is_wanted() {
    let folder = app();
    let (mut process, port) = dev(&folder, &["app", "--test-scheduled"]);
    let mut connection = Connection::open(port);
    let ran = connection.get("localhost", "/__scheduled?cron=*+*+*+*+*");
    assert_eq!((ran.status, &*ran.body), (200, "Ran scheduled event"));
    process.stdout.until("ran \"* * * * *\"");
    let failed = connection.get("localhost", "/__scheduled?cron=fails");
    assert_eq!((failed.status, failed.header("isolane-outcome")), (500, "exception"));
    assert!(failed.body.contains("no reason"), "{}", failed.body);
    assert_eq!(connection.get("localhost", "/").body, "page");
}

#[test]
fn the_icon_of_a_page_that_ran_a_cron_is_no_failure() {
    let main = "export default { scheduled() {} }";
    let folder = Folder::with(&[("a.js", main)]);
    let (_process, port) = dev(&folder, &["a.js", "--test-scheduled"]);
    let of_test = format!("referer: http://localhost:{port}/__scheduled?cron=x\r\n");
    let mut connection = Connection::open(port);
    assert_eq!(connection.get_with("localhost", "/favicon.ico", &of_test).status, 404);
    assert_eq!(connection.get("localhost", "/favicon.ico").status, 500);
}

#[test]
fn crons_are_shown_with_their_next_run_and_how_to_run_them() {
    let folder = app();
    let (mut process, port) = dev(&folder, &["app"]);
    let line = process.stdout.until("cron     */5 * * * *");
    assert!(line.contains("next: 2") && line.contains(" UTC, in "), "{line}");
    let line = process.stdout.until("Crons run with ");
    let url = format!("http://app.localhost:{port}{PATH}?cron=*%2F5+*+*+*+*");
    assert!(line.contains(&url) && line.contains("--crons"), "{line}");
    folder.write("app/isolane.toml", "name = 'app'\ntriggers = { crons = ['0 0 30 2 *'] }\n");
    process.stdout.until("cron     0 0 30 2 * next: never due");
}
