//! What is asked of the web platform beyond what deno's crates give: forms, methods, integrity, where a
//! request comes from, the order of timers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use isolane_runtime::{Client, FetchEvent};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::support::{Switches, Worker, body, request, trial};

/// What a form of one field looks like.
const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n";

/// A worker that reads a form and answers its entries, or what the error is.
fn form_reader() -> Worker {
    Worker::with_handler(
        "try {
             const entries = [...await request.formData()];
             return Response.json(await Promise.all(entries.map(async ([name, value]) => typeof value === 'string' ? [name, value] : [name, value.name, value.type, await value.text()])));
         } catch (e) { return Response.json(e.name + ': ' + e.message) }",
    )
    .build()
}

async fn form(worker: &Worker, content_type: &str, content: impl Into<bytes::Bytes>) -> Value {
    let request = http::Request::post("http://worker.test/").header("content-type", content_type);
    let (head, ()) = request.body(()).unwrap().into_parts();
    let event = FetchEvent { head, body: body(content), client: None };
    serde_json::from_str(worker.send(event).await.unwrap().text()).unwrap()
}

/// A client of whom this is known.
#[derive(Debug)]
struct Known;

impl Client for Known {
    fn cf(&self, head: &http::request::Parts) -> String {
        json!({ "country": "DE", "path": head.uri.path(), "tlsClientAuth": { "certPresented": "0" } })
            .to_string()
    }
}

/// A client of whom it is known how often somebody has asked.
#[derive(Debug, Default)]
struct Counted(AtomicU32);

impl Client for Counted {
    fn cf(&self, _: &http::request::Parts) -> String {
        json!({ "asked": self.0.fetch_add(1, Ordering::Relaxed) + 1 }).to_string()
    }
}

async fn from_client(client: impl Client + 'static, body: &str) -> Value {
    let mut event = request("/p");
    event.client = Some(Arc::new(client));
    let worker = Worker::with_handler(body).build();
    serde_json::from_str(worker.send(event).await.unwrap().text()).unwrap()
}

pub fn trials() -> Vec<Trial> {
    let mut trials = forms();
    trials.extend(requests());
    trials.extend(timers());
    trials
}

