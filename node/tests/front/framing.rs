//! Requests whose end somebody who stands before the front may see elsewhere.

use http_body_util::BodyExt;
use runtime::RequestBody;
use tokio::sync::mpsc;

use crate::support::{Stage, ok, on_a_shard};

#[test]
fn a_head_that_can_be_read_in_two_ways_is_refused() {
    on_a_shard(async {
        let stage = Stage::new(|_| async { panic!("the handler is not called") });
        let heads = [
            "POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 18446744073709551615\r\n\
             transfer-encoding: chunked\r\n\r\n",
            "PRI / HTTP/1.1\r\nhost: a.test\n\r\n",
        ];
        for head in heads {
            let answer = stage.raw(format!("{head}3\r\nabc\r\n0\r\n\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?} gives {answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head:?} gives {answer}");
        }
    });
}

#[test]
fn a_trailer_with_a_line_end_that_is_half_one_breaks_the_body() {
    on_a_shard(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let stage = Stage::new(move |arrival| {
            let tell = tell.clone();
            async move {
                let RequestBody::Stream(body) = arrival.event.body else { panic!("no body") };
                tell.send(body.collect().await.is_err()).unwrap();
                ok("answered")
            }
        });
        let head = "POST / HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n";
        let next = "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n";
        for trailers in ["A: b\nC: d\r\n\r\n", "A: b\n\r\n"] {
            let answers = stage.raw(format!("{head}3\r\nabc\r\n0\r\n{trailers}{next}")).await;
            assert!(told.recv().await.unwrap(), "{trailers:?} is taken");
            assert!(answers.matches("HTTP/1.1 ").count() <= 1, "{trailers:?}: {answers}");
        }
    });
}
