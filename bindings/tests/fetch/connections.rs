//! Connections: shared, reused, replaced when they grew old, and closed when a worker wants
//! no more of them.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::convert::Infallible;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use isolane_bindings::fetch::{Outbound, OutboundPolicy, Unlimited};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::server::{Server, endless, ok, read_all, tls};
use crate::worker::{Worker, loopback};

trials![
    one_http2_connection_serves_many_requests,
    what_waits_unread_on_an_http2_connection_is_bounded,
    http1_connections_are_reused,
    isolates_share_connections,
    a_connection_that_grew_old_is_replaced,
    a_post_on_a_connection_that_grew_old_is_not_repeated,
    an_abort_before_the_head_closes_the_connection,
    an_abort_during_the_body_closes_the_connection,
    a_signal_that_is_aborted_already_sends_nothing,
    a_dropped_isolate_leaves_nothing_open,
];

async fn one_http2_connection_serves_many_requests() {
    let (now, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let all_here = Rc::new(Notify::new());
    let (counter, highest, gate) = (now, most.clone(), all_here);
    let server = Server::start_tls(&["h2", "http/1.1"], move |request| {
        let (counter, highest, gate) = (counter.clone(), highest.clone(), gate.clone());
        Box::pin(async move {
            if request.uri().path() != "/first" {
                counter.set(counter.get() + 1);
                highest.set(highest.get().max(counter.get()));
                if counter.get() < 20 {
                    gate.notified().await;
                }
                gate.notify_one();
            }
            ok(format!("{:?}", request.version()))
        })
    })
    .await;
    let policy = OutboundPolicy {
        allow: vec!["127.0.0.1/32".parse().unwrap()],
        ..OutboundPolicy::default()
    };
    let outbound = Outbound::new(policy, server.root.iter().cloned().collect()).unwrap();
    let script = format!(
        "const versions = [await text('{}')];
         const all = Array.from({{ length: 20 }}, () => text('{}'));
         versions.push(...await Promise.all(all));
         return [...new Set(versions)].join() + versions.length;",
        server.url("/first"),
        server.url("/")
    );
    let mut worker = Worker::with(outbound.clone(), Rc::new(Unlimited));
    assert_eq!(worker.run(&script).await, "HTTP/2.021");
    assert_eq!((server.connections(), most.get(), outbound.open_connections()), (1, 20, 1));
}

/// A frame of HTTP/2 (RFC 9113, section 4.1): its type, its stream and its payload.
async fn frame(stream: &mut (impl AsyncRead + Unpin)) -> (u8, u32, Vec<u8>) {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    stream.read_exact(&mut payload).await.unwrap();
    (head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload)
}

/// The windows that a client of HTTP/2 gives: of each stream, and of the connection.
async fn windows(stream: &mut (impl AsyncRead + Unpin)) -> (u32, u32) {
    const SETTINGS: u8 = 4;
    const INITIAL_WINDOW_SIZE: u16 = 4;
    const WINDOW_UPDATE: u8 = 8;
    const DEFAULT_WINDOW: u32 = 65_535;
    stream.read_exact(&mut [0; 24]).await.unwrap();
    let (mut of_streams, mut of_connection) = (0, 0);
    while of_streams == 0 || of_connection == 0 {
        let (kind, id, payload) = frame(stream).await;
        let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
        match (kind, id) {
            (SETTINGS, 0) => {
                let is_window =
                    |at: &usize| payload[*at..at + 2] == INITIAL_WINDOW_SIZE.to_be_bytes();
                let at = (0..payload.len()).step_by(6).find(is_window);
                of_streams = at.map_or(DEFAULT_WINDOW, |at| number(at + 2));
            }
            (WINDOW_UPDATE, 0) => of_connection = DEFAULT_WINDOW + number(0),
            _ => {}
        }
    }
    (of_streams, of_connection)
}

async fn what_waits_unread_on_an_http2_connection_is_bounded() {
    let (acceptor, root) = tls(&["h2"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let policy = OutboundPolicy {
        allow: vec!["127.0.0.1/32".parse().unwrap()],
        ..OutboundPolicy::default()
    };
    let outbound = Outbound::new(policy, vec![root]).unwrap();
    let mut worker = Worker::with(outbound, Rc::new(Unlimited));
    let script = format!("return await failure(fetch('https://localhost:{port}/'));");
    let served = async move {
        let (socket, _) = listener.accept().await.unwrap();
        windows(&mut acceptor.accept(socket).await.unwrap()).await
    };
    let (_, windows) = tokio::join!(worker.run(&script), served);
    assert_eq!(windows, (256 * 1024, 64 * 1024 * 1024));
}

async fn http1_connections_are_reused() {
    let server = Server::start(|_| Box::pin(async { ok("ok") })).await;
    let script =
        format!("for (let i = 0; i < 20; i++) await text('{}'); return '';", server.url("/"));
    Worker::new().run(&script).await;
    // A request that comes before its predecessor's connection is back makes a second one.
    assert!(server.connections() <= 2, "{}", server.connections());
}

async fn isolates_share_connections() {
    let server = Server::start(|_| Box::pin(async { ok("ok") })).await;
    let outbound = loopback();
    let script = format!("return await text('{}');", server.url("/"));
    for _ in 0..8 {
        // One after the other: an isolate that is not the thread's last would have to be entered.
        let mut worker = Worker::with(outbound.clone(), Rc::new(Unlimited));
        assert_eq!(worker.run(&script).await, "ok");
    }
    assert!(server.connections() <= 2, "{}", server.connections());
}

/// A server that answers one request on each connection, waits for the next one on the same
/// connection, and closes it without an answer.
async fn forgetful() -> (String, Rc<Cell<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let connections = Rc::new(Cell::new(0));
    let counter = connections.clone();
    deno_core::unsync::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counter.set(counter.get() + 1);
            deno_core::unsync::spawn(async move {
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                let _ = socket.write_all(answer).await;
                let _ = socket.read(&mut request).await;
            });
        }
    });
    (url, connections)
}

