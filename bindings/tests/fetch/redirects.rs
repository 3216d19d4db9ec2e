//! Redirects: which method and which headers go on, where they may lead, and where they stop.
//! The rules are the Fetch standard's, "HTTP-redirect fetch".

use std::rc::Rc;

use isolane_bindings::fetch::Unlimited;

use crate::server::{Answer, Server, ok, read_all, redirect};
use crate::worker::{Worker, outbound_to};

trials![
    the_status_decides_what_becomes_of_a_post,
    secrets_stay_with_their_origin,
    a_redirect_to_the_same_origin_keeps_everything,
    a_loop_ends_after_twenty,
    manual_returns_the_redirect_itself,
    error_refuses_the_redirect,
    a_redirect_to_a_private_address_is_refused,
    a_redirect_to_a_name_of_a_private_address_is_refused,
    a_redirect_to_another_scheme_is_refused,
    a_stream_cannot_be_sent_twice,
];

/// Says what it was asked.
fn echo(request: http::Request<hyper::body::Incoming>) -> Answer {
    Box::pin(async {
        let header = |name| match request.headers().get(name) {
            Some(value) => value.to_str().unwrap_or("?").to_owned(),
            None => "-".to_owned(),
        };
        let seen = [
            request.method().to_string(),
            header("content-type"),
            header("authorization"),
            header("cookie"),
            header("x-mine"),
        ]
        .join("|");
        ok(format!("{seen}|{}", read_all(request).await.unwrap()))
    })
}

/// Answers `/<status>` with a redirect to a path of itself, or of another server.
async fn redirecting(to: Option<String>) -> Server {
    Server::start(move |request| {
        let path = request.uri().path();
        match path.trim_start_matches('/').parse() {
            Ok(status) => {
                let location = to.clone().unwrap_or_else(|| "/echo".to_owned());
                Box::pin(async move { redirect(status, &location) })
            }
            Err(_) => echo(request),
        }
    })
    .await
}

async fn the_status_decides_what_becomes_of_a_post() {
    let server = redirecting(None).await;
    let mut worker = Worker::new();
    for (status, expected) in [
        (301, "GET|-|-|-|-|"),
        (302, "GET|-|-|-|-|"),
        (303, "GET|-|-|-|-|"),
        (307, "POST|text/plain;charset=UTF-8|-|-|-|body"),
        (308, "POST|text/plain;charset=UTF-8|-|-|-|body"),
    ] {
        let url = server.url(&format!("/{status}"));
        let script = format!(
            "const r = await fetch('{url}', {{ method: 'POST', body: 'body' }});
             return `${{r.redirected}} ${{new URL(r.url).pathname}} ${{await r.text()}}`;"
        );
        assert_eq!(worker.run(&script).await, format!("true /echo {expected}"), "{status}");
    }
}

const SECRETS: &str = "{ headers: { authorization: 'Bearer x', cookie: 'a=b', 'x-mine': '1' } }";

async fn secrets_stay_with_their_origin() {
    let other = Server::start(echo).await;
    let server = redirecting(Some(other.url("/elsewhere"))).await;
    let script = format!("return await text('{}', {SECRETS});", server.url("/302"));
    assert_eq!(Worker::new().run(&script).await, "GET|-|-|-|1|");
}

async fn a_redirect_to_the_same_origin_keeps_everything() {
    let server = redirecting(None).await;
    let script = format!("return await text('{}', {SECRETS});", server.url("/302"));
    assert_eq!(Worker::new().run(&script).await, "GET|-|Bearer x|a=b|1|");
}

async fn a_loop_ends_after_twenty() {
    let asked = Rc::new(std::cell::Cell::new(0));
    let counted = asked.clone();
    let server = Server::start(move |_| {
        counted.set(counted.get() + 1);
        Box::pin(async { redirect(302, "/again") })
    })
    .await;
    let script = format!("return await failure(fetch('{}'));", server.url("/"));
    let seen = Worker::new().run(&script).await;
    assert_eq!(seen, "TypeError: Fetch failed: Maximum number of redirects (20) reached");
    assert_eq!(asked.get(), 21);
}

async fn manual_returns_the_redirect_itself() {
    let server = redirecting(None).await;
    let script = format!(
        "const r = await fetch('{}', {{ redirect: 'manual' }});
         return [r.status, r.headers.get('location'), r.redirected, await r.text()].join();",
        server.url("/301")
    );
    assert_eq!(Worker::new().run(&script).await, "301,/echo,false,moved");
}

async fn error_refuses_the_redirect() {
    let server = redirecting(None).await;
    let script =
        format!("return await failure(fetch('{}', {{ redirect: 'error' }}));", server.url("/301"));
    let seen = Worker::new().run(&script).await;
    assert!(seen.starts_with("TypeError: Fetch failed: Encountered redirect"), "{seen}");
}

async fn a_redirect_to_a_private_address_is_refused() {
    let private = Server::start_at("127.0.0.2:0", None, |_| Box::pin(async { ok("no") })).await;
    let server = redirecting(Some(private.url("/"))).await;
    let script = format!("return await failure(fetch('{}'));", server.url("/302"));
    let seen = Worker::new().run(&script).await;
    let expected = format!("TypeError: fetch failed: {}: address not allowed", private.address);
    assert!(seen.starts_with(&expected), "{seen}");
    assert_eq!((server.connections(), private.connections()), (1, 0));
}

async fn a_redirect_to_a_name_of_a_private_address_is_refused() {
    let private = Server::start(|_| Box::pin(async { ok("no") })).await;
    let name = format!("http://localhost:{}/", private.address.port());
    let server = Server::start_at("127.0.0.2:0", None, move |_| {
        let name = name.clone();
        Box::pin(async move { redirect(302, &name) })
    })
    .await;
    let script = format!("return await failure(fetch('{}'));", server.url("/"));
    let mut worker = Worker::with(outbound_to(&["127.0.0.2/32"]), Rc::new(Unlimited));
    let seen = worker.run(&script).await;
    assert!(seen.contains("localhost") && seen.contains("address not allowed"), "{seen}");
    assert_eq!((server.connections(), private.connections()), (1, 0));
}

async fn a_redirect_to_another_scheme_is_refused() {
    let server = redirecting(Some("file:///etc/passwd".to_owned())).await;
    let script = format!("return await failure(fetch('{}'));", server.url("/302"));
    let seen = Worker::new().run(&script).await;
    assert_eq!(seen, "TypeError: Fetch failed: Can not redirect to a non HTTP(s) url");
}

async fn a_stream_cannot_be_sent_twice() {
    let server = redirecting(None).await;
    let script = format!(
        "const body = new ReadableStream({{ start(c) {{
             c.enqueue(new TextEncoder().encode('x')); c.close(); }} }});
         return await failure(fetch('{}', {{ method: 'POST', body, duplex: 'half' }}));",
        server.url("/307")
    );
    let seen = Worker::new().run(&script).await;
    assert!(seen.contains("Can not redeliver a streaming request body"), "{seen}");
}
