//! Bodies in both directions: streams, backpressure, and bodies that break off. Not here: codings.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::server::{Body, Server, endless, ok, read_all};
use crate::worker::Worker;

trials![
    a_stream_is_sent_and_echoed_while_it_is_written,
    a_response_can_be_the_body_of_the_next_request,
    a_server_that_does_not_read_slows_the_workers_stream,
    a_worker_that_does_not_read_slows_the_server,
    a_cancelled_response_closes_its_connection,
    a_response_that_breaks_off_is_an_error,
    a_workers_stream_that_fails_does_not_look_complete,
];

/// More than all the buffers between a worker and a server on this host hold.
const BUFFERED_AT_MOST: usize = 32 * 1024 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;

fn streamed(chunks: mpsc::Receiver<Bytes>) -> Response<Body> {
    let frames = stream::unfold(chunks, |mut chunks| async {
        let chunk = chunks.recv().await?;
        Some((Ok::<_, Infallible>(Frame::data(chunk)), chunks))
    });
    Response::new(StreamBody::new(frames).boxed_unsync())
}

async fn a_stream_is_sent_and_echoed_while_it_is_written() {
    let server = Server::start(|request| {
        Box::pin(async {
            let (sender, chunks) = mpsc::channel(1);
            let mut body = request.into_body();
            deno_core::unsync::spawn(async move {
                while let Some(Ok(frame)) = body.frame().await {
                    if let Ok(data) = frame.into_data() {
                        sender.send(data).await.unwrap();
                    }
                }
            });
            streamed(chunks)
        })
    })
    .await;
    // Each piece is written only after the echo of the one before it.
    let script = format!(
        "const {{ readable, writable }} = new TransformStream();
         const writer = writable.getWriter();
         const first = writer.write(new TextEncoder().encode('piece 0,'));
         const r = await fetch('{}', {{ method: 'POST', body: readable, duplex: 'half' }});
         await first;
         const reader = r.body.getReader();
         let seen = '';
         for (let i = 1; i <= 3; i++) {{
             seen += new TextDecoder().decode((await reader.read()).value);
             await writer.write(new TextEncoder().encode(`piece ${{i}},`));
         }}
         seen += new TextDecoder().decode((await reader.read()).value);
         await writer.close();
         return seen + (await reader.read()).done;",
        server.url("/")
    );
    assert_eq!(Worker::new().run(&script).await, "piece 0,piece 1,piece 2,piece 3,true");
}

async fn a_response_can_be_the_body_of_the_next_request() {
    let source = Server::start(|_| Box::pin(async { ok("x".repeat(1_000_000)) })).await;
    let sink = Server::start(|request| {
        Box::pin(async {
            let text = read_all(request).await.unwrap();
            ok(format!("{} {}", text.len(), text.bytes().all(|byte| byte == b'x')))
        })
    })
    .await;
    let script = format!(
        "const {{ body }} = await fetch('{}');
         return await text('{}', {{ method: 'POST', body, duplex: 'half' }});",
        source.url("/"),
        sink.url("/")
    );
    assert_eq!(Worker::new().run(&script).await, "1000000 true");
}

async fn a_server_that_does_not_read_slows_the_workers_stream() {
    let server = Server::start(|request| {
        Box::pin(async {
            let mut body = request.into_body();
            body.frame().await.unwrap().unwrap();
            endless(body)
        })
    })
    .await;
    let script = format!(
        "let pulled = 0, stop;
         const stopped = new Promise((done) => stop = done);
         const body = new ReadableStream({{
             pull(c) {{ pulled += {CHUNK_BYTES}; c.enqueue(new Uint8Array({CHUNK_BYTES})); }},
             cancel() {{ stop(); }},
         }});
         const r = await fetch('{}', {{ method: 'POST', body, duplex: 'half' }});
         for (let before = -1; before !== pulled;) {{ before = pulled; await turns(100); }}
         const held = pulled;
         await r.body.cancel();
         await stopped;
         return String(held);",
        server.url("/")
    );
    let held: usize = Worker::new().run(&script).await.parse().unwrap();
    assert!((CHUNK_BYTES..BUFFERED_AT_MOST).contains(&held), "{held} bytes were taken");
}

