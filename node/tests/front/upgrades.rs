//! Connections that go over to another protocol.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use http::Response;
use isolane_node::front::{Answered, Arrival, Reply};
use runtime::{Outcome, Switched, Upgrade};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::{Stage, get, ok, on_a_shard, rest, text};

const ASKS: &str = "GET /chat HTTP/1.1\r\nhost: example.com\r\nconnection: keep-alive, Upgrade\r\n\
                    upgrade: WebSocket\r\nsec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n";

/// A front whose handler answers each request with a switch, and the ends that its worker gets.
fn switching() -> (Stage, mpsc::UnboundedReceiver<DuplexStream>) {
    let (sender, ends) = mpsc::unbounded_channel();
    let stage = Stage::new(move |arrival: Arrival| {
        let sender = sender.clone();
        async move {
            if arrival.event.head.uri.path() == "/plain" {
                return ok("plain");
            }
            let asked = arrival.event.head.headers.get("upgrade").cloned();
            let head = Response::builder().status(101).header("sec-websocket-protocol", "chat");
            let head = match asked {
                Some(asked) => head.header("x-asked", asked),
                None => head,
            };
            let (ours, theirs) = duplex(1024);
            sender.send(ours).unwrap();
            let upgrade = Upgrade { head: head.body(()).unwrap(), switched: Switched::new(theirs) };
            Reply { served: None, result: Ok(Answered::Upgrade(upgrade)) }
        }
    });
    (stage, ends)
}

/// Reads a head, and not a byte more.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn switched(
    stage: &Stage,
    ends: &mut mpsc::UnboundedReceiver<DuplexStream>,
) -> (TcpStream, DuplexStream) {
    let mut client = stage.connect().await;
    client.write_all(ASKS.as_bytes()).await.unwrap();
    let head = head(&mut client).await;
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    (client, ends.recv().await.unwrap())
}

#[test]
fn bytes_go_both_ways_after_the_head() {
    on_a_shard(async {
        let (stage, mut ends) = switching();
        let mut client = stage.connect().await;
        // What comes right behind the request is the other protocol's.
        client.write_all(format!("{ASKS}early").as_bytes()).await.unwrap();
        let head = head(&mut client).await.to_ascii_lowercase();
        let lines: Vec<_> = head.lines().filter(|line| !line.starts_with("date: ")).collect();
        for line in [
            "connection: upgrade",
            "upgrade: websocket",
            "sec-websocket-protocol: chat",
            "x-asked: websocket",
        ] {
            assert!(lines.contains(&line), "{line}: {head}");
        }
        assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
        let line = stage.line().await;
        assert_eq!((line.status, line.outcome, &*line.path), (101, Outcome::Ok, "/chat"));

        let mut worker = ends.recv().await.unwrap();
        let mut early = [0; 5];
        worker.read_exact(&mut early).await.unwrap();
        assert_eq!(&early, b"early");
        // More than there is room for anywhere: each waits for the other.
        const LONG: usize = 300_000;
        let (mut read, mut written) = tokio::io::split(worker);
        let echo = async { tokio::io::copy(&mut read, &mut written).await.unwrap() };
        let talk = async {
            let (mut read, mut write) = client.split();
            let send = async {
                write.write_all(&vec![7; LONG]).await.unwrap();
                write.shutdown().await.unwrap();
            };
            let mut back = vec![0; LONG];
            join(send, async { read.read_exact(&mut back).await.unwrap() }).await;
            assert!(back.iter().all(|byte| *byte == 7));
        };
        assert_eq!(join(echo, talk).await.0, LONG as u64);
    });
}

#[test]
fn either_end_ends_it() {
    on_a_shard(async {
        let (stage, mut ends) = switching();
        let (mut client, mut worker) = switched(&stage, &mut ends).await;
        worker.write_all(b"bye").await.unwrap();
        drop(worker);
        assert_eq!(rest(&mut client).await, "bye");
        drop(client);

        let (client, mut worker) = switched(&stage, &mut ends).await;
        drop(client);
        assert_eq!(rest(&mut worker).await, "");
        drop(worker);
        while stage.front.open_connections() > 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn the_front_ends_it_when_its_time_is_over() {
    on_a_shard(async {
        let (stage, mut ends) = switching();
        let (mut client, mut worker) = switched(&stage, &mut ends).await;
        // It holds up nobody who waits for what was asked.
        stage.front.hand_over();
        stage.front.arrived(Duration::from_secs(60)).await;
        worker.write_all(b"on").await.unwrap();
        let mut two = [0; 2];
        client.read_exact(&mut two).await.unwrap();
        assert_eq!(stage.front.shutdown(Duration::ZERO).await, 1);
        assert_eq!(
            (rest(&mut client).await, rest(&mut worker).await),
            (String::new(), String::new())
        );
    });
}

#[test]
fn who_has_not_asked_gets_an_error_and_goes_on() {
    on_a_shard(async {
        let (stage, _ends) = switching();
        let mut http1 = stage.http1().await;
        let mut http2 = stage.http2().await;
        let one = http1.send_request(get("/chat")).await.unwrap();
        let two = http2.send_request(get("http://example.com/chat")).await.unwrap();
        for answer in [one, two] {
            assert_eq!(
                (answer.status().as_u16(), answer.headers()["isolane-error"].as_bytes()),
                (500, &b"1101"[..])
            );
            assert!(text(answer).await.contains("which the request has not asked for"));
            assert_eq!(stage.line().await.outcome, Outcome::Exception);
        }
        let plain = http1.send_request(get("/plain")).await.unwrap();
        assert_eq!(text(plain).await, "plain");
    });
}

#[test]
fn who_has_asked_may_get_a_response() {
    on_a_shard(async {
        let (stage, mut ends) = switching();
        let mut client = stage.connect().await;
        let plain = ASKS.replace("/chat", "/plain");
        client.write_all(format!("{plain}{ASKS}").as_bytes()).await.unwrap();
        let answer = head(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let mut body = [0; 5];
        client.read_exact(&mut body).await.unwrap();
        assert_eq!(Bytes::copy_from_slice(&body), "plain");
        // The next request of the connection asks once more.
        assert!(head(&mut client).await.starts_with("HTTP/1.1 101 "));
        let mut worker = ends.recv().await.unwrap();
        client.write_all(b"late").await.unwrap();
        let mut late = [0; 4];
        worker.read_exact(&mut late).await.unwrap();
        assert_eq!(&late, b"late");
    });
}
