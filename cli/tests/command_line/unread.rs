//! Answers that are larger than what may wait for clients, and answers that nobody takes: what a node keeps
//! of them in memory is bounded, who gets none is told so, and a quiet worker goes on.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::ceiling::{QUIET, beside, most_mb};
use crate::crowded::{END_HEADERS, HEADERS, SETTINGS, frame, until};
use crate::folder::Folder;
use crate::http::{Connection, Response, get};
use crate::process::{PATIENCE, Process};
use crate::serve::{metric, serve};

/// Longer than all memory of its isolate. V8 has it in pieces, until somebody reads it.
const HALF_A_GIGABYTE: &str =
    "export default { fetch() { return new Response('x'.repeat(2 ** 29 - 24)) } }";

/// Two of these are all that may wait for the clients of one worker.
const LARGE: &str = "const b = 'x'.repeat(30 << 20);
    export default { fetch() { return new Response(b) } }";
const LARGE_BYTES: usize = 30 << 20;
const MOST_UNTAKEN: usize = 2;

/// What the node may have at most: itself, and less than one copy of the first; itself, and a few of the
/// second.
const MOST_MB: u64 = 512;

const HOST: &str = "large.test";
const CLIENTS: usize = 100;

/// HTTP/2 (RFC 9113 section 6): a kind of frame, a flag, and the setting that is the window of each stream.
const PING: u8 = 6;
const END_STREAM: u8 = 1;
const INITIAL_WINDOW_SIZE: u8 = 4;
/// As many as a connection may have.
const STREAMS: u32 = 200;
const PINGS: usize = 20;

/// A node with a quiet worker and that one.
fn node(source: &str) -> (Folder, Process, u16) {
    let folder = Folder::with(&[("quiet.js", QUIET), ("large.js", source)]);
    let (process, port) = serve(
        &folder,
        "[[workers]]\npath = 'quiet.js'\nroutes = ['quiet.test']
        [[workers]]\npath = 'large.js'\nroutes = ['large.test']\n",
    );
    (folder, process, port)
}

/// Status, code and outcome.
fn end_of(answer: &Response) -> (u16, &str, &str) {
    (answer.status, answer.header("isolane-error"), answer.header("isolane-outcome"))
}

/// Asks until there is room for an answer again.
fn is_served_again(port: u16) {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = get(port, HOST, "/");
        if answer.status == 200 {
            assert_eq!(answer.body.len(), LARGE_BYTES);
            return;
        }
        assert_eq!(end_of(&answer), (503, "1105", "loadShed"), "{}", answer.body);
        assert!(Instant::now() < end, "{}", answer.body);
        thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn an_answer_that_its_isolate_has_no_room_for_ends_its_event() {
    let (_folder, process, port) = node(HALF_A_GIGABYTE);
    let (node, before) = (process.node_id(), metric(&process, "memory_bytes"));
    let ask = move || {
        let answer = get(port, HOST, "/");
        assert_eq!(end_of(&answer), (503, "1102", "exceededMemory"), "{}", answer.body);
    };
    let (quiet, ()) = beside(port, || {
        (0..3).for_each(|_| ask());
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(ask);
            }
        });
    });
    assert!(quiet > 0);
    assert_eq!(process.node_id(), node, "it is another process");
    assert_eq!(metric(&process, "lost_shards"), 0);
    let most = most_mb(&process);
    assert!(most < MOST_MB, "{most} MB at most");
    let end = Instant::now() + PATIENCE;
    while metric(&process, "memory_bytes") > before + (100 << 20) {
        assert!(Instant::now() < end, "its memory does not come back");
        thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn answers_that_nobody_takes_are_refused_by_name() {
    let (_folder, mut process, port) = node(LARGE);
    let node = process.node_id();
    let (quiet, (clients, refused)) = beside(port, || {
        let mut refused = 0;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let mut client = Connection::open(port);
                client.send(&format!("GET / HTTP/1.1\r\nhost: {HOST}\r\n\r\n"));
                let head = client.head();
                if head.status != 200 {
                    assert_eq!(end_of(&head), (503, "1105", "loadShed"));
                    assert!(!head.header("retry-after").is_empty());
                    refused += 1;
                }
                client
            })
            .collect();
        (clients, refused)
    });
    assert!(quiet > 0);
    let taken = CLIENTS - refused;
    assert!((1..=MOST_UNTAKEN).contains(&taken), "{taken} answers are in memory");
    let told = "incidents_total{kind=\"refused\",resource=\"clientBytes\",worker=\"large\"}";
    assert!(metric(&process, told) >= refused as u64);
    let line = process.stderr.until("\"resource\":\"clientBytes\"");
    assert!(line.contains("\"worker\":\"large\""), "{line}");
    let most = most_mb(&process);
    assert!(most < MOST_MB, "{most} MB at most");
    drop(clients);
    is_served_again(port);
    assert_eq!(process.node_id(), node, "it is another process");
}

/// A connection that asks for as many answers as it may and opens no window for any, when the first of them has
/// come as far as it can. It answers what it is asked meanwhile.
fn without_a_window(port: u16) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[0, INITIAL_WINDOW_SIZE, 0, 0, 0, 0]));
    // `:method: GET`, `:scheme: http`, `:path: /`, and `:authority` with its length (RFC 7541).
    let mut head = vec![0x82, 0x86, 0x84, 0x41, u8::try_from(HOST.len()).expect("it is short")];
    head.extend_from_slice(HOST.as_bytes());
    for number in 0..STREAMS {
        bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &head));
    }
    stream.write_all(&bytes)?;
    until(&mut stream, HEADERS)?;
    for _ in 0..PINGS {
        stream.write_all(&frame(PING, 0, 0, &[0; 8]))?;
        until(&mut stream, PING)?;
    }
    Ok(stream)
}

#[test]
fn a_connection_without_a_window_has_few_answers_in_memory() {
    let (_folder, process, port) = node(LARGE);
    let node = process.node_id();
    let (quiet, client) = beside(port, || {
        let client = without_a_window(port).expect("it is served");
        // Whoever comes after them is answered after those of them that are on their way.
        let after = get(port, HOST, "/");
        assert!(after.status == 200 || end_of(&after).1 == "1105", "{}", after.body);
        client
    });
    assert!(quiet > 0);
    let most = most_mb(&process);
    assert!(most < MOST_MB, "{most} MB at most");
    drop(client);
    is_served_again(port);
    assert_eq!(process.node_id(), node, "it is another process");
}
