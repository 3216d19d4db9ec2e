//! How a node ends: what runs is finished, a second signal does not wait.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::process::Process;
use crate::serve::serve;

const ECHO: &str = "export default { fetch(request) { return new Response(request.body ?? 'x') } }";

fn send(process: &Process, signal: Signal) {
    let id = i32::try_from(process.id()).expect("the identifier of a process is small");
    kill(Pid::from_raw(id), signal).expect("the process is there");
}

fn node() -> (Folder, Process, u16) {
    let folder = Folder::with(&[("a.js", ECHO)]);
    let (process, port) = serve(&folder, "workers = [{ path = 'a.js', routes = ['*'] }]");
    (folder, process, port)
}

/// A request whose body is not over, and whose answer has begun.
fn begin(port: u16) -> Connection {
    let mut running = Connection::open(port);
    running.begin_post("a.test", "/");
    running.send_chunk("one");
    assert_eq!(running.head().status, 200);
    assert_eq!(running.chunk(), "one");
    running
}

fn code(status: ExitStatus) -> Option<i32> {
    status.code()
}

#[test]
fn a_node_without_work_ends_at_once_with_code_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (_folder, mut process, port) = node();
        assert_eq!(get(port, "a.test", "/").body, "x");
        send(&process, signal);
        assert_eq!(code(process.ended()), Some(0), "{signal}");
    }
}

#[test]
fn an_idle_connection_keeps_no_node_alive() {
    let (_folder, mut process, port) = node();
    let mut idle = Connection::open(port);
    assert_eq!(idle.get("a.test", "/").body, "x");
    send(&process, Signal::SIGTERM);
    assert_eq!(code(process.ended()), Some(0));
}

#[test]
fn a_running_request_is_finished_before_the_end() {
    let (_folder, mut process, port) = node();
    let mut running = begin(port);
    send(&process, Signal::SIGTERM);
    process.stderr.until("shutting down");
    running.send_chunk("two");
    assert_eq!(running.chunk(), "two");
    refuses_connections(port);
    assert!(process.is_running());
    running.send_chunk("three");
    assert_eq!(running.chunk(), "three");
    running.send_chunk("");
    assert_eq!(running.chunk(), "");
    assert_eq!(code(process.ended()), Some(0));
}

/// The listener is closed by the shards, each in its own time: until then connections are taken.
fn refuses_connections(port: u16) {
    let end = std::time::Instant::now() + crate::process::PATIENCE;
    loop {
        match Connection::try_open(port) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return,
            other => assert!(std::time::Instant::now() < end, "{:?}", other.err()),
        }
    }
}

#[test]
fn a_second_signal_does_not_wait_for_running_requests() {
    for (signal, expected) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let (_folder, mut process, port) = node();
        let _running = begin(port);
        send(&process, Signal::SIGTERM);
        process.stderr.until("shutting down");
        send(&process, signal);
        assert_eq!(code(process.ended()), Some(expected), "{signal}");
    }
}

#[test]
fn a_request_that_does_not_end_is_cut_off_when_the_time_is_over() {
    let folder = Folder::with(&[("a.js", ECHO)]);
    let configuration = "limits = { shutdown_timeout_s = 1 }
        workers = [{ path = 'a.js', routes = ['*'] }]";
    let (mut process, port) = serve(&folder, configuration);
    let _running = begin(port);
    send(&process, Signal::SIGTERM);
    process.stderr.until("cut off");
    assert_eq!(code(process.ended()), Some(0));
}

#[test]
fn a_hangup_changes_nothing_for_a_node_without_certificates() {
    let (_folder, mut process, port) = node();
    send(&process, Signal::SIGHUP);
    process.stderr.until("the certificates were read again");
    assert_eq!(get(port, "a.test", "/").body, "x");
    assert!(process.is_running());
}

#[test]
fn a_hangup_ends_development() {
    let folder = Folder::with(&[("a.js", ECHO)]);
    let mut process = Process::start(folder.path(), ["dev", "a.js", "--port", "0"]);
    process.dev_port();
    send(&process, Signal::SIGHUP);
    assert_eq!(process.ended().signal(), Some(Signal::SIGHUP as i32));
}

#[test]
fn development_ends_with_ctrl_c() {
    let folder = Folder::with(&[("a.js", ECHO)]);
    let mut process = Process::start(folder.path(), ["dev", "a.js", "--port", "0"]);
    let port = process.dev_port();
    assert_eq!(get(port, "localhost", "/").body, "x");
    send(&process, Signal::SIGINT);
    assert_eq!(code(process.ended()), Some(0));
}