async fn a_worker_that_does_not_read_slows_the_server() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let (dropped, was_dropped) = oneshot::channel::<()>();
    let dropped = Rc::new(std::cell::Cell::new(Some(dropped)));
    let server = Server::start(move |_| {
        let state = (counter.clone(), dropped.take());
        let endless = stream::unfold(state, |state| async {
            state.0.fetch_add(CHUNK_BYTES, Ordering::Relaxed);
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; CHUNK_BYTES]))), state))
        });
        Box::pin(async { Response::new(StreamBody::new(endless).boxed_unsync()) })
    })
    .await;
    let script = format!(
        "globalThis.reader = (await fetch('{}')).body.getReader();
         await reader.read();
         await turns(100);
         return '';",
        server.url("/")
    );
    let mut worker = Worker::new();
    worker.run(&script).await;
    let mut before = 0;
    while before != sent.load(Ordering::Relaxed) {
        before = sent.load(Ordering::Relaxed);
        worker.run("await turns(100); return '';").await;
    }
    assert!((CHUNK_BYTES..BUFFERED_AT_MOST).contains(&before), "{before} bytes were sent");
    worker.run("await reader.cancel(); return '';").await;
    // The server's stream is dropped, and with it the sender.
    assert!(was_dropped.await.is_err());
}

async fn a_cancelled_response_closes_its_connection() {
    let server = Server::start(|request| Box::pin(async { endless(request.into_body()) })).await;
    let script = format!("await (await fetch('{}')).body.cancel(); return '';", server.url("/"));
    Worker::new().run(&script).await;
    server.all_closed().await;
}

/// A server that sends these bytes to whoever connects, and closes.
async fn raw(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    deno_core::unsync::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(bytes).await;
        }
    });
    url
}

async fn a_response_that_breaks_off_is_an_error() {
    let url = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    let script = format!("return await failure((await fetch('{url}')).text());");
    let seen = Worker::new().run(&script).await;
    assert!(seen.starts_with("TypeError: 127.0.0.1:"), "{seen}");
    assert!(seen.contains("the body of the response broke off"), "{seen}");
    let url = raw(b"").await;
    let seen = Worker::new().run(&format!("return await failure(fetch('{url}'));")).await;
    assert!(seen.starts_with("TypeError: fetch failed: 127.0.0.1:"), "{seen}");
}

async fn a_workers_stream_that_fails_does_not_look_complete() {
    let (sender, mut complete) = mpsc::unbounded_channel();
    let arrived = Rc::new(Notify::new());
    let server = Server::start(move |mut request| {
        let (sender, arrived) = (sender.clone(), arrived.clone());
        Box::pin(async move {
            if request.uri().path() == "/arrived" {
                arrived.notified().await;
            } else {
                request.body_mut().frame().await.unwrap().unwrap();
                arrived.notify_one();
                sender.send(read_all(request).await).unwrap();
            }
            ok("")
        })
    })
    .await;
    let script = format!(
        "let first = true;
         const body = new ReadableStream({{ async pull(c) {{
             if (first) {{
                 first = false;
                 c.enqueue(new TextEncoder().encode('line'));
             }} else {{
                 await fetch('{}');
                 throw new Error('out of ink');
             }}
         }} }});
         return await failure(fetch('{}', {{ method: 'POST', body, duplex: 'half' }}));",
        server.url("/arrived"),
        server.url("/upload")
    );
    let seen = Worker::new().run(&script).await;
    assert!(seen.starts_with("TypeError: fetch failed: 127.0.0.1:"), "{seen}");
    assert!(
        seen.contains("the body of the request failed") && seen.contains("out of ink"),
        "{seen}"
    );
    assert_eq!(complete.recv().await.unwrap(), None);
}
