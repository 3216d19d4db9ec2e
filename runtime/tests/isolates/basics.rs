//! A worker answers: handlers, modules, `env`, `ctx`, errors.

use isolane_runtime::{ConsoleLevel, Failure, IncidentKind, ModuleSource, Outcome, Resource};
use libtest_mimic::Trial;

use crate::support::{Worker, incidents, request, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("a_handler_answers_with_text", || async {
            let reply =
                Worker::with_handler("return new Response('hello')").get("/").await.unwrap();
            assert_eq!((reply.status, reply.text()), (200, "hello"));
            assert_eq!(reply.header("content-type"), Some("text/plain;charset=UTF-8"));
        }),
        trial("a_handler_sees_the_request", || async {
            let worker = Worker::with_handler(
                "return Response.json({ method: request.method, url: request.url, a: request.headers.get('a') })",
            )
            .build();
            let mut event = crate::support::request("/p?q=1");
            event.head.headers.insert("a", "b".parse().unwrap());
            let reply = worker.send(event).await.unwrap();
            assert_eq!(
                reply.text(),
                r#"{"method":"GET","url":"http://worker.test/p?q=1","a":"b"}"#
            );
        }),
        trial("headers_are_utf_8_on_their_way_out", || async {
            for headers in [
                "{ 'x-name': '日本 é' }",
                "[['x-name', '日本 é']]",
                "new Headers({ 'x-name': '日本 é' })",
                "new Map([['x-name', '日本 é']])",
                "(() => { const it = new Headers(); it.append('x-name', '日本'); it.set('x-name', '日本 é'); return it })()",
            ] {
                for response in ["new Response('x', init)", "Response.json(1, init)"] {
                    let reply = Worker::with_handler(&format!(
                        "const init = {{ headers: {headers} }}; return {response}"
                    ))
                    .get("/")
                    .await
                    .unwrap();
                    assert_eq!(
                        reply.headers["x-name"].as_bytes(),
                        "日本 é".as_bytes(),
                        "{headers}"
                    );
                }
            }
        }),
        trial("headers_are_utf_8_or_else_latin_1_on_their_way_in", || async {
            let worker = Worker::with_handler(
                "return Response.json([...request.headers].concat([request.headers.get('x-a')]))",
            )
            .build();
            let mut event = request("/");
            for (name, value) in
                [("x-a", "日本".as_bytes()), ("x-b", b"caf\xe9"), ("x-c", b"plain")]
            {
                event.head.headers.insert(name, http::HeaderValue::from_bytes(value).unwrap());
            }
            assert_eq!(
                worker.send(event).await.unwrap().text(),
                r#"[["x-a","日本"],["x-b","café"],["x-c","plain"],"日本"]"#
            );
        }),
        trial("what_no_header_can_be_is_refused", || async {
            let reply = Worker::with_handler(
                "const failures = [
                    () => new Headers({ 'x-日': 'a' }), () => new Headers().append('é', 'a'), () => new Headers().get('日'),
                    () => new Headers({ a: 'b\\nc' }), () => new Headers({ a: '日\\rc' }), () => new Headers([['a', 'b\\0c']]),
                    () => new Response('', { statusText: '日' }), () => new Request('http://a.test', { method: '日' }),
                ].map((call) => { try { call(); return 'none' } catch (e) { return e.name } });
                return Response.json([new Set(failures).size, failures[0], new Headers({ a: '\\ud800' }).get('a')])",
            )
            .get("/")
            .await;
            assert_eq!(reply.unwrap().text(), "[1,\"TypeError\",\"\u{fffd}\"]");
        }),
        trial("status_and_headers_arrive", || async {
            let reply = Worker::with_handler(
                "return new Response('x', { status: 418, headers: [['x-a', '1'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2']] })",
            )
            .get("/")
            .await
            .unwrap();
            assert_eq!((reply.status, reply.header("x-a")), (418, Some("1")));
            assert_eq!(reply.headers.get_all("set-cookie").iter().count(), 2);
        }),
        trial("an_asynchronous_handler_answers_later", || async {
            let reply = Worker::with_handler(
                "await new Promise((resolve) => setTimeout(resolve, 5)); return new Response('later')",
            )
            .get("/")
            .await
            .unwrap();
            assert_eq!(reply.text(), "later");
        }),
        trial("variables_are_in_env", || async {
            let reply = Worker::from_source(
                "import { env as imported } from 'cloudflare:workers';
                 const atTheTop = imported.A;
                 export default { fetch: (request, env) => Response.json([env.A, env.B.c, atTheTop, imported.B === env.B]) }",
            )
            .with_var("A", "a")
            .with_var("B", serde_json::json!({ "c": 1 }))
            .get("/")
            .await
            .unwrap();
            assert_eq!(reply.text(), r#"["a",1,"a",true]"#);
        }),
        trial("a_binding_that_is_missing_says_so_when_it_is_used", || async {
            let reply = Worker::with_handler(
                "const tried = (f) => { try { return f() } catch (e) { return e.message } };
                 return Response.json([
                     typeof env.DB, Object.keys(env), await Promise.resolve(env.DB) === env.DB,
                     tried(() => env.DB.prepare('SELECT 1')), JSON.stringify(env.DB),
                     tried(() => { const { BUCKET } = env; return BUCKET.put }),
                 ])",
            )
            .with_missing_binding("DB", "d1_databases")
            .with_missing_binding("BUCKET", "r2_buckets")
            .get("/")
            .await;
            assert_eq!(
                reply.unwrap().text(),
                r#"["object",["DB","BUCKET"],true,"env.DB cannot be used: \"d1_databases\" is not supported yet","{}","env.BUCKET cannot be used: \"r2_buckets\" is not supported yet"]"#
            );
        }),
        trial(
            "an_import_that_is_computed_leads_to_modules_of_the_worker_and_the_runtime",
            || async {
                let main = "const tried = (name) => import(name).then((m) => Object.keys(m).sort()[0], (e) => e.message);
                 export default { fetch: async () => Response.json([
                     await tried(['./lang', 'en.js'].join('/')), await tried('../index.js'.slice(1)),
                     await tried('./lang/' + 'fr.js'), await tried('cloudflare:' + 'workers'), await tried('pa' + 'th'),
                     await tried('isolane:' + 'modules'),
                 ]) };";
                let english = "export const hello = 'hello';";
                for (node_compat, path) in
                    [(false, "No such module \"path\"."), (true, "_makeLong")]
                {
                    let mut worker = Worker::from_source(main)
                        .with_module("lang/en.js", ModuleSource::EsModule(english.into()));
                    if node_compat {
                        worker = worker.with_node_compat();
                    }
                    let expected = serde_json::json!([
                        "hello",
                        "default",
                        "No such module \"./lang/fr.js\".",
                        "DurableObject",
                        path,
                        "No such module \"isolane:modules\".",
                    ]);
                    assert_eq!(worker.get("/").await.unwrap().text(), expected.to_string());
                }
            },
        ),
        trial("a_cache_stores_nothing_and_a_web_socket_cannot_be_opened", || async {
            let reply = Worker::with_handler(
                "const cache = caches.default;
                 const tried = async (f) => { try { return String(await f()) } catch (e) { return e.message } };
                 const response = new Response('x');
                 return Response.json([
                     await tried(() => cache.put(request, response.clone())), await response.text(),
                     await tried(() => cache.match(request)), await tried(() => cache.delete('http://a.test/')),
                     await tried(async () => (await caches.open('x')).match('http://a.test/')),
                     await tried(() => cache.put(new Request('http://a.test/', { method: 'POST' }), new Response())),
                     await tried(() => cache.match('no URL')) !== 'undefined',
                     typeof WebSocket, await tried(() => new WebSocket('ws://a.test')), await tried(() => new WebSocketPair()),
                 ])",
            )
            .get("/")
            .await;
            assert_eq!(
                reply.unwrap().text(),
                r#"["undefined","x","undefined","false","undefined","Cannot cache response to non-GET request.",true,"function","WebSockets are not supported yet: a WebSocket cannot be opened","WebSockets are not supported yet: a WebSocketPair cannot be made"]"#
            );
        }),
        trial("classes_of_what_is_planned_can_be_extended", || async {
            let reply = Worker::from_source(
                "import { DurableObject, RpcTarget, WorkflowEntrypoint } from 'cloudflare:workers';
                 import * as all from 'cloudflare:workers';
                 export class Room extends DurableObject {}
                 class Flow extends WorkflowEntrypoint {}
                 class Target extends RpcTarget {}
                 const tried = (make) => { try { make(); return 'made' } catch (e) { return e.message } };
                 export default { fetch: () => Response.json([
                     Object.keys(all).filter((name) => name !== 'default'), tried(() => new Target()), tried(() => new Room()), tried(() => new Flow()),
                 ]) }",
            )
            .get("/")
            .await;
            let exports: Vec<_> = provided::WORKERS.exports.split(' ').collect();
            let expected = serde_json::json!([
                exports,
                "made",
                "Durable Objects are not supported yet: a DurableObject cannot be made",
                "Workflows are not supported yet: a WorkflowEntrypoint cannot be made",
            ]);
            assert_eq!(reply.unwrap().text(), expected.to_string());
        }),
        trial("a_class_that_extends_worker_entrypoint_answers", || async {
            let reply = Worker::from_source(
                "import { WorkerEntrypoint } from 'cloudflare:workers';
                 export default class extends WorkerEntrypoint { fetch(request) { return new Response(this.env.A + typeof this.ctx.waitUntil) } }",
            )
            .with_var("A", "a")
            .get("/")
            .await
            .unwrap();
            assert_eq!(reply.text(), "afunction");
        }),
        trial("service_worker_syntax_answers", || async {
            let reply = Worker::from_source(
                "addEventListener('fetch', (event) => event.respondWith(new Response(new URL(event.request.url).pathname + A)))",
            )
            .with_var("A", "a")
            .get("/p")
            .await
            .unwrap();
            assert_eq!(reply.text(), "/pa");
        }),
        trial("modules_of_every_type_are_imported", || async {
            // (module (func (export "answer") (result i32) (i32.const 42)))
            let wasm: &[u8] = &[
                0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 10, 1, 6, 97,
                110, 115, 119, 101, 114, 0, 0, 10, 6, 1, 4, 0, 65, 42, 11,
            ];
            let reply = Worker::from_source(
                "import { name } from './lib.js'; import json from './a.json'; import text from './a.txt';
                 import data from './a.bin'; import wasm from './a.wasm';
                 const instance = new WebAssembly.Instance(wasm);
                 export default { fetch: () => Response.json([name, json.a, text, data instanceof ArrayBuffer, new Uint8Array(data)[1], instance.exports.answer()]) }",
            )
            .with_module("./lib.js", ModuleSource::EsModule("export const name = 'lib'".into()))
            .with_module("./a.json", ModuleSource::Json(r#"{"a":[1]}"#.into()))
            .with_module("./a.txt", ModuleSource::Text("line\n\u{2028}\"".into()))
            .with_module("./a.bin", ModuleSource::Data(vec![7, 8].into()))
            .with_module("./a.wasm", ModuleSource::Wasm(wasm.into()))
            .get("/")
            .await
            .unwrap();
            let expected = serde_json::json!(["lib", [1], "line\n\u{2028}\"", true, 8, 42]);
            assert_eq!(serde_json::from_str::<serde_json::Value>(reply.text()).unwrap(), expected);
        }),
        trial("an_import_that_is_not_in_the_bundle_cannot_start", || async {
            for source in [
                "import 'node:fs'",
                "import 'ext:core/mod.js'",
                "import 'isolane:modules'",
                "import 'file:///etc/passwd'",
            ] {
                let failure = Worker::from_source(source).get("/").await.unwrap_err();
                assert!(matches!(failure, Failure::CannotStart { .. }), "{source}: {failure:?}");
            }
        }),
        trial("wait_until_goes_on_after_the_response", || async {
            let worker = Worker::with_handler(
                "ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 20)).then(() => console.log('done'))); return new Response('x')",
            )
            .build();
            worker.get("/").await.unwrap();
            assert_eq!(worker.line("done").await.0, ConsoleLevel::Log);
            assert_eq!(worker.report(|_| true).await.outcome, Outcome::Ok);
        }),
        trial("wait_until_ends_after_its_time", || async {
            let worker = Worker::with_handler(
                "ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 60_000))); return new Response('x')",
            )
            .build();
            worker.get("/").await.unwrap();
            assert_eq!(worker.report(|_| true).await.outcome, Outcome::ExceededWallTime);
        }),
        trial("wait_until_needs_its_context", || async {
            let reply = Worker::with_handler(
                "const { waitUntil } = ctx; try { waitUntil(1) } catch (e) { return new Response(e.name + ': ' + e.message) }",
            )
            .get("/")
            .await
            .unwrap();
            assert_eq!(reply.text(), "TypeError: Illegal invocation");
        }),
        trial("an_exception_is_named_with_its_stack", || async {
            let worker = Worker::from_source(
                "function inner() { throw new TypeError('boom') }\nexport default { fetch() { inner() } }",
            )
            .build();
            let failure = worker.get("/").await.unwrap_err();
            let Failure::Threw { message, stack } = &failure else { panic!("{failure:?}") };
            assert_eq!(message, "TypeError: boom");
            assert!(stack.contains("worker:///index.js:1:26"), "{stack}");
            assert_eq!((failure.status(), failure.code()), (500, 1101));
            let report = worker.report(|_| true).await;
            assert_eq!(report.outcome, Outcome::Exception);
            assert_eq!(report.exception.unwrap().0, "TypeError: boom");
        }),
        trial("an_answer_that_is_no_response_is_an_exception", || async {
            let failure = Worker::with_handler("return 'text'").get("/").await.unwrap_err();
            assert!(failure.to_string().contains("did not resolve to 'Response'"), "{failure}");
        }),
        trial("a_handler_that_can_never_answer_fails_at_once", || async {
            let failure =
                Worker::with_handler("await new Promise(() => {})").get("/").await.unwrap_err();
            assert!(matches!(failure, Failure::NeverResponds), "{failure:?}");
            assert_eq!(failure.to_string(), "The script will never generate a response");
        }),
        trial("a_worker_without_a_handler_cannot_start", || async {
            let failure = Worker::from_source("export default {}").get("/").await.unwrap_err();
            assert!(failure.to_string().contains("no fetch handler"), "{failure}");
            assert_eq!((failure.status(), failure.code()), (503, 1101));
        }),
        trial("a_worker_that_throws_at_its_top_cannot_start", || async {
            let failure = Worker::from_source("throw new Error('top')").get("/").await.unwrap_err();
            let Failure::CannotStart { message, stack, .. } = &failure else {
                panic!("{failure:?}")
            };
            assert_eq!(message, "Error: top");
            assert!(stack.contains("worker:///index.js:1:7"), "{stack}");
        }),
        trial("requests_after_a_start_that_has_failed_are_told", || async {
            let worker = Worker::from_source("throw new Error('top')").build();
            // Until one comes before the start is tried again.
            while incidents(worker.name(), IncidentKind::Refused(Resource::Starts)) == 0 {
                let failure = worker.get("/").await.unwrap_err();
                assert!(matches!(failure, Failure::CannotStart { .. }), "{failure:?}");
            }
        }),
        trial("a_syntax_error_cannot_start", || async {
            let failure = Worker::from_source("export default {").get("/").await.unwrap_err();
            assert!(failure.to_string().contains("SyntaxError"), "{failure}");
        }),
        trial("top_level_await_of_promises_works", || async {
            let reply = Worker::from_source(
                "const a = await Promise.resolve('a'); export default { fetch: () => new Response(a) }",
            )
            .get("/")
            .await
            .unwrap();
            assert_eq!(reply.text(), "a");
        }),
        trial("top_level_await_that_never_settles_cannot_start", || async {
            let failure = Worker::from_source("await new Promise(() => {}); export default {}")
                .get("/")
                .await
                .unwrap_err();
            assert!(matches!(failure, Failure::CannotStart { .. }), "{failure:?}");
        }),
        trial("there_are_no_timers_and_no_fetch_at_the_top", || async {
            for code in ["setTimeout(() => {}, 0)", "fetch('http://a.test/')"] {
                let failure = Worker::from_source(code).get("/").await.unwrap_err();
                assert!(failure.to_string().contains("global scope"), "{failure}");
            }
        }),
        trial("code_from_strings_may_be_allowed_at_the_start_alone", || async {
            let source = "const seven = new Function('return 7')();
                 export default { fetch() {
                     let later = 'refused';
                     try { later = eval('1') } catch {}
                     return new Response(`${seven} ${later}`)
                 } }";
            let reply = Worker::from_source(source).with_startup_eval().get("/").await;
            assert_eq!(reply.unwrap().text(), "7 refused");
            let failure = Worker::from_source(source).get("/").await.unwrap_err();
            assert!(matches!(failure, Failure::CannotStart { .. }), "{failure:?}");
        }),
        trial("code_from_strings_is_refused", || async {
            for code in [
                "eval('1')",
                "new Function('return 1')()",
                "new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0]))",
            ] {
                let failure = Worker::with_handler(&format!("{code}; return new Response('x')"))
                    .get("/")
                    .await
                    .unwrap_err();
                assert!(matches!(failure, Failure::Threw { .. }), "{code}: {failure:?}");
                let reply = Worker::with_handler(&format!("{code}; return new Response('x')"))
                    .with_unsafe_eval()
                    .get("/")
                    .await
                    .unwrap();
                assert_eq!(reply.text(), "x");
            }
        }),
        trial("console_lines_have_their_level", || async {
            let worker = Worker::with_handler(
                "console.log('a', { b: [1] }); console.warn('w'); console.error(new Error('e')); return new Response('x')",
            )
            .build();
            worker.get("/").await.unwrap();
            assert_eq!(worker.line("a {").await, (ConsoleLevel::Log, "a { b: [ 1 ] }".to_owned()));
            assert_eq!(worker.line("w").await.0, ConsoleLevel::Warn);
            assert_eq!(worker.line("Error: e").await.0, ConsoleLevel::Error);
        }),
    ]
}
