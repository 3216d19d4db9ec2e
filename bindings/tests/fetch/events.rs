//! What an event may use, with limits of the tests: subrequests, open connections, headers,
//! and the end of the event.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use deno_core::{CancelHandle, v8};
use deno_error::JsErrorBox;
use http::{HeaderName, HeaderValue};
use isolane_bindings::fetch::{Connections, EventLimits};
use isolane_bindings::memory::{MemoryLimit, Meter};
use tokio::sync::Notify;

use crate::server::{Server, endless, ok, ok_with, redirect};
use crate::worker::{Worker, loopback};

trials![
    six_connections_are_open_and_the_rest_wait,
    a_connection_counts_until_its_response_is_read,
    bodies_that_have_arrived_or_are_not_there_count_no_more,
    cancelled_and_aborted_and_failed_requests_count_no_more,
    responses_that_nobody_reads_give_way_to_a_request_that_waits,
    subrequests_are_counted_and_so_are_redirects,
    headers_of_the_event_go_out_and_win,
    the_end_of_the_event_ends_a_request,
    the_end_of_the_event_ends_a_response,
    the_end_of_the_event_ends_a_request_that_waits,
    requests_that_wait_count_as_memory_until_their_end,
    requests_that_wait_ask_for_room,
];

struct Limits {
    subrequests: Cell<usize>,
    connections: Arc<Connections>,
    event: Rc<CancelHandle>,
}

impl Limits {
    fn new() -> Rc<Self> {
        Rc::new(Self::default())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            subrequests: Cell::new(100),
            connections: Connections::new(6),
            event: CancelHandle::new_rc(),
        }
    }
}

impl EventLimits for Limits {
    fn subrequest(&self) -> Result<(), JsErrorBox> {
        let left = self.subrequests.get().checked_sub(1);
        let too_many = || JsErrorBox::generic("Too many subrequests.");
        self.subrequests.set(left.ok_or_else(too_many)?);
        Ok(())
    }

    fn connections(&self) -> Arc<Connections> {
        self.connections.clone()
    }

    fn cancel(&self) -> Rc<CancelHandle> {
        self.event.clone()
    }

    fn extra_headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        vec![(HeaderName::from_static("isolane-hops"), HeaderValue::from_static("2"))]
    }
}

async fn six_connections_are_open_and_the_rest_wait() {
    let waiting = Rc::new(RefCell::new(Vec::new()));
    let (queue, arrived) = (waiting.clone(), Rc::new(Notify::new()));
    let told = arrived.clone();
    let server = Server::start(move |_| {
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        queue.borrow_mut().push(go);
        told.notify_one();
        Box::pin(async move {
            gone.await.unwrap();
            ok("ok")
        })
    })
    .await;
    let limits = Limits::new();
    let mut worker = Worker::with(loopback(), limits.clone());
    let script = format!(
        "globalThis.all = Array.from({{ length: 10 }}, () => text('{}')); return '';",
        server.url("/")
    );
    worker.run(&script).await;
    let mut answered = 0;
    while answered < 10 {
        let here = (10 - answered).min(6);
        while waiting.borrow().len() < here {
            tokio::select! {
                () = arrived.notified() => {}
                _ = worker.run("await turns(1000); return '';") => {}
            }
        }
        worker.run("await turns(50); return '';").await;
        assert_eq!(waiting.borrow().len(), here);
        waiting.borrow_mut().pop().unwrap().send(()).unwrap();
        answered += 1;
    }
    assert_eq!(worker.run("return (await Promise.all(all)).join('');").await, "ok".repeat(10));
    all_free(&limits).await;
}

/// The client's threads give places back.
async fn all_free(limits: &Limits) {
    while limits.connections.free() < 6 {
        tokio::task::yield_now().await;
    }
}

