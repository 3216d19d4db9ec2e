//! A worker that asks another one: bodies pass through both while they are still being sent.

use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::process::{Process, output};

const ECHO: &str = "export default { fetch(request) { return new Response(request.body) } }";

const PROXY: &str = "export default { async fetch(request, env) {
    const { method, headers, body } = request;
    const answer = await fetch(env.ORIGIN, { method, headers, body });
    return new Response(answer.body, answer);
} }";

/// As most proxies are written: the request with another URL.
const REWRITES: &str = "export default { fetch(request, env) {
    const { pathname } = new URL(request.url);
    return fetch(new Request(env.ORIGIN + pathname, request));
} }";

/// A proxy and its origin, in two processes. Returns the proxy's port.
fn proxied(origin: &str) -> (Folder, [Process; 2], u16) {
    behind(PROXY, origin)
}

fn behind(proxy: &str, origin: &str) -> (Folder, [Process; 2], u16) {
    let folder = Folder::with(&[("origin.js", origin), ("proxy/index.js", proxy)]);
    let start = |worker| {
        // Two processes cannot keep their data in one folder.
        let data = format!(".isolane/{worker}");
        let arguments = ["dev", worker, "--port", "0", "--data", &data];
        let mut process = Process::start(folder.path(), arguments);
        let port = process.dev_port();
        (process, port)
    };
    let (origin, origin_port) = start("origin.js");
    let vars = format!("vars = {{ ORIGIN = 'http://127.0.0.1:{origin_port}' }}");
    folder.write("proxy/isolane.toml", &vars);
    let (proxy, port) = start("proxy");
    (folder, [origin, proxy], port)
}

#[test]
fn each_piece_of_a_body_comes_back_before_the_next_one_is_sent() {
    let (_folder, _processes, port) = proxied(ECHO);
    let mut connection = Connection::open(port);
    connection.begin_post("localhost", "/");
    connection.send_chunk("piece 0");
    assert_eq!(connection.head().status, 200);
    assert_eq!(connection.chunk(), "piece 0");
    for number in 1..20 {
        let piece = format!("piece {number}");
        connection.send_chunk(&piece);
        assert_eq!(connection.chunk(), piece);
    }
    connection.send_chunk("");
    assert_eq!(connection.chunk(), "");
}

#[test]
fn a_client_that_goes_away_is_noticed_by_the_origin() {
    let origin = "let canceled = 0;
        export default { fetch(request) {
            if (new URL(request.url).search) return new Response(String(canceled));
            return new Response(new ReadableStream({
                pull(controller) { controller.enqueue(new Uint8Array(65536)) },
                cancel() { canceled += 1; console.log('nobody reads') },
            }));
        } }";
    let (_folder, [mut origin, _proxy], port) = proxied(origin);
    let mut leaving = Connection::open(port);
    leaving.begin_post("localhost", "/");
    assert_eq!(leaving.head().status, 200);
    drop(leaving);
    origin.stdout.until("nobody reads");
}

#[test]
fn an_origin_that_is_not_there_is_an_exception_of_the_worker() {
    let (folder, _processes, _port) = proxied(ECHO);
    // Port 1 is reserved and nobody's.
    folder.write("proxy/isolane.toml", "vars = { ORIGIN = 'http://127.0.0.1:1' }");
    let mut process = Process::start(folder.path(), ["dev", "proxy", "--port", "0"]);
    let port = process.dev_port();
    let response = get(port, "localhost", "/");
    assert_eq!((response.status, response.header("isolane-error")), (500, "1101"));
}

#[test]
fn a_request_with_another_url_keeps_its_length_and_gets_redirects_as_they_are() {
    let origin = "export default { async fetch(request) {
        if (new URL(request.url).pathname === '/moved') {
            return new Response(null, { status: 302, headers: { location: '/', 'set-cookie': 'a=b' } });
        }
        const { headers } = request;
        return Response.json([headers.get('content-length'), headers.get('transfer-encoding'), await request.text()]);
    } }";
    let (_folder, _processes, port) = behind(REWRITES, origin);
    let mut connection = Connection::open(port);
    connection.send("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\nabc");
    assert_eq!(connection.response().body, r#"["3",null,"abc"]"#);
    for method in ["GET", "POST"] {
        let head =
            format!("{method} /moved HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n");
        connection.send(&head);
        let moved = connection.response();
        assert_eq!((moved.status, moved.header("location")), (302, "/"), "{method}");
        assert_eq!(moved.header("set-cookie"), "a=b", "{method}");
    }
}

#[test]
fn a_coded_answer_comes_through_a_proxy() {
    let origin = "export default { fetch(request) {
        const coding = new URL(request.url).pathname.slice(1);
        return new Response('hello '.repeat(1000), { headers: { 'content-encoding': coding } });
    } }";
    let passes = "export default { async fetch(request, env) {
        const { pathname, search } = new URL(request.url);
        const answer = await fetch(env.ORIGIN + pathname);
        return new Response(search ? await answer.text() : answer.body, answer);
    } }";
    let (_folder, _processes, port) = behind(passes, origin);
    for path in ["gzip", "br", "gzip?text", "br?text"] {
        let url = format!("http://127.0.0.1:{port}/{path}");
        let mut curl = std::process::Command::new("curl");
        curl.args(["--silent", "--show-error", "--compressed", &url]);
        let output = output(&mut curl).expect("curl is there");
        let body = String::from_utf8_lossy(&output.stdout);
        assert_eq!(body, "hello ".repeat(1000), "{path}: {output:?}");
    }
}
