//! Bodies that stream both ways, and what their codings are.

use async_compression::tokio::bufread::GzipEncoder;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use isolane_bindings::event::body::{BodyError, Chunks, RequestBody, ResponseBody};
use libtest_mimic::Trial;
use tokio::io::AsyncReadExt as _;

use crate::dispatcher::{Fake, ok};
use crate::isolate::trial;
use crate::worker;

/// A response that sends back each piece of the request as it comes.
fn echo(body: RequestBody) -> http::Response<ResponseBody> {
    let (sender, chunks) = Chunks::channel(1);
    tokio::task::spawn_local(async move {
        let RequestBody::Stream(mut body) = body else { return };
        while let Some(frame) = body.frame().await {
            let chunk = match frame {
                Ok(frame) => frame.into_data().map_err(|_| BodyError::Stalled),
                Err(error) => Err(error),
            };
            if !sender.send(chunk).await {
                return;
            }
        }
    });
    http::Response::new(ResponseBody::Stream(chunks))
}

async fn pieces_go_to_and_fro_while_both_are_open() {
    let fake = Fake::new(|call| async move { Ok(echo(call.fetch.body)) });
    let handler = "
        const { readable, writable } = new TransformStream();
        const init = { method: 'POST', body: readable };
        const response = await env.S.fetch('http://x/', init);
        const writer = writable.getWriter();
        const reader = response.body.getReader();
        const text = new TextDecoder();
        let seen = '';
        for (const word of ['one', 'two', 'three']) {
            const written = writer.write(new TextEncoder().encode(word));
            seen += `${text.decode((await reader.read()).value)} `;
            await written;
        }
        await writer.close();
        return seen + (await reader.read()).done;";
    assert_eq!(worker(&fake, handler).get().await, "one two three true");
}

async fn the_length_of_a_body_is_said_where_it_is_known() {
    let fake = Fake::new(|call| async move {
        let length = match &call.fetch.body {
            RequestBody::Empty => "none".to_owned(),
            RequestBody::Stream(body) => format!("{:?}", body.size_hint().exact()),
        };
        let said = call.header("content-length").to_owned();
        Ok(ok(format!("{length} [{said}]")))
    });
    let handler = "
        const ask = async (init) => (await env.S.fetch('http://x/', init)).text();
        const { readable, writable } = new FixedLengthStream(3);
        const writer = writable.getWriter();
        const asked = [
            ask(),
            ask({ method: 'POST' }),
            ask({ method: 'POST', body: '' }),
            ask({ method: 'POST', body: new Uint8Array(5) }),
            ask({ method: 'POST', body: readable }),
        ];
        writer.write(new Uint8Array(3)).then(() => writer.close()).catch(() => {});
        return (await Promise.all(asked)).join(', ');";
    assert_eq!(
        worker(&fake, handler).get().await,
        "none [], none [], Some(0) [0], Some(5) [5], Some(3) [3]"
    );
}

async fn a_body_that_breaks_off_is_seen_to() {
    let fake = Fake::new(|call| async move {
        if call.fetch.head.uri.path() == "/up" {
            return Ok(ok(call.text().await));
        }
        let (sender, chunks) = Chunks::channel(2);
        tokio::task::spawn_local(async move {
            assert!(sender.send(Ok(Bytes::from_static(b"half"))).await);
            let _ = sender.send(Err(BodyError::Worker("it threw".to_owned()))).await;
        });
        Ok(http::Response::new(ResponseBody::Stream(chunks)))
    });
    let handler = "
        const body = new ReadableStream({ pull() { throw new Error('mine') } });
        const up = await (await env.S.fetch('http://x/up', { method: 'POST', body })).text();
        const down = await failure((await env.S.fetch('http://x/down')).text());
        return `${up}\\n${down}`;";
    let seen = worker(&fake, handler).get().await;
    let (up, down) = seen.split_once('\n').unwrap();
    assert!(up.starts_with("broken: "), "{seen}");
    assert!(down.starts_with("TypeError: worker \"callee\": the body of the response broke off"));
    assert!(down.contains("it threw"), "{seen}");
}

async fn codings_come_off() {
    let mut coded = Vec::new();
    GzipEncoder::new(&b"in the clear"[..]).read_to_end(&mut coded).await.unwrap();
    let coded = Bytes::from(coded);
    let fake = Fake::new(move |call| {
        let coded = coded.clone();
        async move {
            let mut response = if call.fetch.head.uri.path() == "/stream" {
                let (sender, chunks) = Chunks::channel(1);
                tokio::task::spawn_local(async move {
                    for piece in coded.chunks(5) {
                        let piece = Bytes::copy_from_slice(piece);
                        assert!(sender.send(Ok(piece)).await);
                    }
                });
                http::Response::new(ResponseBody::Stream(chunks))
            } else {
                ok(coded)
            };
            response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
            Ok(response)
        }
    });
    let handler = "
        const ask = async (path) => (await env.S.fetch(`http://x${path}`)).text();
        return [await ask('/whole'), await ask('/stream')].join();";
    assert_eq!(worker(&fake, handler).get().await, "in the clear,in the clear");
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("pieces_go_to_and_fro_while_both_are_open", pieces_go_to_and_fro_while_both_are_open),
        trial(
            "the_length_of_a_body_is_said_where_it_is_known",
            the_length_of_a_body_is_said_where_it_is_known,
        ),
        trial("a_body_that_breaks_off_is_seen_to", a_body_that_breaks_off_is_seen_to),
        trial("codings_come_off", codings_come_off),
    ]
}
