//! From a request's host to a worker, and what is said when there is none.

use crate::client::exchange;
use crate::curl::Curl;
use crate::node::Node;

fn request(headers: &str) -> String {
    format!("GET /url HTTP/1.1\r\n{headers}\r\n")
}

#[test]
fn a_host_is_compared_in_its_normal_form() {
    let node = Node::start();
    for host in ["app.test", "APP.Test", "app.test:8080", "app.test.", "a.b.app.test"] {
        let answer = exchange(&node, &request(&format!("Host: {host}\r\n")));
        assert_eq!(answer.status, 200, "{host}");
    }
}

#[test]
fn a_worker_sees_the_url_in_its_normal_form() {
    let node = Node::start();
    for target in ["/../url", "/a/%2e%2E/./url", "/a\\..\\url"] {
        let answer =
            exchange(&node, &format!("GET {target} HTTP/1.1\r\nHost: App.TEST:80\r\n\r\n"));
        assert_eq!(answer.body, "http://app.test/url", "{target}");
    }
    let answer = Curl::prior_knowledge(&node, "/../url").with(&["--path-as-is"]).answer();
    assert_eq!(answer.body, format!("http://app.test:{}/url", node.address().port()));
}

#[test]
fn a_request_without_a_host_is_refused() {
    let node = Node::start();
    for request in [
        request(""),
        request("Host:\r\n"),
        request("Host: \r\n"),
        "GET / HTTP/1.0\r\n\r\n".to_owned(),
        "GET http://app.test/ HTTP/1.1\r\n\r\n".to_owned(),
    ] {
        let answer = exchange(&node, &request);
        answer.assert_refused(400, "1400", "scriptNotFound");
        assert!(answer.body.contains("no Host header"), "{request:?}: {answer:?}");
    }
}

#[test]
fn a_request_with_two_hosts_is_refused() {
    let node = Node::start();
    for second in ["other.test", "app.test"] {
        let answer = exchange(&node, &request(&format!("Host: app.test\r\nHost: {second}\r\n")));
        answer.assert_refused(400, "1400", "scriptNotFound");
        assert!(answer.body.contains("more than one host"), "{answer:?}");
    }
}

#[test]
fn a_malformed_host_is_refused() {
    let node = Node::start();
    for host in [
        "app.test/path",
        "user@app.test",
        "app test",
        "app..test",
        "app.test:port",
        "app.test:99999",
        "[::1",
        "a,b",
        "<b>",
        "app.test\\",
        "%61pp.test",
    ] {
        let answer = exchange(&node, &request(&format!("Host: {host}\r\n")));
        assert_eq!((answer.status, answer.header("isolane-error")), (400, Some("1400")), "{host}");
    }
}

#[test]
fn the_host_of_an_absolute_target_wins_over_the_header() {
    let node = Node::start();
    let answer = exchange(&node, "GET http://app.test/url HTTP/1.1\r\nHost: nowhere.test\r\n\r\n");
    assert_eq!((answer.status, answer.body.as_str()), (200, "http://app.test/url"));
}

#[test]
fn an_unknown_host_is_named_with_its_own_code() {
    let node = Node::start();
    let answer = exchange(&node, &request("Host: NoWhere.test:81\r\n"));
    answer.assert_refused(404, "1001", "scriptNotFound");
    assert_eq!(answer.body, "Error 1001: There is no worker for the host nowhere.test.\n");
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn an_unknown_host_is_named_in_http_2_too() {
    let node = Node::start();
    let curl = Curl::prior_knowledge(&node, "/").with(&["-H", "Host: nowhere.test"]);
    let answer = curl.answer();
    assert_eq!(answer.version, "HTTP/2");
    answer.assert_refused(404, "1001", "scriptNotFound");
    assert!(answer.body.contains("nowhere.test"), "{answer:?}");
}

#[test]
fn a_browser_gets_its_error_as_html() {
    let node = Node::start();
    let accept = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
    let answer = exchange(&node, &request(&format!("Host: nowhere.test\r\n{accept}")));
    assert_eq!((answer.status, answer.header("isolane-error")), (404, Some("1001")));
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(answer.body.starts_with("<!doctype html>"), "{answer:?}");
    assert!(answer.body.contains("no worker for the host nowhere.test."), "{answer:?}");
}

#[test]
fn an_error_in_html_shows_a_clients_text_escaped() {
    let node = Node::start();
    let answer = exchange(&node, &request("Host: <script>\r\nAccept: text/html\r\n"));
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("&lt;") && !answer.body.contains("<script"), "{answer:?}");
    assert!(!answer.body.contains("'<'"), "{answer:?}");
}