async fn a_connection_counts_until_its_response_is_read() {
    let server = Server::start(|_| Box::pin(async { ok("unread".repeat(1_000_000)) })).await;
    let limits = Limits::new();
    let mut worker = Worker::with(loopback(), limits.clone());
    let script = format!(
        "globalThis.kept = [];
         for (let i = 0; i < 6; i++) kept.push(await fetch('{url}'));
         globalThis.seventh = fetch('{url}');
         await turns(50);
         return '';",
        url = server.url("/")
    );
    worker.run(&script).await;
    assert_eq!((server.connections(), limits.connections.free()), (6, 0));
    let seen = worker
        .run(
            "const first = await kept.shift().text();
             kept.push(await seventh);
             const rest = await Promise.all(kept.map((r) => r.text()));
             return [first, ...rest].map((text) => text.length).join();",
        )
        .await;
    assert_eq!(seen, ["6000000"; 7].join(","));
    all_free(&limits).await;
}

async fn bodies_that_have_arrived_or_are_not_there_count_no_more() {
    let server = Server::start(|request| {
        let path = request.uri().path().to_owned();
        Box::pin(async move {
            match &*path {
                "/empty" => ok(""),
                "/here" => redirect(302, "/short"),
                _ => ok("short"),
            }
        })
    })
    .await;
    for path in ["/empty", "/short", "/here"] {
        let limits = Limits::new();
        let script = format!(
            "const kept = [];
             for (let i = 0; i < 20; i++) kept.push(await fetch('{}'));
             return String(kept.length);",
            server.url(path)
        );
        assert_eq!(Worker::with(loopback(), limits.clone()).run(&script).await, "20");
        all_free(&limits).await;
    }
}

async fn cancelled_and_aborted_and_failed_requests_count_no_more() {
    let server = Server::start(|request| Box::pin(async { endless(request.into_body()) })).await;
    let limits = Limits::new();
    let mut worker = Worker::with(loopback(), limits.clone());
    let script = format!(
        "for (let i = 0; i < 20; i++) await (await fetch('{url}')).body.cancel();
         for (let i = 0; i < 20; i++) {{
             const controller = new AbortController();
             await fetch('{url}', {{ signal: controller.signal }});
             controller.abort();
         }}
         for (let i = 0; i < 20; i++) await failure(fetch('http://127.0.0.1:1/'));
         return '';",
        url = server.url("/")
    );
    worker.run(&script).await;
    all_free(&limits).await;
    server.all_closed().await;
}

async fn responses_that_nobody_reads_give_way_to_a_request_that_waits() {
    let server = Server::start(|request| {
        let is_last = request.uri().path() == "/last";
        Box::pin(async move { if is_last { ok("last") } else { endless(request.into_body()) } })
    })
    .await;
    let script = format!(
        "const kept = [];
         for (let i = 0; i < 6; i++) kept.push(await fetch('{}'));
         const seen = await text('{}');
         return seen + ' ' + await failure(kept[0].text());",
        server.url("/"),
        server.url("/last")
    );
    let seen = Worker::with(loopback(), Limits::new()).run(&script).await;
    assert!(seen.starts_with("last TypeError: 127.0.0.1:"), "{seen}");
    assert!(seen.contains("it was given up for a request that waited"), "{seen}");
}

async fn subrequests_are_counted_and_so_are_redirects() {
    let server = Server::start(|request| {
        let path = request.uri().path().to_owned();
        Box::pin(async move { if path == "/there" { ok("") } else { redirect(302, "/there") } })
    })
    .await;
    let limits = Limits::new();
    limits.subrequests.set(3);
    let script = format!(
        "const first = await failure(fetch('{url}'));
         const second = await failure(fetch('{url}'));
         return [first, second].join('; ');",
        url = server.url("/here")
    );
    let seen = Worker::with(loopback(), limits).run(&script).await;
    assert_eq!(seen, "no failure; Error: Too many subrequests.");
}

