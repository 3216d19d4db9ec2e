//! The node or its supervisor ends by force: connections wait for the next process, and none is left
//! behind.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use nix::sys::signal::Signal;

use crate::http::Connection;
use crate::node::{HOST, Node, folder, send, until_gone};
use crate::process::Process;

/// A node whose next processes may be of another program.
struct Replaceable {
    node: Node,
    program: PathBuf,
}

impl Replaceable {
    fn start() -> Self {
        let folder = folder();
        let program = folder.path().join("isolane");
        symlink(env!("CARGO_BIN_EXE_isolane"), &program).expect("the folder takes a link");
        let node = Node::at(folder, program.to_str().expect("its path is text"));
        Self { node, program }
    }

    /// From now on they are of that script.
    fn replace(&self, script: &str) {
        fs::remove_file(&self.program).expect("the program is there");
        fs::write(&self.program, format!("#!/bin/sh\n{script}\n"))
            .expect("the folder takes a file");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&self.program, mode).expect("it may be run");
    }

    /// From now on they are nodes again.
    fn give_back(&self) {
        fs::remove_file(&self.program).expect("the program is there");
        symlink(env!("CARGO_BIN_EXE_isolane"), &self.program).expect("the folder takes a link");
    }
}

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
fn a_node_is_started_again_where_the_one_that_was_to_take_over_ends_as_well() {
    let mut replaceable = Replaceable::start();
    // It prepares for as long as it is let.
    replaceable.replace("echo \"prepares as $$.\" >&2; exec sleep 60");
    let old = replaceable.node.process.node_id();
    replaceable.node.signal(Signal::SIGUSR2);
    let told = replaceable.node.process.stderr.until("prepares as ");
    let after = told.rsplit("prepares as ").next().unwrap_or_default();
    let digits = after.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    let new = digits.parse().expect("it is a number");
    send(old, Signal::SIGKILL);
    replaceable.node.process.stderr.until("another process is about to take its place");
    replaceable.give_back();
    send(new, Signal::SIGKILL);
    let told = replaceable.node.process.stderr.until("the node was ended by SIGKILL");
    assert!(told.contains("it is started again in 1 s"), "{told}");
    replaceable.node.serves_anew();
    assert_eq!(replaceable.node.body("/"), "first");
}

#[test]
fn a_node_that_cannot_start_after_a_crash_is_tried_again() {
    let mut replaceable = Replaceable::start();
    let crashed = replaceable.node.process.node_id();
    replaceable.replace("exit 7");
    send(crashed, Signal::SIGKILL);
    let told = replaceable.node.process.stderr.until("ended with exit code 7");
    assert!(told.contains("it is started again in 2 s"), "{told}");
    replaceable.give_back();
    replaceable.node.serves_anew();
    assert_eq!(replaceable.node.body("/"), "first");
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
