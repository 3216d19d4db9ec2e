//! What workers ask of other hosts: one that keeps connections and look-ups to itself is in
//! nobody's way, and one that asks itself comes to an end.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread;

use crate::client::Connection;
use crate::node::{Node, PATIENCE, write};

/// Asks for what the path says: `/names` looks up 50 names, `/stall` fetches 100 times from a
/// server that stalls, and keeps all of it.
const GREEDY: &str = "
    export default { async fetch(request) {
        const { pathname, searchParams } = new URL(request.url);
        const target = searchParams.get('target');
        const name = (i) => `http://n${i}-${crypto.randomUUID()}.silent.test/`;
        const count = pathname === '/names' ? 50 : 100;
        const all = Array.from({ length: count }, (_, i) =>
            fetch(pathname === '/names' ? name(i) : target));
        console.log('asking');
        await Promise.allSettled(all);
        return new Response('over');
    } };";
const QUIET: &str = "
    export default { async fetch(request) {
        return new Response(await (await fetch(new URL(request.url).searchParams.get('target'))).text());
    } };";
const EVENTS: usize = 30;

#[test]
fn a_worker_whose_connections_and_look_ups_stall_is_in_nobodys_way() {
    let (stalls, serves, names) = (stalling(), serving(), name_server());
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "greedy.js", GREEDY);
    write(folder.path(), "quiet.js", QUIET);
    let mut node = Node::at(
        folder,
        &format!(
            "[outbound]\nallow = [\"127.0.0.1/32\"]\nname_servers = [\"{names}\"]\n
             [[workers]]\npath = \"greedy.js\"\nname = \"greedy\"\nroutes = [\"greedy.test\"]\n
             [[workers]]\npath = \"quiet.js\"\nname = \"quiet\"\nroutes = [\"quiet.test\"]\n"
        ),
    );
    let stall = format!("/stall?target=http://{stalls}/");
    let mut held = Vec::new();
    for path in ["/names", &stall] {
        for _ in 0..EVENTS {
            let mut connection = Connection::open(&node);
            connection.send(&format!("GET {path} HTTP/1.1\r\nHost: greedy.test\r\n\r\n"));
            held.push(connection);
        }
    }
    for _ in 0..held.len() {
        node.logged("asking");
    }
    let mut connection = Connection::open(&node);
    for number in 0..20 {
        let target = format!("http://n{number}.good.test:{}/", serves.port());
        connection.send(&format!("GET /?target={target} HTTP/1.1\r\nHost: quiet.test\r\n\r\n"));
        let answer = connection.answer();
        assert_eq!((answer.status, answer.body.as_str()), (200, "good"), "{answer:?}");
    }
}

/// Asks 900 times, each time with a stream that has no end: all but six wait for a connection.
const STREAMING: &str = "
    const text = '\\u4e00'.repeat(16384);
    export default { async fetch(request) {
        const target = new URL(request.url).searchParams.get('target');
        const endless = () => new ReadableStream({ pull(c) { c.enqueue(text); } });
        await Promise.allSettled(Array.from({ length: 900 }, () => fetch(target, { method: 'POST', body: endless() })));
        return new Response('over');
    } };";

#[test]
fn what_waits_to_be_sent_counts_to_the_memory_of_its_worker() {
    let stalls = stalling();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "streaming/index.js", STREAMING);
    let project = "name = \"streaming\"\nmain = \"index.js\"\n[limits]\nmemory_mb = 64\n";
    write(folder.path(), "streaming/isolane.toml", project);
    let tables = "[outbound]\nallow = [\"127.0.0.1/32\"]\n
         [[workers]]\npath = \"streaming\"\nroutes = [\"streaming.test\"]\n";
    let node = Node::at(folder, tables);
    let mut connection = Connection::open(&node);
    let target = format!("http://{stalls}/");
    connection.send(&format!("GET /?target={target} HTTP/1.1\r\nHost: streaming.test\r\n\r\n"));
    connection.answer().assert_refused(503, "1102", "exceededMemory");
}

/// Fetches itself, and says at the end how deep that was and what it has seen of the node's headers.
const CIRCLING: &str = "
    export default { async fetch(request) {
        const url = new URL(request.url);
        const depth = Number(url.searchParams.get('depth'));
        const seen = [...request.headers.keys()].filter((name) => name.startsWith('isolane-'));
        url.searchParams.set('depth', depth + 1);
        const answer = await fetch(url, { headers: { 'isolane-hops': '0', 'isolane-else': '1' } });
        const code = answer.headers.get('isolane-error');
        return new Response(code ? `${depth} ${answer.status} ${code} [${seen}]` : await answer.text());
    } };";

#[test]
fn a_worker_that_fetches_itself_comes_sixteen_deep_whatever_it_and_its_client_say() {
    let names = name_server();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "circling.js", CIRCLING);
    let node = Node::at(
        folder,
        &format!(
            "[outbound]\nallow = [\"127.0.0.1/32\"]\nname_servers = [\"{names}\"]\n
             [[workers]]\npath = \"circling.js\"\nroutes = [\"circling.good.test\"]\n"
        ),
    );
    let host = format!("circling.good.test:{}", node.address().port());
    for forged in ["", "Isolane-Hops: 16\r\n", "Isolane-Hops: 16.AAAA\r\nIsolane-Error: 1\r\n"] {
        let mut connection = Connection::open(&node);
        connection.send(&format!("GET /?depth=1 HTTP/1.1\r\nHost: {host}\r\n{forged}\r\n"));
        let answer = connection.answer();
        assert_eq!((answer.status, answer.body.as_str()), (200, "16 508 1019 []"), "{answer:?}");
    }
}

/// A server that sends a head and the beginning of a body, and then nothing.
fn stalling() -> SocketAddr {
    listening(|mut socket| {
        let mut request = [0; 4096];
        let _ = socket.read(&mut request);
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin");
        // Until the node closes the connection.
        let _ = socket.set_read_timeout(Some(PATIENCE));
        let _ = socket.read(&mut request);
    })
}

fn serving() -> SocketAddr {
    listening(|mut socket| {
        let mut request = [0; 4096];
        while socket.read(&mut request).is_ok_and(|length| length > 0) {
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood");
        }
    })
}

fn listening(serve: fn(std::net::TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(socket));
        }
    });
    address
}

/// Says 127.0.0.1 of `*.good.test`, and nothing of other names.
fn name_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut query) {
            let question = &query[12..length];
            let Some(end) = question.iter().position(|byte| *byte == 0) else { continue };
            if !question[..end].to_ascii_lowercase().ends_with(b"\x04good\x04test") {
                continue;
            }
            let is_v4 = question[end + 2] == 1;
            let mut answer = query[..12 + end + 5].to_vec();
            answer[2..4].copy_from_slice(&[0x81, 0x80]);
            answer[6..12].copy_from_slice(&[0, u8::from(is_v4), 0, 0, 0, 0]);
            if is_v4 {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
            }
            let _ = socket.send_to(&answer, client);
        }
    });
    address
}
