//! Another process takes over: what it finds, what the old one finishes, and what happens where the
//! new one does not come up.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use nix::sys::signal::Signal;

use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::node::{HOST, Node, OFFENDER, configure, folder, send, until_gone};
use crate::process::output;

#[test]
fn a_new_process_serves_what_the_old_one_kept_with_the_configuration_of_now() {
    let mut node = Node::start();
    let (supervisor, old) = (node.process.id(), node.process.node_id());
    assert_eq!((node.body("/"), node.body("/put/a?1")), ("first".into(), "put".into()));
    configure(&node.folder, "second", "");
    node.restart();
    assert_eq!((node.body("/"), node.body("/get/a")), ("second".into(), "1".into()));
    assert_eq!(node.process.id(), supervisor);
    until_gone(old);
    assert_eq!(node.metric("isolane_restarts_total{reason=\"signal\"}"), "1");
    assert_eq!(node.metric("isolane_restarts_total{reason=\"crash\"}"), "0");
    assert!(node.metric("isolane_process_start_time_seconds").parse::<u64>().is_ok());
    node.signal(Signal::SIGTERM);
    assert_eq!(node.process.ended().code(), Some(0));
}

#[test]
fn the_old_process_finishes_its_streams_and_no_connection_is_refused() {
    let mut node = Node::start();
    let old = node.process.node_id();
    let mut running = Connection::open(node.port);
    running.begin_post(HOST, "/echo");
    running.send_chunk("before");
    assert_eq!(running.head().status, 200);
    assert_eq!(running.chunk(), "before");
    let mut idle = Connection::open(node.port);
    assert_eq!(idle.get(HOST, "/").body, "first");
    node.restart();
    running.send_chunk("after");
    assert_eq!(running.chunk(), "after");
    assert_eq!(node.body("/"), "first");
    // The data folder is the new one's by now, and who still wants it is told what to do.
    running.send_chunk("get");
    let told = running.chunk();
    assert!(told.contains("503 Service Unavailable: the node restarts, try again"), "{told}");
    running.send_chunk("");
    assert_eq!(running.chunk(), "");
    node.process.stderr.until("the old process has ended");
    until_gone(old);
}

#[test]
fn a_client_that_asks_in_time_is_told_that_its_connection_closes() {
    let mut node = Node::start();
    let mut connection = Connection::open(node.port);
    assert_eq!(connection.get(HOST, "/").header("connection"), "");
    node.signal(Signal::SIGUSR2);
    node.process.stderr.until("handing over to another process");
    let last = connection.get(HOST, "/");
    assert_eq!((last.header("connection"), last.body.as_str()), ("close", "first"));
    node.serves_anew();
}

#[test]
fn a_new_process_that_does_not_come_up_leaves_the_old_one_as_it_is() {
    let mut node = Node::start();
    let old = node.process.node_id();
    node.folder.write("node.toml", "listen = 1");
    node.signal(Signal::SIGUSR2);
    node.process.stderr.until("error");
    let told = node.process.stderr.until("the old one goes on");
    assert!(told.contains("ended with exit code 2"), "{told}");
    assert_eq!((node.process.node_id(), node.body("/")), (old, "first".into()));
    // Nor does one whose worker cannot be loaded.
    configure(&node.folder, "second", "");
    let worker = fs::read_to_string(node.folder.path().join("app/index.js")).unwrap();
    node.folder.write("app/index.js", "export default {");
    node.signal(Signal::SIGUSR2);
    node.process.stderr.until("the old one goes on");
    assert_eq!((node.process.node_id(), node.body("/put/a?1")), (old, "put".into()));
    node.folder.write("app/index.js", &worker);
    node.restart();
    assert_eq!((node.body("/"), node.body("/get/a")), ("second".into(), "1".into()));
}

