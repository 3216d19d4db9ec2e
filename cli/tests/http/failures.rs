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
