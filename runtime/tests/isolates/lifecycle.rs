//! Isolates come and go: sharing, isolation, spreading, retirement, load shedding.

use std::collections::HashSet;
use std::time::Duration;

use isolane_runtime::{Failure, IncidentKind, Outcome, Resource};
use libtest_mimic::Trial;

use crate::support::{Worker, incident, incidents, request, runtime, stats, trial};

async fn what_has_shown_short_slices_is_known_to_the_next_process() {
    let worker = Worker::with_handler("return new Response('good')").build();
    let named = (worker.version.worker().clone(), worker.version.id().clone());
    let is_told = || runtime().succession().proven.contains(&named);
    worker.get("/").await.unwrap();
    assert!(!is_told());
    // As the process after it would be told.
    runtime().trust_again([named.clone()]);
    runtime().recognise(&worker.version);
    assert!(is_told());
}

/// All of them wait for the same start.
async fn the_first_event_of_a_start_does_not_end_the_others() {
    let handler = "if (request.url.endsWith('/burn')) for (;;); return new Response('good')";
    let worker = Worker::with_handler(handler).with_cpu_ms(50).build();
    let (burnt, one, other) = tokio::join!(worker.get("/burn"), worker.get("/"), worker.get("/"));
    assert!(matches!(burnt, Err(Failure::ExceededCpu { .. })), "{burnt:?}");
    assert_eq!((one.unwrap().text(), other.unwrap().text()), ("good", "good"));
}

