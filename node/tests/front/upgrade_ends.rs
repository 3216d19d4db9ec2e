//! How connections end that a worker has taken over: by the client, by the worker, and by the front.

use std::sync::Arc;
use std::time::Duration;

use isolane_node::Limits;
use runtime::Socket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::{spawn_local, yield_now};
use tokio_util::sync::CancellationToken;

use crate::support::{Stage, get, http1_over, ok, on_a_shard, rest, text};
use crate::upgrades::{ASK, exactly, head, taking};

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(50);

/// A stage whose worker takes all connections that are asked for, and what it has taken. What it is lost
/// with may be cancelled.
fn stage(limits: Limits) -> (Stage, mpsc::UnboundedReceiver<Box<dyn Socket>>, CancellationToken) {
    let (give, given) = mpsc::unbounded_channel();
    let lost = CancellationToken::new();
    let token = lost.clone();
    let stage = Stage::with(limits, None, move |arrival| {
        let (give, lost) = (give.clone(), token.clone());
        async move {
            if arrival.event.head.uri.path() != "/socket" {
                return ok("served");
            }
            let (mut reply, taken) = taking(http::Response::new(()));
            spawn_local(async move { drop(give.send(taken.await.unwrap())) });
            if let Ok(runtime::Reply::Upgrade(upgrade)) = reply.result {
                reply.result = Ok(runtime::Reply::Upgrade(upgrade.lost_with(&lost)));
            }
            reply
        }
    });
    (stage, given, lost)
}

/// A connection that has been upgraded.
async fn upgraded(stage: &Stage) -> TcpStream {
    let mut stream = stage.connect().await;
    stream.write_all(ASK.as_bytes()).await.unwrap();
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 101 "));
    stream
}

async fn until_closed(stage: &Stage) {
    while stage.front.open_connections() > 0 {
        yield_now().await;
    }
}

#[test]
fn a_client_that_closes_ends_what_its_worker_reads_and_writes() {
    on_a_shard(async {
        let (stage, mut taken, _) = stage(Limits::default());
        let mut client = upgraded(&stage).await;
        let mut worker = taken.recv().await.unwrap();
        client.write_all(b"last words").await.unwrap();
        drop(client);
        assert_eq!(rest(&mut worker).await, "last words");
        while worker.write_all(&[b'x'; 1024]).await.is_ok() {}
        until_closed(&stage).await;
    });
}

#[test]
fn a_client_that_closes_its_half_gets_what_its_worker_still_sends() {
    on_a_shard(async {
        let (stage, mut taken, _) = stage(Limits::default());
        let (mut read, mut write) = upgraded(&stage).await.into_split();
        let mut worker = taken.recv().await.unwrap();
        write.shutdown().await.unwrap();
        assert_eq!(rest(&mut worker).await, "");
        let message = "x".repeat(1 << 20);
        let sent = message.clone();
        spawn_local(async move { worker.write_all(sent.as_bytes()).await.unwrap() });
        assert!(rest(&mut read).await == message);
        until_closed(&stage).await;
    });
}

#[test]
fn a_client_that_may_have_gone_does_not_keep_its_connection_for_long() {
    on_a_shard(async {
        let limits = Limits { half_close_timeout: SHORT, ..Limits::default() };
        let (stage, mut taken, _) = stage(limits);
        let (mut read, mut write) = upgraded(&stage).await.into_split();
        let mut worker = taken.recv().await.unwrap();
        write.shutdown().await.unwrap();
        // The worker does not read that, and says nothing.
        assert_eq!(rest(&mut read).await, "");
        assert_eq!(rest(&mut worker).await, "");
        until_closed(&stage).await;
    });
}

#[test]
fn a_worker_that_lets_go_closes_the_connection_after_what_it_has_sent() {
    on_a_shard(async {
        let (stage, mut taken, _) = stage(Limits::default());
        let message = "x".repeat(1 << 20);
        for is_talking in [false, true] {
            let (mut read, mut write) = upgraded(&stage).await.into_split();
            let mut worker = taken.recv().await.unwrap();
            let sent = message.clone();
            spawn_local(async move { worker.write_all(sent.as_bytes()).await.unwrap() });
            let talking = spawn_local(async move {
                while is_talking && write.write_all(&[b'y'; 1024]).await.is_ok() {
                    yield_now().await;
                }
                write
            });
            assert!(rest(&mut read).await == message, "what was sent last is lost");
            talking.abort();
            drop((read, talking.await));
        }
        until_closed(&stage).await;
    });
}

#[test]
fn a_client_may_answer_the_end_of_its_worker() {
    on_a_shard(async {
        let (stage, mut taken, _) = stage(Limits::default());
        let mut client = upgraded(&stage).await;
        let mut worker = taken.recv().await.unwrap();
        worker.write_all(b"closing").await.unwrap();
        worker.shutdown().await.unwrap();
        assert_eq!(rest(&mut client).await, "closing");
        client.write_all(b"closed").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(rest(&mut worker).await, "closed");
        until_closed(&stage).await;
    });
}