#[test]
fn the_program_is_the_one_that_is_at_its_path_by_then() {
    let folder = folder();
    let path = folder.path().join("isolane");
    symlink(env!("CARGO_BIN_EXE_isolane"), &path).unwrap();
    let program = path.to_str().unwrap().to_owned();
    let mut node = Node::at(folder, &program);
    let old = node.process.node_id();
    // A program that does not know what it is for.
    fs::remove_file(&path).unwrap();
    node.folder.write("isolane", "#!/bin/sh\necho 'not for this machine' >&2\nexit 7\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    node.signal(Signal::SIGUSR2);
    node.process.stderr.until("not for this machine");
    let told = node.process.stderr.until("the old one goes on");
    assert!(told.contains("ended with exit code 7"), "{told}");
    // None at all.
    fs::remove_file(&path).unwrap();
    node.signal(Signal::SIGUSR2);
    node.process.stderr.until("a new process cannot be started");
    assert_eq!((node.process.node_id(), node.body("/")), (old, "first".into()));
    symlink(env!("CARGO_BIN_EXE_isolane"), &path).unwrap();
    node.restart();
    assert_eq!(node.body("/"), "first");
}

#[test]
fn signals_while_a_process_takes_over_lead_to_one_more() {
    let mut node = Node::start();
    node.signal(Signal::SIGUSR2);
    node.process.stderr.until("a new process is started to take over");
    for _ in 0..20 {
        node.signal(Signal::SIGUSR2);
    }
    node.serves_anew();
    node.serves_anew();
    node.restart();
    assert_eq!(node.metric("isolane_restarts_total{reason=\"signal\"}"), "3");
    assert_eq!(node.body("/"), "first");
}

#[test]
fn the_node_passes_the_signal_on() {
    let mut node = Node::start();
    let old = node.process.node_id();
    send(old, Signal::SIGUSR2);
    node.serves_anew();
    assert_ne!(node.process.node_id(), old);
    // It may be in a stranger's hands, and does not restart again and again.
    send(node.process.node_id(), Signal::SIGUSR2);
    node.process.stderr.until("the node is to be started anew, later");
    node.restart();
    assert_eq!(node.body("/"), "first");
}

#[test]
fn too_many_lost_shards_lead_to_a_new_process() {
    let mut node = Node::with("limits = { lost_shards = 1, shutdown_timeout_s = 1 }");
    let old = node.process.node_id();
    // What becomes of the request is not the matter: its shard is lost.
    let mut offender = Connection::open(node.port);
    offender.send(&format!("GET / HTTP/1.1\r\nhost: {OFFENDER}\r\n\r\n"));
    node.process.stderr.until("restartDue");
    node.serves_anew();
    assert_eq!(node.body("/"), "first");
    assert_eq!(node.metric("isolane_restarts_total{reason=\"lostShards\"}"), "1");
    // Nor does the offender cost the new process a shard at once.
    let refused = get(node.port, OFFENDER, "/");
    assert_eq!(
        (refused.status, refused.header("isolane-error")),
        (503, "1106"),
        "{}",
        refused.body
    );
    let counted = "kind=\"refused\",resource=\"shards\",worker=\"offender\"";
    assert_eq!(node.metric(&format!("isolane_incidents_total{{{counted}}}")), "1");
    assert_eq!(node.metric("isolane_lost_shards"), "0");
    // With the threads and the memory that it had lost.
    until_gone(old);
}

#[test]
fn deploys_go_on_while_processes_take_over() {
    let mut node = Node::start();
    let answers = |text: &str| format!("export default {{ fetch: () => new Response('{text}') }};");
    node.folder.write("late/isolane.toml", "name = 'late'\nroutes = ['late.test']\n");
    for version in ["one", "two", "three"] {
        node.folder.write("late/index.js", &answers(version));
        node.signal(Signal::SIGUSR2);
        // At whatever moment this is: the command finds the one process or the other.
        isolane(&node.folder, &["deploy", "late"]);
        assert_eq!(get(node.port, "late.test", "/").body, version);
        node.serves_anew();
        assert_eq!(get(node.port, "late.test", "/").body, version);
    }
    let listed = isolane(&node.folder, &["list"]);
    assert!(listed.contains("late.test"), "{listed}");
}

/// What a command prints that succeeds.
fn isolane(folder: &Folder, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isolane"));
    command.args(arguments).args(["--node-config", "node.toml"]).current_dir(folder.path());
    let output = output(&mut command).expect("the isolane binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "isolane {}: {said}", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
