//! What a server sees of a request and a worker of its response, and what a worker is told
//! when there is no response. Not here: redirects, streams, connections.

use std::cell::Cell;
use std::rc::Rc;

use isolane_bindings::fetch::{Outbound, OutboundPolicy, Unlimited};
use tokio::net::TcpListener;

use crate::server::{Server, ok, ok_with, read_all};
use crate::worker::{Worker, loopback, outbound_to};

trials![
    a_get_brings_status_headers_and_text,
    the_host_header_is_the_urls_and_the_user_agent_is_ours,
    a_post_arrives_with_its_length,
    a_post_without_a_body_says_so,
    credentials_in_the_url_become_a_header,
    other_schemes_are_refused,
    data_and_blob_urls_need_no_network,
    loopback_is_refused_by_default,
    a_name_that_means_loopback_is_refused,
    a_refused_connection_is_named,
    a_name_that_does_not_exist_is_named,
    an_isolate_without_a_way_out_says_so,
    a_client_of_ones_own_is_refused,
    a_private_root_is_trusted_when_configured,
    an_unknown_root_is_refused,
];

async fn a_get_brings_status_headers_and_text() {
    let server = Server::start(|_| {
        Box::pin(async {
            let mut response = ok_with("x-answer", "42", "hello");
            *response.status_mut() = http::StatusCode::CREATED;
            response
        })
    })
    .await;
    let script = format!(
        "const r = await fetch('{}');
         return [r.status, r.statusText, r.headers.get('x-answer'), r.url, await r.text()].join();",
        server.url("/a?b#c")
    );
    let url = server.url("/a?b");
    assert_eq!(Worker::new().run(&script).await, format!("201,Created,42,{url},hello"));
}

async fn the_host_header_is_the_urls_and_the_user_agent_is_ours() {
    let server = Server::start(|request| {
        let seen = ["host", "user-agent", "x-mine", "connection", "accept-encoding"]
            .map(|name| request.headers().get(name).map_or("-", |value| value.to_str().unwrap()))
            .join("|");
        Box::pin(async { ok(seen) })
    })
    .await;
    let script = format!(
        "return await text('{}', {{ headers: {{ host: 'evil', connection: 'close', 'x-mine': '1' }} }});",
        server.url("/")
    );
    let expected = format!("{}|Isolane|1|-|gzip, br", server.address);
    assert_eq!(Worker::new().run(&script).await, expected);
}

async fn a_post_arrives_with_its_length() {
    let server = Server::start(|request| {
        Box::pin(async {
            let length = request.headers()["content-length"].to_str().unwrap().to_owned();
            ok(format!("{length}:{}", read_all(request).await.unwrap()))
        })
    })
    .await;
    let script = format!(
        "const a = await text('{url}', {{ method: 'POST', body: 'grüße' }});
         const b = await text('{url}', {{ method: 'PUT', body: new Uint8Array([65, 66]) }});
         return a + ' ' + b;",
        url = server.url("/")
    );
    assert_eq!(Worker::new().run(&script).await, "7:grüße 2:AB");
}

async fn a_post_without_a_body_says_so() {
    let server = Server::start(|request| {
        let length = request.headers().get("content-length").cloned();
        Box::pin(async move { ok(format!("{length:?}")) })
    })
    .await;
    let script = format!("return await text('{}', {{ method: 'POST' }});", server.url("/"));
    assert_eq!(Worker::new().run(&script).await, r#"Some("0")"#);
}

async fn credentials_in_the_url_become_a_header() {
    let server = Server::start(|request| {
        let header = request.headers()["authorization"].to_str().unwrap().to_owned();
        Box::pin(async { ok(header) })
    })
    .await;
    let url = server.url("/").replace("://", "://me:secret@");
    let seen = Worker::new().run(&format!("return await text('{url}');")).await;
    assert_eq!(seen, "Basic bWU6c2VjcmV0");
}

async fn other_schemes_are_refused() {
    let script = "const all = [];
        for (const url of ['file:///etc/passwd', 'ftp://example.com/', 'blob:null/no-such-thing']) {
            all.push(await failure(fetch(url)));
        }
        return all.join('\\n');";
    let seen = Worker::new().run(script).await;
    let lines: Vec<_> = seen.lines().collect();
    assert!(lines[0].starts_with("TypeError: fetch failed: URL scheme 'file' is not"), "{seen}");
    assert!(lines[1].starts_with("TypeError: fetch failed: URL scheme 'ftp' is not"), "{seen}");
    assert!(lines[2].starts_with("TypeError: "), "{seen}");
}

async fn data_and_blob_urls_need_no_network() {
    let script = "const data = await fetch('data:text/plain;charset=utf-8,h%C3%A9llo');
        const blob = await fetch(URL.createObjectURL(new Blob(['blob'], { type: 'text/x' })));
        return [data.status, data.headers.get('content-type'), await data.text(),
                blob.headers.get('content-type'), await blob.text()].join();";
    let seen = Worker::without_network().run(script).await;
    assert_eq!(seen, "200,text/plain;charset=utf-8,héllo,text/x,blob");
}

async fn loopback_is_refused_by_default() {
    let outbound = Outbound::new(OutboundPolicy::default(), Vec::new()).unwrap();
    let server = Server::start(|_| Box::pin(async { ok("secret") })).await;
    let port = server.address.port();
    let mut worker = Worker::with(outbound, Rc::new(Unlimited));
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let script = format!("return await failure(fetch('http://{host}:{port}/'));");
        let seen = worker.run(&script).await;
        assert!(seen.starts_with("TypeError: fetch failed: "), "{host}: {seen}");
        assert!(seen.contains("address not allowed"), "{host}: {seen}");
    }
    assert_eq!(server.connections(), 0);
}

