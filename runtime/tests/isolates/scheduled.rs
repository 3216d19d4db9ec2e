//! Events that are no requests, cron triggers and what other workers have done; and what events of all kinds
//! share: entrypoints, `ctx`, and what belongs to no event. Batches are in `queues`.

use isolane_runtime::{
    Call, CallContext, ConsoleLevel, Ended, Failure, KindResult, Outcome, Reply, Scheduled,
    TailBatch, Trigger,
};
use libtest_mimic::Trial;

use crate::support::{Worker, request, runtime, trial};

fn cron() -> Trigger {
    let scheduled_time_ms = 1_700_000_000_000;
    Trigger::Scheduled(Scheduled { cron: "*/5 * * * *".into(), scheduled_time_ms })
}

fn tail(items: &str) -> Trigger {
    Trigger::Tail(TailBatch { items: items.into() })
}

fn context(entrypoint: &str, props: Option<&str>) -> CallContext {
    CallContext {
        entrypoint: Some(entrypoint.into()),
        props: props.map(Into::into),
        ..CallContext::default()
    }
}

/// What was thrown.
fn message(ended: &Ended) -> &str {
    ended.exception.as_ref().map_or("", |thrown| &thrown.message)
}

/// The text of a response of an entrypoint.
async fn fetch_from(worker: &Worker, context: CallContext) -> Result<String, Failure> {
    let call = Call::new(Trigger::Fetch(Box::new(request("/"))), context);
    let Reply::Response(response) = runtime().run(&worker.version, call).await? else {
        panic!("a request has a response")
    };
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    Ok(String::from_utf8(body.to_bytes().to_vec()).unwrap())
}

pub fn trials() -> Vec<Trial> {
    let mut trials = triggers();
    trials.extend(entrypoints());
    trials.extend(shared());
    trials.extend(tails());
    trials
}

fn triggers() -> Vec<Trial> {
    vec![
        trial("scheduled::a_controller_says_what_is_due", || async {
            let worker = Worker::from_source(
                "export default { scheduled(controller, env, ctx) {
                     const { noRetry } = controller;
                     let refused = '';
                     try { noRetry() } catch (e) { refused = `${e.name}: ${e.message}` }
                     let kept = false;
                     try { controller.cron = 'x' } catch (e) { kept = e instanceof TypeError }
                     console.log(JSON.stringify([
                         controller, typeof controller.type, typeof controller.waitUntil, env.A,
                         ctx.props, refused, kept,
                     ]));
                 } }",
            )
            .with_var("A", "a")
            .build();
            let ended = worker.run(cron()).await.unwrap();
            assert_eq!((ended.outcome, message(&ended)), (Outcome::Ok, ""));
            assert!(matches!(ended.result, KindResult::Scheduled { no_retry: false }));
            assert_eq!(
                worker.line("[").await.1,
                r#"[{"scheduledTime":1700000000000,"cron":"*/5 * * * *"},"undefined","undefined","a",{},"TypeError: Illegal invocation",true]"#
            );
        }),
        trial("scheduled::who_does_not_want_it_again_says_so", || async {
            let worker = Worker::from_source(
                "export default { async scheduled(controller) { await 1; controller.noRetry(); throw new Error('no') } }",
            )
            .build();
            let ended = worker.run(cron()).await.unwrap();
            assert_eq!((ended.outcome, message(&ended)), (Outcome::Exception, "Error: no"));
            assert!(matches!(ended.result, KindResult::Scheduled { no_retry: true }));
        }),
        trial("scheduled::a_class_gets_one_argument", || async {
            let worker = Worker::from_source(
                "import { WorkerEntrypoint } from 'cloudflare:workers';
                 export default class extends WorkerEntrypoint {
                     scheduled(controller) {
                         this.ctx.waitUntil(1);
                         console.log(`[${arguments.length} ${controller.cron} ${this.env.A}]`);
                     }
                 }",
            )
            .with_var("A", "a")
            .build();
            assert_eq!(worker.run(cron()).await.unwrap().outcome, Outcome::Ok);
            assert_eq!(worker.line("[").await.1, "[1 */5 * * * * a]");
        }),
        trial("scheduled::a_worker_without_the_handler_fails_in_the_words_of_workers", || async {
            let worker = Worker::with_handler("return new Response('x')").build();
            let ended = worker.run(cron()).await.unwrap();
            assert_eq!(ended.outcome, Outcome::Exception);
            assert_eq!(message(&ended), "Error: Handler does not export a scheduled() function");
            assert!(matches!(ended.result, KindResult::Scheduled { no_retry: true }));
            let (level, text) = worker.line("we lack a handler").await;
            assert_eq!(level, ConsoleLevel::Warn);
            assert_eq!(
                text,
                "Received a ScheduledEvent but we lack a handler for ScheduledEvents (a.k.a. Cron \
                 Triggers). Did you remember to export a scheduled() function?"
            );
        }),
        trial("scheduled::listeners_get_an_event", || async {
            let worker = Worker::from_source(
                "addEventListener('scheduled', (event) => {
                     event.noRetry();
                     event.waitUntil(scheduler.wait(5).then(() => console.log(
                         `[${event.type} ${event.cron} ${event.scheduledTime} ${event instanceof Event} ${A}]`)));
                 })",
            )
            .with_var("A", "a")
            .build();
            let ended = worker.run(cron()).await.unwrap();
            assert_eq!((ended.outcome, message(&ended)), (Outcome::Ok, ""));
            assert!(matches!(ended.result, KindResult::Scheduled { no_retry: true }));
            let line = worker.line("[").await.1;
            assert_eq!(line, "[scheduled */5 * * * * 1700000000000 true a]");
            let without = Worker::from_source("addEventListener('queue', () => {})").build();
            let ended = without.run(cron()).await.unwrap();
            let expected = "Error: No event listener registered for scheduled events.";
            assert_eq!(message(&ended), expected);
        }),
        trial("scheduled::what_a_handler_waits_for_is_part_of_the_event", || async {
            let worker = Worker::from_source(
                "export default { scheduled(controller, env, ctx) {
                     ctx.waitUntil(scheduler.wait(30).then(() => console.log('done')));
                 } }",
            )
            .build();
            assert_eq!(worker.run(cron()).await.unwrap().outcome, Outcome::Ok);
            assert!(worker.report(|_| true).await.wall.as_millis() >= 30);
            worker.line("done").await;
            let failing = Worker::from_source(
                "export default { scheduled(controller, env, ctx) {
                     ctx.waitUntil(scheduler.wait(5).then(() => { throw new Error('late') }));
                 } }",
            )
            .build();
            let ended = failing.run(cron()).await.unwrap();
            assert_eq!((ended.outcome, message(&ended)), (Outcome::Exception, "Error: late"));
        }),
    ]
}

