//! Limits on what a client may send, how slowly, and on how many connections.

use std::future::pending;
use std::time::Duration;

use isolane_node::Limits;
use runtime::{BodyError, Outcome, RequestBody};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::support::{Fuse, Stage, get, http1_over, ok, on_a_shard, request, rest, text};

const SHORT: Duration = Duration::from_millis(50);

fn small() -> Limits {
    Limits { request_body_bytes: 100_000, url_bytes: 100, headers_bytes: 1000, ..Limits::default() }
}

#[test]
fn what_is_too_long_is_refused_before_the_handler_hears_of_it() {
    on_a_shard(async {
        let stage = Stage::with(small(), None, |_| async { panic!("the handler is not called") });
        let cases = [
            (get(&format!("/{}", "x".repeat(100))), 414, "1414"),
            (request("POST", "/", &"x".repeat(100_001)), 413, "1413"),
            (
                {
                    let mut get = get("/");
                    get.headers_mut().insert("x-long", "x".repeat(1000).parse().unwrap());
                    get
                },
                431,
                "1431",
            ),
        ];
        for (request, status, code) in cases {
            let answer = stage.http1().await.send_request(request).await.unwrap();
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers()["isolane-error"], code);
        }
    });
}

#[test]
fn what_is_just_short_enough_is_served() {
    on_a_shard(async {
        let stage = Stage::with(small(), None, |_| async { ok("served") });
        let mut client = stage.http1().await;
        let path = format!("/{}", "x".repeat(99));
        let answer = client.send_request(get(&path)).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(text(answer).await, "served");
        let longest = request("POST", "/", &"x".repeat(100_000));
        assert_eq!(client.send_request(longest).await.unwrap().status(), 200);
    });
}

#[test]
fn a_body_in_chunks_fails_at_the_limit_and_the_answer_says_why() {
    on_a_shard(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let stage = Stage::with(small(), None, move |arrival| {
            let tell = tell.clone();
            async move {
                let RequestBody::Stream(body) = arrival.event.body else { panic!("no body") };
                let read = http_body_util::BodyExt::collect(body).await;
                tell.send(read.map(|_| ())).unwrap();
                ok("the handler took the error for an end")
            }
        });
        let mut head = "POST / HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_owned()
            .into_bytes();
        head.extend_from_slice(b"186a1\r\n");
        head.resize(head.len() + 100_001, b'x');
        let answer = stage.raw(head).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        let error = told.recv().await.unwrap().expect_err("the body is too long");
        assert!(matches!(error, BodyError::TooLarge { limit_bytes: 100_000 }), "{error}");
        assert_eq!(stage.line().await.outcome, Outcome::Canceled);
    });
}

#[test]
fn a_client_that_goes_on_sending_a_refused_body_still_reads_the_answer() {
    on_a_shard(async {
        let stage = Stage::with(small(), None, |_| async { panic!("the handler is not called") });
        let (mut read, mut write) = stage.connect().await.into_split();
        let sending = tokio::task::spawn_local(async move {
            let head = "POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 8000000\r\n\r\n";
            write.write_all(head.as_bytes()).await.unwrap();
            // More than the socket's buffers hold.
            write.write_all(&vec![b'x'; 8_000_000]).await
        });
        let answer = rest(&mut read).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        sending.await.unwrap().expect("the body is read to its end");
    });
}

#[test]
fn a_head_that_does_not_end_is_cut_off_and_an_idle_connection_is_not() {
    on_a_shard(async {
        let limits = Limits { header_timeout: SHORT, ..Limits::default() };
        let stage = Stage::with(limits, None, |_| async { ok("served") });
        let mut idle = stage.http1().await;
        assert_eq!(idle.send_request(get("/")).await.unwrap().status(), 200);
        assert_eq!(stage.raw("GET / HTTP/1.1\r\nhost: a").await, "");
        assert_eq!(stage.front.turned_away().cut_off_for("head"), 1);
        // The slow one has outlived the time for a head; so has the idle one.
        assert_eq!(idle.send_request(get("/")).await.unwrap().status(), 200);
    });
}

#[test]
fn a_second_head_has_the_same_time_as_the_first() {
    on_a_shard(async {
        let limits = Limits { header_timeout: SHORT, ..Limits::default() };
        let stage = Stage::with(limits, None, |_| async { ok("served") });
        let mut stream = stage.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
        // The answer is over before the second head begins, else both come in one read.
        stage.line().await;
        stream.write_all(b"GET / HTTP").await.unwrap();
        let answers = rest(&mut stream).await;
        assert!(answers.ends_with("\r\n\r\nserved"), "one answer, then the end: {answers}");
    });
}

