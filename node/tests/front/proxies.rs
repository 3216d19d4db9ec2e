//! Connections of trusted proxies, whose clients are many: nothing that others have, or leave unread,
//! is in the way of what comes through them.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use isolane_node::Limits;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_local};

use crate::frames::{ACK, GOAWAY, PING, frame, next};
use crate::support::{Stage, get, http1_over, http2_over, ok, on_a_shard};

/// The address of the proxy.
const PROXY: [u8; 4] = [127, 0, 0, 99];

/// What a short body is, and what those on one connection may have before they are taken, in bytes.
const BODY_BYTES: usize = 64 << 10;
const BODIES_BYTES: usize = 1 << 20;

/// A field that makes a head long, in bytes; and so many such heads that they are more on one connection
/// than it has in any case.
const FIELD_BYTES: usize = 100 << 10;
const HEADS: usize = 10;

/// What HTTP/2 lets a client send of a body before it is taken, in bytes; and so many bodies that they
/// have twice of what connections may have that are no proxy's.
const STREAM_BYTES: usize = 256 << 10;
const UNREAD: usize = 8;

/// The preface of HTTP/2, empty settings, and the head of `POST http://a.test/`, which has a body.
const BEGUN: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\
    \0\0\x0b\x01\x04\0\0\0\x01\x83\x86\x84\x41\x06a.test";
/// A byte of its body.
const PIECE: &[u8] = b"\0\0\x01\0\0\0\0\0\x01x";
/// The type of frames that mean nothing (RFC 9113 section 5.5), what each has, in bytes, and so many that
/// a piece which comes after them may be in as large a buffer as there is.
const NOTHING: u8 = 0x2a;
const NOTHING_BYTES: usize = 16_000;
const NOTHINGS: usize = 6;
/// Such a buffer, in bytes, and what small pieces may keep of them on each connection in any case, and
/// beyond that on both together that may have wide windows where a node has so much memory.
const BUFFER_BYTES: usize = 64 << 10;
const OF_EACH_BYTES: usize = 8 << 20;
const OF_BOTH_BYTES: usize = 32 << 20;
const MEMORY_BYTES: usize = 1 << 30;
/// So many pieces are sent at a time.
const AT_A_TIME: usize = 10;

/// A front that trusts the proxy, whose workers answer `/answered` and leave all else as it came; and the
/// paths that they were asked for. No time is over before the test is.
fn stage() -> (Stage, mpsc::UnboundedReceiver<String>) {
    // Enough for wide windows.
    stage_of(8 << 30)
}

/// The same on a node with so many bytes of memory.
fn stage_of(memory_bytes: usize) -> (Stage, mpsc::UnboundedReceiver<String>) {
    let hour = Duration::from_secs(3600);
    let trusted_proxies = vec!["127.0.0.99/32".parse().unwrap()];
    let limits = Limits {
        trusted_proxies,
        memory_bytes: Some(memory_bytes),
        header_timeout: hour,
        idle_timeout: hour,
        ..Limits::default()
    };
    let (tell, told) = mpsc::unbounded_channel();
    let stage = Stage::with(limits, None, move |arrival| {
        let tell = tell.clone();
        async move {
            let path = arrival.event.head.uri.path().to_owned();
            tell.send(path.clone()).unwrap();
            if path == "/answered" {
                return ok("served");
            }
            // It has the body.
            let _arrival = arrival;
            pending().await
        }
    });
    (stage, told)
}

#[test]
fn a_trusted_proxy_is_served_though_others_have_all_that_the_node_has() {
    on_a_shard(async {
        let (stage, mut told) = stage();
        // Bodies for which there is room are waited for, and all of a connection's and an address's
        // have some.
        let mut open = Vec::new();
        for connection in 0..56_u8 {
            let stream = stage.connect_from([127, 0, 0, 2 + connection / 8]).await;
            let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
            spawn_local(async { drop(connection.await) });
            for _ in 0..BODIES_BYTES / BODY_BYTES {
                let request = Request::post("http://a.test/body")
                    .header("content-length", BODY_BYTES.to_string())
                    .body(())
                    .unwrap();
                client = client.ready().await.unwrap();
                open.push(client.send_request(request, false).unwrap());
            }
        }
        assert_eq!(told.recv().await.unwrap(), "/body");
        let proxy = http2_over(stage.connect_from(PROXY).await).await;
        let mut waiting = JoinSet::new();
        for _ in 0..HEADS {
            let mut proxy = proxy.clone();
            let mut request = get("http://a.test/waits");
            request.headers_mut().insert("x-long", "x".repeat(FIELD_BYTES).parse().unwrap());
            waiting.spawn_local(async move { proxy.send_request(request).await });
        }
        let mut left = HEADS;
        while left > 0 {
            tokio::select! {
                Some(path) = told.recv() => left -= usize::from(path == "/waits"),
                answered = waiting.join_next() => panic!("{answered:?}"),
            }
        }
        let mut another = http1_over(stage.connect_from(PROXY).await).await;
        assert_eq!(another.send_request(get("/answered")).await.unwrap().status(), 200);
    });
}