fn forms() -> Vec<Trial> {
    const MULTIPART: &str = "multipart/form-data; boundary=b";
    const URL_ENCODED: &str = "application/x-www-form-urlencoded";
    vec![
        trial("web::a_form_is_read", || async {
            let worker = form_reader();
            let file = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a;b=\u{65e5}.txt\"\r\nContent-Type: text/plain\r\n\r\nline\r\n\r\n--b--";
            assert_eq!(form(&worker, MULTIPART, FORM).await, json!([["a", "1"]]));
            assert_eq!(
                form(&worker, "multipart/form-data; boundary=\"b\"", file).await,
                json!([["f", "a;b=\u{65e5}.txt", "text/plain", "line\r\n"]])
            );
            assert_eq!(form(&worker, MULTIPART, "--b--\r\n").await, json!([]));
        }),
        trial("web::half_a_form_is_an_error", || async {
            let worker = form_reader();
            for end in [0, 3, 20, FORM.len() - 10, FORM.len() - 5] {
                let answer = form(&worker, MULTIPART, &FORM[..end]).await;
                assert!(
                    answer.as_str().is_some_and(|it| it.starts_with("TypeError: No ")),
                    "{answer}"
                );
            }
            let answer = form(&worker, "multipart/form-data", FORM).await;
            assert!(answer.as_str().unwrap().starts_with("TypeError: No boundary"), "{answer}");
        }),
        trial("web::a_form_of_thirty_megabytes_is_read", || async {
            let worker = Worker::with_handler(
                "const form = await request.formData(); return Response.json([form.get('f').size, form.get('z')])",
            )
            .with_default_limits()
            .build();
            let start = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n";
            let end = "\r\n--b\r\nContent-Disposition: form-data; name=\"z\"\r\n\r\nlast\r\n--b--";
            let content = [start.as_bytes(), &b"\r\n--a".repeat(6 << 20), end.as_bytes()].concat();
            assert_eq!(form(&worker, MULTIPART, content).await, json!([30 << 20, "last"]));
        }),
        trial("web::a_form_has_at_most_ten_thousand_parts", || async {
            let worker = Worker::with_handler(
                "try { return Response.json([...await request.formData()].length) } catch (e) { return Response.json(e.name + ': ' + e.message) }",
            )
            .build();
            let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
            let parts = |count: usize| format!("{}--b--", part.repeat(count));
            let fields = |count: usize| ["a=1"].repeat(count).join("&");
            let error = json!("TypeError: The form has more than 10,000 parts.");
            assert_eq!(form(&worker, MULTIPART, parts(10_000)).await, json!(10_000));
            assert_eq!(form(&worker, MULTIPART, parts(10_001)).await, error);
            assert_eq!(form(&worker, URL_ENCODED, fields(10_000)).await, json!(10_000));
            assert_eq!(form(&worker, URL_ENCODED, fields(10_001)).await, error);
        }),
        trial("web::what_a_form_is_sent_as_is_read_again", || async {
            let reply = Worker::with_handler(
                "const form = new FormData(); form.append('a', 'x\\ny'); form.append('b', new Blob(['z'], { type: 'a/b' }), 'n');
                 const back = await new Response(form).formData();
                 return Response.json([back.get('a'), back.get('b').name, back.get('b').type, await back.get('b').text()])",
            )
            .get("/")
            .await;
            assert_eq!(reply.unwrap().text(), r#"["x\r\ny","n","a/b","z"]"#);
        }),
    ]
}

fn requests() -> Vec<Trial> {
    const METHODS: &str = "const tried = (make) => { try { return make().method } catch (e) { return e.message } };
         return Response.json([
             ...['get', 'patch', 'PATCH', 'propfind', 'patchy'].map((method) => tried(() => new Request('http://a.test/', { method }))),
             tried(() => new Request(request, { method: 'Put' })), tried(() => new Request(request)), tried(() => new Request('http://a.test/', request)),
         ])";
    vec![
        trial("web::methods_are_known_in_lower_case", || async {
            let mut event = request("/");
            event.head.method = http::Method::from_bytes(b"FOO").unwrap();
            let reply = Worker::with_handler(METHODS).build().send(event).await.unwrap();
            assert_eq!(
                reply.text(),
                r#"["GET","PATCH","PATCH","PROPFIND","Invalid HTTP method string: patchy","PUT","FOO","FOO"]"#
            );
        }),
        trial("web::before_a_date_the_standards_methods_alone_are_known_in_lower_case", || async {
            let switches = Switches { upper_case_methods: false, ..Switches::default() };
            let reply = Worker::with_handler(METHODS).with_switches(switches).get("/").await;
            assert_eq!(
                reply.unwrap().text(),
                r#"["GET","Invalid HTTP method string: patch","PATCH","Invalid HTTP method string: propfind","Invalid HTTP method string: patchy","PUT","GET","GET"]"#
            );
        }),
        trial("web::fetch_has_the_methods_of_requests", || async {
            let reply = Worker::with_handler(
                "try { await fetch('data:,x', { method: 'patchy' }) } catch (e) { return new Response(e.message) }",
            )
            .get("/")
            .await;
            assert_eq!(reply.unwrap().text(), "Invalid HTTP method string: patchy");
        }),
        trial("web::requests_are_of_their_class", || async {
            let reply = Worker::with_handler(
                "class Mine extends Request {}
                 const mine = new Mine('http://a.test/', { method: 'patch' });
                 return Response.json([
                     request instanceof Request, request.constructor === Request, Request.name, Request.length, Object.keys(Request),
                     mine instanceof Mine, mine.method, mine.clone() instanceof Request, Object.getPrototypeOf(request) === Request.prototype,
                 ])",
            )
            .get("/")
            .await;
            assert_eq!(
                reply.unwrap().text(),
                r#"[true,true,"Request",1,[],true,"PATCH",true,true]"#
            );
        }),
        trial("web::where_a_request_comes_from_is_told", || async {
            let answer = from_client(
                Known,
                "const { cf } = request;
                 const tried = (change) => { try { change(); return 'changed' } catch (e) { return e.name } };
                 const copy = new Request(request).cf, clone = request.clone().cf, derived = new Request('http://b.test/', request).cf;
                 copy.country = 'FR';
                 return Response.json([
                     cf, request.cf === cf, tried(() => { cf.country = 'FR' }), tried(() => { cf.tlsClientAuth.x = 1 }),
                     copy.country, clone.country, derived.country, copy !== clone,
                     new Request(request, { cf: { a: 1 } }).cf, new Request(new Request(request, { cf: { a: [] } })).cf,
                     typeof new Request('http://b.test/').cf, tried(() => new Request(request, { cf: 1 })),
                     tried(() => Object.getOwnPropertyDescriptor(Request.prototype, 'cf').get.call({})),
                 ])",
            )
            .await;
            assert_eq!(
                answer,
                json!([
                    { "country": "DE", "path": "/p", "tlsClientAuth": { "certPresented": "0" } },
                    true,
                    "TypeError",
                    "TypeError",
                    "FR",
                    "DE",
                    "DE",
                    true,
                    { "a": 1 },
                    { "a": [] },
                    "undefined",
                    "TypeError",
                    "TypeError",
                ])
            );
        }),
        trial("web::where_a_request_comes_from_is_asked_once", || async {
            let answer = from_client(
                Counted::default(),
                "const copy = new Request(request).cf.asked, clone = request.clone().cf.asked, own = request.cf.asked;
                 const own_copy = new Request(request), other = new Request('http://b.test/', { cf: { asked: 0 } });
                 return Response.json([copy, clone, own, own_copy.cf.asked, new Request(own_copy).cf.asked, new Request(other, request).cf.asked, new Request(request, other).cf.asked])",
            )
            .await;
            assert_eq!(answer, json!([1, 1, 1, 1, 1, 1, 0]));
        }),
        trial("web::before_a_date_bots_are_made_up", || async {
            let switches = Switches { bot_management_default: true, ..Switches::default() };
            let reply =
                Worker::with_handler("return Response.json(request.cf.botManagement.score)")
                    .with_switches(switches)
                    .get("/")
                    .await;
            assert_eq!(reply.unwrap().text(), "99");
        }),
        trial("web::what_is_fetched_is_what_was_asked_for", || async {
            let reply = Worker::with_handler(
                "const digest = async (name) => btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest(name, new TextEncoder().encode('hello')))));
                 const right = { sha256: await digest('SHA-256'), sha384: await digest('SHA-384'), sha512: await digest('SHA-512') };
                 const url = 'data:,hello';
                 const tried = async (integrity) => { try { return await (await fetch(url, { integrity })).text() } catch (e) { return e.name } };
                 const unsafe = (text) => text.replaceAll('+', '-').replaceAll('/', '_');
                 return Response.json([
                     await tried('sha256-' + right.sha256), await tried('SHA384-' + right.sha384), await tried(`sha512-${right.sha512}?x`),
                     await tried('sha256-' + unsafe(right.sha256)), await tried('sha256-wrong'), await tried(`sha256-wrong sha256-${right.sha256}`),
                     await tried(`sha256-${right.sha256}\\n sha512-wrong`), await tried(`sha256-wrong sha512-${right.sha512}`), await tried('md5-wrong x'), await tried(''),
                     await fetch(new Request(url, { integrity: 'sha256-wrong' })).then(() => '', (e) => e.name),
                     await fetch(new Request(url, { integrity: 'sha256-wrong' }), { integrity: '' }).then((r) => r.text()),
                     await fetch(url, { integrity: 'sha256-' + right.sha256 }).then((r) => r.clone().text()),
                     (await fetch('data:,', { integrity: 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' })).status,
                 ])",
            )
            .get("/")
            .await;
            assert_eq!(
                reply.unwrap().text(),
                r#"["hello","hello","hello","hello","TypeError","hello","TypeError","hello","hello","hello","TypeError","hello","hello",200]"#
            );
        }),
    ]
}

fn timers() -> Vec<Trial> {
    /// Takes long enough for all timers that the tests set.
    const BUSY: &str = "const busy = () => { for (let i = 0; i < 1e9; i++); };";
    let in_order = |code: &str| {
        format!(
            "{BUSY} const order = []; const note = (name) => () => order.push(name); {code} return Response.json(order)"
        )
    };
    let cases = [
        (
            "web::timers_go_off_in_the_order_in_which_they_are_due",
            "setTimeout(note('a200'), 200); await scheduler.wait(10); setTimeout(note('b200'), 200); setTimeout(note('c2'), 2); busy(); await scheduler.wait(300);",
            r#"["c2","a200","b200"]"#,
        ),
        (
            "web::timers_that_are_due_together_go_off_as_they_were_set",
            "setTimeout(note('a1'), 1); setTimeout(note('b0'), 0); setTimeout(note('c0')); setTimeout(note('d-1'), -1); setTimeout(note('e1'), 1); await scheduler.wait(2);",
            r#"["b0","c0","d-1","a1","e1"]"#,
        ),
        (
            "web::intervals_are_among_the_timers",
            "const over = Promise.withResolvers(); const i = setInterval(() => { order.push('i'); if (order.length > 3) { clearInterval(i); over.resolve() } }, 200); await scheduler.wait(3); setTimeout(note('a200'), 200); setTimeout(note('b1'), 1); busy(); await over.promise;",
            r#"["b1","i","a200","i"]"#,
        ),
        (
            "web::a_timer_that_is_cleared_lets_the_others_go_off",
            "let b; setTimeout(() => { order.push('a'); clearTimeout(b) }, 200); await scheduler.wait(10); b = setTimeout(note('b'), 200); const c = setTimeout(note('c'), 2); setTimeout(note('d'), 3); clearTimeout(c); clearTimeout(c); clearTimeout(1e9); clearTimeout(); busy(); await scheduler.wait(400);",
            r#"["d","a"]"#,
        ),
        (
            "web::a_timer_that_throws_keeps_none_from_going_off",
            "addEventListener('error', (e) => { e.preventDefault(); order.push(e.error) }); const over = Promise.withResolvers(); setTimeout(() => { throw 'a' }, 1); setTimeout(() => setTimeout(() => over.resolve(order.push('c'))), 1); setTimeout(note('b'), 1); await over.promise;",
            r#"["a","b","c"]"#,
        ),
    ];
    let mut trials: Vec<_> = cases
        .into_iter()
        .map(|(name, code, expected)| {
            let handler = in_order(code);
            trial(name, move || async move {
                // Where the machine is busy, its loop may be interpreted for long.
                let worker = Worker::with_handler(&handler).with_cpu_ms(30_000);
                assert_eq!(worker.get("/").await.unwrap().text(), expected);
            })
        })
        .collect();
    trials.push(trial("web::a_timer_of_another_event_cannot_be_cleared", || async {
        let worker = Worker::from_source(
            "let id;
             export default { async fetch(request) {
                 if (request.url.endsWith('/clear')) { clearTimeout(id); return new Response('cleared') }
                 return await new Promise((resolve) => { id = setTimeout(() => resolve(new Response('went off')), 200) });
             } }",
        )
        .build();
        let (waits, clears) = tokio::join!(worker.get("/"), worker.get("/clear"));
        assert_eq!((waits.unwrap().text(), clears.unwrap().text()), ("went off", "cleared"));
    }));
    trials
}
