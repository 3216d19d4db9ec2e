//! Bodies that are still on their way, and clients that go away.

use crate::client::Connection;
use crate::curl::Curl;
use crate::node::{HOST, Node};

/// A node that soon takes a client for gone that has closed its half.
fn of_little_patience() -> Node {
    Node::with("[limits]\nhalf_close_timeout_s = 1\n")
}

#[test]
fn a_body_is_echoed_while_it_is_being_sent() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    connection.begin_post("/echo");
    connection.send_chunk("one");
    assert_eq!(connection.head().status, 200);
    assert_eq!(connection.chunk(), "one");
    for text in ["two", "three"] {
        connection.send_chunk(text);
        assert_eq!(connection.chunk(), text);
    }
    connection.send_chunk("");
    assert_eq!(connection.chunk(), "");
    connection.get("/");
    assert_eq!(connection.answer().body, "hello app.test");
}

#[test]
fn a_client_that_goes_away_during_the_handler_aborts_the_signal() {
    let mut node = of_little_patience();
    let mut connection = Connection::open(&node);
    connection.get("/hang");
    node.logged("hanging");
    drop(connection);
    node.logged("the signal aborted");
}

#[test]
fn a_client_that_goes_away_during_the_handler_is_logged_as_gone() {
    let mut node = of_little_patience();
    let mut connection = Connection::open(&node);
    connection.get("/hang");
    node.logged("hanging");
    drop(connection);
    let line = node.logged("isolane::access");
    assert!(line.contains("status=499") && line.contains("outcome=\"canceled\""), "{line}");
}

#[test]
fn a_client_that_closes_its_half_counts_as_gone_after_a_while() {
    let mut node = of_little_patience();
    let mut connection = Connection::open(&node);
    connection.get("/hang");
    node.logged("hanging");
    connection.finish();
    node.logged("the signal aborted");
    assert_eq!(connection.rest(), "");
}

#[test]
fn a_client_that_closes_its_half_after_its_requests_gets_their_answers() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    connection.get("/");
    connection
        .send(&format!("POST /echo HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4\r\n\r\nbody"));
    connection.finish();
    assert_eq!(connection.answer().body, "hello app.test");
    assert_eq!(connection.answer().body, "body");
    assert_eq!(connection.rest(), "");
}

#[test]
fn a_client_that_goes_away_after_its_body_aborts_the_signal() {
    let mut node = of_little_patience();
    let mut connection = Connection::open(&node);
    connection
        .send(&format!("POST /hang HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4\r\n\r\nbody"));
    node.logged("hanging");
    drop(connection);
    node.logged("the signal aborted");
}

#[test]
fn a_client_that_resets_its_http_2_stream_aborts_the_signal() {
    let mut node = Node::start();
    let running = Curl::prior_knowledge(&node, "/hang").start();
    node.logged("hanging");
    drop(running);
    node.logged("the signal aborted");
}

#[test]
fn a_client_that_goes_away_during_its_body_fails_the_workers_reading() {
    let mut node = Node::start();
    let mut connection = Connection::open(&node);
    connection.begin_post("/read");
    connection.send_chunk("a part");
    node.logged("reading");
    drop(connection);
    node.logged("the body failed");
}

#[test]
fn a_client_that_goes_away_during_the_answer_cancels_the_stream() {
    let mut node = Node::start();
    let mut connection = Connection::open(&node);
    connection.get("/endless");
    assert_eq!(connection.head().status, 200);
    // What is there at once goes as one.
    assert_eq!(connection.chunk().len() % 1024, 0);
    drop(connection);
    node.logged("the stream was cancelled");
}

#[test]
fn a_client_that_goes_away_during_an_answer_in_http_2_cancels_the_stream() {
    let mut node = Node::start();
    let mut running = Curl::prior_knowledge(&node, "/endless").start();
    running.read(10_000);
    drop(running);
    node.logged("the stream was cancelled");
}

#[test]
fn a_client_that_goes_away_during_events_aborts_the_signal() {
    let mut node = Node::start();
    let mut connection = Connection::open(&node);
    connection.get("/events");
    assert_eq!(connection.head().header("content-type"), Some("text/event-stream"));
    assert_eq!(connection.chunk(), "data: é\n\n");
    drop(connection);
    node.logged("the signal aborted");

    let mut running = Curl::prior_knowledge(&node, "/events").start();
    running.read("HTTP/2 200".len());
    drop(running);
    node.logged("the signal aborted");
}

#[test]
fn a_head_does_not_wait_for_a_body_that_is_silent() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    connection.get("/silent");
    assert_eq!(connection.head().status, 200);
    assert!(connection.is_silent());
}

#[test]
fn a_body_that_fails_at_once_is_an_error_page() {
    let mut node = Node::start();
    let mut connection = Connection::open(&node);
    connection.get("/fails");
    let answer = connection.answer();
    answer.assert_refused(500, "1101", "exception");
    assert!(!answer.body.contains("swordfish"), "{answer:?}");
    let line = node.logged("isolane::event");
    assert!(line.contains("swordfish") && line.contains("worker.js:"), "{line}");
    // The connection is as good as before.
    connection.get("/");
    assert_eq!(connection.answer().body, "hello app.test");
    assert_eq!(Curl::prior_knowledge(&node, "/fails").answer().status, 500);
}

#[test]
fn an_answer_that_breaks_off_does_not_look_whole() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    connection.get("/breaks");
    assert!(!connection.rest().ends_with("0\r\n\r\n"));
    // 92: the stream was reset.
    assert_eq!(Curl::prior_knowledge(&node, "/breaks").failure(), 92);
}