#[test]
fn bodies_that_their_workers_leave_unread_do_not_hold_up_others_of_the_same_proxy() {
    on_a_shard(async {
        let (stage, mut told) = stage();
        let stream = stage.connect_from(PROXY).await;
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        spawn_local(async { drop(connection.await) });
        let mut open = Vec::new();
        for _ in 0..UNREAD {
            let request = Request::post("http://a.test/unread").body(()).unwrap();
            client = client.ready().await.unwrap();
            let (answer, mut body) = client.send_request(request, false).unwrap();
            body.send_data(Bytes::from(vec![b'x'; STREAM_BYTES]), false).unwrap();
            open.push((answer, body));
        }
        for _ in 0..UNREAD {
            assert_eq!(told.recv().await.unwrap(), "/unread");
        }
        let request =
            Request::post("http://a.test/answered").header("content-length", "5").body(()).unwrap();
        client = client.ready().await.unwrap();
        let (answer, mut body) = client.send_request(request, false).unwrap();
        body.send_data(Bytes::from_static(b"short"), true).unwrap();
        assert_eq!(answer.await.unwrap().status(), 200);
    });
}

/// Waits until the front has read a body in so many pieces, which its worker leaves unread, and the
/// connection goes on.
async fn goes_on(mut stream: TcpStream, pieces: usize) {
    let bytes = [BEGUN, PIECE.repeat(pieces).as_slice()].concat();
    stream.write_all(&bytes).await.unwrap();
    // Where it closes for what came before the first ping, that is told before the second is answered.
    for _ in 0..2 {
        stream.write_all(&frame(PING, 0, 0, b"pieces!!")).await.unwrap();
        loop {
            let frame = next(&mut stream).await;
            assert_ne!(frame.kind, GOAWAY, "{pieces} pieces: {frame:?}");
            if frame.kind == PING && frame.flags == ACK {
                break;
            }
        }
    }
}

#[test]
fn a_connection_lasts_though_many_small_pieces_of_a_body_are_unread() {
    on_a_shard(async {
        let (stage, _told) = stage();
        goes_on(stage.connect().await, 2000).await;
        goes_on(stage.connect_from(PROXY).await, 30_000).await;
    });
}

/// Sends pieces of a body, so often as many as are sent at a time, each in a buffer of its own. Answers
/// whether the front has read them and the connection goes on.
async fn goes_on_with_sparse(stream: &mut TcpStream, times: usize) -> bool {
    let nothing = frame(NOTHING, 0, 0, &[0; NOTHING_BYTES]).repeat(NOTHINGS);
    let pieces = [nothing.as_slice(), PIECE].concat().repeat(AT_A_TIME);
    // Where it closes for what came before a ping, that is told before the next one is answered.
    for bytes in std::iter::repeat_n(pieces.as_slice(), times).chain([&b""[..]]) {
        stream.write_all(bytes).await.unwrap();
        stream.write_all(&frame(PING, 0, 0, b"pieces!!")).await.unwrap();
        loop {
            let frame = next(stream).await;
            if frame.kind == GOAWAY {
                return false;
            }
            if frame.kind == PING && frame.flags == ACK {
                break;
            }
        }
    }
    true
}

#[test]
fn what_small_pieces_keep_on_connections_of_proxies_has_a_bound_for_all_of_them() {
    // Twice that is more than both may have, and once is not.
    let times = (OF_EACH_BYTES + OF_BOTH_BYTES * 2 / 3) / BUFFER_BYTES / AT_A_TIME;
    on_a_shard(async {
        let (stage, _told) = stage_of(MEMORY_BYTES);
        let mut first = stage.connect_from(PROXY).await;
        first.write_all(BEGUN).await.unwrap();
        assert!(goes_on_with_sparse(&mut first, times).await);
        let mut second = stage.connect_from(PROXY).await;
        second.write_all(BEGUN).await.unwrap();
        assert!(!goes_on_with_sparse(&mut second, times).await);
        // It lasts, as nothing more comes on it.
        assert!(goes_on_with_sparse(&mut first, 0).await);
    });
}
