//! Clients that stop in the middle in HTTP/1, or go on by drops: what was begun for them ends, and a
//! neighbour is served meanwhile.

use std::future::pending;
use std::time::Duration;

use bindings::event::body::Chunks;
use http_body_util::BodyExt;
use isolane_node::Limits;
use runtime::{BodyError, Outcome, RequestBody, ResponseBody};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::{spawn_local, yield_now};

use crate::support::{Line, Stage, get, ok, on_a_shard, replied, rest};

/// Between two looks at whether a client moves.
const LOOK: Duration = Duration::from_millis(50);

fn limits() -> Limits {
    Limits { progress_timeout: LOOK, ..Limits::default() }
}

/// A front whose worker reads each body to its end, tells how that was, and answers nobody but those who
/// have none.
fn reading_stage() -> (Stage, mpsc::UnboundedReceiver<Option<BodyError>>) {
    let (tell, told) = mpsc::unbounded_channel();
    let stage = Stage::with(limits(), None, move |arrival| {
        let tell = tell.clone();
        async move {
            let RequestBody::Stream(body) = arrival.event.body else { return ok("served") };
            // As on a worker's thread, where it goes on when nobody waits for the answer any more.
            spawn_local(async move {
                let _ = tell.send(body.collect().await.err());
            });
            pending().await
        }
    });
    (stage, told)
}

/// The line of the log about a path, whatever others have asked for.
async fn line_of(stage: &Stage, path: &str) -> Line {
    loop {
        let line = stage.line().await;
        if line.path == path {
            return line;
        }
    }
}

fn assert_given_up(answer: &str) {
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    for header in ["isolane-error: 1408", "isolane-outcome: canceled", "connection: close"] {
        assert!(answer.contains(&format!("\r\n{header}\r\n")), "{answer}");
    }
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[test]
fn a_body_that_stops_is_given_up_and_its_worker_told() {
    on_a_shard(async {
        let (stage, mut told) = reading_stage();
        let mut neighbour = stage.http1().await;
        for rest_of_it in [
            "transfer-encoding: chunked\r\n\r\n5\r\nab",
            "transfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
            "content-length: 70000\r\n\r\na",
        ] {
            let post = format!("POST /stops HTTP/1.1\r\nhost: a.test\r\n{rest_of_it}");
            let served = neighbour.send_request(get("/"));
            let (answer, served) = tokio::join!(stage.raw(post), served);
            assert_given_up(&answer);
            assert_eq!(served.unwrap().status(), 200, "the neighbour");
            let error = told.recv().await.unwrap();
            assert!(matches!(error, Some(BodyError::Stalled)), "{rest_of_it:?}: {error:?}");
            let line = line_of(&stage, "/stops").await;
            assert_eq!((line.status, line.outcome), (408, Outcome::Canceled));
        }
    });
}

#[test]
fn a_body_that_dribbles_is_given_up_and_its_worker_told() {
    on_a_shard(async {
        let (stage, mut told) = reading_stage();
        for framing in ["content-length: 70000", "transfer-encoding: chunked"] {
            let (mut read, mut write) = stage.connect().await.into_split();
            let dribbling = spawn_local(async move {
                let head = format!("POST /dribbles HTTP/1.1\r\nhost: a.test\r\n{framing}\r\n\r\n");
                write.write_all(head.as_bytes()).await.unwrap();
                // Six bytes of the one, and a chunk of the other.
                while write.write_all(b"1\r\nx\r\n").await.is_ok() {
                    tokio::time::sleep(LOOK / 10).await;
                }
            });
            assert_given_up(&rest(&mut read).await);
            dribbling.abort();
            let error = told.recv().await.unwrap();
            assert!(matches!(error, Some(BodyError::Stalled)), "{framing}: {error:?}");
            assert_eq!(line_of(&stage, "/dribbles").await.outcome, Outcome::Canceled);
        }
        let mut neighbour = stage.http1().await;
        assert_eq!(neighbour.send_request(get("/")).await.unwrap().status(), 200);
    });
}

#[test]
fn who_takes_nothing_of_an_endless_answer_is_cut_off_and_its_worker_told() {
    on_a_shard(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let stage = Stage::with(limits(), None, move |arrival| {
            let tell = tell.clone();
            async move {
                if arrival.event.head.uri.path() != "/without-end" {
                    return ok("served");
                }
                let (sender, chunks) = Chunks::channel(2);
                spawn_local(async move {
                    while sender.send(Ok(vec![b'a'; 64 << 10].into())).await {}
                    let _ = tell.send(());
                });
                replied(http::Response::new(ResponseBody::Stream(chunks)))
            }
        });
        let mut neighbour = stage.http1().await;
        let mut silent = stage.connect().await;
        silent.write_all(b"GET /without-end HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
        assert_eq!(neighbour.send_request(get("/")).await.unwrap().status(), 200);
        told.recv().await.unwrap();
        let line = line_of(&stage, "/without-end").await;
        assert_eq!((line.status, line.outcome), (200, Outcome::ResponseStreamDisconnected));
        // The neighbour's alone is left.
        while stage.front.open_connections() > 1 {
            yield_now().await;
        }
        assert_eq!(neighbour.send_request(get("/")).await.unwrap().status(), 200);
        drop(silent);
    });
}
