//! How a node ends: what runs is finished, nothing new begins.

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::Connection;
use crate::node::{Node, PATIENCE};

/// Waits until the node accepts no connections. One that it had accepted before ends by itself.
fn wait_until_refused(node: &Node) {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match TcpStream::connect(node.address()) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return,
            // It came while the socket was being closed.
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            Ok(mut stream) => {
                // Another process may have the port by now: its connections need not end.
                stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
                let _ = stream.read_to_end(&mut Vec::new());
            }
        }
    }
    panic!("new connections are still accepted");
}

#[test]
fn a_request_that_runs_is_answered_while_new_connections_are_refused() {
    for signal in ["TERM", "INT"] {
        let mut node = Node::start();
        let mut idle = Connection::open(&node);
        idle.get("/");
        assert_eq!(idle.answer().status, 200);
        let mut connection = Connection::open(&node);
        connection.begin_post("/read");
        connection.send_chunk("before ");
        node.logged("reading");

        node.signal(signal);
        node.logged("shutting down");
        wait_until_refused(&node);
        assert_eq!(idle.rest(), "");

        connection.send_chunk("after");
        connection.send_chunk("");
        let answer = connection.answer();
        assert_eq!((answer.status, answer.body.as_str()), (200, "read 12"));
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(connection.rest(), "");
        assert_eq!(node.ended().code(), Some(0));
    }
}

#[test]
fn an_answer_that_streams_goes_on_to_its_end() {
    let mut node = Node::start();
    let mut connection = Connection::open(&node);
    connection.begin_post("/echo");
    connection.send_chunk("before");
    assert_eq!(connection.head().status, 200);
    assert_eq!(connection.chunk(), "before");
    node.signal("TERM");
    node.logged("shutting down");
    connection.send_chunk("after");
    assert_eq!(connection.chunk(), "after");
    connection.send_chunk("");
    assert_eq!(connection.chunk(), "");
    assert_eq!(node.ended().code(), Some(0));
}

#[test]
fn a_request_that_does_not_end_in_time_is_cut_off() {
    let mut node = Node::with("[limits]\nshutdown_timeout_s = 1\n");
    let mut connection = Connection::open(&node);
    connection.get("/hang");
    node.logged("hanging");
    node.signal("TERM");
    node.logged("cut off at the end of the shutdown time");
    assert_eq!(node.ended().code(), Some(0));
    assert_eq!(connection.rest(), "");
}

#[test]
fn a_second_signal_ends_the_node_at_once() {
    let mut node = Node::start();
    let mut connection = Connection::open(&node);
    connection.get("/hang");
    node.logged("hanging");
    node.signal("TERM");
    node.logged("shutting down");
    node.signal("TERM");
    assert_eq!(node.ended().code(), Some(143));
}
