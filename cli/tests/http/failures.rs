//! Workers that fail: what the client learns, what only the log does, and who else notices.

use crate::client::{Connection, exchange, get};
use crate::node::{Node, write};

#[test]
fn a_worker_that_throws_shows_nothing_of_its_inside() {
    let mut node = Node::start();
    for accept in ["*/*", "text/html"] {
        let head = format!("GET /throw HTTP/1.1\r\nHost: app.test\r\nAccept: {accept}\r\n\r\n");
        let answer = exchange(&node, &head);
        assert_eq!((answer.status, answer.header("isolane-error")), (500, Some("1101")));
        assert_eq!(answer.header("isolane-outcome"), Some("exception"));
        assert!(answer.body.contains("The worker threw an exception."), "{answer:?}");
        for secret in ["swordfish", "TypeError", "worker.js", "at "] {
            assert!(!answer.body.contains(secret), "{secret:?} is in {answer:?}");
        }
        let line = node.logged("isolane::event");
        assert!(line.contains("the password is swordfish"), "{line}");
        assert!(line.contains("worker.js:"), "{line}");
    }
}

#[test]
fn a_worker_that_can_never_answer_is_not_waited_for() {
    let node = Node::start();
    let answer = get(&node, "/never");
    answer.assert_refused(500, "1101", "exception");
    assert!(answer.body.contains("The script will never generate a response"), "{answer:?}");
}

#[test]
fn a_worker_at_its_cpu_limit_is_stopped_while_another_one_answers() {
    let folder = tempfile::tempdir().unwrap();
    let spin = "console.log('spinning'); for (;;) {}";
    let source = format!("export default {{ fetch() {{ {spin} }} }};");
    write(folder.path(), "spin/index.js", &source);
    let project = "name = \"spin\"\nmain = \"index.js\"\n[limits]\ncpu_ms = 3000\n";
    write(folder.path(), "spin/isolane.toml", project);
    let tables = "[[workers]]\npath = \"spin\"\nroutes = [\"spin.test\"]\n";
    let mut node = Node::at(folder, tables);
    assert_eq!(get(&node, "/").status, 200);

    let mut spinning = Connection::open(&node);
    spinning.send("GET / HTTP/1.1\r\nHost: spin.test\r\n\r\n");
    node.logged("spinning");
    assert_eq!(get(&node, "/").body, "hello app.test");
    assert!(spinning.is_silent(), "the other worker was not answered at the same time");

    let answer = spinning.answer();
    answer.assert_refused(503, "1102", "exceededCpu");
    assert!(answer.body.contains("its CPU limit of 3000 ms"), "{answer:?}");
    // The connection is as good as before.
    spinning.get("/");
    assert_eq!(spinning.answer().body, "hello app.test");
}

/// A worker that has earned a place where the sockets are, and then does not come back.
#[test]
fn the_connections_of_a_lost_shard_are_closed_at_once_and_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let endless = "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)";
    let source = format!(
        "export default {{ fetch(request) {{
             if (request.url.endsWith('/bad')) {endless};
             return new Response('fine');
         }} }};"
    );
    write(folder.path(), "bad/index.js", &source);
    let project = "name = \"bad\"\nmain = \"index.js\"\n[limits]\ncpu_ms = 50\n";
    write(folder.path(), "bad/isolane.toml", project);
    let tables = "[[workers]]\npath = \"bad\"\nroutes = [\"bad.test\"]\n";
    let mut node = Node::at(folder, tables);

    let ask = |connection: &mut Connection, path: &str| {
        connection.send(&format!("GET {path} HTTP/1.1\r\nHost: bad.test\r\n\r\n"));
    };
    // Enough of them that each shard has some.
    let mut bystanders: Vec<Connection> = (0..24).map(|_| Connection::open(&node)).collect();
    for bystander in &mut bystanders {
        bystander.get("/");
        assert_eq!(bystander.answer().body, "hello app.test");
    }
    let mut offender = Connection::open(&node);
    // It is trusted after some of these, and on the sockets' shard when it is busy.
    for _ in 0..2000 {
        ask(&mut offender, "/");
        assert_eq!(offender.answer().body, "fine");
    }
    ask(&mut offender, "/bad");
    node.logged("shard was replaced");
    // Either the shard was one of sockets, and its connections end, or the event was elsewhere.
    let mut closed = 0;
    for bystander in &mut bystanders {
        bystander.try_send(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
        match bystander.try_answer() {
            Some(answer) => assert_eq!(answer.body, "hello app.test"),
            None => closed += 1,
        }
    }
    assert!(closed > 0, "the shard that was lost had no sockets");
    for _ in 0..24 {
        assert_eq!(get(&node, "/").body, "hello app.test");
    }
    // It is stopped, and that is said.
    let refused = exchange(&node, "GET / HTTP/1.1\r\nHost: bad.test\r\n\r\n");
    if refused.status != 200 {
        refused.assert_refused(503, "1106", "loadShed");
    }
}
