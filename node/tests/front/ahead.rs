//! What clients begin and do not end: how much of it is kept, and who waits for the rest.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use isolane_node::Limits;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_local};

use crate::support::{Stage, get, ok, on_a_shard, rest};

/// No time is over before the test is.
fn patient() -> Limits {
    let hour = Duration::from_secs(3600);
    Limits { header_timeout: hour, idle_timeout: hour, ..Limits::default() }
}

/// Waits until the front closes one of so many connections, each of which has sent these bytes.
async fn one_is_closed(stage: &Stage, connections: usize, bytes: &'static [u8]) {
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let address = stage.address;
        clients.spawn_local(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // It may be closed before it has sent all.
            let _ = stream.write_all(bytes).await;
            rest(&mut stream).await
        });
    }
    clients.join_next().await.unwrap().unwrap();
    // Who sends a head in one piece needs nothing of what those have.
    let answer = stage.http1().await.send_request(get("/")).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[test]
fn bodies_beyond_a_connections_part_are_waited_for_by_their_workers() {
    on_a_shard(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let stage = Stage::with(patient(), None, move |arrival| {
            let tell = tell.clone();
            async move {
                tell.send(arrival.event.head.uri.path().to_owned()).unwrap();
                pending().await
            }
        });
        let (mut client, connection) = h2::client::handshake(stage.connect().await).await.unwrap();
        spawn_local(async { drop(connection.await) });
        let mut open = Vec::new();
        for number in 0..17 {
            let request = Request::post(format!("http://a.test/{number}"))
                .header("content-length", "65536")
                .body(())
                .unwrap();
            client = client.ready().await.unwrap();
            let (answer, mut body) = client.send_request(request, false).unwrap();
            body.send_data(Bytes::from_static(b"begun"), false).unwrap();
            open.push((answer, body));
        }
        let first = told.recv().await.unwrap();
        assert!(["/15", "/16"].contains(&&*first), "{first}");
    });
}

#[test]
fn heads_that_are_not_complete_have_a_share_of_an_addresss_connections() {
    on_a_shard(async {
        let stage = Stage::with(patient(), None, |_| async { ok("served") });
        let mut head = b"GET / HTTP/1.1\r\nhost: a.test\r\nx-long: ".to_vec();
        head.resize(190 << 10, b'x');
        one_is_closed(&stage, 60, Box::leak(head.into_boxed_slice())).await;
    });
}

#[test]
fn heads_in_http_2_that_go_on_in_further_frames_count_as_whole_ones() {
    on_a_shard(async {
        let stage = Stage::with(patient(), None, |_| async { ok("served") });
        // The preface, empty settings, and `:method: GET` in a frame that does not end the head.
        let head = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\
            \0\0\x01\x01\0\0\0\0\x01\x82";
        one_is_closed(&stage, 80, head).await;
    });
}

#[test]
fn a_body_that_nobody_gets_is_not_waited_for() {
    on_a_shard(async {
        let stage = Stage::with(patient(), None, |_| async { panic!("the handler is not called") });
        let head = "POST / HTTP/1.1\r\nhost: unknown.test\r\ncontent-length: 9\r\n\r\n";
        let answer = stage.raw(head).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        assert!(answer.contains("\r\nisolane-error: 1001\r\n"), "{answer}");
    });
}
