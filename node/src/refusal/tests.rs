//! Error responses: their headers, their format, and what they never show.

use http::{HeaderValue, Method, Response, Uri};
use runtime::{Failure, ResponseBody};

use super::{Author, MapStack, Refusal, Served, respond};

struct Shout;

impl MapStack for Shout {
    fn map_stack(&self, _: &Served, stack: &str) -> String {
        stack.replace("worker:///a.ts:1:1", "a.ts:7:3")
    }

    fn source(&self, _: &Served, file: &str) -> Option<String> {
        (file == "a.ts").then(|| "1\n2\n3\n4\n5\n6\n  f<T>('7');\n8".to_owned())
    }
}

fn threw(message: &str) -> Refusal {
    let stack = format!("{message}\n    at f (worker:///a.ts:1:1)");
    Refusal::Failed(Failure::Threw { message: message.into(), stack })
}

/// What the author of the worker sees, who asked for that target.
fn authored(
    refusal: &Refusal,
    accept: Option<&HeaderValue>,
    target: &str,
) -> Response<ResponseBody> {
    let uri: Uri = target.parse().unwrap();
    let author =
        Author { mapper: &Shout, method: &Method::GET, uri: &uri, host: Some("localhost") };
    respond(refusal, Some(&served()), accept, Some(author))
}

fn accepting(accept: &str) -> HeaderValue {
    HeaderValue::from_str(accept).unwrap()
}

fn body(response: Response<ResponseBody>) -> String {
    match response.into_body() {
        ResponseBody::Full(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("an error page is one piece, not {other:?}"),
    }
}

fn served() -> Served {
    Served { worker: "shop".into(), version: "1".into() }
}

#[test]
fn an_exception_shows_nothing_of_the_inside() {
    let response = respond(&threw("Error: db password hunter2"), None, None, None);
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers()["isolane-error"], "1101");
    assert_eq!(response.headers()["isolane-outcome"], "exception");
    assert_eq!(body(response), "Error 1101: The worker threw an exception.\n");
}

#[test]
fn in_development_the_stack_is_shown_once_with_the_places_and_lines_of_the_sources() {
    let page = body(authored(&threw("Error: no"), None, "/a?b=c"));
    let expected = "Error 1101: The worker threw an exception.

Error: no
    at f (a.ts:7:3)

a.ts:7:3
  5 | 5
  6 | 6
> 7 |   f<T>('7');
    |   ^
  8 | 8

Request  GET /a?b=c
Host     localhost
Worker   shop
Version  1
Outcome  exception
";
    assert_eq!(page, expected);
}

#[test]
fn a_browser_gets_the_same_facts_without_anything_to_load() {
    let page = body(authored(&threw("Error: no"), Some(&accepting("text/html")), "/a?b=c"));
    let facts = [
        "<h1>Error: no</h1>",
        "at f (a.ts:7:3)",
        "<h2>a.ts:7:3</h2>",
        "<mark>&gt; 7 |   f&lt;T&gt;(&#39;7&#39;);</mark>",
        "<dt>Request</dt><dd>GET /a?b=c</dd>",
        "<dt>Worker</dt><dd>shop</dd>",
    ];
    for fact in facts {
        assert!(page.contains(fact), "{fact} in {page}");
    }
    for loads in ["http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(loads), "{loads} in {page}");
    }
    assert!(page.len() < 4096, "{}", page.len());
}

#[test]
fn nothing_from_elsewhere_can_become_markup() {
    let refusal = threw("Error: <script>alert('1' + \"2\")</script> & more");
    let response = authored(&refusal, Some(&accepting("text/html")), "/?a='b'");
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let page = body(response);
    assert!(page.contains("&lt;script&gt;alert(&#39;1&#39; + &quot;2&quot;)"), "{page}");
    assert!(page.contains("GET /?a=&#39;b&#39;"), "{page}");
    assert!(!page.contains("<script"), "{page}");
}

#[test]
fn html_goes_to_who_asks_for_it_first() {
    let cases = [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
        ("text/html", true),
        ("TEXT/HTML;level=1", true),
        ("*/*", false),
        ("text/plain, text/html", false),
        ("text/html, text/plain", true),
        ("text/html;q=0.5, text/plain", false),
        ("text/html;q=0", false),
        ("text/html;q=abc", false),
        ("application/json", false),
        ("", false),
    ];
    for (accept, html) in cases {
        let response = respond(&Refusal::NoHost, None, Some(&accepting(accept)), None);
        let kind = response.headers()["content-type"].to_str().unwrap().starts_with("text/html");
        assert_eq!(kind, html, "Accept: {accept}");
    }
}

#[test]
fn a_client_sent_away_because_of_load_may_come_back() {
    let refusal = Refusal::Failed(Failure::LoadShed { what: "the node".into() });
    let response = respond(&refusal, None, None, None);
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(response.headers()["isolane-outcome"], "loadShed");
}

#[test]
fn a_worker_that_cannot_start_is_named_with_its_version() {
    let refusal = Refusal::Failed(Failure::CannotStart {
        worker: "shop".into(),
        version: "abc".into(),
        message: "SyntaxError: secret".into(),
        stack: String::new(),
    });
    let response = respond(&refusal, None, None, None);
    assert_eq!(response.status(), 503);
    let page = body(response);
    assert_eq!(page, "Error 1101: The worker shop (version abc) cannot start.\n");
}

#[test]
fn a_code_has_one_meaning() {
    // Whoever waits for the end of a quarantine is told when; a slow answer is another matter.
    let quarantined = Failure::Quarantined { worker: "shop".into(), losses: 1, wait_s: 2 };
    let quarantined = Refusal::Failed(quarantined);
    assert_eq!((quarantined.status(), quarantined.code()), (503, 1106));
    let slow = Refusal::NoAnswerInTime;
    assert_eq!((slow.status(), slow.code()), (504, 1107));
}
