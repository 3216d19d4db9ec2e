//! The limits that a node's configuration sets on requests and connections.

use std::time::{Duration, Instant};

use crate::certificates::Certificate;
use crate::client::{Connection, exchange};
use crate::curl::Curl;
use crate::node::{HOST, Node};

const MEBIBYTE: usize = 1 << 20;

fn with_limits(limits: &str) -> Node {
    Node::with(&format!("[limits]\n{limits}\n"))
}

#[test]
fn a_body_that_declares_too_much_is_refused_before_it_is_sent() {
    let node = with_limits("request_body_mb = 1");
    let length = MEBIBYTE + 1;
    let head = format!("POST /read HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n\r\n");
    let answer = exchange(&node, &head);
    answer.assert_refused(413, "1413", "canceled");
    assert!(answer.body.contains("1048576 bytes"), "{answer:?}");
}

#[test]
fn a_client_that_sends_a_refused_body_all_the_same_reads_the_answer() {
    let node = with_limits("request_body_mb = 1");
    let length = 3 * MEBIBYTE;
    let mut connection = Connection::open(&node);
    connection.send(&format!("POST /read HTTP/1.1\r\nHost: {HOST}\r\n"));
    connection.send(&format!("Content-Length: {length}\r\n\r\n"));
    connection.try_send(&vec![b'x'; length]);
    connection.answer().assert_refused(413, "1413", "canceled");
}

#[test]
fn a_body_of_exactly_the_limit_is_taken() {
    let node = with_limits("request_body_mb = 1");
    let mut connection = Connection::open(&node);
    connection.send(&format!("POST /read HTTP/1.1\r\nHost: {HOST}\r\n"));
    connection.send(&format!("Content-Length: {MEBIBYTE}\r\n\r\n"));
    connection.send(&"x".repeat(MEBIBYTE));
    assert_eq!(connection.answer().body, "read 1048576");

    connection.begin_post("/read");
    connection.send_chunk(&"x".repeat(MEBIBYTE));
    connection.send_chunk("");
    assert_eq!(connection.answer().body, "read 1048576");
}

#[test]
fn a_chunked_body_is_refused_when_it_gets_too_long() {
    let node = with_limits("request_body_mb = 1");
    let mut connection = Connection::open(&node);
    connection.begin_post("/read");
    connection.send_chunk(&"x".repeat(MEBIBYTE));
    connection.try_send(b"1\r\nx\r\n");
    connection.answer().assert_refused(413, "1413", "canceled");
}

#[test]
fn a_body_in_http_2_is_refused_when_it_gets_too_long() {
    let node = with_limits("request_body_mb = 1");
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(MEBIBYTE as u64 + 1).unwrap();
    let upload = format!("@{}", file.path().display());
    // Without a declared length, which would be refused before.
    let curl = Curl::prior_knowledge(&node, "/read");
    let answer = curl.with(&["--data-binary", &upload, "-H", "Content-Length:"]).answer();
    answer.assert_refused(413, "1413", "canceled");
}

#[test]
fn an_answer_that_has_begun_breaks_off_when_the_body_gets_too_long() {
    let node = with_limits("request_body_mb = 1");
    let mut connection = Connection::open(&node);
    connection.begin_post("/echo");
    connection.send_chunk("begin");
    assert_eq!(connection.head().status, 200);
    assert_eq!(connection.chunk(), "begin");
    connection.try_send(format!("{:x}\r\n", 2 * MEBIBYTE).as_bytes());
    connection.try_send(&vec![b'x'; 2 * MEBIBYTE]);
    let rest = connection.rest();
    assert!(!rest.ends_with("0\r\n\r\n"), "the answer ends as if it were whole");
}

