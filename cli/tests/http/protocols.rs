//! HTTP/1.1 and HTTP/2 in clear text: connections that carry more than one request.

use crate::client::{Connection, exchange};
use crate::curl::Curl;
use crate::node::Node;

#[test]
fn a_connection_carries_one_request_after_the_other() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    for _ in 0..3 {
        connection.get("/");
        let answer = connection.answer();
        assert_eq!((answer.status, answer.body.as_str()), (200, "hello app.test"));
        assert_eq!(answer.version, "HTTP/1.1");
        assert_eq!(answer.header("connection"), None);
    }
}

#[test]
fn a_connection_outlives_an_error_and_an_unread_short_body() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    connection.get("/throw");
    assert_eq!(connection.answer().status, 500);
    connection.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(connection.answer().body, "hello app.test");
    connection.get("/");
    assert_eq!(connection.answer().body, "hello app.test");
}

#[test]
fn a_client_that_asks_for_it_gets_the_connection_closed() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    connection.send("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
    let answer = connection.answer();
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(connection.rest(), "");
}

#[test]
fn http_1_0_is_answered_without_chunks() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    connection.send("POST /echo HTTP/1.0\r\nHost: app.test\r\nContent-Length: 4\r\n\r\nfour");
    let head = connection.head();
    assert_eq!((head.status, head.header("transfer-encoding")), (200, None));
    assert_eq!(connection.rest(), "four");
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    let request = |path| format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n\r\n");
    connection.send(&[request("/later"), request("/url"), request("/")].concat());
    assert_eq!(connection.answer().body, "later");
    assert_eq!(connection.answer().body, "http://app.test/url");
    assert_eq!(connection.answer().body, "hello app.test");
}

#[test]
fn a_stream_is_not_held_back_by_the_request_that_waits_behind_it() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    let request = |path| format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n\r\n");
    connection.send(&[request("/open"), request("/")].concat());
    assert_eq!(connection.head().status, 200);
    assert_eq!(connection.chunk(), "a part");
}

#[test]
fn http_2_needs_no_upgrade_when_the_client_knows() {
    let node = Node::start();
    let answer = Curl::prior_knowledge(&node, "/").answer();
    assert_eq!((answer.version.as_str(), answer.status), ("HTTP/2", 200));
    assert!(answer.body.starts_with("hello app.test:"), "{answer:?}");
}

#[test]
fn http_2_carries_a_request_body() {
    let node = Node::start();
    let body = "text ".repeat(100_000);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &body).unwrap();
    let upload = format!("@{}", file.path().display());
    let answer = Curl::prior_knowledge(&node, "/echo").with(&["--data-binary", &upload]).answer();
    assert_eq!(answer.status, 200);
    assert!(answer.body == body, "{} of {} bytes came back", answer.body.len(), body.len());
}

#[test]
fn an_upgrade_to_http_2_is_not_taken_up() {
    let node = Node::start();
    let upgrade = "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n";
    let answer = exchange(&node, &format!("GET / HTTP/1.1\r\nHost: app.test\r\n{upgrade}\r\n"));
    assert_eq!((answer.version.as_str(), answer.status), ("HTTP/1.1", 200));
}
