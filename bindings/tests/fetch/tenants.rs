//! Workers beside each other on one node: what one does with its connections and names, another
//! does not notice.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use isolane_bindings::fetch::{Outbound, OutboundLimits, OutboundPolicy, Refused, Unlimited};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Notify;

use crate::server::{Server, endless, ok};
use crate::worker::Worker;

trials![
    connections_are_not_shared_between_workers,
    an_early_answer_ends_the_use_of_its_connection,
    a_worker_with_stalled_connections_waits_for_itself,
    idle_connections_make_room,
    lookups_that_are_never_answered_are_the_workers_own,
    a_lookup_that_nobody_waits_for_is_over,
    names_are_asked_once_and_absent_ones_are_remembered,
];

fn limits() -> OutboundLimits {
    OutboundLimits {
        connections: 8,
        connections_per_worker: 4,
        lookups: 8,
        lookups_per_worker: 4,
        wait: Duration::from_millis(200),
    }
}

fn outbound(name_servers: Vec<SocketAddr>) -> Outbound {
    let policy = OutboundPolicy {
        allow: vec!["127.0.0.1/32".parse().unwrap()],
        name_servers,
        ..OutboundPolicy::default()
    };
    Outbound::with_limits(policy, Vec::new(), limits()).unwrap()
}

fn worker(name: &str, outbound: &Outbound) -> Worker {
    Worker::named(name, outbound, Rc::new(Unlimited))
}

/// A server that ignores bodies: what comes after a head is the next request to it.
async fn careless() -> (String, Rc<Cell<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Rc::new(Cell::new(0));
    let counter = connections.clone();
    deno_core::unsync::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counter.set(counter.get() + 1);
            deno_core::unsync::spawn(async move {
                let (mut seen, mut more) = (Vec::new(), [0; 4096]);
                while let Ok(length @ 1..) = socket.read(&mut more).await {
                    seen.extend_from_slice(&more[..length]);
                    while let Some(end) = seen.windows(4).position(|it| it == b"\r\n\r\n") {
                        let head: Vec<_> = seen.drain(..end + 4).collect();
                        let head = String::from_utf8_lossy(&head).into_owned();
                        let path = head.split(' ').nth(1).unwrap_or("?");
                        let (length, path) = (path.len(), path);
                        let answer =
                            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{path}");
                        let _ = socket.write_all(answer.as_bytes()).await;
                    }
                }
            });
        }
    });
    (url, connections)
}

async fn connections_are_not_shared_between_workers() {
    let (url, _) = careless().await;
    let outbound = outbound(Vec::new());
    let poison = format!(
        "const body = 'GET /poison HTTP/1.1\\r\\nhost: a\\r\\n\\r\\n';
         return await text('{url}/a', {{ method: 'POST', body }});"
    );
    let ask = format!("return await text('{url}/b');");
    for _ in 0..20 {
        {
            let mut bad = worker("bad", &outbound);
            assert_eq!(bad.run(&poison).await, "/a");
        }
        let mut good = worker("good", &outbound);
        assert_eq!(good.run(&ask).await, "/b");
    }
}

async fn an_early_answer_ends_the_use_of_its_connection() {
    let (url, connections) = careless().await;
    // The answer comes while the body is still to be sent; then the body ends.
    let script = format!(
        "let end;
         const body = new ReadableStream({{ start(c) {{ end = () => c.close(); }} }});
         const r = await fetch('{url}/early', {{ method: 'POST', body, duplex: 'half' }});
         const early = await r.text();
         end();
         await turns(50);
         return early + ' ' + await text('{url}/next');"
    );
    let outbound = outbound(Vec::new());
    assert_eq!(worker("a", &outbound).run(&script).await, "/early /next");
    assert_eq!(connections.get(), 2);
}

async fn a_worker_with_stalled_connections_waits_for_itself() {
    let server = Server::start(|request| {
        let is_quick = request.uri().path() == "/quick";
        Box::pin(async move { if is_quick { ok("quick") } else { endless(request.into_body()) } })
    })
    .await;
    let told = Arc::new(deno_core::parking_lot::Mutex::new(Vec::new()));
    let notes = told.clone();
    let outbound = outbound(Vec::new()).telling(Box::new(move |worker, what, detail| {
        notes.lock().push((worker.to_string(), what, detail));
    }));
    let client = outbound.for_worker(&"greedy".into());
    let stall = format!(
        "globalThis.all = [];
         for (let i = 0; i < 4; i++) all.push(await fetch('{url}/'));
         return (await Promise.all(Array.from({{ length: 20 }}, () => failure(fetch('{url}/')))))
             .sort().at(0);",
        url = server.url("")
    );
    let mut greedy = worker("greedy", &outbound);
    let seen = greedy.run(&stall).await;
    assert!(seen.starts_with("TypeError: fetch failed: 127.0.0.1:"), "{seen}");
    assert!(seen.contains("this worker has 4 outgoing requests under way"), "{seen}");
    drop(client);
    assert_eq!(outbound.requests(), 4);
    let told = std::mem::take(&mut *told.lock());
    assert!(told.len() > 10, "not one a second: {told:?}");
    let (name, what, detail) = told.first().unwrap();
    assert_eq!((name.as_str(), *what), ("greedy", Refused::Connections));
    assert!(detail.contains("outgoing requests"), "{detail}");
    // The isolate made last is the one that the thread is in.
    let mut quiet = worker("quiet", &outbound);
    assert_eq!(quiet.count_answers(20, &server.url("/quick"), "quick").await, 20);
    drop(quiet);
    drop(greedy);
    server.all_closed().await;
    while outbound.requests() > 0 {
        tokio::task::yield_now().await;
    }
}

