//! Versions that were replaced and still have events, where memory is short: they go before the one that
//! serves.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::node::Node;
use crate::process::PATIENCE;

/// Keeps 60 MiB for each request to `/hold`, whose answer has no end.
const HOLDS: &str = "const held = [];
    export default { fetch(request) {
        if (new URL(request.url).pathname === '/') return new Response('VERSION');
        held.push(new Uint8Array(60 << 20).fill(1));
        const chunk = new TextEncoder().encode('held');
        return new Response(new ReadableStream({
            async pull(stream) {
                stream.enqueue(chunk);
                await scheduler.wait(600000);
            },
        }));
    } };";

fn deploy(node: &Node, version: &str) {
    node.folder.write("app/index.js", &HOLDS.replace("VERSION", version));
    let settings = "name = 'app'\nroutes = ['app.test']\nlimits = { memory_mb = 600 }\n";
    node.folder.write("app/isolane.toml", settings);
    node.isolane().good(&["deploy", "app"]);
}

/// Has the worker keep so much more; `None` where the node refuses that.
fn hold(node: &Node) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", node.port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /hold HTTP/1.1\r\nhost: app.test\r\n\r\n").unwrap();
    let (mut seen, mut more) = (String::new(), [0; 1024]);
    while !seen.ends_with("held\r\n") {
        let length = stream.read(&mut more).ok().filter(|length| *length > 0)?;
        seen.push_str(&String::from_utf8_lossy(&more[..length]));
        if seen.contains("\r\n\r\n") && !seen.starts_with("HTTP/1.1 200") {
            return None;
        }
    }
    Some(stream)
}

/// Whether an answer that has no end has one.
fn is_over(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    !matches!(stream.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn versions_that_were_replaced_go_first_where_memory_is_short() {
    let mut node = Node::with("[limits]\nmemory_mb = 700\n", &[]);
    deploy(&node, "one");
    let mut first: Vec<_> = (0..6).map(|_| hold(&node).expect("there is room")).collect();
    deploy(&node, "two");
    assert_eq!(node.body("app.test"), "two");
    // The worker has the most, more of it in the first version, and gets too much in the second.
    let mut second = Vec::new();
    for _ in 0..8 {
        if first.iter().any(is_over) {
            break;
        }
        second.extend(hold(&node));
        // A pace, and nothing that is waited for.
        thread::park_timeout(Duration::from_millis(100));
    }
    node.process.stderr.until("the events of its versions that were replaced were ended");
    for stream in &mut first {
        stream.set_nonblocking(false).unwrap();
        while matches!(stream.read(&mut [0; 1024]), Ok(1..)) {}
        assert!(is_over(stream));
    }
    assert!(!second.is_empty() && !second.iter().any(is_over));
    assert_eq!(node.body("app.test"), "two");
}
