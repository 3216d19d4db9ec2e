//! Connections that are closed because memory is short, which these tests say in the runtime's place.

use std::future::pending;

use bytes::Bytes;
use h2::client::ResponseFuture;
use http::Request;
use isolane_node::Limits;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, spawn_local, yield_now};

use crate::frames::{DATA, END_HEADERS, HEADERS, PING, PREFACE, SETTINGS, frame, until_pinged};
use crate::support::{Stage, get, http1_over, ok, on_a_shard};

/// What HTTP/2 lets a client send of a request's body, and of all on a connection, before they are
/// taken, in bytes.
const STREAM_BYTES: usize = 256 << 10;
const STREAMS: usize = 4;
/// As many connections as hold more together than the share of an address.
const CONNECTIONS: usize = 10;

/// A front whose workers take nothing of a body, and answer requests without one.
fn stage() -> Stage {
    Stage::with(Limits::default(), None, |arrival| async move {
        if arrival.event.head.method == http::Method::POST {
            // It has the body.
            let _arrival = arrival;
            return pending().await;
        }
        ok("served")
    })
}

/// A connection that sends as much as it may. Ends with the connection.
async fn fill(stream: TcpStream) {
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let driving = spawn_local(async { drop(connection.await) });
    let mut open: Vec<(ResponseFuture, _)> = Vec::new();
    for _ in 0..STREAMS {
        client = client.ready().await.unwrap();
        let request = Request::post("http://a.test/").body(()).unwrap();
        let (answer, mut body) = client.send_request(request, false).unwrap();
        body.send_data(Bytes::from(vec![b'x'; STREAM_BYTES]), false).unwrap();
        open.push((answer, body));
    }
    driving.await.unwrap();
}

#[test]
fn the_address_that_holds_the_most_loses_connections_and_others_do_not() {
    on_a_shard(async {
        let stage = stage();
        let mut quiet = http1_over(stage.connect().await).await;
        assert_eq!(quiet.send_request(get("/")).await.unwrap().status(), 200);
        let mut greedy = JoinSet::new();
        for _ in 0..CONNECTIONS {
            greedy.spawn_local(fill(stage.connect_from([127, 0, 0, 2]).await));
        }
        let shards = [stage.sockets.clone()];
        while !stage.front.shed(&shards) {
            yield_now().await;
        }
        greedy.join_next().await.unwrap().unwrap();
        assert!(greedy.len() > CONNECTIONS / 2, "{} are left", greedy.len());
        assert_eq!(quiet.send_request(get("/")).await.unwrap().status(), 200);
    });
}

#[test]
fn nobody_loses_a_connection_who_holds_no_more_than_a_share() {
    on_a_shard(async {
        let stage = stage();
        let mut clients = Vec::new();
        for _ in 0..20 {
            let mut client = stage.http1().await;
            assert_eq!(client.send_request(get("/")).await.unwrap().status(), 200);
            clients.push(client);
        }
        assert!(!stage.front.shed(std::slice::from_ref(&stage.sockets)));
        for client in &mut clients {
            assert_eq!(client.send_request(get("/")).await.unwrap().status(), 200);
        }
    });
}

#[test]
fn bodies_that_were_given_up_are_nobodys_though_their_connections_are_never_idle() {
    on_a_shard(async {
        let stage = Stage::new(|arrival| async move {
            if arrival.event.head.uri.path() == "/waits" { pending().await } else { ok("served") }
        });
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let (client, connection) = h2::client::handshake(stage.connect().await).await.unwrap();
            spawn_local(async { drop(connection.await) });
            let mut client = client.ready().await.unwrap();
            let waits = Request::get("http://a.test/waits").body(()).unwrap();
            let waiting = client.send_request(waits, true).unwrap();
            for _ in 0..2 * STREAMS {
                client = client.ready().await.unwrap();
                let request = Request::post("http://a.test/").body(()).unwrap();
                let (answer, mut body) = client.send_request(request, false).unwrap();
                body.send_data(Bytes::from(vec![b'x'; STREAM_BYTES]), true).unwrap();
                assert_eq!(answer.await.unwrap().status(), 200);
            }
            clients.push((client, waiting));
        }
        assert!(!stage.front.shed(std::slice::from_ref(&stage.sockets)));
    });
}

#[test]
fn what_clients_send_of_bodies_after_their_answers_is_nobodys() {
    on_a_shard(async {
        let stage = Stage::new(|_| async { ok("served") });
        // `:method: POST`, `:scheme: http`, `:path: /` and the authority (RFC 7541 appendix A).
        let head = b"\x83\x86\x84\x41\x06a.test";
        // A little less than the front lets them send on a connection.
        let piece = vec![b'x'; 16 << 10];
        let pieces = STREAM_BYTES / piece.len() - 1;
        let numbers = [1, 3, 5, 7];
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut client = stage.connect().await;
            let mut asked = [PREFACE, &frame(SETTINGS, 0, 0, b"")[..]].concat();
            for number in numbers {
                asked.extend(frame(HEADERS, END_HEADERS, number, head));
            }
            client.write_all(&asked).await.unwrap();
            for _ in numbers {
                assert_eq!(stage.line().await.status, 200);
            }
            // They have not seen it yet, and send on.
            for number in numbers {
                let body = frame(DATA, 0, number, &piece).repeat(pieces);
                client.write_all(&body).await.unwrap();
            }
            client.write_all(&frame(PING, 0, 0, &[0; 8])).await.unwrap();
            until_pinged(&mut client).await;
            clients.push(client);
        }
        assert!(!stage.front.shed(std::slice::from_ref(&stage.sockets)));
    });
}
