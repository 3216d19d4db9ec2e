//! What an event may use, with limits of the tests: subrequests, open connections, headers,
//! and the end of the event.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use deno_core::CancelHandle;
use deno_error::JsErrorBox;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use http::{HeaderName, HeaderValue};
use isolane_bindings::fetch::EventLimits;
use tokio::sync::{Notify, Semaphore};

use crate::server::{Server, ok, ok_with, redirect};
use crate::worker::{Worker, loopback};

trials![
    six_connections_are_open_and_the_rest_wait,
    a_connection_counts_until_the_head_arrives,
    subrequests_are_counted_and_so_are_redirects,
    headers_of_the_event_go_out_and_win,
    the_end_of_the_event_ends_a_request,
    the_end_of_the_event_ends_a_response,
    the_end_of_the_event_ends_a_request_that_waits,
];

struct Limits {
    subrequests: Cell<usize>,
    connections: Arc<Semaphore>,
    event: Rc<CancelHandle>,
}

impl Limits {
    fn new() -> Rc<Self> {
        Rc::new(Self {
            subrequests: Cell::new(50),
            connections: Arc::new(Semaphore::new(6)),
            event: CancelHandle::new_rc(),
        })
    }
}

impl EventLimits for Limits {
    fn subrequest(&self) -> Result<(), JsErrorBox> {
        let left = self.subrequests.get().checked_sub(1);
        let too_many = || JsErrorBox::generic("Too many subrequests.");
        self.subrequests.set(left.ok_or_else(too_many)?);
        Ok(())
    }

    fn connection(&self) -> LocalBoxFuture<'static, Box<dyn Any>> {
        let connections = self.connections.clone();
        async { Box::new(connections.acquire_owned().await.unwrap()) as Box<dyn Any> }.boxed_local()
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
    assert_eq!(limits.connections.available_permits(), 6);
}

async fn a_connection_counts_until_the_head_arrives() {
    let server = Server::start(|_| Box::pin(async { ok("unread".repeat(100_000)) })).await;
    let script = format!(
        "const kept = [];
         for (let i = 0; i < 10; i++) kept.push(await fetch('{}'));
         return String(kept.length);",
        server.url("/")
    );
    assert_eq!(Worker::with(loopback(), Limits::new()).run(&script).await, "10");
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
    assert_eq!(limits.connections.available_permits(), 6);
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
    let limits = Limits::new();
    limits.connections.forget_permits(6);
    let mut worker = Worker::with(loopback(), limits.clone());
    let script = format!("globalThis.f = failure(fetch('{}')); return '';", server.url("/"));
    worker.run(&script).await;
    limits.event.cancel();
    let seen = worker.run("return await f;").await;
    assert!(seen.ends_with("the event that asked has ended"), "{seen}");
    assert_eq!(server.connections(), 0);
}
