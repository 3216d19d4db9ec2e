//! Headers that are not ASCII, in all directions.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::client::{Connection, get};
use crate::curl::Curl;
use crate::node::{HOST, Node, PATIENCE};

#[test]
fn a_header_of_an_answer_is_sent_in_utf_8() {
    let node = Node::start();
    let path = "/name?is=attachment;filename=%22%E6%97%A5%E6%9C%AC.pdf%22";
    let named = Some("attachment;filename=\"日本.pdf\"");
    assert_eq!(get(&node, path).header("x-name"), named);
    assert_eq!(Curl::prior_knowledge(&node, path).answer().header("x-name"), named);
}

#[test]
fn a_header_of_a_request_is_read_as_utf_8_or_else_as_latin_1() {
    let node = Node::start();
    let mut connection = Connection::open(&node);
    connection.send(&format!("GET /headers HTTP/1.1\r\nHost: {HOST}\r\nX-Name: 日本\r\n"));
    connection.try_send(b"X-Old: caf\xe9\r\n\r\n");
    let body = connection.answer().body;
    assert!(body.contains("x-name: 日本\n") && body.contains("x-old: café\n"), "{body}");
}

#[test]
fn headers_of_subrequests_are_utf_8_and_so_are_their_bodies_of_text() {
    let (address, requests) = serving();
    let node = Node::with("[outbound]\nallow = [\"127.0.0.1/32\"]\n");
    assert_eq!(get(&node, &format!("/fetch?target=http://{address}/")).body, "日本 café");
    let request = requests.recv_timeout(PATIENCE).unwrap();
    assert!(request.to_ascii_lowercase().contains("\r\nx-name: 日本\r\n"), "{request}");
    assert!(request.contains("\r\n3\r\nné\r\n"), "{request}");
}

/// A server that answers one request, and passes on what it was.
fn serving() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (requests, received) = channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"0\r\n\r\n") {
            let mut bytes = [0; 1024];
            let count = stream.read(&mut bytes).unwrap();
            assert!(count > 0, "the request broke off");
            request.extend_from_slice(&bytes[..count]);
        }
        requests.send(String::from_utf8(request).unwrap()).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nx-name: \xe6\x97\xa5\xe6\x9c\xac\r\nx-old: caf\xe9\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).unwrap();
    });
    (address, received)
}
