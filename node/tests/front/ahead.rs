//! What clients begin and do not end, or ask for while others wait: how much of it is kept, and who
//! waits for the rest.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use isolane_node::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_local};

use crate::support::{Stage, get, ok, on_a_shard, rest};

/// A field that makes a head long, in bytes.
const FIELD_BYTES: usize = 100 << 10;

/// What the heads on one connection may have until they are answered, in bytes.
const HEADS_BYTES: usize = 4 << 20;

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
    assert!(stage.front.turned_away().cut_off_for("room") > 0);
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
fn heads_of_many_clients_behind_one_address_are_served_while_the_node_has_room() {
    // Together more than an address may have otherwise. Each comes in one frame.
    const CLIENTS: usize = 200;
    const HEADS: usize = 4;
    const HEAD_BYTES: usize = 15 << 10;
    on_a_shard(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let stage = Stage::with(patient(), None, move |_| {
            let tell = tell.clone();
            async move {
                tell.send(()).unwrap();
                pending().await
            }
        });
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let client = stage.http2().await;
            for _ in 0..HEADS {
                let mut client = client.clone();
                let mut request = get("http://a.test/");
                request.headers_mut().insert("x-long", "x".repeat(HEAD_BYTES).parse().unwrap());
                clients.spawn_local(async move { client.send_request(request).await });
            }
        }
        for _ in 0..CLIENTS * HEADS {
            tokio::select! {
                Some(()) = told.recv() => {}
                answered = clients.join_next() => panic!("{answered:?}"),
            }
        }
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
fn heads_in_http_2_that_wait_for_their_answers_have_a_part_of_their_connection() {
    on_a_shard(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let stage = Stage::with(patient(), None, move |arrival| {
            let tell = tell.clone();
            async move {
                if arrival.event.head.uri.path() == "/answered" {
                    return ok("served");
                }
                tell.send(()).unwrap();
                pending().await
            }
        });
        let client = stage.http2().await;
        let ask = |path: &str| {
            let mut request = get(&format!("http://a.test{path}"));
            let value = "x".repeat(FIELD_BYTES).parse().unwrap();
            request.headers_mut().insert("x-long", value);
            let mut client = client.clone();
            async move { client.send_request(request).await.unwrap() }
        };
        let mut waiting = JoinSet::new();
        for _ in 0..=HEADS_BYTES / FIELD_BYTES {
            waiting.spawn_local(ask("/waits"));
        }
        let refused = waiting.join_next().await.unwrap().unwrap();
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.headers()["isolane-error"], "1105");
        assert_eq!(refused.headers()["isolane-outcome"], "loadShed");
        assert_eq!(stage.front.turned_away().heads, 1);
        for _ in 0..waiting.len() {
            told.recv().await.unwrap();
        }
        // A short one has room, and long ones when the others are given up.
        let short = client.clone().send_request(get("http://a.test/answered")).await.unwrap();
        assert_eq!(short.status(), 200);
        waiting.shutdown().await;
        while ask("/answered").await.status() != 200 {}
    });
}

#[test]
fn heads_in_http_1_that_wait_behind_a_request_have_a_share_of_an_addresss_connections() {
    on_a_shard(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let stage = Stage::with(patient(), None, move |arrival| {
            let tell = tell.clone();
            async move {
                if arrival.event.head.uri.path() == "/waits" {
                    tell.send(()).unwrap();
                    return pending().await;
                }
                ok("served")
            }
        });
        let head = |path: &str, field: usize| {
            format!("GET {path} HTTP/1.1\r\nhost: a.test\r\nx: {}\r\n\r\n", "x".repeat(field))
        };
        // After it hyper reads as much at once.
        let long = head("/long", 125 << 10);
        // For the address that is not too much, but with what comes behind, more than each connection has
        // in any case.
        let waits = head("/waits", 40 << 10);
        let behind: &str = Box::leak(head("/behind", 1).repeat(4000).into_boxed_str());
        // One after another: each needs room for the long head.
        let mut streams = Vec::new();
        for _ in 0..200 {
            let mut stream = stage.connect().await;
            stream.write_all(long.as_bytes()).await.unwrap();
            stream.read_exact(&mut [0; 15]).await.unwrap();
            stage.line().await;
            stream.write_all(waits.as_bytes()).await.unwrap();
            told.recv().await.unwrap();
            streams.push(stream);
        }
        let mut clients = JoinSet::new();
        for mut stream in streams {
            clients.spawn_local(async move {
                // It may be closed before it has sent all.
                let _ = stream.write_all(behind.as_bytes()).await;
                rest(&mut stream).await
            });
        }
        clients.join_next().await.unwrap().unwrap();
        let answer = stage.http1().await.send_request(get("/")).await.unwrap();
        assert_eq!(answer.status(), 200);
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
