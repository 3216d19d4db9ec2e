//! Clients that hold what they have and do not go on, beside a neighbour who is served all the while,
//! over one connection: the process that it leads to has not ended.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::client::Connection;
use crate::curl::Curl;
use crate::node::{HOST, Node, PATIENCE};

/// Between two requests of the neighbour: a pace, and nothing that is waited for.
const PACE: Duration = Duration::from_millis(5);

/// A node that looks each second whether a client moves.
fn of_little_patience() -> Node {
    Node::with("[limits]\nprogress_timeout_s = 1\n")
}

/// The neighbour asks once more.
fn serve(neighbour: &mut Connection) {
    neighbour.get("/");
    assert_eq!(neighbour.answer().body, "hello app.test");
}

#[test]
fn bodies_that_stop_or_dribble_are_given_up_and_the_neighbour_is_served() {
    let node = of_little_patience();
    let mut neighbour = Connection::open(&node);
    let mut stops = Connection::open(&node);
    stops.begin_post("/read");
    stops.send("5\r\nab");
    let begin_long = || {
        let mut connection = Connection::open(&node);
        let head = format!("POST /read HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 70000\r\n\r\n");
        connection.send(&head);
        connection
    };
    let mut one_byte = begin_long();
    one_byte.send("a");
    let mut dribbles = begin_long();
    let begun = Instant::now();
    while stops.is_silent() || one_byte.is_silent() || dribbles.is_silent() {
        assert!(begun.elapsed() < PATIENCE, "they are waited for");
        dribbles.try_send(b"x");
        serve(&mut neighbour);
        thread::park_timeout(PACE);
    }
    for slow in [&mut stops, &mut one_byte, &mut dribbles] {
        slow.answer().assert_refused(408, "1408", "canceled");
        assert_eq!(slow.rest(), "");
    }
    serve(&mut neighbour);
}

#[test]
fn an_endless_answer_that_nobody_takes_is_given_up_and_the_neighbour_is_served() {
    let mut node = of_little_patience();
    let mut neighbour = Connection::open(&node);
    serve(&mut neighbour);
    let mut silent = Connection::open(&node);
    silent.get("/endless");
    serve(&mut neighbour);
    node.logged("the stream was cancelled");
    serve(&mut neighbour);
    drop(silent);
}

#[test]
fn handlers_that_wait_shut_out_nobody_at_another_address() {
    const CROWD: usize = 420;
    /// What one address gets of 480 connections.
    const OWN: usize = 120;
    // The other ends are this process's.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let node = Node::with("[limits]\nconnections = 480\n");
    let open = |_| {
        let mut connection = Connection::open(&node);
        let request = format!("GET /hang HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        connection.try_send(request.as_bytes());
        connection
    };
    let mut crowd: Vec<Connection> = (0..CROWD).map(open).collect();
    let mut waiting = || crowd.iter_mut().map(Connection::is_silent).filter(|it| *it).count();
    let begun = Instant::now();
    while waiting() > OWN {
        assert!(begun.elapsed() < PATIENCE, "one address has more than its part");
        thread::yield_now();
    }
    let neighbour = Curl::prior_knowledge(&node, "/").with(&["--interface", "host!127.0.0.3"]);
    assert!(neighbour.answer().body.starts_with("hello app.test"));
    assert_eq!(waiting(), OWN);
}
