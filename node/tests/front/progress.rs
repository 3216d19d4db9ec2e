//! Clients that do not take what they asked for, in HTTP/2, where they say how much they take.

use std::time::Duration;

use bindings::event::body::Chunks;
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::{Request, Response};
use isolane_node::Limits;
use runtime::{Outcome, ResponseBody};
use tokio::task::{JoinHandle, spawn_local};

use crate::support::{Stage, ok, on_a_shard, replied};

/// Between two looks at whether a client moves.
const LOOK: Duration = Duration::from_millis(50);

/// A client with this window for each stream, and one for all that is large; its connection.
async fn client(stage: &Stage, window: u32) -> (SendRequest<Bytes>, JoinHandle<()>) {
    let mut builder = Builder::new();
    builder.initial_window_size(window).initial_connection_window_size(1 << 30);
    let (client, connection) = builder.handshake(stage.connect().await).await.unwrap();
    let connection = spawn_local(async { drop(connection.await) });
    (client, connection)
}

fn get() -> Request<()> {
    Request::get("http://a.test/").body(()).unwrap()
}

/// A front whose worker streams: without end at one path, and elsewhere as much as it can.
fn streaming_stage() -> Stage {
    let limits = Limits { progress_timeout: LOOK, ..Limits::default() };
    Stage::with(limits, None, |arrival| async move {
        let has_no_end = arrival.event.head.uri.path() == "/without-end";
        let (sender, chunks) = Chunks::channel(2);
        spawn_local(async move {
            let lengths = [1 << 10, 1 << 10, 64 << 10, 64 << 10];
            for length in lengths {
                sender.send(Ok(vec![b'a'; length].into())).await;
            }
            while has_no_end && sender.send(Ok(vec![b'a'; 16 << 10].into())).await {}
        });
        replied(Response::new(ResponseBody::Stream(chunks)))
    })
}

fn stage(body_bytes: usize) -> Stage {
    let limits = Limits { progress_timeout: LOOK, ..Limits::default() };
    Stage::with(limits, None, move |_| async move { ok(vec![b'a'; body_bytes]) })
}

#[test]
fn who_opens_no_window_is_cut_off_however_short_the_answer_is() {
    on_a_shard(async {
        for body_bytes in [1, 20 << 10, 1 << 20] {
            let stage = stage(body_bytes);
            let (mut client, connection) = client(&stage, 0).await;
            let (answer, _) = client.send_request(get(), true).unwrap();
            let body = answer.await.unwrap().into_body();
            connection.await.unwrap();
            assert_eq!(stage.front.turned_away().cut_off_for("answer"), 1);
            let outcome = stage.line().await.outcome;
            // What is one piece was taken, by the connection.
            assert!(body_bytes < 1 << 20 || outcome == Outcome::ResponseStreamDisconnected);
            drop(body);
        }
    });
}

#[test]
fn an_answer_that_is_taken_does_not_excuse_those_that_are_not() {
    on_a_shard(async {
        let stage = stage(256 << 10);
        let (mut client, connection) = client(&stage, 64 << 10).await;
        let mut still = Vec::new();
        // Further ones would wait until some of these are taken.
        for _ in 0..6 {
            let (answer, _) = client.send_request(get(), true).unwrap();
            still.push(answer.await.unwrap().into_body());
        }
        let mut taken = still.pop().unwrap();
        let takes = async {
            while let Some(Ok(bytes)) = taken.data().await {
                let _ = taken.flow_control().release_capacity(bytes.len());
                tokio::time::sleep(LOOK / 2).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = connection => ended.unwrap(),
            () = takes => {}
        }
    });
}

#[test]
fn what_a_worker_has_streamed_ahead_counts_though_the_connection_has_not_taken_it() {
    on_a_shard(async {
        let stage = streaming_stage();
        let (mut client, connection) = client(&stage, 1 << 10).await;
        let without_end = Request::get("http://a.test/without-end").body(()).unwrap();
        let (answer, _) = client.send_request(without_end, true).unwrap();
        let mut taken = answer.await.unwrap().into_body();
        let mut still = Vec::new();
        // Each has taken one short chunk, and all that its window allows.
        for _ in 0..12 {
            let (answer, _) = client.send_request(get(), true).unwrap();
            still.push(answer.await.unwrap().into_body());
        }
        let takes = async {
            while let Some(Ok(bytes)) = taken.data().await {
                let _ = taken.flow_control().release_capacity(bytes.len());
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = connection => ended.unwrap(),
            () = takes => {}
        }
    });
}
