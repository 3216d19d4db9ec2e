//! How a front ends: gracefully, at its deadline, and by giving its socket to another shard.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use isolane_node::Limits;
use isolane_node::front::{self, Arrival, Sockets};
use runtime::Outcome;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::{spawn_local, yield_now};
use tokio_util::sync::CancellationToken;

use crate::support::{Stage, get, ok, on_a_shard, rest, streamed, text};

const LONG: Duration = Duration::from_secs(600);

/// A stage whose handler says that it was called, then waits for a word.
fn waiting() -> (Stage, mpsc::UnboundedReceiver<()>, Arc<Notify>) {
    let (begin, begun) = mpsc::unbounded_channel();
    let word = Arc::new(Notify::new());
    let given = Arc::clone(&word);
    let stage = Stage::new(move |_| {
        begin.send(()).unwrap();
        let given = Arc::clone(&given);
        async move {
            given.notified().await;
            ok("finished")
        }
    });
    (stage, begun, word)
}

#[test]
fn a_request_that_runs_is_answered_and_its_connection_closed() {
    on_a_shard(async {
        let (stage, mut begun, word) = waiting();
        let mut open = stage.connect().await;
        open.write_all(b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
        let mut idle = stage.connect().await;
        begun.recv().await.unwrap();
        let front = Arc::clone(&stage.front);
        let stopping = spawn_local(async move { front.shutdown(LONG).await });
        assert_eq!(rest(&mut idle).await, "", "an idle connection is closed at once");
        stage.accepting.await.unwrap();
        let refused = TcpStream::connect(stage.address).await.expect_err("nobody listens");
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        assert!(!stopping.is_finished(), "the request still runs");
        word.notify_one();
        let answer = rest(&mut open).await;
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        assert!(answer.ends_with("finished"), "{answer}");
        assert_eq!(stopping.await.unwrap(), 0);
    });
}

#[test]
fn a_front_that_hands_over_waits_for_requests_on_their_way_and_not_for_answers() {
    on_a_shard(async {
        let (begin, mut begun) = mpsc::unbounded_channel();
        let word = Arc::new(Notify::new());
        let given = Arc::clone(&word);
        let stage = Stage::new(move |arrival: Arrival| {
            begin.send(()).unwrap();
            let given = Arc::clone(&given);
            async move {
                given.notified().await;
                drop(arrival.underway);
                pending().await
            }
        });
        let mut open = stage.connect().await;
        open.write_all(b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
        begun.recv().await.unwrap();
        stage.front.hand_over();
        let front = Arc::clone(&stage.front);
        let arriving = spawn_local(async move { front.arrived(LONG).await });
        stage.accepting.await.unwrap();
        for _ in 0..100 {
            yield_now().await;
        }
        assert!(!arriving.is_finished(), "the request has not come to its worker");
        word.notify_one();
        arriving.await.unwrap();
        assert_eq!(stage.front.open_connections(), 1, "it is not answered");
    });
}

#[test]
fn an_http_2_request_that_runs_is_answered() {
    on_a_shard(async {
        let (stage, mut begun, word) = waiting();
        let mut client = stage.http2().await;
        let answer = spawn_local(client.send_request(get("http://a.test/")));
        begun.recv().await.unwrap();
        let front = Arc::clone(&stage.front);
        let stopping = spawn_local(async move { front.shutdown(LONG).await });
        stage.accepting.await.unwrap();
        word.notify_one();
        assert_eq!(text(answer.await.unwrap().unwrap()).await, "finished");
        assert_eq!(stopping.await.unwrap(), 0);
    });
}

#[test]
fn an_answer_that_streams_goes_on_to_its_end() {
    on_a_shard(async {
        let (give, mut given) = mpsc::unbounded_channel();
        let stage = Stage::new(move |_| {
            let (chunks, body) = mpsc::channel(1);
            give.send(chunks).unwrap();
            async move { streamed(body) }
        });
        let answer = stage.http1().await.send_request(get("/")).await.unwrap();
        let chunks = given.recv().await.unwrap();
        let front = Arc::clone(&stage.front);
        let stopping = spawn_local(async move { front.shutdown(LONG).await });
        stage.accepting.await.unwrap();
        chunks.send(Ok(Bytes::from_static(b"to the "))).await.unwrap();
        chunks.send(Ok(Bytes::from_static(b"end"))).await.unwrap();
        drop(chunks);
        assert_eq!(text(answer).await, "to the end");
        assert_eq!(stopping.await.unwrap(), 0);
    });
}

#[test]
fn what_does_not_end_by_the_deadline_is_cut_off() {
    on_a_shard(async {
        let (stage, mut begun, _word) = waiting();
        let mut open = stage.connect().await;
        open.write_all(b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
        begun.recv().await.unwrap();
        assert_eq!(stage.front.shutdown(Duration::from_millis(50)).await, 1);
        assert_eq!(rest(&mut open).await, "");
        assert_eq!(stage.line().await.outcome, Outcome::Canceled);
        assert_eq!(stage.front.open_connections(), 0);
    });
}

#[test]
fn another_shard_takes_a_socket_over_with_the_connections_that_wait_in_it() {
    on_a_shard(async {
        let listener = front::bind(([127, 0, 0, 1], 0).into(), 1).unwrap().remove(0);
        let address = listener.local_addr().unwrap();
        let (stage, _, _) = waiting();
        let kept = listener.try_clone().unwrap();
        let closed = CancellationToken::new();
        let first =
            Arc::clone(&stage.front).serve(listener, None, closed.clone(), Sockets::default());
        // The first one is cancelled before it has accepted anything: it is stuck.
        closed.cancel();
        let mut waiting = TcpStream::connect(address).await.unwrap();
        waiting.write_all(b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
        first.await;
        let other = Stage::new(|_| async { ok("taken over") });
        let second = Arc::clone(&other.front).serve(
            kept,
            None,
            CancellationToken::new(),
            Sockets::default(),
        );
        spawn_local(second);
        other.line().await;
        other.front.shutdown(LONG).await;
        assert!(rest(&mut waiting).await.ends_with("taken over"));
        assert_eq!(stage.front.open_connections(), 0);
    });
}

#[test]
fn a_connection_beyond_the_limit_holds_up_no_process_that_takes_over() {
    on_a_shard(async {
        let limits = Limits { connections: 1, ..Limits::default() };
        let stage = Stage::with(limits, None, |_| async { ok("served") });
        let mut first = stage.http1().await;
        let mut held = stage.connect().await;
        held.write_all(b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
        // The front has seen it by the time it has answered these.
        for _ in 0..10 {
            assert_eq!(first.send_request(get("/")).await.unwrap().status(), 200);
        }
        stage.front.hand_over();
        stage.accepting.await.unwrap();
        drop(first);
        assert!(rest(&mut held).await.ends_with("served"));
    });
}
