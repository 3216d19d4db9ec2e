//! The log of a node whose reader stands still: who prints much loses lines, and nobody else does.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use crate::folder::Folder;
use crate::http::Connection;
use crate::process::{Lines, PATIENCE};
use crate::serve::{configure, port_of};

/// As much as one event may print.
const LOUD: &str = "export default { fetch() {
    for (let i = 0; i < 15; i++) console.log('loud'.repeat(4000));
    return new Response('said') } };";
const QUIET: &str = "export default { fetch(request) {
    console.log(`quiet ${new URL(request.url).pathname}`);
    return new Response('said') } };";
const WORKERS: &str = "
    [[workers]]
    path = 'loud.js'
    routes = ['loud.test']
    [[workers]]
    path = 'quiet.js'
    routes = ['quiet.test']
";

/// Requests to the loud worker: twice what the log keeps.
const LOUD_REQUESTS: usize = 60;
const QUIET_REQUESTS: usize = 20;

const DROPPED: &str = "lines of the log were dropped";

/// A process that is killed when it is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_worker_that_floods_the_log_costs_no_other_a_line() {
    let folder = Folder::with(&[("loud.js", LOUD), ("quiet.js", QUIET)]);
    configure(&folder, WORKERS);
    let child = Command::new(env!("CARGO_BIN_EXE_isolane"))
        .arg("serve")
        .current_dir(folder.path())
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut node = Running(child.expect("the isolane binary starts"));
    let mut log = BufReader::new(node.0.stderr.take().expect("it is piped"));
    let (sender, listening) = channel();
    thread::spawn(move || {
        let mut line = String::new();
        while !line.contains("\"listening\"") {
            line.clear();
            let length = log.read_line(&mut line).expect("the log can be read");
            assert!(length > 0, "the node has ended");
        }
        // From here on nobody reads it.
        let _ = sender.send((log, line));
    });
    let (log, line) = listening.recv_timeout(PATIENCE).expect("the node listens in time");
    let mut connection = Connection::open(port_of(&line));
    for _ in 0..LOUD_REQUESTS {
        assert_eq!(connection.get("loud.test", "/").body, "said");
    }
    for number in 0..QUIET_REQUESTS {
        assert_eq!(connection.get("quiet.test", &format!("/{number}")).body, "said");
    }
    let mut log = Lines::of("the log", log);
    for number in 0..QUIET_REQUESTS {
        log.until(&format!("quiet /{number}\""));
    }
    if !log.seen().contains(DROPPED) {
        log.until(DROPPED);
    }
}
