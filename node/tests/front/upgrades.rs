//! Connections that a worker takes over: what is sent of the heads, who gets one, and that no byte is lost.
//! When they end is in `upgrade_ends.rs`.

use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, UPGRADE};
use http_body_util::BodyExt;
use isolane_node::front::{Arrival, Reply};
use isolane_node::{Limits, Refusal};
use runtime::{Outcome, RequestBody, Socket, Upgrade};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{spawn_local, yield_now};

use crate::secured::{handshake, secured_with};
use crate::support::{Stage, get, ok, on_a_shard, request, rest, text};

pub(crate) const ASK: &str = "GET /socket HTTP/1.1\r\nhost: a.test\r\nconnection: keep-alive, Upgrade\r\n\
                              upgrade: WebSocket\r\n\r\n";

/// A reply that takes the connection, and where that comes.
pub(crate) fn taking(head: http::Response<()>) -> (Reply, oneshot::Receiver<Box<dyn Socket>>) {
    let (taker, taken) = oneshot::channel();
    let upgrade = Upgrade::new(head, taker);
    (Reply { served: None, result: Ok(runtime::Reply::Upgrade(upgrade)) }, taken)
}

/// Takes the connection, and sends back what comes until nothing does.
fn echoing() -> Reply {
    let (reply, taken) = taking(http::Response::new(()));
    spawn_local(async move {
        let (mut read, mut write) = tokio::io::split(taken.await.unwrap());
        tokio::io::copy(&mut read, &mut write).await.unwrap();
        write.shutdown().await.unwrap();
    });
    reply
}

/// A stage that takes what is asked for at `/socket`, and answers all else with its path.
fn stage() -> Stage {
    Stage::new(|arrival| async move {
        match arrival.event.head.uri.path() {
            "/socket" => echoing(),
            path => ok(path.to_owned()),
        }
    })
}

/// A head, to its last byte.
pub(crate) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// So many bytes.
pub(crate) async fn exactly(stream: &mut (impl AsyncRead + Unpin), bytes: usize) -> Vec<u8> {
    let mut came = vec![0; bytes];
    stream.read_exact(&mut came).await.unwrap();
    came
}

/// What other protocols may send and no head may have: line ends that are half ones, what looks like a
/// request, and no end.
fn not_http() -> Vec<u8> {
    let start = b"\n\n\r\n\0GET / HTTP/1.1\r\nhost: a.test\r\nupgrade: websocket\r\n\r\nPRI * HTTP/2.0\r\n\r\n";
    (0..=u8::MAX).chain(start.iter().copied()).collect()
}

#[test]
fn bytes_go_both_ways_once_the_head_has_been_sent() {
    on_a_shard(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let stage = Stage::new(move |arrival| {
            tell.send(arrival.event.head.headers).unwrap();
            async { echoing() }
        });
        let mut stream = stage.connect().await;
        stream.write_all(ASK.as_bytes()).await.unwrap();
        let head = head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
        for field in ["\r\nconnection: Upgrade\r\n", "\r\nupgrade: WebSocket\r\n"] {
            assert_eq!(head.matches(field).count(), 1, "{head}");
        }
        for field in ["content-length", "transfer-encoding", "keep-alive", "close"] {
            assert!(!head.contains(field), "{head}");
        }
        let asked = told.recv().await.unwrap();
        assert_eq!(asked[UPGRADE], "WebSocket");
        assert_eq!(asked[CONNECTION], "Upgrade");
        let line = stage.line().await;
        assert_eq!((line.status, line.outcome), (101, Outcome::Ok));
        assert_eq!((&*line.path, line.bytes), ("/socket", 0));
        for message in [b"one".to_vec(), not_http(), vec![b'x'; 1 << 20]] {
            let (mut read, mut write) = stream.split();
            let (sent, came) =
                tokio::join!(write.write_all(&message), exactly(&mut read, message.len()));
            sent.unwrap();
            assert!(came == message, "{} bytes came back otherwise", message.len());
        }
        assert_eq!(stage.front.open_connections(), 1);
    });
}

#[test]
fn a_worker_says_what_it_likes_in_the_head_but_of_the_connection_and_the_node() {
    on_a_shard(async {
        let stage = Stage::new(|_| async {
            let head = http::Response::builder()
                .status(200)
                .header("sec-websocket-protocol", "chat")
                .header("connection", "close, x-named")
                .header("x-named", "1")
                .header("upgrade", "h2c")
                .header("content-length", "7")
                .header("transfer-encoding", "chunked")
                .header("isolane-error", "1101");
            taking(head.body(()).unwrap()).0
        });
        let answer = stage.raw(ASK).await.to_lowercase();
        let (head, after) = answer.split_once("\r\n\r\n").unwrap();
        let (status, fields) = head.split_once("\r\n").unwrap();
        let mut names: Vec<_> = fields.lines().map(|it| it.split_once(':').unwrap().0).collect();
        names.sort_unstable();
        assert_eq!(status, "http/1.1 101 switching protocols");
        assert_eq!(names, ["connection", "date", "sec-websocket-protocol", "upgrade"]);
        assert!(fields.contains("upgrade: websocket") && fields.contains("connection: upgrade"));
        assert_eq!(after, "", "nobody takes the connection, which ends");
    });
}