async fn a_connection_that_grew_old_is_replaced() {
    let (url, connections) = forgetful().await;
    let mut worker = Worker::new();
    let script = format!("return await text('{url}');");
    while connections.get() < 3 {
        assert_eq!(worker.run(&script).await, "ok");
    }
}

async fn a_post_on_a_connection_that_grew_old_is_not_repeated() {
    let (url, _) = forgetful().await;
    let mut worker = Worker::new();
    let script = format!(
        "for (;;) {{
             await text('{url}');
             try {{ await text('{url}', {{ method: 'POST', body: 'once' }}); }}
             catch (e) {{ return `${{e.name}}: ${{e.message}}`; }}
         }}"
    );
    let seen = worker.run(&script).await;
    assert!(seen.starts_with("TypeError: fetch failed: 127.0.0.1:"), "{seen}");
    assert!(seen.ends_with("connection closed before message completed"), "{seen}");
}

async fn an_abort_before_the_head_closes_the_connection() {
    let arrived = Rc::new(Notify::new());
    let told = arrived.clone();
    let server = Server::start(move |_| {
        told.notify_one();
        Box::pin(std::future::pending())
    })
    .await;
    let script = format!(
        "globalThis.controller = new AbortController();
         globalThis.failed = failure(fetch('{}', {{ signal: controller.signal }}));
         return '';",
        server.url("/")
    );
    let mut worker = Worker::new();
    worker.run(&script).await;
    let mut turning = Box::pin(worker.run("await failed; return await failed;"));
    tokio::select! {
        () = arrived.notified() => {}
        seen = &mut turning => panic!("{seen}"),
    }
    drop(turning);
    let seen = worker.run("controller.abort(); return await failed;").await;
    assert!(seen.starts_with("AbortError: "), "{seen}");
    server.all_closed().await;
}

async fn an_abort_during_the_body_closes_the_connection() {
    let server = Server::start(move |_| {
        let first = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"first")))]);
        let body = StreamBody::new(first.chain(stream::pending())).boxed_unsync();
        Box::pin(async { http::Response::new(body) })
    })
    .await;
    let script = format!(
        "const controller = new AbortController();
         const r = await fetch('{}', {{ signal: controller.signal }});
         const reader = r.body.getReader();
         const first = new TextDecoder().decode((await reader.read()).value);
         const second = failure(reader.read());
         controller.abort();
         return `${{first}}, ${{await second}}`;",
        server.url("/")
    );
    let mut worker = Worker::new();
    let seen = worker.run(&script).await;
    assert!(seen.starts_with("first, AbortError: "), "{seen}");
    server.all_closed().await;
}

async fn a_signal_that_is_aborted_already_sends_nothing() {
    let server = Server::start(|_| Box::pin(async { ok("") })).await;
    let script = format!(
        "return await failure(fetch('{}', {{ signal: AbortSignal.abort() }}));",
        server.url("/")
    );
    let seen = Worker::new().run(&script).await;
    assert!(seen.starts_with("AbortError: "), "{seen}");
    assert_eq!(server.connections(), 0);
}

async fn a_dropped_isolate_leaves_nothing_open() {
    let seen = Rc::new(RefCell::new(HashSet::new()));
    let all = Rc::new(Notify::new());
    let (paths, told) = (seen.clone(), all.clone());
    let server = Server::start(move |request| {
        let path = request.uri().path().to_owned();
        paths.borrow_mut().insert(path.clone());
        told.notify_one();
        Box::pin(async move {
            if path == "/no-head" {
                std::future::pending::<()>().await;
            }
            if path == "/unread" {
                return endless(request.into_body());
            }
            // Only a server that reads notices that its client has gone.
            assert_eq!(read_all(request).await, None);
            ok("")
        })
    })
    .await;
    let script = format!(
        "const body = () => new ReadableStream({{}});
         const upload = {{ method: 'POST', body: body(), duplex: 'half' }};
         globalThis.kept = [
             await fetch('{}'), ...[fetch('{}', upload), fetch('{}')].map(failure),
         ];
         await turns(1);
         return '';",
        server.url("/unread"),
        server.url("/upload"),
        server.url("/no-head")
    );
    let outbound = loopback();
    let mut worker = Worker::with(outbound.clone(), Rc::new(Unlimited));
    worker.run(&script).await;
    while seen.borrow().len() < 3 {
        all.notified().await;
    }
    assert_eq!(outbound.open_connections(), 3);
    drop(worker);
    server.all_closed().await;
}
