//! Archives on their way to a node, and commands on which it works: they take no turn from others, and
//! others do not cut them off.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bundle::Project;
use serde_json::{Value, json};

use crate::deployers::{CONFIGURATION, FILES, as_deployer, project};
use crate::http::Connection;
use crate::node::Node;
use crate::process::PATIENCE;
use crate::shares::{begun, is_waited_for, token_of};

/// Two more deployers.
const MORE: &str = "
    [[admin.deployers]]
    name = 'the-wiki'
    token_file = 'wiki.token'
    workers = ['wiki']
    routes = ['wiki.test']
    [[admin.deployers]]
    name = 'the-docs'
    token_file = 'docs.token'
    workers = ['docs']
    routes = ['docs.test']
    ";
const MORE_FILES: &[(&str, &str)] = &[
    ("wiki.token", "0123456789abcdef-of-the-wiki"),
    ("docs.token", "0123456789abcdef-of-the-docs"),
];
/// As much as an archive may nearly have.
const LONG_BYTES: usize = 70_000_000;
/// More connections than a node has that wait for their first request, or that are let in without a
/// token.
const FLOOD: usize = 160;

/// The path of a version of a worker that there will never be.
fn version(worker: &str) -> String {
    format!("/v1/workers/{worker}/versions/{}", "0".repeat(64))
}

/// The files of archives that are on their way.
fn arriving(node: &Node) -> Vec<PathBuf> {
    let files = fs::read_dir(node.folder.path().join("data/registry/incoming")).unwrap();
    files.filter_map(|file| Some(file.ok()?.path())).collect()
}

/// Waits until the files of archives that are on their way are as expected.
fn until_arriving(node: &Node, are_expected: impl Fn(&[PathBuf]) -> bool) -> Vec<PathBuf> {
    let end = Instant::now() + PATIENCE;
    loop {
        let files = arriving(node);
        if are_expected(&files) {
            return files;
        }
        assert!(Instant::now() < end, "they stay {files:?}");
        std::thread::yield_now();
    }
}

fn has_bytes(file: &Path, bytes: u64) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.len() >= bytes)
}

#[test]
fn archives_that_dribble_hold_up_nobody() {
    let files = [FILES, MORE_FILES].concat();
    let node = Node::with(&format!("{CONFIGURATION}{MORE}"), &files);
    for name in ["shop", "blog", "wiki", "docs"] {
        project(&node, name, &format!("name = '{name}'\nroutes = ['{name}.test']"));
    }
    // As many as there are turns of deployers at having an archive in memory.
    let slow = ["shop", "blog", "wiki"];
    let mut held = slow.map(|who| begun(&node, who, &version(who), LONG_BYTES));
    for stream in &mut held {
        stream.write_all(b"x").unwrap();
    }
    until_arriving(&node, |files| files.len() == slow.len());
    as_deployer(&node, "docs.token", &["deploy", "docs"]).unwrap();
    as_deployer(&node, "shop.token", &["deploy", "shop"]).unwrap();
    assert!(held.iter_mut().all(is_waited_for));
    assert_eq!(["docs.test", "shop.test"].map(|host| node.body(host)), ["docs", "shop"]);
    // Theirs who go away are removed.
    drop(held);
    until_arriving(&node, <[PathBuf]>::is_empty);
}

#[test]
fn a_node_that_is_killed_leaves_no_half_of_an_archive() {
    let mut node = Node::start();
    let mut slow = begun(&node, "operator", &version("app"), LONG_BYTES);
    slow.write_all(&[b'a'; 1 << 20]).unwrap();
    let files = until_arriving(&node, |files| files.iter().any(|file| has_bytes(file, 1 << 16)));
    let mode = fs::metadata(&files[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only the node's user can read it");
    node.restart();
    assert_eq!(arriving(&node), Vec::<PathBuf>::new());
    node.isolane().good(&["deploy", "app"]);
    assert_eq!(node.body("app.test"), "one");
    assert_eq!(arriving(&node), Vec::<PathBuf>::new());
}

#[test]
fn an_archive_for_which_the_disk_has_no_room_is_refused_before_it_comes() {
    // An exbibyte: more than any disk has.
    let node = Node::with("[kv]\nmin_free_mb = 1_099_511_627_776\n", &[]);
    let refused = node.isolane().bad(&["deploy", "app"], 1);
    assert!(refused.contains("the disk has no room for an archive of "), "{refused}");
    assert!(refused.contains("lower kv.min_free_mb in node.toml"), "{refused}");
    // Also where its length is not known.
    let port = node.admin.rsplit_once(':').unwrap().1.parse().unwrap();
    let mut connection = Connection::open(port);
    connection.begin("PUT", "localhost", &version("app"));
    connection.send_chunk("half an archive");
    let answer = connection.response();
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((answer.status, &told["error"]["code"]), (507, &json!("storage_full")), "{told}");
    assert_eq!(arriving(&node), Vec::<PathBuf>::new());
}

/// Has the node start a worker that takes all the time that it may, and waits until the archive has
/// come: the node says nothing before it has given up the start.
fn begin_silent_command(node: &Node) -> TcpStream {
    let source = "export default { fetch() {} };\nfor (;;) globalThis.last = performance.now();\n";
    node.folder.write("slow/index.js", source);
    node.folder.write("slow/isolane.toml", "name = 'slow'\nroutes = ['slow.test']\n");
    let bundle = Project::open(&node.folder.path().join("slow")).unwrap().load().unwrap();
    let archive = bundle.to_archive();
    let path = format!("/v1/workers/slow/versions/{}", bundle.id());
    let head = format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    let token = token_of("operator");
    let length = archive.len();
    let mut stream = TcpStream::connect(&node.admin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!("{head}{token}content-length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), &archive].concat()).unwrap();
    until_arriving(node, |files| files.iter().any(|file| has_bytes(file, length as u64)));
    stream
}

/// The answer to that command.
fn assert_is_answered(mut command: TcpStream) {
    let mut answer = String::new();
    command.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 422 "), "{answer:?}");
    assert!(answer.contains("exceededCpu"), "{answer:?}");
}

#[test]
fn where_no_token_is_asked_for_no_flood_cuts_off_a_command_that_the_node_works_on() {
    let node = Node::with("[limits]\nstartup_cpu_ms = 3000\n", &[]);
    let command = begin_silent_command(&node);
    let secret = "/v1/workers/app/secrets/A";
    let mut flood: Vec<_> = (0..FLOOD).map(|_| begun(&node, "nobody", secret, 5000)).collect();
    assert!(is_waited_for(flood.last_mut().unwrap()));
    assert_is_answered(command);
}

#[test]
fn no_flood_without_a_token_cuts_off_a_command_that_has_shown_one() {
    let configuration = format!("[limits]\nstartup_cpu_ms = 3000\n{CONFIGURATION}");
    let node = Node::with(&configuration, FILES);
    let command = begin_silent_command(&node);
    let flood: Vec<_> = (0..FLOOD).map(|_| TcpStream::connect(&node.admin).unwrap()).collect();
    // Those that come before this one are accepted by then.
    assert_eq!(node.ask("GET", "/v1/workers", "", b"").status, 401);
    assert_eq!(node.ask("GET", "/v1/workers", &token_of("operator"), b"").status, 200);
    drop(flood);
    assert_is_answered(command);
}