#[test]
fn a_connection_without_requests_is_closed() {
    on_a_shard(async {
        let limits = Limits { idle_timeout: SHORT, ..Limits::default() };
        let stage = Stage::with(limits, None, |_| async { ok("served") });
        assert_eq!(stage.raw("").await, "", "before a request");
        let answer = stage.raw("GET / HTTP/1.1\r\nhost: a.test\r\n\r\n").await;
        assert!(answer.ends_with("served"), "after one: {answer}");
        let mut client = stage.http2().await;
        let answer = client.send_request(get("http://a.test/")).await.unwrap();
        assert_eq!(text(answer).await, "served");
        while client.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_request_may_take_longer_than_a_connection_may_idle() {
    on_a_shard(async {
        let limits = Limits { idle_timeout: SHORT, header_timeout: SHORT, ..Limits::default() };
        let stage = Stage::with(limits, None, |_| async {
            tokio::time::sleep(SHORT * 4).await;
            ok("late")
        });
        let answer = stage.http1().await.send_request(get("/")).await.unwrap();
        assert_eq!(text(answer).await, "late");
    });
}

#[test]
fn a_short_body_that_does_not_come_is_given_up_without_an_event() {
    on_a_shard(async {
        let limits = Limits { header_timeout: SHORT, ..Limits::default() };
        let stage = Stage::with(limits, None, |_| async { panic!("the handler is not called") });
        let answer =
            stage.raw("POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 9\r\n\r\nhalf").await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert_eq!(stage.front.turned_away().cut_off_for("body"), 1);
    });
}

#[test]
fn connections_beyond_the_limit_wait_until_one_ends() {
    on_a_shard(async {
        let limits = Limits { connections: 1, ..Limits::default() };
        let stage = Stage::with(limits, None, |_| async { ok("served") });
        let mut first = stage.http1().await;
        assert_eq!(first.send_request(get("/")).await.unwrap().status(), 200);
        let mut second = stage.connect().await;
        second.write_all(b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
        // The second is not served while the first is asked again and again.
        for _ in 0..10 {
            assert_eq!(first.send_request(get("/")).await.unwrap().status(), 200);
        }
        assert_eq!(second.try_read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        drop(first);
        let mut start = [0; 12];
        second.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
    });
}

#[test]
fn an_address_whose_requests_all_wait_keeps_no_other_out() {
    /// What one address may have, and how many it tries to open.
    const OWN: usize = 16;
    const CROWD: usize = 42;
    on_a_shard(async {
        let limits = Limits { connections: 48, connections_per_address: OWN, ..Limits::default() };
        let (begin, mut begun) = mpsc::unbounded_channel();
        let stage = Stage::with(limits, None, move |arrival| {
            let begin = begin.clone();
            async move {
                if arrival.event.head.uri.path() == "/" {
                    return ok("served");
                }
                begin.send(()).unwrap();
                pending().await
            }
        });
        let mut crowd = Vec::new();
        for _ in 0..CROWD {
            let mut client = stage.connect_from([127, 0, 0, 2]).await;
            client.write_all(b"GET /waits HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
            crowd.push(client);
        }
        for _ in 0..OWN {
            begun.recv().await.unwrap();
        }
        // Those that are too many are closed, and do not wait for the others.
        for client in crowd.iter_mut().skip(OWN) {
            assert_eq!(rest(client).await, "");
        }
        let mut neighbour = http1_over(stage.connect_from([127, 0, 0, 3]).await).await;
        assert_eq!(neighbour.send_request(get("/")).await.unwrap().status(), 200);
        assert_eq!(stage.front.open_connections(), OWN + 1);
        assert_eq!(stage.front.turned_away().connections, (CROWD - OWN) as u64);
        assert!(begun.try_recv().is_err(), "the address has more than its part");
    });
}

#[test]
fn a_worker_that_does_not_answer_in_time_is_not_waited_for() {
    on_a_shard(async {
        let (fuse, mut dropped) = Fuse::new();
        let limits = Limits { request_timeout: Some(SHORT), ..Limits::default() };
        let stage = Stage::with(limits, None, move |arrival| {
            let fuse = fuse.lock().take();
            async move {
                if arrival.event.head.uri.path() == "/" {
                    return ok("served");
                }
                let _held = fuse;
                pending().await
            }
        });
        let mut client = stage.http1().await;
        let answer = client.send_request(get("/waits")).await.unwrap();
        assert_eq!(answer.status(), 504);
        assert_eq!(answer.headers()["isolane-error"], "1107");
        assert_eq!(answer.headers()["isolane-outcome"], "exceededWallTime");
        dropped.recv().await.expect("its event is given up");
        assert_eq!(stage.line().await.outcome, Outcome::ExceededWallTime);
        assert_eq!(client.send_request(get("/")).await.unwrap().status(), 200);
    });
}

#[test]
fn a_handler_that_answers_early_is_not_waited_for_by_the_body() {
    on_a_shard(async {
        let stage = Stage::new(|arrival| async move {
            drop(arrival);
            ok("early")
        });
        let mut stream = stage.connect().await;
        let head = "POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 1000000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
    });
}

#[test]
fn a_request_that_is_refused_hurts_no_other_one() {
    on_a_shard(async {
        let limits = Limits { header_timeout: SHORT, ..Limits::default() };
        let stage = Stage::with(limits, None, |arrival| async move {
            if arrival.event.head.uri.path() == "/stuck" { pending().await } else { ok("served") }
        });
        let mut stuck = stage.http1().await;
        let stuck =
            tokio::task::spawn_local(async move { stuck.send_request(get("/stuck")).await });
        for garbage in ["GET\r\n\r\n", "\u{16}\u{3}\u{1}", "GET / HTTP/9.9\r\n\r\n"] {
            let answer = stage.raw(format!("{garbage}\r\n\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{garbage:?} gives {answer}");
        }
        assert_eq!(stage.http1().await.send_request(get("/")).await.unwrap().status(), 200);
        assert!(!stuck.is_finished());
        stuck.abort();
    });
}

#[test]
fn a_client_that_goes_on_sending_after_a_malformed_line_still_reads_the_answer() {
    on_a_shard(async {
        let stage = Stage::new(|_| async { panic!("the handler is not called") });
        let (mut read, mut write) = stage.connect().await.into_split();
        let sending = tokio::task::spawn_local(async move {
            write.write_all(b"GET / HTTP/1.1\r\nhost:\0\r\n").await.unwrap();
            // More than the socket's buffers hold.
            write.write_all(&vec![b'x'; 8_000_000]).await
        });
        let answer = rest(&mut read).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        sending.await.unwrap().expect("the rest is read");
    });
}
