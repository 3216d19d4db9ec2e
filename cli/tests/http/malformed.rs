//! Bytes that are no request, or that two readers could take for different requests.

use crate::client::{Connection, exchange};
use crate::node::{HOST, Node};

#[test]
fn a_malformed_request_is_answered_with_400() {
    let node = Node::start();
    for request in [
        "GARBAGE\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: app.test\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "G<T / HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.test\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.test\r\nX Y: space\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.test\r\nX-Space : before the colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.test\r\nX-Nul: \0\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\r\n\r\n",
    ] {
        let answer = exchange(&node, request);
        assert_eq!(answer.status, 400, "{request:?}");
    }
}

#[test]
fn a_target_that_is_no_resource_is_refused() {
    let node = Node::start();
    let answer = exchange(&node, "OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n");
    answer.assert_refused(400, "1400", "scriptNotFound");
}

#[test]
fn methods_that_no_worker_can_get_are_refused() {
    let node = Node::start();
    for request in [
        "TRACE / HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "TRACK / HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "CONNECT app.test:80 HTTP/1.1\r\nHost: app.test\r\n\r\n",
    ] {
        let answer = exchange(&node, request);
        answer.assert_refused(405, "1405", "scriptNotFound");
        assert!(answer.header("allow").is_some_and(|allowed| allowed.contains("GET")));
    }
}

#[test]
fn a_body_whose_end_is_ambiguous_is_refused() {
    let node = Node::start();
    for framing in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 4",
        "Content-Length: +3",
        "Content-Length: -1",
        "Content-Length: 0x3",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked, identity",
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
    ] {
        let head = format!("POST /read HTTP/1.1\r\nHost: {HOST}\r\n{framing}\r\n\r\n");
        let answer = exchange(&node, &format!("{head}abcd"));
        assert_eq!(answer.status, 400, "{framing}");
    }
}

#[test]
fn what_follows_a_body_in_chunks_is_not_hidden_by_a_length() {
    // A reader that goes by the length takes the second request for a part of the first.
    let node = Node::start();
    let mut connection = Connection::open(&node);
    connection.send(&format!(
        "POST /read HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 60\r\n\
         Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    ));
    let answer = connection.answer();
    assert!(answer.status == 400 || answer.body == "read 3", "{answer:?}");
}

#[test]
fn a_malformed_chunk_breaks_the_body_and_the_connection() {
    let mut node = Node::start();
    let mut connection = Connection::open(&node);
    connection.begin_post("/read");
    node.logged("reading");
    connection.send("zz\r\nabc\r\n");
    node.logged("the body failed");
    // Nothing after it is taken for a request.
    connection.try_send(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    // It is the client's fault, though the exception is the worker's.
    connection.answer().assert_refused(400, "1400", "canceled");
    assert_eq!(connection.rest(), "");
}

#[test]
fn what_another_reader_may_take_for_something_else_is_refused() {
    let mut node = Node::start();
    let mut neighbour = Connection::open(&node);
    let post = |fields: &str| format!("POST /read HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n\r\n");
    let method = |length| format!("{} / HTTP/1.1\r\nHost: {HOST}\r\n\r\n", "M".repeat(length));
    for (request, status, code, outcome) in [
        (post("Transfer-Encoding: chunked, chunked"), 400, "1400", "scriptNotFound"),
        (post("Transfer-Encoding: identity, chunked"), 400, "1400", "scriptNotFound"),
        (
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
            400,
            "1400",
            "scriptNotFound",
        ),
        (method(70_000), 400, "1400", "scriptNotFound"),
        (post("Content-Length: 4\r\nExpect: 200-ok"), 417, "1417", "scriptNotFound"),
        (post("Content-Length: 18446744073709551614"), 413, "1413", "canceled"),
        (post("Content-Length: 18446744073709551615"), 413, "1413", "canceled"),
    ] {
        exchange(&node, &request).assert_refused(status, code, outcome);
        neighbour.get("/");
        assert_eq!(neighbour.answer().body, "hello app.test");
    }
    let line = node.logged("method=MMM");
    assert!(line.len() < 20_000, "the log has {} bytes", line.len());
    // What is no head has no page.
    assert_eq!(exchange(&node, "GET / HTTP/1.1\nHost: app.test\n\n").status, 400);
}

#[test]
fn a_malformed_request_hurts_nobody_else() {
    let node = Node::start();
    let mut neighbour = Connection::open(&node);
    neighbour.get("/");
    assert_eq!(neighbour.answer().status, 200);
    assert_eq!(exchange(&node, "GARBAGE\r\n\r\n").status, 400);
    neighbour.get("/");
    assert_eq!(neighbour.answer().status, 200);
}
