//! `isolane tail`: events as they end, for a person and as JSON, also over the end of a node.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::http::get;
use crate::node::Node;
use crate::process::Process;

const WORKER: &str = "export default {
    fetch(request) {
        const { pathname } = new URL(request.url);
        console.log('seen', pathname);
        if (pathname === '/fail') throw new RangeError('not today');
        return new Response('page');
    },
};";

fn node() -> Node {
    let configuration = "name = 'shop'\nroutes = ['shop.test']\n";
    let files = [("shop/index.js", WORKER), ("shop/isolane.toml", configuration)];
    let node = Node::with("", &files);
    node.isolane().good(&["deploy", "shop"]);
    node.isolane().good(&["deploy", "app"]);
    node
}

/// Follows the events of a node that is found through its folder, once they are on their way.
fn tail(node: &Node, arguments: &[&str]) -> Process {
    let home = format!("XDG_CONFIG_HOME={}", node.folder.path().join("home").display());
    let isolane = env!("CARGO_BIN_EXE_isolane");
    let command = ["-u", "ISOLANE_NODE", "-u", "ISOLANE_TOKEN", &*home, isolane, "tail"];
    let all = [&command[..], arguments].concat();
    let mut process = Process::start_program("env", node.folder.path(), all);
    process.stderr.until("Ctrl-C stops");
    process
}

fn interrupt(mut process: Process) -> Option<i32> {
    let id = i32::try_from(process.id()).expect("the identifier of a process is small");
    kill(Pid::from_raw(id), Signal::SIGINT).expect("the process is there");
    process.ended().code()
}

#[test]
fn events_are_shown_as_they_end_until_ctrl_c() {
    let node = node();
    let mut tail = tail(&node, &["shop"]);
    // Of another worker: not shown.
    get(node.port, "app.test", "/other");
    get(node.port, "shop.test", "/one");
    let line = tail.stdout.until("GET http://shop.test");
    assert!(line.contains(" shop ") && line.contains("/one 200 ok "), "{line}");
    assert!(!tail.stdout.seen().contains("/other"), "{}", tail.stdout.seen());
    tail.stdout.until("log   seen /one");
    get(node.port, "shop.test", "/fail");
    let line = tail.stdout.until("/fail");
    assert!(line.contains(" exception "), "{line}");
    tail.stdout.until("RangeError: not today");
    tail.stdout.until("index.js:5:");
    assert_eq!(interrupt(tail), Some(0));
}

#[test]
fn filters_leave_the_others_out_and_json_is_a_line_each() {
    let node = node();
    let arguments = ["shop", "--format", "json", "--status", "error", "--search", "fail"];
    let mut tail = tail(&node, &arguments);
    get(node.port, "shop.test", "/one");
    get(node.port, "shop.test", "/fail");
    let line = tail.stdout.until("{");
    let item: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&item["scriptName"], &item["outcome"]), (&"shop".into(), &"exception".into()));
    assert_eq!(item["exceptions"][0]["name"], "RangeError");
    assert_eq!(interrupt(tail), Some(0));
}

#[test]
fn a_node_that_is_started_anew_is_found_again() {
    let mut node = node();
    let mut tail = tail(&node, &[]);
    node.restart();
    tail.stderr.until("the node has gone; waiting for it");
    tail.stderr.until("it is there again");
    get(node.port, "shop.test", "/again");
    tail.stdout.until("/again 200 ok ");
    assert_eq!(interrupt(tail), Some(0));
}

#[test]
fn a_node_that_is_not_there_is_a_mistake() {
    let node = node();
    let nowhere = node.isolane().bad(&["tail", "--node", "http://127.0.0.1:1"], 1);
    assert!(nowhere.contains("no node answers at 127.0.0.1:1"), "{nowhere}");
    let wrong = node.isolane().bad(&["tail", "--sampling-rate", "2"], 2);
    assert!(wrong.contains("above 0 and up to 1"), "{wrong}");
}