#[test]
fn a_long_url_is_refused() {
    let node = with_limits("url_kb = 1");
    // The longest is too long even for the buffer behind the limit.
    for length in [1025, 10_000, 200_000] {
        let path = "p".repeat(length - 1);
        let mut connection = Connection::open(&node);
        connection.try_send(format!("GET /{path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes());
        let answer = connection.answer();
        if length < 65_535 {
            answer.assert_refused(414, "1414", "scriptNotFound");
        } else {
            assert!(matches!(answer.status, 414 | 431), "{answer:?}");
        }
    }
    let path = "p".repeat(1023);
    let answer = exchange(&node, &format!("GET /{path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    assert_eq!((answer.status, answer.header("isolane-error")), (404, None));
}

#[test]
fn long_headers_are_refused() {
    let node = with_limits("headers_kb = 2");
    let request =
        |value: &str| format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Long: {value}\r\n\r\n");
    assert_eq!(exchange(&node, &request(&"v".repeat(1900))).status, 200);
    for length in [2048, 10_000] {
        let answer = exchange(&node, &request(&"v".repeat(length)));
        answer.assert_refused(431, "1431", "scriptNotFound");
    }
    // Too long even for the buffer behind the limit.
    let mut connection = Connection::open(&node);
    connection.try_send(request(&"v".repeat(300_000)).as_bytes());
    assert_eq!(connection.answer().status, 431);
}

#[test]
fn long_headers_are_refused_in_http_2() {
    let node = with_limits("headers_kb = 2");
    let header = format!("X-Long: {}", "v".repeat(2048));
    let answer = Curl::prior_knowledge(&node, "/").with(&["-H", &header]).answer();
    answer.assert_refused(431, "1431", "scriptNotFound");
}

#[test]
fn a_client_that_is_slow_with_its_headers_is_cut_off() {
    let node = with_limits("header_timeout_s = 1");
    for begin in ["G", "GET / HTTP/1.1\r\nHost: app.test\r\nX-Slow: ye"] {
        let mut connection = Connection::open(&node);
        let begun = Instant::now();
        connection.send(begin);
        assert_eq!(connection.rest(), "");
        assert!(begun.elapsed() >= Duration::from_millis(900), "cut off too early: {begin:?}");
    }
}

#[test]
fn a_client_that_is_slow_with_its_second_headers_is_cut_off() {
    let node = with_limits("header_timeout_s = 1");
    let mut connection = Connection::open(&node);
    connection.get("/");
    assert_eq!(connection.answer().status, 200);
    connection.send("GET / HTTP/1.1\r\nHo");
    assert_eq!(connection.rest(), "");
}

#[test]
fn a_client_that_is_slow_with_a_short_body_is_told() {
    let node = with_limits("header_timeout_s = 1");
    let head = format!("POST /read HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n\r\n");
    let answer = exchange(&node, &format!("{head}part"));
    answer.assert_refused(408, "1408", "canceled");
}

#[test]
fn a_handler_may_take_longer_than_the_time_for_headers_and_for_idleness() {
    let mut node = with_limits("header_timeout_s = 1\nidle_timeout_s = 1");
    let mut idle = Connection::open(&node);
    let mut connection = Connection::open(&node);
    connection.get("/hang");
    node.logged("hanging");
    // A connection that idles since then is closed, and the one at work is not.
    assert_eq!(idle.rest(), "");
    let mut second = Connection::open(&node);
    assert_eq!(second.rest(), "");
    assert!(connection.is_silent());
}

#[test]
fn a_handler_that_takes_longer_than_a_request_may_is_not_waited_for() {
    let mut node = with_limits("request_timeout_s = 1");
    let mut connection = Connection::open(&node);
    connection.get("/hang");
    connection.answer().assert_refused(504, "1107", "exceededWallTime");
    node.logged("the signal aborted");
    // The connection is as good as before.
    connection.get("/");
    assert_eq!(connection.answer().body, "hello app.test");
}

#[test]
fn an_idle_connection_is_closed() {
    let node = with_limits("idle_timeout_s = 1");
    let mut connection = Connection::open(&node);
    connection.get("/");
    assert_eq!(connection.answer().status, 200);
    assert_eq!(connection.rest(), "");
}

#[test]
fn a_client_that_is_slow_with_its_tls_handshake_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    Certificate::of(HOST).install(folder.path(), "app");
    // The first listener is without TLS, so the connection goes to the second.
    let tables = "[limits]\ntls_timeout_s = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\ntls = true\n\
                  [[tls]]\ncert = \"app.pem\"\nkey = \"app.key\"\n";
    let node = Node::at(folder, tables);
    let mut connection = Connection::open_second(&node);
    assert_eq!(connection.rest(), "");
}

#[test]
fn connections_beyond_the_limit_wait_for_their_turn() {
    let node = with_limits("connections = 1");
    let mut first = Connection::open(&node);
    first.get("/");
    assert_eq!(first.answer().status, 200);
    let mut second = Connection::open(&node);
    second.get("/url");
    first.get("/");
    assert_eq!(first.answer().status, 200);
    assert!(second.is_silent());
    drop(first);
    assert_eq!(second.answer().body, "http://app.test/url");
}