#[test]
fn what_comes_right_behind_the_request_is_the_workers() {
    on_a_shard(async {
        let stage = stage();
        let early = not_http();
        let all = [ASK.as_bytes(), &early].concat();
        let pieces = [all.len(), ASK.len(), ASK.len() + 1, ASK.len() - 1, ASK.len() - 12, 20, 1];
        for piece in pieces {
            let (mut read, mut write) = stage.connect().await.into_split();
            for bytes in all.chunks(piece) {
                write.write_all(bytes).await.unwrap();
                // Each comes by itself.
                for _ in 0..10 {
                    yield_now().await;
                }
            }
            assert!(head(&mut read).await.starts_with("HTTP/1.1 101 "));
            assert!(exactly(&mut read, early.len()).await == early, "in pieces of {piece}");
            write.shutdown().await.unwrap();
            assert_eq!(rest(&mut read).await, "");
        }
    });
}

#[test]
fn what_comes_while_the_worker_has_not_answered_is_the_workers() {
    on_a_shard(async {
        let (begin, mut begun) = mpsc::unbounded_channel();
        let stage = Stage::new(move |_| {
            let (answer, answered) = oneshot::channel::<()>();
            begin.send(answer).unwrap();
            async move {
                answered.await.unwrap();
                echoing()
            }
        });
        // More than is read at once.
        let early: Vec<u8> = not_http().into_iter().cycle().take(100_000).collect();
        let (mut read, mut write) = stage.connect().await.into_split();
        write.write_all(ASK.as_bytes()).await.unwrap();
        let answer = begun.recv().await.unwrap();
        let sent = early.clone();
        let sending = spawn_local(async move {
            write.write_all(&sent).await.unwrap();
            write
        });
        for _ in 0..100 {
            yield_now().await;
        }
        answer.send(()).unwrap();
        assert!(head(&mut read).await.starts_with("HTTP/1.1 101 "));
        assert!(exactly(&mut read, early.len()).await == early, "other bytes came");
        drop(sending.await.unwrap());
    });
}

#[test]
fn a_request_for_an_upgrade_may_follow_others_on_its_connection() {
    on_a_shard(async {
        let stage = stage();
        let early = not_http();
        let first = "GET /first HTTP/1.1\r\nhost: a.test\r\n\r\n\
                     POST /second HTTP/1.1\r\nhost: a.test\r\ncontent-length: 3\r\n\r\nabc";
        let mut stream = stage.connect().await;
        stream.write_all(&[first.as_bytes(), ASK.as_bytes(), &early].concat()).await.unwrap();
        for path in ["/first", "/second"] {
            assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "), "{path}");
            assert_eq!(exactly(&mut stream, path.len()).await, path.as_bytes());
        }
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 101 "));
        assert!(exactly(&mut stream, early.len()).await == early, "other bytes came");
    });
}

#[test]
fn requests_behind_one_that_got_no_upgrade_are_served_and_judged_as_all_are() {
    on_a_shard(async {
        let (begin, mut begun) = mpsc::unbounded_channel();
        let stage = Stage::new(move |arrival: Arrival| {
            let asks = arrival.event.head.headers.contains_key(UPGRADE);
            begin.send(()).unwrap();
            async move {
                if let RequestBody::Stream(body) = arrival.event.body {
                    body.collect().await.unwrap();
                }
                ok(format!("[{} {asks}]", arrival.event.head.uri.path()))
            }
        });
        let asked = |path: &str| ASK.replace("/socket", path);
        let plain = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: a.test\r\n\r\n");
        let post = format!(
            "POST /c HTTP/1.1\r\nhost: a.test\r\ncontent-length: 70000\r\n\r\n{}",
            "x".repeat(70_000)
        );
        let last = plain("/e").replace("host", "connection: close\r\nhost");
        let all = [asked("/a"), asked("/b"), post, plain("/d"), last].concat();
        for pieces in [1, 3, 700] {
            let (mut read, mut write) = stage.connect().await.into_split();
            let all = all.clone();
            let sending = spawn_local(async move {
                for bytes in all.as_bytes().chunks(all.len().div_ceil(pieces)) {
                    write.write_all(bytes).await.unwrap();
                    yield_now().await;
                }
                write
            });
            let answers = rest(&mut read).await;
            for answer in ["[/a true]", "[/b true]", "[/c false]", "[/d false]", "[/e false]"] {
                assert_eq!(answers.matches(answer).count(), 1, "{answer}: {answers}");
                begun.recv().await.unwrap();
            }
            drop(sending.await.unwrap());
        }
        let answers = stage.raw(format!("{}GET / HTTP/1.1\nhost: a.test\r\n\r\n", ASK)).await;
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 2, "{answers}");
        assert!(answers.contains("HTTP/1.1 400 "), "{answers}");
    });
}

