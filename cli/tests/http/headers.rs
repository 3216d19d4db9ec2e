//! What of a message's head passes the node, and answers that have no body.

use crate::client::{Connection, exchange, get};
use crate::curl::Curl;
use crate::node::{HOST, Node};

#[test]
fn an_answer_to_head_has_the_length_and_not_the_body() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    for path in ["/", "/url"] {
        connection.get(path);
        let answer = connection.answer();
        connection.send(&format!("HEAD {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
        let head = connection.head();
        assert_eq!(head.status, 200);
        let length = answer.body.len().to_string();
        assert_eq!(head.header("content-length"), Some(length.as_str()));
        assert_eq!(head.header("content-type"), answer.header("content-type"));
    }
    // A body that came after all would be read as the head of this.
    connection.get("/");
    assert_eq!(connection.answer().body, "hello app.test");
}

#[test]
fn an_error_answered_to_head_has_no_body_either() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    connection.send("HEAD / HTTP/1.1\r\nHost: nowhere.test\r\n\r\n");
    let head = connection.head();
    assert_eq!((head.status, head.header("isolane-error")), (404, Some("1001")));
    connection.get("/");
    assert_eq!(connection.answer().body, "hello app.test");
}

#[test]
fn head_does_not_wait_for_a_stream_that_never_ends() {
    let mut node = Node::start();
    let mut connection = Connection::open(&node);
    connection.send(&format!("HEAD /endless HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    assert_eq!(connection.head().status, 200);
    node.logged("the stream was cancelled");
    connection.get("/");
    assert_eq!(connection.answer().body, "hello app.test");
}

#[test]
fn answers_whose_status_forbids_a_body_have_none() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    for status in [204, 304] {
        connection.get(&format!("/status?is={status}"));
        let head = connection.head();
        assert_eq!((head.status, head.header("etag")), (status, Some("\"e\"")));
        assert_eq!(head.header("x-kept"), Some("yes"));
        assert_eq!((head.header("transfer-encoding"), head.header("content-length")), (None, None));
    }
    connection.get("/");
    assert_eq!(connection.answer().body, "hello app.test");
}

#[test]
fn headers_about_a_workers_connection_or_the_nodes_own_do_not_reach_the_client() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    connection.get("/hops");
    let answer = connection.answer();
    let mut names: Vec<_> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "date", "x-public"]);
    assert_eq!(answer.body, "hops");
    // Its `Connection: close` has closed nothing.
    connection.get("/");
    assert_eq!(connection.answer().status, 200);
    // In HTTP/2 they would be an error of the protocol.
    let answer = Curl::prior_knowledge(&node, "/hops").answer();
    assert_eq!((answer.status, answer.body.as_str()), (200, "hops"));
    for name in ["x-internal", "isolane-error", "isolane-outcome"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
}

#[test]
fn headers_about_a_clients_connection_do_not_reach_the_worker() {
    let node = Node::start();
    let headers = "Connection: x-internal\r\nX-Internal: yes\r\nKeep-Alive: 1\r\nTE: trailers\r\n\
                   Proxy-Authorization: Basic x\r\nX-Public: one\r\nX-Public: two\r\n";
    let request = format!("GET /headers HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n");
    let answer = exchange(&node, &request);
    let expected = "cf-connecting-ip: 127.0.0.1\nhost: app.test\nx-public: one, two\n";
    assert_eq!(answer.body, expected);
}

#[test]
fn a_client_cannot_say_what_its_address_is() {
    let node = Node::start();
    let headers = "CF-Connecting-IP: 10.0.0.1\r\n";
    let request = format!("GET /headers HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n");
    let answer = exchange(&node, &request);
    assert_eq!(answer.body, "cf-connecting-ip: 127.0.0.1\nhost: app.test\n");
}

#[test]
fn a_client_that_waits_to_be_asked_for_its_body_is_asked() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    connection.send(&format!(
        "POST /read HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    ));
    assert_eq!(connection.head().status, 100);
    connection.send("body");
    assert_eq!(connection.answer().body, "read 4");
}

#[test]
fn an_answer_has_the_date() {
    let node = Node::start();
    let answer = get(&node, "/");
    assert!(answer.header("date").is_some_and(|date| date.ends_with(" GMT")), "{answer:?}");
}