async fn a_name_that_means_loopback_is_refused() {
    let outbound = Outbound::new(OutboundPolicy::default(), Vec::new()).unwrap();
    let server = Server::start(|_| Box::pin(async { ok("secret") })).await;
    let port = server.address.port();
    let script = format!("return await failure(fetch('http://localhost:{port}/'));");
    let seen = Worker::with(outbound, Rc::new(Unlimited)).run(&script).await;
    let expected = format!("TypeError: fetch failed: localhost:{port}: address not allowed;");
    assert!(seen.starts_with(&expected), "{seen}");
    assert!(!seen.contains("127.0.0.1") && !seen.contains("::1"), "{seen}");
    assert_eq!(server.connections(), 0);
}

async fn a_refused_connection_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let seen =
        Worker::new().run(&format!("return await failure(fetch('http://{address}/'));")).await;
    let expected = format!("TypeError: fetch failed: {address}: could not connect (Connection ref");
    assert!(seen.starts_with(&expected), "{seen}");
}

async fn a_name_that_does_not_exist_is_named() {
    let script = "return await failure(fetch('http://no-such-name.invalid/'));";
    let seen = Worker::new().run(script).await;
    let expected = "TypeError: fetch failed: no-such-name.invalid: the name could not be resolved";
    assert!(seen.starts_with(expected), "{seen}");
}

async fn an_isolate_without_a_way_out_says_so() {
    let script = "return await failure(fetch('http://example.com/'));";
    let seen = Worker::without_network().run(script).await;
    assert_eq!(seen, "TypeError: fetch failed: nothing here may use the network");
}

async fn a_client_of_ones_own_is_refused() {
    let script = "try { Deno.core.ops.op_fetch_custom_client({}, {}); return 'made'; }
        catch (e) { return `${e.name}: ${e.message}`; }";
    let seen = Worker::new().run(script).await;
    assert_eq!(seen, "TypeError: fetch failed: HTTP clients of one's own are not supported");
}

async fn a_private_root_is_trusted_when_configured() {
    let calls = Rc::new(Cell::new(0));
    let counted = calls.clone();
    let server = Server::start_tls(&["http/1.1"], move |request| {
        counted.set(counted.get() + 1);
        Box::pin(async move { ok(format!("{:?}", request.version())) })
    })
    .await;
    let policy = OutboundPolicy {
        allow: vec!["127.0.0.1/32".parse().unwrap()],
        ..OutboundPolicy::default()
    };
    let outbound = Outbound::new(policy, server.root.iter().cloned().collect()).unwrap();
    let mut worker = Worker::with(outbound, Rc::new(Unlimited));
    let seen = worker.run(&format!("return await text('{}');", server.url("/"))).await;
    assert_eq!((seen.as_str(), calls.get()), ("HTTP/1.1", 1));
}

async fn an_unknown_root_is_refused() {
    let server = Server::start_tls(&["h2", "http/1.1"], |_| Box::pin(async { ok("") })).await;
    let script = format!("return await failure(fetch('{}'));", server.url("/"));
    let mut worker = Worker::with(outbound_to(&["127.0.0.1/32"]), Rc::new(Unlimited));
    let seen = worker.run(&script).await;
    assert!(seen.contains("TLS failed (invalid peer certificate: UnknownIssuer"), "{seen}");
    let mut by_address = Worker::with(loopback(), Rc::new(Unlimited));
    let url = format!("https://{}/", server.address);
    let seen = by_address.run(&format!("return await failure(fetch('{url}'));")).await;
    assert!(seen.contains("TLS failed (invalid peer certificate: "), "{seen}");
}
