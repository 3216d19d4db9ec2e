//! What one caller of the admin API takes from the others: connections, turns, room on the disk, the
//! memory of a start.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::Value;

use crate::deployers::{CONFIGURATION, FILES, as_deployer, project};
use crate::node::{Node, answers};
use crate::process::PATIENCE;

/// Connections that a deployer may have.
const CONNECTIONS: usize = 8;

fn node() -> Node {
    let node = Node::with(CONFIGURATION, FILES);
    project(&node, "shop", "name = 'shop'\nroutes = ['shop.test']");
    project(&node, "blog", "name = 'blog'\nroutes = ['blog.test']");
    node
}

pub(crate) fn token_of(who: &str) -> String {
    format!("authorization: Bearer 0123456789abcdef-of-the-{who}\r\n")
}

/// A request with a body that has been let in and is waited for, of which nothing has come.
pub(crate) fn begun(node: &Node, who: &str, path: &str, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(&node.admin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let token = token_of(who);
    let head = format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\n{token}content-length: {length}");
    stream.write_all(format!("{head}\r\nexpect: 100-continue\r\n\r\n").as_bytes()).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(go_on, *b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

/// Whether nothing has been answered yet.
pub(crate) fn is_waited_for(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    matches!(stream.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn a_deployer_with_all_its_connections_keeps_nobody_else_out() {
    let node = node();
    let secret = "/v1/workers/shop/secrets/A";
    let mut held: Vec<_> = (0..CONNECTIONS).map(|_| begun(&node, "shop", secret, 5000)).collect();
    let list = |who: &str| node.ask("GET", "/v1/workers", &token_of(who), b"");
    let refused = list("shop");
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{}", refused.body);
    let told: Value = serde_json::from_str(&refused.body).unwrap();
    assert_eq!(told["error"]["code"], "unavailable", "{told}");
    assert!(refused.body.contains("the-shop has 8 connections to the admin API"), "{told}");
    for who in ["blog", "operator"] {
        let answer = list(who);
        assert_eq!(answer.status, 200, "{who}: {}", answer.body);
    }
    assert_eq!(node.ask("GET", "/metrics", &token_of("operator"), b"").status, 200);
    assert!(held.iter_mut().all(is_waited_for));
    // The node hears of the end of a connection in its own time.
    held.pop();
    let end = Instant::now() + PATIENCE;
    while list("shop").status != 200 {
        assert!(Instant::now() < end, "the connection that has ended still counts");
    }
}

#[test]
fn where_no_token_is_asked_for_the_next_connection_is_served_however_many_wait() {
    let node = Node::start();
    let secret = "/v1/workers/app/secrets/A";
    let mut held: Vec<_> = (0..80).map(|_| begun(&node, "operator", secret, 5000)).collect();
    assert_eq!(node.ask("GET", "/v1/workers", "", b"").status, 200);
    // It has given way to a later one.
    match held[0].read(&mut [0]) {
        Ok(count) => assert_eq!(count, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    assert!(is_waited_for(&mut held[79]));
}

#[test]
fn uploads_that_do_not_go_on_hold_up_no_others() {
    let node = node();
    let version = format!("/v1/workers/shop/versions/{}", "0".repeat(64));
    let mut held: Vec<_> = (0..4).map(|_| begun(&node, "shop", &version, 70_000_000)).collect();
    for stream in &mut held {
        stream.write_all(b"x").unwrap();
    }
    as_deployer(&node, "blog.token", &["deploy", "blog"]).unwrap();
    as_deployer(&node, "token", &["deploy", "app"]).unwrap();
    // Nor those of the same deployer.
    as_deployer(&node, "shop.token", &["deploy", "shop"]).unwrap();
    assert!(held.iter_mut().all(is_waited_for));
    let bodies = ["blog.test", "app.test", "shop.test"].map(|host| node.body(host));
    assert_eq!(bodies, ["blog", "one", "shop"]);
}

#[test]
fn a_deployer_has_so_much_room_on_the_disk() {
    let configuration = format!("{CONFIGURATION}archives_mb = 1\n");
    let node = Node::with(&configuration, FILES);
    project(&node, "blog", "name = 'blog'\nroutes = ['blog.test']");
    let write = |seed: u32| {
        let source = format!("globalThis.kept = {:?};\n{}", noise(seed), answers("blog"));
        node.folder.write("blog/index.js", &source);
    };
    let mut kept = 0;
    let refused = loop {
        write(kept + 1);
        match as_deployer(&node, "blog.token", &["deploy", "blog"]) {
            Ok(_) => kept += 1,
            Err(refused) => break refused,
        }
        assert!(kept < 8, "each has more than 200 KB");
    };
    assert!(kept > 0, "{refused}");
    assert!(refused.contains("the versions of the-blog have "), "{refused}");
    assert!(refused.contains("is more than the 1048576 that they may have"), "{refused}");
    let dry = as_deployer(&node, "blog.token", &["deploy", "blog", "--dry-run"]).unwrap_err();
    assert!(dry.contains("the versions of the-blog have "), "{dry}");
    let path = "/v1/workers/blog/versions";
    let (_, versions) = node.told("GET", path, &token_of("blog"), "");
    assert_eq!(versions["versions"].as_array().unwrap().len(), kept as usize, "{versions}");
    // What is there is no further one, and another deployer has room.
    write(1);
    as_deployer(&node, "blog.token", &["deploy", "blog"]).unwrap();
    project(&node, "shop", "name = 'shop'\nroutes = ['shop.test']");
    as_deployer(&node, "shop.token", &["deploy", "shop"]).unwrap();
    assert_eq!(["blog.test", "shop.test"].map(|host| node.body(host)), ["blog", "shop"]);
}

/// Some 400 KB of text that can be compressed by a quarter.
fn noise(seed: u32) -> String {
    let mut text = String::new();
    let mut state = seed;
    while text.len() < 400_000 {
        // An xorshift generator (Marsaglia, 2003).
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        text.push(char::from(b'0' + (state % 64) as u8));
    }
    text
}

#[test]
fn a_start_that_fills_the_memory_of_the_node_is_ended_for_that() {
    let node = Node::with("[limits]\nmemory_mb = 700\nstartup_cpu_ms = 60000\n", &[]);
    node.isolane().good(&["deploy", "app"]);
    // In V8's heap, which asks nobody: a buffer without room would be refused before it is there.
    let fills = "const kept = [];
        while (kept.length < 1000) kept.push(new Array(1 << 17).fill(kept.length + 0.5));
        export default { fetch: () => new Response(String(kept.length)) };";
    node.folder.write("greedy/index.js", fills);
    let greedy = "name = 'greedy'\nroutes = ['greedy.test']\nlimits = { memory_mb = 1024 }";
    node.folder.write("greedy/isolane.toml", greedy);
    let refused = node.isolane().bad(&["deploy", "greedy"], 1);
    assert!(refused.contains("short of memory, of which worker greedy has the most"), "{refused}");
    assert_eq!(node.body("app.test"), "one");
}