/// What a worker sees that takes each connection, and what the client gets.
async fn refused(head: &str) -> (HeaderMap, String) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let stage = Stage::new(move |arrival| {
        tell.send(arrival.event.head.headers).unwrap();
        async { echoing() }
    });
    let answer = stage.raw(head).await;
    assert_eq!(stage.line().await.outcome, Outcome::Exception, "{head}");
    (told.recv().await.unwrap(), answer)
}

#[test]
fn who_has_not_asked_gets_an_error_and_no_connection() {
    on_a_shard(async {
        let fields = "connection: Upgrade, close\r\nupgrade: websocket\r\n";
        let with = |start: &str, fields: &str| format!("{start}\r\nhost: a.test\r\n{fields}\r\n");
        for head in [
            with("GET / HTTP/1.1", "connection: close\r\n"),
            with("GET / HTTP/1.1", "connection: close\r\nupgrade: websocket\r\n"),
            with("GET / HTTP/1.1", &fields.replace("websocket", "h2c")),
            with("GET / HTTP/1.1", &fields.replace("websocket", "h2c, websocket")),
            with("GET / HTTP/1.1", &format!("{fields}upgrade: h2c\r\n")),
            with("GET / HTTP/1.0", fields),
            with("HEAD / HTTP/1.1", fields),
            with("POST / HTTP/1.1", fields),
            with("GET / HTTP/1.1", &format!("{fields}content-length: 1\r\n")) + "x",
        ] {
            let (seen, answer) = refused(&head).await;
            assert!(!seen.contains_key(UPGRADE) && !seen.contains_key(CONNECTION), "{head}");
            assert!(answer.contains(" 500 ") && !answer.contains("101 Switching"), "{answer}");
            for part in ["isolane-error: 1101\r\n", "isolane-outcome: exception\r\n"] {
                assert!(answer.contains(part), "{head} gives {answer}");
            }
            let sentence = "Worker tried to return a WebSocket in a response to a request which did \
                            not contain the header \"Upgrade: websocket\".\n";
            assert!(head.starts_with("HEAD") || answer.ends_with(sentence), "{answer}");
        }
    });
}

#[test]
fn there_is_no_upgrade_in_http_2() {
    on_a_shard(async {
        let stage = stage();
        let mut client = stage.http2().await;
        let refused = client.send_request(get("http://a.test/socket")).await.unwrap();
        assert_eq!(refused.status(), 500);
        assert!(text(refused).await.contains("did not contain the header"));
        assert_eq!(stage.line().await.status, 500);
        let served = client.send_request(get("http://a.test/other")).await.unwrap();
        assert_eq!(text(served).await, "/other");
    });
}

#[test]
fn a_worker_may_refuse_what_it_is_asked_for() {
    on_a_shard(async {
        let stage = Stage::new(|arrival| async move {
            let mut reply = Reply { served: None, result: Err(Refusal::BadExpectation) };
            if arrival.event.head.uri.path() == "/later" {
                reply = ok("later");
            }
            reply
        });
        let mut client = stage.http1().await;
        let mut ask = request("GET", "/", "");
        ask.headers_mut().insert(CONNECTION, "upgrade".parse().unwrap());
        ask.headers_mut().insert(UPGRADE, "websocket".parse().unwrap());
        let refused = client.send_request(ask).await.unwrap();
        assert_eq!(refused.status(), 417);
        assert!(!refused.headers().contains_key(UPGRADE));
        assert_ne!(refused.headers()[CONTENT_LENGTH], "0");
        text(refused).await;
        let served = client.send_request(get("/later")).await.unwrap();
        assert_eq!(text(served).await, "later");
    });
}

#[test]
fn a_connection_is_upgraded_within_tls() {
    on_a_shard(async {
        let answer = |_| async { echoing() };
        let (stage, _, roots, _folder) = secured_with(Limits::default(), answer);
        let stream = handshake(&stage, &roots, "a.test", &["http/1.1"]).await.unwrap();
        let (mut read, mut write) = tokio::io::split(stream);
        let early = not_http();
        write.write_all(&[ASK.as_bytes(), &early].concat()).await.unwrap();
        assert!(head(&mut read).await.starts_with("HTTP/1.1 101 "));
        assert!(exactly(&mut read, early.len()).await == early, "other bytes came");
        let message = Arc::new(vec![b'x'; 1 << 20]);
        let sent = Arc::clone(&message);
        let sending = spawn_local(async move {
            write.write_all(&sent).await.unwrap();
            write.shutdown().await.unwrap();
        });
        assert!(exactly(&mut read, message.len()).await == *message, "other bytes came");
        sending.await.unwrap();
        // An end that TLS knows to be one.
        assert_eq!(read.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    });
}
