//! The node or its supervisor ends by force: connections wait for the next process, and none is left
//! behind.

use nix::sys::signal::Signal;

use crate::http::Connection;
use crate::node::{HOST, Node, send, until_gone};
use crate::process::Process;

#[test]
fn a_node_that_crashes_is_started_again_and_connections_wait() {
    let mut node = Node::start();
    let crashed = node.process.node_id();
    assert_eq!(node.body("/put/a?1"), "put");
    send(crashed, Signal::SIGKILL);
    until_gone(crashed);
    // Nobody accepts it yet.
    let mut waiting = Connection::open(node.port);
    assert_eq!(waiting.get(HOST, "/get/a").body, "1");
    let told = node.process.stderr.until("the node was ended by SIGKILL");
    assert!(told.contains("it is started again in 1 s"), "{told}");
    node.serves_anew();
    assert_eq!(node.metric("isolane_restarts_total{reason=\"crash\"}"), "1");
    // The next time it takes longer, and a person does not wait.
    send(node.process.node_id(), Signal::SIGUSR1);
    let told = node.process.stderr.until("the node was ended by SIGUSR1");
    assert!(told.contains("it is started again in 2 s"), "{told}");
    node.signal(Signal::SIGUSR2);
    node.serves_anew();
    assert_eq!(node.body("/get/a"), "1");
}

#[test]
fn a_node_that_crashes_while_another_takes_over_is_replaced_by_that() {
    let mut node = Node::start();
    let old = node.process.node_id();
    node.signal(Signal::SIGUSR2);
    node.process.stderr.until("a new process is started to take over");
    send(old, Signal::SIGKILL);
    node.serves_anew();
    assert_eq!(node.body("/"), "first");
}

#[test]
fn a_supervisor_that_is_killed_leaves_no_node_behind() {
    let mut node = Node::start();
    assert_eq!(node.body("/put/a?1"), "put");
    let served = node.process.node_id();
    node.signal(Signal::SIGKILL);
    // It waits for the data folder of the one that is dying.
    let mut again = Process::start(node.folder.path(), ["serve"]);
    again.stderr.until("\"listening\"");
    until_gone(served);
    assert_eq!(node.process.ended().code(), None);
}

#[test]
fn a_signal_to_all_processes_lets_requests_finish() {
    let mut node = Node::start();
    let mut running = Connection::open(node.port);
    running.begin_post(HOST, "/echo");
    running.send_chunk("one");
    assert_eq!(running.head().status, 200);
    assert_eq!(running.chunk(), "one");
    let served = node.process.node_id();
    send(served, Signal::SIGTERM);
    node.signal(Signal::SIGTERM);
    node.process.stderr.until("shutting down");
    running.send_chunk("two");
    assert_eq!(running.chunk(), "two");
    running.send_chunk("");
    assert_eq!(running.chunk(), "");
    assert_eq!(node.process.ended().code(), Some(0));
    until_gone(served);
}

#[test]
fn a_node_that_waits_to_be_started_again_can_be_stopped() {
    let mut node = Node::start();
    send(node.process.node_id(), Signal::SIGKILL);
    node.process.stderr.until("it is started again");
    node.signal(Signal::SIGTERM);
    assert_eq!(node.process.ended().code(), Some(0));
}

#[test]
fn a_takeover_does_not_keep_a_node_from_being_stopped() {
    for moment in ["a new process is started to take over", "the new process is ready"] {
        let mut node = Node::start();
        let old = node.process.node_id();
        node.signal(Signal::SIGUSR2);
        node.process.stderr.until(moment);
        let new = node.process.node_id();
        node.signal(Signal::SIGTERM);
        assert_eq!(node.process.ended().code(), Some(0));
        until_gone(old);
        until_gone(new);
    }
}