#[test]
fn a_connection_ends_with_the_thread_that_has_its_other_end() {
    on_a_shard(async {
        let (stage, mut taken, lost) = stage(Limits::default());
        let mut client = upgraded(&stage).await;
        let _never_dropped = taken.recv().await.unwrap();
        lost.cancel();
        assert_eq!(rest(&mut client).await, "");
        until_closed(&stage).await;
    });
}

#[test]
fn a_front_that_stops_lets_upgraded_connections_go_on_until_its_deadline() {
    on_a_shard(async {
        let (stage, mut taken, _) = stage(Limits::default());
        let mut client = upgraded(&stage).await;
        let mut worker = taken.recv().await.unwrap();
        stage.front.hand_over();
        // All requests have come to their workers.
        stage.front.arrived(LONG).await;
        worker.write_all(b"going on").await.unwrap();
        assert_eq!(exactly(&mut client, 8).await, b"going on");
        assert_eq!(stage.front.shutdown(SHORT).await, 1);
        assert_eq!(rest(&mut client).await, "");
        assert_eq!(rest(&mut worker).await, "");
        assert_eq!(stage.front.open_connections(), 0);
    });
}

#[test]
fn a_front_that_stops_waits_for_upgraded_connections() {
    on_a_shard(async {
        let (stage, mut taken, _) = stage(Limits::default());
        let client = upgraded(&stage).await;
        let worker = taken.recv().await.unwrap();
        let front = Arc::clone(&stage.front);
        let stopping = spawn_local(async move { front.shutdown(LONG).await });
        stage.accepting.await.unwrap();
        assert!(!stopping.is_finished());
        drop((client, worker));
        assert_eq!(stopping.await.unwrap(), 0);
    });
}

#[test]
fn a_request_that_is_on_its_way_when_the_front_stops_gets_its_upgrade() {
    on_a_shard(async {
        let (stage, mut taken, _) = stage(Limits::default());
        let mut client = stage.connect().await;
        client.write_all(b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
        head(&mut client).await;
        assert_eq!(exactly(&mut client, 6).await, b"served");
        stage.front.hand_over();
        client.write_all(ASK.as_bytes()).await.unwrap();
        let head = head(&mut client).await;
        assert!(head.starts_with("HTTP/1.1 101 ") && !head.contains("close"), "{head}");
        taken.recv().await.unwrap().write_all(b"hello").await.unwrap();
        assert_eq!(exactly(&mut client, 5).await, b"hello");
    });
}

#[test]
fn an_upgraded_connection_counts_as_one_and_may_be_silent() {
    on_a_shard(async {
        let limits = Limits {
            connections: 2,
            idle_timeout: SHORT,
            progress_timeout: SHORT,
            header_timeout: SHORT,
            half_close_timeout: SHORT,
            ..Limits::default()
        };
        let (stage, mut taken, _) = stage(limits);
        let mut client = upgraded(&stage).await;
        let mut worker = taken.recv().await.unwrap();
        let mut other = http1_over(stage.connect_from([127, 0, 0, 2]).await).await;
        assert_eq!(other.send_request(get("/")).await.unwrap().status(), 200);
        // There is a place for it when the second one has been silent for too long.
        let mut third = http1_over(stage.connect_from([127, 0, 0, 3]).await).await;
        let answer = third.send_request(get("/")).await.unwrap();
        assert_eq!(text(answer).await, "served");
        assert!(other.ready().await.is_err(), "it is closed");
        worker.write_all(b"hello").await.unwrap();
        assert_eq!(exactly(&mut client, 5).await, b"hello");
        client.write_all(b"yourself").await.unwrap();
        assert_eq!(exactly(&mut worker, 8).await, b"yourself");
    });
}

#[test]
fn a_client_that_does_not_take_what_it_is_sent_is_cut_off() {
    on_a_shard(async {
        let limits = Limits { progress_timeout: SHORT, ..Limits::default() };
        let (stage, mut taken, _) = stage(limits);
        let silent = upgraded(&stage).await;
        let mut worker = taken.recv().await.unwrap();
        while worker.write_all(&[b'x'; 64 << 10]).await.is_ok() {}
        until_closed(&stage).await;
        assert_eq!(stage.front.turned_away().cut_off_for("answer"), 1);
        drop(silent);
    });
}

#[test]
fn what_a_worker_does_not_read_is_not_taken_from_the_client() {
    on_a_shard(async {
        let (stage, mut taken, _) = stage(Limits::default());
        let (_read, mut write) = upgraded(&stage).await.into_split();
        let mut worker = taken.recv().await.unwrap();
        let sending = spawn_local(async move { write.write_all(&vec![b'x'; 64 << 20]).await });
        let mut before = 0;
        // It ends where the system's buffers and the front's are full.
        for _ in 0..10_000 {
            yield_now().await;
        }
        assert!(!sending.is_finished());
        while before < 64 << 20 {
            let mut piece = vec![0; 256 << 10];
            before += worker.read(&mut piece).await.unwrap();
        }
        sending.await.unwrap().unwrap();
    });
}
