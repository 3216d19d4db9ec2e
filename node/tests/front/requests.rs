//! What of a request reaches the handler, and what of a response reaches the client.

use bytes::Bytes;
use http::Response;
use isolane_node::front::Arrival;
use runtime::{Outcome, ResponseBody};

use crate::support::{Stage, get, ok, on_a_shard, replied, request, text};

/// Answers with the URI and the headers that arrived, one on a line.
async fn mirror(arrival: Arrival) -> isolane_node::front::Reply {
    let head = &arrival.event.head;
    let mut page = format!("{} {} {}\n", head.method, head.uri, arrival.host);
    for (name, value) in &head.headers {
        page.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
    }
    ok(page)
}

#[test]
fn the_handler_gets_an_absolute_uri_and_the_host_in_normal_form() {
    on_a_shard(async {
        let stage = Stage::new(mirror);
        let cases = [
            ("/a?b=c", "Example.COM:8080", "GET http://example.com:8080/a?b=c example.com"),
            ("/", "example.com.", "GET http://example.com./ example.com"),
            ("http://a.test/x", "b.test", "GET http://a.test/x a.test"),
            ("/../a", "A.test", "GET http://a.test/a a.test"),
            ("/a/%2e%2E/b\\c?d=/../e", "a.test", "GET http://a.test/b/c?d=/../e a.test"),
            ("/", "[::1]:80", "GET http://[::1]/ [::1]"),
            (
                "/",
                "bücher.example:81",
                "GET http://xn--bcher-kva.example:81/ xn--bcher-kva.example",
            ),
        ];
        for (target, host, first) in cases {
            let head =
                format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            let answer = stage.raw(head).await;
            let body = answer.split_once("\r\n\r\n").expect("a head and a body").1;
            assert_eq!(body.lines().next(), Some(first), "{target} at {host}");
        }
    });
}

#[test]
fn the_second_host_on_a_connection_is_not_taken_for_the_first() {
    on_a_shard(async {
        let stage = Stage::new(mirror);
        let mut client = stage.http1().await;
        for host in ["a.test", "b.test", "b.test", "a.test"] {
            let mut get = get("/");
            get.headers_mut().insert("host", host.parse().unwrap());
            let page = text(client.send_request(get).await.unwrap()).await;
            assert_eq!(page.lines().next(), Some(&*format!("GET http://{host}/ {host}")));
        }
    });
}

#[test]
fn headers_of_the_connection_stay_with_it_and_the_clients_address_is_told() {
    on_a_shard(async {
        let stage = Stage::new(mirror);
        let answer = stage
            .raw(
                "GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close, x-hop\r\nx-hop: 1\r\n\
                 te: trailers\r\nupgrade: h2c\r\ncf-connecting-ip: 6.6.6.6\r\nx-kept: 1\r\n\r\n",
            )
            .await;
        let body = answer.split_once("\r\n\r\n").expect("a head and a body").1;
        let mut headers: Vec<_> = body.lines().skip(1).collect();
        headers.sort_unstable();
        assert_eq!(headers, ["cf-connecting-ip: 127.0.0.1", "host: a.test", "x-kept: 1"]);
    });
}

#[test]
fn http_2_gives_the_host_as_a_header_too() {
    on_a_shard(async {
        let stage = Stage::new(mirror);
        let mut client = stage.http2().await;
        let answer = client.send_request(get("http://a.test:81/x")).await.unwrap();
        assert_eq!(answer.version(), http::Version::HTTP_2);
        let page = text(answer).await;
        assert!(page.starts_with("GET http://a.test:81/x a.test\n"), "{page}");
        assert!(page.contains("\nhost: a.test:81\n"), "{page}");
    });
}

#[test]
fn http_2_with_two_hosts_that_differ_is_refused() {
    on_a_shard(async {
        let stage = Stage::new(mirror);
        let mut client = stage.http2().await;
        for (host, status) in [("A.test", 200), ("b.test", 400), ("b test", 400)] {
            let mut get = get("http://a.test/");
            get.headers_mut().insert("host", host.parse().unwrap());
            assert_eq!(client.send_request(get).await.unwrap().status(), status, "{host}");
        }
    });
}

#[test]
fn a_request_without_one_valid_host_never_reaches_the_handler() {
    on_a_shard(async {
        let stage = Stage::new(|_| async { panic!("the handler is not called") });
        let cases = [
            "",
            "host:\r\n",
            "host: a.test\r\nhost: a.test\r\n",
            "host: a b\r\n",
            "host: a@b.test\r\n",
            "host: a.test:port\r\n",
            "host: \u{0}\r\n",
            "host: a..test\r\n",
        ];
        for headers in cases {
            let head = format!("GET / HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
            let answer = stage.raw(head).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{headers:?} gives {answer}");
        }
        let answer = stage.raw("GET http://a.test/ HTTP/1.1\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    });
}

#[test]
fn methods_that_no_request_object_can_have_are_refused() {
    on_a_shard(async {
        let stage = Stage::new(|_| async { panic!("the handler is not called") });
        for line in ["TRACE /", "TRACK /", "CONNECT a.test:443"] {
            let head = format!("{line} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n");
            let answer = stage.raw(head).await;
            assert!(answer.starts_with("HTTP/1.1 405 "), "{line} gives {answer}");
            assert!(answer.contains("\r\nallow: GET, "), "{answer}");
        }
    });
}

#[test]
fn a_body_reaches_the_handler_whole_or_in_pieces() {
    on_a_shard(async {
        let stage = Stage::new(|arrival| async move {
            let runtime::RequestBody::Stream(body) = arrival.event.body else { return ok("none") };
            let bytes = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
            ok(bytes.len().to_string())
        });
        let mut client = stage.http1().await;
        for (length, expected) in [(0, "none"), (5, "5"), (65_536, "65536"), (300_000, "300000")] {
            let body = "x".repeat(length);
            let answer = client.send_request(request("POST", "/", &body)).await.unwrap();
            assert_eq!(text(answer).await, expected);
        }
        let chunked = "POST / HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\
                       connection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        assert!(stage.raw(chunked).await.ends_with("\r\n\r\n5"));
    });
}

#[test]
fn a_status_that_is_not_final_becomes_an_error() {
    on_a_shard(async {
        let stage = Stage::new(|_| async {
            replied(Response::builder().status(101).body(ResponseBody::Empty).unwrap())
        });
        let answer = stage.http1().await.send_request(get("/")).await.unwrap();
        assert_eq!(answer.status(), 500);
        assert_eq!(answer.headers()["isolane-error"], "1101");
        assert_eq!(stage.line().await.outcome, Outcome::Exception);
    });
}

#[test]
fn an_answer_to_head_has_the_length_and_no_body_in_both_protocols() {
    on_a_shard(async {
        let stage = Stage::new(|_| async { ok(Bytes::from_static(b"hello")) });
        let first = stage.http1().await.send_request(request("HEAD", "/", "")).await.unwrap();
        let url = "http://a.test/";
        let second = stage.http2().await.send_request(request("HEAD", url, "")).await.unwrap();
        for answer in [first, second] {
            assert_eq!(answer.headers()["content-length"], "5");
            assert_eq!(text(answer).await, "");
            assert_eq!(stage.line().await.outcome, Outcome::Ok);
        }
    });
}