/// What a worker says of something that another event has begun in the same isolate.
async fn said_of_what_was_begun(worker: &Worker) -> String {
    loop {
        worker.get("/begin").await.unwrap();
        let said = worker.get("/said").await.unwrap();
        // The two requests may come to different isolates.
        if !said.text().is_empty() {
            return said.text().to_owned();
        }
    }
}

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "lifecycle::the_first_event_of_a_start_does_not_end_the_others",
            the_first_event_of_a_start_does_not_end_the_others,
        ),
        trial(
            "lifecycle::what_has_shown_short_slices_is_known_to_the_next_process",
            what_has_shown_short_slices_is_known_to_the_next_process,
        ),
        trial("several_events_run_at_once_in_one_isolate", || async {
            // One event waits for what another one sets: one after the other, the first would
            // never answer. With other workers until both meet, for the second event may get an
            // isolate of its own where the first one's shard is busy with another test.
            while !one_event_releases_another().await {}
        }),
        trial("workers_do_not_see_each_other", || async {
            let source = "let count = 0; export default { fetch(request, env) { count++; globalThis.shared ??= env.NAME; Array.prototype.mine ??= env.NAME; return Response.json([env.NAME, count, shared, [].mine]) } }";
            let workers: Vec<_> = (0..20)
                .map(|i| Worker::from_source(source).with_var("NAME", format!("n{i}")).build())
                .collect();
            for round in 1..=3 {
                for (i, worker) in workers.iter().enumerate() {
                    let reply = worker.get("/").await.unwrap();
                    let seen: (String, usize, String, String) =
                        serde_json::from_str(reply.text()).unwrap();
                    let name = format!("n{i}");
                    assert_eq!([&seen.0, &seen.2, &seen.3], [&name; 3]);
                    // A second isolate, made where the first one's shard was busy, counts anew.
                    assert!((1..=round).contains(&seen.1), "{seen:?} in round {round}");
                }
            }
        }),
        trial("a_loaded_worker_gets_isolates_on_several_shards", || async {
            let worker = Worker::from_source(
                "const id = crypto.randomUUID();
                 export default { async fetch() { await scheduler.wait(100); return new Response(id) } }",
            )
            .build();
            let mut isolates = HashSet::new();
            // As long as another test has the other shard, one is right.
            while isolates.len() < 2 {
                let replies = (0..200).map(|_| worker.get("/"));
                for reply in futures_util::future::join_all(replies).await {
                    isolates.insert(reply.unwrap().text().to_owned());
                }
            }
        }),
        trial("a_stuck_shard_does_not_hold_up_other_workers", || async {
            // More spinning events than shards; the quiet worker's answers come all the same.
            let spinner = Worker::with_handler("while (true) {}").with_cpu_ms(400).build();
            let quiet = Worker::with_handler("return new Response('quiet')").build();
            quiet.get("/").await.unwrap();
            let spin = futures_util::future::join_all((0..3).map(|_| spinner.get("/")));
            let asked = async {
                for _ in 0..50 {
                    assert_eq!(quiet.get("/").await.unwrap().text(), "quiet");
                }
            };
            let (spun, ()) = tokio::join!(spin, asked);
            for result in spun {
                assert!(matches!(result, Err(Failure::ExceededCpu { .. })), "{result:?}");
            }
        }),
        trial("cpu_is_charged_to_the_event_that_uses_it", || async {
            // One event waits while another in the same isolate spins in short pieces.
            let worker = Worker::from_source(
                "const spin = () => { let sum = 0; for (let i = 0; i < 1e7; i++) sum += Math.sqrt(i); return sum };
                 export default { async fetch(request) {
                   if (request.url.endsWith('/wait')) { await scheduler.wait(300); return new Response('waited'); }
                   for (let i = 0; i < 10; i++) { spin(); await scheduler.wait(1); }
                   return new Response('spun');
                 } }",
            )
            .build();
            let (waited, spun) = tokio::join!(worker.get("/wait"), worker.get("/spin"));
            assert_eq!((waited.unwrap().text(), spun.unwrap().text()), ("waited", "spun"));
            let [one, other] = worker.two_reports().await;
            assert_eq!((one.outcome, other.outcome), (Outcome::Ok, Outcome::Ok));
            let (less, more) = (one.cpu.min(other.cpu), one.cpu.max(other.cpu));
            assert!(less * 3 < more, "{less:?} and {more:?}");
        }),
        trial("waiting_costs_no_cpu", || async {
            let worker =
                Worker::with_handler("await scheduler.wait(200); return new Response('x')").build();
            worker.get("/").await.unwrap();
            let report = worker.report(|_| true).await;
            assert!(report.cpu < Duration::from_millis(50), "{:?}", report.cpu);
            assert!(report.wall >= Duration::from_millis(200), "{:?}", report.wall);
        }),
        trial("an_event_may_exceed_its_limit_in_many_small_slices", || async {
            let failure = Worker::with_handler(
                "for (;;) { for (let i = 0; i < 3e5; i++) Math.sqrt(i); await scheduler.wait(0) }",
            )
            .with_default_limits()
            .get("/")
            .await
            .unwrap_err();
            assert!(matches!(failure, Failure::ExceededCpu { limit_ms: 1000 }), "{failure:?}");
        }),
        trial("start_up_code_has_a_cpu_limit", || async {
            let failure = Worker::from_source("while (true) {}").get("/").await.unwrap_err();
            assert!(matches!(failure, Failure::StartExceeded { memory: false, .. }), "{failure:?}");
            assert_eq!(
                (failure.status(), failure.code(), failure.outcome()),
                (503, 1102, Outcome::ExceededCpu)
            );
        }),
        trial("start_up_code_has_a_memory_limit", || async {
            let failure =
                Worker::from_source("const a = []; while (true) a.push(new Array(1e5).fill(1.5))")
                    .get("/")
                    .await
                    .unwrap_err();
            assert!(matches!(failure, Failure::StartExceeded { memory: true, .. }), "{failure:?}");
        }),
        trial("subrequests_have_a_limit", || async {
            let reply = Worker::with_handler(
                "const errors = []; for (let i = 0; i < 4; i++) { try { await env.KV.get('k') } catch (e) { errors.push(e.name + ': ' + e.message) } } return Response.json(errors)",
            )
            .with_kv("KV")
            .with_subrequests(3)
            .get("/")
            .await
            .unwrap();
            assert_eq!(reply.text(), r#"["Error: Too many subrequests."]"#);
        }),
        trial("a_kv_namespace_keeps_what_is_put", || async {
            let worker = Worker::with_handler(
                "const { pathname } = new URL(request.url);
                 if (pathname === '/put') await env.KV.put('k', 'v', { metadata: { m: 1 } });
                 return Response.json(await env.KV.getWithMetadata('k'))",
            )
            .with_kv("KV")
            .build();
            assert_eq!(
                worker.get("/").await.unwrap().text(),
                r#"{"value":null,"metadata":null,"cacheStatus":null}"#
            );
            worker.get("/put").await.unwrap();
            assert_eq!(
                worker.get("/").await.unwrap().text(),
                r#"{"value":"v","metadata":{"m":1},"cacheStatus":null}"#
            );
        }),
        trial("a_stream_that_goes_on_after_its_event_is_told_why_it_is_not_put", || async {
            let worker = Worker::from_source(
                "let more, said = '';
                 const endless = () => new ReadableStream({ async pull(controller) {
                   await new Promise((resolve) => { more = resolve });
                   controller.enqueue(new Uint8Array(1));
                 } }, { highWaterMark: 0 });
                 export default { async fetch(request, env) {
                   if (request.url.endsWith('/begin')) {
                     env.KV.put('k', endless()).catch((error) => { said = String(error) });
                     return new Response('begun');
                   }
                   for (let i = 0; i < 200 && said === ''; i++) { more?.(); await scheduler.wait(5); }
                   return new Response(said);
                 } }",
            )
            .with_kv("KV")
            .build();
            assert_eq!(
                said_of_what_was_begun(&worker).await,
                "Error: The event that asked the KV namespace is over."
            );
        }),
        trial("a_stream_of_a_value_is_given_up_with_its_event_unless_it_is_sent", || async {
            let worker = Worker::from_source(
                "let kept;
                 const read = async (reader) => {
                   try {
                     while (!(await reader.read()).done) {}
                     return 'whole';
                   } catch (error) {
                     return String(error);
                   }
                 };
                 export default { async fetch(request, env) {
                   if (request.url.endsWith('/begin')) {
                     await env.KV.put('k', 'v'.repeat(1 << 20));
                     kept = (await env.KV.get('k', 'stream')).getReader();
                     return new Response('begun');
                   }
                   if (request.url.endsWith('/sent')) {
                     return new Response(await env.KV.get('k', 'stream'));
                   }
                   return new Response(kept === undefined ? '' : await read(kept));
                 } }",
            )
            .with_kv("KV")
            .build();
            assert_eq!(
                said_of_what_was_begun(&worker).await,
                "Error: The event that asked the KV namespace is over."
            );
            assert_eq!(worker.get("/sent").await.unwrap().text(), "v".repeat(1 << 20));
        }),
        trial("a_bulk_get_of_no_json_is_rejected", || async {
            let worker = Worker::with_handler(
                "await env.KV.put('k', 'text');
                 return new Response(await env.KV.get(['k'], 'json').then(String, String))",
            )
            .with_kv("KV")
            .build();
            let message = "Error: KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value";
            assert_eq!(worker.get("/").await.unwrap().text(), message);
            assert_eq!(worker.report(|_| true).await.outcome, Outcome::Ok);
        }),
        trial("a_retired_version_finishes_what_it_runs_and_goes", || async {
            let worker =
                Worker::with_handler("await scheduler.wait(50); return new Response('done')")
                    .build();
            // A first event makes sure that the isolate is there.
            worker.get("/").await.unwrap();
            // `join!` polls in order: the event is on its way before the retirement.
            let retire = async { runtime().retire(&worker.version) };
            let (answer, ()) = tokio::join!(worker.get("/"), retire);
            assert_eq!(answer.unwrap().text(), "done");
        }),
        trial("a_version_is_checked_without_being_served", || async {
            let good = Worker::with_handler("return new Response('x')").build();
            let report = runtime().check(&good.version).await.unwrap();
            assert_eq!(report.handlers, ["fetch"]);
            for source in [
                "export default { fetch() {}, async scheduled() {}, queue: () => {}, email: 1 }",
                "export default class { fetch() {} scheduled() {} queue() {} }",
                "for (const type of ['fetch', 'queue', 'scheduled', 'other']) addEventListener(type, () => {})",
                "for (const type of ['fetch', 'queue', 'scheduled', 'other']) self.addEventListener(type, () => {})",
            ] {
                let worker = Worker::from_source(source).build();
                let report = runtime().check(&worker.version).await.unwrap();
                assert_eq!(report.handlers, ["fetch", "scheduled", "queue"], "{source}");
            }
            // A router, a getter, what a worker has made of lists, and other targets of events.
            for source in [
                "export default new Proxy({ fetch() {} }, { get: (target, name) => target[name] ?? (() => {}) })",
                "export default { fetch() {}, get tail() { throw new Error('no') } }",
                "Array.prototype.push = String.prototype.split = () => { throw new Error('no') }; export default { fetch() {} }",
                "addEventListener.call(new EventTarget(), 'queue', () => {}); export default { fetch() {} }",
                "addEventListener('fetch', () => {}); addEventListener.call(new EventTarget(), 'tail', () => {})",
            ] {
                let worker = Worker::from_source(source).build();
                let report = runtime().check(&worker.version).await.unwrap();
                assert_eq!(report.handlers, ["fetch"], "{source}");
            }
            let without = Worker::from_source("export default { email() {} }").build();
            let failure = runtime().check(&without.version).await.unwrap_err().to_string();
            assert!(failure.contains("which are not called yet: email."), "{failure}");
            let bad = Worker::from_source("throw new Error('no')").build();
            assert!(matches!(
                runtime().check(&bad.version).await,
                Err(Failure::CannotStart { .. })
            ));
        }),
        trial("too_many_waiting_events_are_shed", || async {
            let worker = Worker::with_handler("while (true) {}").with_cpu_ms(200).build();
            let results = futures_util::future::join_all((0..1500).map(|_| async {
                tokio::select! {
                    biased;
                    result = worker.open(request("/")) => Some(result),
                    () = tokio::time::sleep(Duration::from_secs(2)) => None,
                }
            }))
            .await;
            let shed = results
                .iter()
                .flatten()
                .filter(|result| matches!(result, Err(Failure::LoadShed { .. })))
                .count();
            assert!(shed > 0, "nothing was shed");
            // Each is told.
            let told = incidents(worker.name(), IncidentKind::Refused(Resource::Events));
            assert_eq!(told, shed);
        }),
        trial("events_that_are_ended_for_later_versions_are_told", || async {
            let worker = Worker::with_handler(
                "console.log('started'); await scheduler.wait(60_000); return new Response('x')",
            )
            .build();
            let outstays = async {
                worker.line("started").await;
                runtime().retire(&worker.version);
                runtime().end(&worker.version);
            };
            let (ended, ()) = tokio::join!(worker.get("/"), outstays);
            assert!(matches!(ended, Err(Failure::IsolateLost { .. })), "{ended:?}");
            let kind = IncidentKind::Evicted(Resource::Versions);
            let told = incident(worker.name(), kind).await.detail;
            assert!(told.starts_with("1 event(s) "), "{told}");
        }),
        trial("thrown_errors_after_the_response_are_reported", || async {
            let worker = Worker::with_handler(
                "ctx.waitUntil(scheduler.wait(5).then(() => { throw new Error('late') })); return new Response('x')",
            )
            .build();
            assert_eq!(worker.get("/").await.unwrap().text(), "x");
            let report = worker.report(|_| true).await;
            assert_eq!(report.outcome, Outcome::Exception);
            assert_eq!(report.exception.unwrap().0, "Error: late");
        }),
        trial("an_error_in_a_timer_is_the_events_exception", || async {
            let worker = Worker::with_handler(
                "setTimeout(() => { throw new Error('in a timer') }, 1); await scheduler.wait(20); return new Response('x')",
            )
            .build();
            assert_eq!(worker.get("/").await.unwrap().text(), "x");
            assert_eq!(worker.report(|_| true).await.exception.unwrap().0, "Error: in a timer");
        }),
        trial("the_figures_come_back_to_nothing_running", || async {
            assert!(runtime().drain(Duration::from_secs(150)).await, "{:?}", stats());
        }),
    ]
}

/// Whether an event that waits for another was answered.
async fn one_event_releases_another() -> bool {
    let worker = Worker::from_source(
        "let released = false;
         export default { async fetch(request) {
           if (request.url.endsWith('/release')) { released = true; return new Response('ok'); }
           while (!released) await scheduler.wait(5);
           return new Response('released');
         } }",
    )
    .build();
    let release = async {
        for _ in 0..100 {
            let releases = (0..8).map(|_| worker.get("/release"));
            futures_util::future::join_all(releases).await;
        }
        // The answer may be on its way.
        worker.get("/release").await
    };
    tokio::select! {
        biased;
        reply = worker.get("/wait") => {
            assert_eq!(reply.unwrap().text(), "released");
            true
        }
        _ = release => false,
    }
}