fn entrypoints() -> Vec<Trial> {
    vec![
        trial("entrypoints::a_worker_needs_no_fetch_handler", || async {
            let worker = Worker::from_source("export default { scheduled() {} }").build();
            assert_eq!(runtime().check(&worker.version).await.unwrap().handlers, ["scheduled"]);
            assert_eq!(worker.run(cron()).await.unwrap().outcome, Outcome::Ok);
            let failure = worker.get("/").await.unwrap_err();
            let Failure::Threw { message, .. } = &failure else { panic!("{failure:?}") };
            assert_eq!(message, "Error: Handler does not export a fetch() function.");
        }),
        trial("entrypoints::handlers_are_listed_with_their_entrypoints", || async {
            let worker = Worker::from_source(
                "import { WorkerEntrypoint } from 'cloudflare:workers';
                 export { Other } from './other.js';
                 export class Api extends WorkerEntrypoint { queue() {} fetch() {} }
                 export class Plain { fetch() {} }
                 export const jobs = { scheduled() {}, email() {} }, config = { retries: 3 };
                 export { WorkerEntrypoint };
                 export const number = 1, nothing = null, call = () => {};
                 const long = {}; export { long as 'a b' }; long.fetch = () => {};
                 export default { fetch() {}, trace() {} }",
            )
            .with_module(
                "./other.js",
                isolane_runtime::ModuleSource::EsModule(
                    "import { WorkerEntrypoint } from 'cloudflare:workers';
                     class Base extends WorkerEntrypoint { tail() {} }
                     export class Other extends Base { method() {} }"
                        .into(),
                ),
            )
            .build();
            let handlers = runtime().check(&worker.version).await.unwrap().handlers;
            assert_eq!(
                handlers,
                [
                    "fetch",
                    "tail",
                    "Api.fetch",
                    "Api.queue",
                    "Other.tail",
                    "jobs.scheduled",
                    "jobs.email"
                ]
            );
        }),
        trial("entrypoints::each_is_called_by_its_name", || async {
            let worker = Worker::from_source(
                "import { WorkerEntrypoint } from 'cloudflare:workers';
                 export class Api extends WorkerEntrypoint {
                     fetch(request) { return Response.json([this.ctx.props, this.env.A, arguments.length]) }
                     scheduled() { console.log('[Api]') }
                 }
                 export const plain = { async fetch(request, env, ctx) { return Response.json([ctx.props, env.A]) } };
                 export default { fetch: () => new Response('default'), scheduled() { console.log('[default]') } }",
            )
            .with_var("A", "a")
            .build();
            let props = Some(r#"{"who":"shop"}"#);
            let reply = fetch_from(&worker, context("Api", props)).await;
            assert_eq!(reply.unwrap(), r#"[{"who":"shop"},"a",1]"#);
            let reply = fetch_from(&worker, context("plain", None)).await;
            assert_eq!(reply.unwrap(), r#"[{},"a"]"#);
            let reply = fetch_from(&worker, context("default", None)).await;
            assert_eq!(reply.unwrap(), "default");
            let call = Call::new(cron(), context("Api", None));
            assert!(matches!(
                runtime().run(&worker.version, call).await,
                Ok(Reply::Ended(Ended { outcome: Outcome::Ok, .. }))
            ));
            worker.line("[Api]").await;
        }),
        trial("entrypoints::one_that_is_not_there_fails_by_name", || async {
            let worker = Worker::with_handler("return new Response('x')").build();
            let failure = fetch_from(&worker, context("Api", None)).await.unwrap_err();
            assert!(failure.to_string().contains(r#"no entrypoint "Api""#), "{failure}");
            let call = Call::new(cron(), context("Api", None));
            let Ok(Reply::Ended(ended)) = runtime().run(&worker.version, call).await else {
                panic!("it has run")
            };
            assert_eq!(ended.outcome, Outcome::Exception);
        }),
        trial("entrypoints::a_class_with_methods_of_its_own_alone_starts", || async {
            let worker = Worker::from_source(
                "import { WorkerEntrypoint } from 'cloudflare:workers';
                 export class Api extends WorkerEntrypoint { add(a, b) { return a + b } }",
            )
            .build();
            let report = runtime().check(&worker.version).await.unwrap();
            assert!(report.handlers.is_empty(), "{:?}", report.handlers);
        }),
    ]
}

fn shared() -> Vec<Trial> {
    vec![
        trial("events::abort_ends_the_event_with_its_reason", || async {
            let worker = Worker::from_source(
                "export default {
                     fetch(request, env, ctx) {
                         ctx.waitUntil(scheduler.wait(60_000));
                         const { pathname } = new URL(request.url);
                         if (pathname === '/caught') {
                             try { ctx.abort(new TypeError('mine')) } catch {}
                             return new Response('answered all the same');
                         }
                         ctx.abort();
                     },
                     scheduled(controller, env, ctx) { ctx.abort(new Error('no more')) },
                 }",
            )
            .build();
            for (path, expected) in [
                ("/", "Error: Worker execution was aborted due to call to ctx.abort()."),
                ("/caught", "TypeError: mine"),
            ] {
                let failure = worker.get(path).await.unwrap_err();
                let Failure::Threw { message, .. } = &failure else { panic!("{failure:?}") };
                assert_eq!(message, expected);
                let report = worker.report(|report| {
                    report.exception.as_ref().is_some_and(|(message, _)| message == expected)
                });
                assert_eq!(report.await.outcome, Outcome::Exception);
            }
            let ended = worker.run(cron()).await.unwrap();
            assert_eq!((ended.outcome, message(&ended)), (Outcome::Exception, "Error: no more"));
        }),
        trial("events::a_body_that_is_being_sent_breaks_off_with_abort", || async {
            let worker = Worker::with_handler(
                "const body = new ReadableStream({ async pull(controller) {
                     controller.enqueue(new Uint8Array(10));
                     await scheduler.wait(5);
                     ctx.abort(new Error('in the middle'));
                 } }, { highWaterMark: 0 });
                 return new Response(body)",
            )
            .build();
            let reply = worker.get("/").await.unwrap();
            assert!(reply.body.is_err(), "{reply:?}");
            assert_eq!(worker.report(|_| true).await.outcome, Outcome::Exception);
        }),
        trial("events::nobody_waits_at_the_top_level", || async {
            let failure = Worker::from_source(
                "import { waitUntil } from 'cloudflare:workers'; waitUntil(1); export default { fetch() {} }",
            )
            .get("/")
            .await
            .unwrap_err();
            let expected = "Disallowed operation called within global scope. ";
            assert!(failure.to_string().contains(expected), "{failure}");
        }),
        trial("events::code_of_no_event_does_nothing_for_another", || async {
            let worker = Worker::from_source(
                "let go;
                 const later = new Promise((resolve) => { go = resolve }).then(() => fetch('http://a.test/'));
                 later.catch(() => {});
                 export default { async fetch() {
                     go();
                     return later.then(() => new Response('it went'), (e) => new Response(`${e.name}: ${e.message}`));
                 } }",
            )
            .build();
            let reply = worker.get("/").await.unwrap();
            assert!(reply.text().starts_with("Error: fetch() belongs to no event: "), "{reply:?}");
        }),
        trial("events::an_exception_of_no_event_is_told_and_is_nobody_elses", || async {
            let worker = Worker::from_source(
                "let go;
                 new Promise((resolve) => { go = resolve }).then(() => { throw new Error('stray') });
                 export default { async fetch() {
                     go();
                     await scheduler.wait(20);
                     return new Response('fine');
                 } }",
            )
            .build();
            assert_eq!(worker.get("/").await.unwrap().text(), "fine");
            let report = worker.report(|_| true).await;
            assert_eq!((report.outcome, report.exception), (Outcome::Ok, None));
            let (event, level, text) = worker.line_of("stray").await;
            assert_eq!((event, level), (None, ConsoleLevel::Error));
            assert!(text.starts_with("Uncaught Error: stray\n    at "), "{text}");
        }),
    ]
}

fn tails() -> Vec<Trial> {
    vec![
        trial("tail::items_are_complete_and_secrets_are_covered", || async {
            let worker = Worker::from_source(
                "export default { tail(items, env, ctx) {
                     const [asked, due] = items;
                     const { request } = asked.event;
                     console.log(JSON.stringify([
                         Array.isArray(items), asked.constructor.name, asked.scriptName, asked.logs, asked.outcome,
                         asked.exceptions, asked.truncated, request, request.getUnredacted().headers,
                         request.getUnredacted().url, request.getUnredacted().getUnredacted().url,
                         due.event.scheduledTime instanceof Date, +due.event.scheduledTime, due.eventTimestamp,
                     ]));
                 } }",
            )
            .build();
            let items = r#"[
                { "scriptName": "shop", "outcome": "ok", "eventTimestamp": 5, "event": { "request": {
                    "method": "GET", "url": "http://a.b/0123456789abcdef0123456789abcdef",
                    "headers": { "accept": "*/*", "authorization": "Bearer x" } } } },
                { "event": { "scheduledTime": "1970-01-01T00:00:00.007Z" } }
            ]"#;
            let ended = worker.run(tail(items)).await.unwrap();
            assert_eq!((ended.outcome, message(&ended)), (Outcome::Ok, ""));
            assert!(matches!(ended.result, KindResult::Tail));
            let whole = "http://a.b/0123456789abcdef0123456789abcdef";
            let expected = serde_json::json!([
                true, "TraceItem", "shop", [], "ok", [], false,
                { "headers": { "accept": "*/*", "authorization": "REDACTED" }, "method": "GET",
                  "url": "http://a.b/REDACTED" },
                { "accept": "*/*", "authorization": "Bearer x" }, whole, whole, true, 7, null,
            ]);
            let line = worker.line("[").await.1;
            assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), expected);
        }),
        trial("tail::the_old_name_and_listeners_are_called_too", || async {
            for source in [
                "export default { trace(items) { console.log(`[${items.length}]`) } }",
                "export default class { trace(items) { console.log(`[${items.length}]`) } }",
                "addEventListener('tail', (e) => console.log(`[${e.events.length}]`))",
                "addEventListener('trace', (e) => console.log(`[${e.traces.length}]`))",
            ] {
                let worker = Worker::from_source(source).build();
                let ended = worker.run(tail("[{}, {}]")).await.unwrap();
                assert_eq!((ended.outcome, message(&ended)), (Outcome::Ok, ""), "{source}");
                assert_eq!(worker.line("[").await.1, "[2]");
            }
            let without = Worker::from_source("export default { fetch() {} }").build();
            let ended = without.run(tail("[{}]")).await.unwrap();
            assert_eq!(message(&ended), "Error: Handler does not export a tail() function.");
        }),
    ]
}
