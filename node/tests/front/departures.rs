//! Clients that go away: what was begun for them ends, and the log says how.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use isolane_node::Limits;
use runtime::Outcome;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use crate::support::{Fuse, Stage, get, http2_over, ok, on_a_shard, request, rest, streamed};

/// A stage whose handler never answers, and what its requests tell: first that they were
/// begun, then that they were dropped.
fn never_answering() -> (Stage, mpsc::UnboundedReceiver<()>, mpsc::UnboundedReceiver<()>) {
    let (fuse, dropped) = Fuse::new();
    let (begin, begun) = mpsc::unbounded_channel();
    let limits = Limits { half_close_timeout: Duration::from_millis(50), ..Limits::default() };
    let stage = Stage::with(limits, None, move |_| {
        let fuse = fuse.lock().take();
        begin.send(()).unwrap();
        async move {
            let _held = fuse;
            pending().await
        }
    });
    (stage, begun, dropped)
}

#[test]
fn a_client_that_leaves_before_the_answer_cancels_the_event() {
    on_a_shard(async {
        let (stage, mut begun, mut dropped) = never_answering();
        let mut stream = stage.connect().await;
        stream.write_all(b"GET /slow HTTP/1.1\r\nhost: example.com\r\n\r\n").await.unwrap();
        begun.recv().await.unwrap();
        drop(stream);
        dropped.recv().await.unwrap();
        let line = stage.line().await;
        assert_eq!((line.status, line.outcome), (499, Outcome::Canceled));
        assert_eq!((line.host.as_deref(), &*line.path), (Some("example.com"), "/slow"));
    });
}

#[test]
fn a_client_that_leaves_after_a_body_that_nobody_read_cancels_the_event() {
    on_a_shard(async {
        let (stage, mut begun, mut dropped) = never_answering();
        let mut stream = stage.connect().await;
        let post = "POST / HTTP/1.1\r\nhost: example.com\r\ncontent-length: 5\r\n\r\nhello";
        stream.write_all(post.as_bytes()).await.unwrap();
        begun.recv().await.unwrap();
        drop(stream);
        dropped.recv().await.unwrap();
        assert_eq!(stage.line().await.outcome, Outcome::Canceled);
    });
}

#[test]
fn a_client_that_has_closed_its_half_gets_the_whole_answer() {
    on_a_shard(async {
        let (begin, mut begun) = mpsc::unbounded_channel();
        let stage = Stage::new(move |_| {
            let (answer, answered) = oneshot::channel();
            begin.send(answer).unwrap();
            async move { answered.await.unwrap() }
        });
        for body in ["short".to_owned(), "long".repeat(1 << 20)] {
            for head in ["GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\ncontent-length: 3\r\n"] {
                let (mut read, mut write) = stage.connect().await.into_split();
                let sent = if head.starts_with("POST") { "abc" } else { "" };
                let request = format!("{head}host: example.com\r\n\r\n{sent}");
                write.write_all(request.as_bytes()).await.unwrap();
                write.shutdown().await.unwrap();
                let answer = begun.recv().await.unwrap();
                // Time for the end to be noticed.
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                answer.send(ok(body.clone())).ok().unwrap();
                let text = rest(&mut read).await;
                assert!(text.starts_with("HTTP/1.1 200 ") && text.ends_with(&body), "{head}");
                let line = stage.line().await;
                assert_eq!((line.status, line.outcome), (200, Outcome::Ok));
            }
        }
    });
}

#[test]
fn an_http_2_client_that_resets_its_stream_cancels_the_event_alone() {
    on_a_shard(async {
        let (stage, mut begun, mut dropped) = never_answering();
        let mut client = stage.http2().await;
        let answer = tokio::task::spawn_local(client.send_request(get("http://example.com/a")));
        begun.recv().await.unwrap();
        answer.abort();
        dropped.recv().await.unwrap();
        assert_eq!(stage.line().await.outcome, Outcome::Canceled);
        assert!(client.ready().await.is_ok(), "the connection goes on");
    });
}

#[test]
fn an_http_2_client_that_closes_its_connection_cancels_the_event() {
    on_a_shard(async {
        let (stage, mut begun, mut dropped) = never_answering();
        let stream = stage.connect().await.into_std().unwrap();
        let socket = stream.try_clone().unwrap();
        let mut client = http2_over(TcpStream::from_std(stream).unwrap()).await;
        let answer = tokio::task::spawn_local(client.send_request(request(
            "POST",
            "http://example.com/a",
            "hello",
        )));
        begun.recv().await.unwrap();
        socket.shutdown(std::net::Shutdown::Both).unwrap();
        dropped.recv().await.unwrap();
        assert_eq!(stage.line().await.outcome, Outcome::Canceled);
        assert!(answer.await.unwrap().is_err());
    });
}

/// A stage whose answers begin with `begin` and never end, and the senders of their bodies.
fn never_ending()
-> (Stage, mpsc::UnboundedReceiver<mpsc::Sender<Result<Bytes, runtime::BodyError>>>) {
    let (give, given) = mpsc::unbounded_channel();
    let stage = Stage::new(move |_| {
        let (chunks, body) = mpsc::channel(1);
        chunks.try_send(Ok(Bytes::from_static(b"begin"))).unwrap();
        give.send(chunks).unwrap();
        async move { streamed(body) }
    });
    (stage, given)
}

#[test]
fn a_client_that_leaves_during_the_answer_cancels_the_workers_stream() {
    on_a_shard(async {
        let (stage, mut bodies) = never_ending();
        let mut client = stage.http1().await;
        let mut answer = client.send_request(get("/")).await.unwrap();
        let chunks = bodies.recv().await.unwrap();
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), "begin");
        drop(answer);
        drop(client);
        chunks.closed().await;
        let line = stage.line().await;
        assert_eq!((line.status, line.bytes), (200, 5));
        assert_eq!(line.outcome, Outcome::ResponseStreamDisconnected);
    });
}

#[test]
fn an_http_2_client_that_leaves_during_the_answer_cancels_the_workers_stream() {
    on_a_shard(async {
        let (stage, mut bodies) = never_ending();
        let mut client = stage.http2().await;
        let mut answer = client.send_request(get("http://example.com/")).await.unwrap();
        let chunks = bodies.recv().await.unwrap();
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), "begin");
        drop(answer);
        chunks.closed().await;
        assert_eq!(stage.line().await.outcome, Outcome::ResponseStreamDisconnected);
    });
}

#[test]
fn an_answer_that_arrived_is_logged_with_its_length() {
    on_a_shard(async {
        let stage = Stage::new(|_| async { crate::support::ok("hello") });
        let mut client = stage.http1().await;
        let answer = client.send_request(get("/a?secret=1")).await.unwrap();
        assert_eq!(crate::support::text(answer).await, "hello");
        let line = stage.line().await;
        assert_eq!((line.status, line.bytes, line.outcome), (200, 5, Outcome::Ok));
        assert_eq!(line.path, "/a");
    });
}