async fn headers_of_the_event_go_out_and_win() {
    let server = Server::start(|request| {
        let hops: Vec<_> = request.headers().get_all("isolane-hops").iter().cloned().collect();
        Box::pin(async move { ok(format!("{hops:?}")) })
    })
    .await;
    let script = format!(
        "return await text('{}', {{ headers: {{ 'Isolane-Hops': '0' }} }});",
        server.url("/")
    );
    assert_eq!(Worker::with(loopback(), Limits::new()).run(&script).await, r#"["2"]"#);
}

async fn the_end_of_the_event_ends_a_request() {
    let arrived = Rc::new(Notify::new());
    let told = arrived.clone();
    let server = Server::start(move |_| {
        told.notify_one();
        Box::pin(std::future::pending())
    })
    .await;
    let limits = Limits::new();
    let mut worker = Worker::with(loopback(), limits.clone());
    let script = format!("return await failure(fetch('{}'));", server.url("/"));
    let (seen, ()) = tokio::join!(worker.run(&script), async {
        arrived.notified().await;
        limits.event.cancel();
    });
    assert!(seen.ends_with("the event that asked has ended"), "{seen}");
    server.all_closed().await;
    all_free(&limits).await;
}

async fn the_end_of_the_event_ends_a_response() {
    let server =
        Server::start(|_| Box::pin(async { ok_with("x-a", "b", "x".repeat(50_000_000)) })).await;
    let limits = Limits::new();
    let mut worker = Worker::with(loopback(), limits.clone());
    let script = format!("globalThis.r = await fetch('{}'); return '';", server.url("/"));
    worker.run(&script).await;
    limits.event.cancel();
    server.all_closed().await;
    let seen = worker.run("return await failure(r.text());").await;
    assert!(seen.starts_with("TypeError: 127.0.0.1:"), "{seen}");
    assert!(seen.ends_with("broke off (the request was cancelled)"), "{seen}");
}

async fn the_end_of_the_event_ends_a_request_that_waits() {
    let server = Server::start(|_| Box::pin(async { ok("") })).await;
    let limits = Rc::new(Limits { connections: Connections::new(0), ..Limits::default() });
    let mut worker = Worker::with(loopback(), limits.clone());
    let script = format!("globalThis.f = failure(fetch('{}')); return '';", server.url("/"));
    worker.run(&script).await;
    limits.event.cancel();
    let seen = worker.run("return await f;").await;
    assert!(seen.ends_with("the event that asked has ended"), "{seen}");
    assert_eq!(server.connections(), 0);
}

/// A worker none of whose requests goes out, and what it holds.
fn waiting_worker() -> (Worker, Rc<Limits>, Meter) {
    let limits = Rc::new(Limits { connections: Connections::new(0), ..Limits::default() });
    let mut worker = Worker::with(loopback(), limits.clone());
    let meter = Meter::default();
    worker.put(meter.clone());
    (worker, limits, meter)
}

async fn requests_that_wait_count_as_memory_until_their_end() {
    let (mut worker, limits, meter) = waiting_worker();
    let script = "
        const headers = { long: 'x'.repeat(100_000) };
        for (let i = 0; i < 1000; i++) headers[`h${i}`] = '';
        globalThis.f = failure(fetch('http://127.0.0.1/' + 'y'.repeat(60_000), { headers }));
        return '';";
    worker.run(script).await;
    let held = meter.queued_bytes();
    assert!(held > 100_000 + 2 * 60_000 + 1000 * 300, "{held} bytes");
    limits.event.cancel();
    let seen = worker.run("return await f;").await;
    assert!(seen.ends_with("the event that asked has ended"), "{seen}");
    assert_eq!(meter.queued_bytes(), 0);
}

/// A limit of memory that has been reached.
struct NoRoom;

impl MemoryLimit for NoRoom {
    fn limit_bytes(&self) -> usize {
        1 << 20
    }

    fn has_room(&self, _isolate: &mut v8::Isolate, _bytes: usize) -> bool {
        false
    }

    fn exceed(&self, _isolate: &mut v8::Isolate) {}

    fn take_stack(&self) -> bool {
        true
    }

    fn give_stack(&self) {}
}

async fn requests_that_wait_ask_for_room() {
    let (mut worker, limits, meter) = waiting_worker();
    meter.set_limit(Some(Rc::new(NoRoom)));
    let script = "
        const headers = { long: 'x'.repeat(100_000) };
        const ask = () => failure(fetch('http://127.0.0.1/', { headers }));
        globalThis.all = Array.from({ length: 20 }, ask);
        return await Promise.any(all);";
    let seen = worker.run(script).await;
    assert!(seen.contains("no memory for one more request that waits"), "{seen}");
    assert!(meter.queued_bytes() > 1_000_000, "{} bytes", meter.queued_bytes());
    limits.event.cancel();
    worker.run("await Promise.all(all); return '';").await;
    assert_eq!(meter.queued_bytes(), 0);
}