async fn idle_connections_make_room() {
    let outbound = outbound(Vec::new());
    let mut one = worker("one", &outbound);
    let mut servers = Vec::new();
    for _ in 0..12 {
        let server = Server::start(|_| Box::pin(async { ok("ok") })).await;
        let ask = format!("return await text('{}');", server.url("/"));
        assert_eq!(one.run(&ask).await, "ok");
        servers.push(server);
    }
    assert!(outbound.open_connections() <= 4, "{}", outbound.open_connections());
    for server in &servers[..8] {
        server.all_closed().await;
    }
}

/// A server of names: 127.0.0.1 for `*.good.test`, no such name for `*.none.test`, else silence.
/// Answers the names that it was asked for.
pub(crate) async fn name_server() -> (SocketAddr, Rc<RefCell<Vec<String>>>, Rc<Notify>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (asked, told) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Notify::new()));
    let (names, notify) = (asked.clone(), told.clone());
    deno_core::unsync::spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut query).await {
            let query = &query[..length];
            let (mut name, mut at) = (Vec::new(), 12);
            while query[at] > 0 {
                let label = &query[at + 1..=at + usize::from(query[at])];
                name.push(String::from_utf8_lossy(label).to_lowercase());
                at += label.len() + 1;
            }
            let name = name.join(".");
            let is_v4 = query[at + 2] == 1;
            let mut answer = query[..at + 5].to_vec();
            answer[2] |= 0x80;
            answer[3] = 0x80;
            answer[6..12].fill(0);
            if name.ends_with(".good.test") && is_v4 {
                answer[7] = 1;
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
            } else if name.ends_with(".none.test") {
                answer[3] |= 3;
            }
            if answer[7] == 0 {
                // Who says so, and that it may be remembered for a minute.
                answer[9] = 1;
                answer.extend([0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0]);
                answer.extend([0, 0, 0, 60].repeat(5));
            }
            let is_known = name.ends_with(".good.test") || name.ends_with(".none.test");
            names.borrow_mut().push(name);
            notify.notify_one();
            if is_known {
                let _ = socket.send_to(&answer, client).await;
            }
        }
    });
    (address, asked, told)
}

async fn lookups_that_are_never_answered_are_the_workers_own() {
    let (address, _, told) = name_server().await;
    let server = Server::start(|_| Box::pin(async { ok("ok") })).await;
    let outbound = outbound(vec![address]);
    let mut greedy = worker("greedy", &outbound);
    greedy
        .run(
            "globalThis.all = Array.from({ length: 50 }, (_, i) =>
                 failure(fetch(`http://n${i}.silent.test/`)));
             return '';",
        )
        .await;
    while outbound.lookups() < 4 {
        greedy.run("await turns(5); return '';").await;
    }
    told.notified().await;
    let mut quiet = worker("quiet", &outbound);
    let url = format!("http://n${{i}}.good.test:{}/", server.address.port());
    assert_eq!(quiet.count_answers(10, &url, "ok").await, 10);
    assert_eq!(outbound.lookups(), 4);
    drop(quiet);
    drop(greedy);
}

async fn a_lookup_that_nobody_waits_for_is_over() {
    let (address, _, _) = name_server().await;
    let outbound = outbound(vec![address]);
    let mut worker = worker("worker", &outbound);
    worker
        .run(
            "globalThis.controller = new AbortController();
             const { signal } = controller;
             globalThis.all = Array.from({ length: 20 }, (_, i) =>
                 failure(fetch(`http://n${i}.silent.test/`, { signal })));
             return '';",
        )
        .await;
    while outbound.lookups() < 4 {
        worker.run("await turns(5); return '';").await;
    }
    let seen = worker.run("controller.abort(); return (await Promise.all(all)).at(-1);").await;
    assert!(seen.starts_with("AbortError"), "{seen}");
    while outbound.lookups() > 0 || outbound.requests() > 0 {
        tokio::task::yield_now().await;
    }
}

async fn names_are_asked_once_and_absent_ones_are_remembered() {
    let (address, asked, _) = name_server().await;
    let outbound = outbound(vec![address]);
    let server = Server::start(|_| Box::pin(async { ok("ok") })).await;
    let script = format!(
        "const there = await text('http://a.good.test:{}/');
         return there + '; ' + await failure(fetch('http://a.none.test/'));",
        server.address.port()
    );
    // Each of them has connections of its own.
    for name in ["one", "two", "three"] {
        let seen = worker(name, &outbound).run(&script).await;
        let expected = "ok; TypeError: fetch failed: a.none.test: the name could not be resolved \
                        (there is no such name)";
        assert_eq!(seen, expected);
    }
    assert_eq!(server.connections(), 3);
    let count = |name: &str| asked.borrow().iter().filter(|asked| *asked == name).count();
    // One question for each family.
    assert_eq!((count("a.good.test"), count("a.none.test")), (2, 2));
}
