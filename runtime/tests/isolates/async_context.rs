//! AsyncLocalStorage: a value follows what it was given to, never reaches another event, and
//! does not hide an event from what charges it.

use isolane_runtime::{Failure, Outcome};
use libtest_mimic::Trial;

use crate::support::{Worker, request, trial};

const IMPORT: &str = r#"
    import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
    const als = new AsyncLocalStorage();
    const other = new AsyncLocalStorage();
    const shared = {};
    const json = (value) => Response.json(value ?? null);
"#;

/// (name, body of the handler, its answer as JSON)
const FLOWS: &[(&str, &str, &str)] = &[
    ("run_gives_the_value", "return json(als.run(7, () => als.getStore()))", "7"),
    ("nothing_is_there_outside", "als.run(7, () => {}); return json(als.getStore())", "null"),
    (
        "run_passes_arguments",
        "return json(als.run(1, (a, b) => [a, b, als.getStore()], 2, 3))",
        "[2,3,1]",
    ),
    (
        "run_restores_after_a_throw",
        "try { als.run(1, () => { throw 0 }) } catch {} return json(als.getStore())",
        "null",
    ),
    (
        "a_value_follows_await",
        "return json(await als.run(7, async () => { await 1; await scheduler.wait(1); return als.getStore() }))",
        "7",
    ),
    (
        "a_value_follows_then",
        "return json(await als.run(7, () => Promise.resolve().then(() => als.getStore())))",
        "7",
    ),
    (
        "a_value_follows_queue_microtask",
        "return json(await als.run(7, () => new Promise((r) => queueMicrotask(() => r(als.getStore())))))",
        "7",
    ),
    (
        "a_value_follows_next_tick",
        "return json(await als.run(7, () => new Promise((r) => process.nextTick(() => r(als.getStore())))))",
        "7",
    ),
    (
        "a_value_follows_timers",
        "return json(await als.run(7, () => Promise.all([new Promise((r) => setTimeout(() => r(als.getStore()), 1)), new Promise((r) => setImmediate(() => r(als.getStore()))), new Promise((r) => { const i = setInterval(() => { clearInterval(i); r(als.getStore()) }, 1) })])))",
        "[7,7,7]",
    ),
    (
        "a_value_follows_wait_until",
        "return json(await new Promise((r) => als.run(7, () => ctx.waitUntil((async () => { await scheduler.wait(1); r(als.getStore()) })()))))",
        "7",
    ),
    (
        "a_value_follows_a_stream",
        "return als.run(7, () => new Response(new ReadableStream({ async pull(c) { await 1; c.enqueue(new TextEncoder().encode(String(als.getStore()))); c.close() } }, { highWaterMark: 1 })))",
        "7",
    ),
    (
        "a_value_follows_async_iteration",
        "return json(await als.run(7, async () => { async function* g() { yield als.getStore(); await 1; yield als.getStore() } const seen = []; for await (const v of g()) seen.push(v); return seen }))",
        "[7,7]",
    ),
    (
        "a_value_follows_kv",
        "return json(await als.run(7, async () => { await env.KV.put('a', 'b'); const first = als.getStore(); await env.KV.get('a'); return [first, als.getStore()] }))",
        "[7,7]",
    ),
    (
        "a_value_follows_web_crypto",
        "return json(await als.run(7, async () => { await crypto.subtle.digest('SHA-256', new Uint8Array(9)); return als.getStore() }))",
        "7",
    ),
    (
        "a_value_follows_transforms_and_pipes",
        "return json(await als.run(7, async () => { let seen; await new Response('x').body.pipeThrough(new TransformStream({ async transform(c, k) { await 1; seen = als.getStore(); k.enqueue(c) } })).pipeTo(new WritableStream({})); return seen }))",
        "7",
    ),
    (
        "a_value_follows_node_streams",
        "const { Readable, Transform } = await import('node:stream'); const { pipeline } = await import('node:stream/promises'); const seen = []; await als.run(7, () => pipeline(Readable.from(['a', 'b']), new Transform({ transform(c, e, cb) { seen.push(als.getStore()); setImmediate(() => cb(null, c)) } }), async function (s) { for await (const _ of s) seen.push(als.getStore()) })); return json(seen.every((v) => v === 7) && seen.length > 2)",
        "true",
    ),
    (
        "two_storages_are_apart",
        "return json(als.run(1, () => other.run(2, () => [als.getStore(), other.getStore(), als.run(3, () => [als.getStore(), other.getStore()])])))",
        "[1,2,[3,2]]",
    ),
    (
        "enter_with_lasts",
        "als.enterWith(5); const a = als.getStore(); await 1; return json([a, als.getStore()])",
        "[5,5]",
    ),
    (
        "enter_with_inside_run_ends_with_it",
        "return json([als.run(1, () => { als.enterWith(2); return als.getStore() }), als.getStore() ?? null])",
        "[2,null]",
    ),
    (
        "exit_hides_the_value",
        "return json(als.run(1, () => [als.exit(() => als.getStore() ?? null), als.getStore()]))",
        "[null,1]",
    ),
    (
        "disable_forgets_the_value",
        "return json(als.run(1, () => { als.disable(); return als.getStore() }))",
        "null",
    ),
    (
        "undefined_is_a_value",
        "return json(als.run(1, () => als.run(undefined, () => als.getStore() === undefined)))",
        "true",
    ),
    (
        "a_default_value",
        "const d = new AsyncLocalStorage({ defaultValue: 3, name: 'n' }); return json([d.getStore(), d.name, d.run(4, () => d.getStore())])",
        r#"[3,"n",4]"#,
    ),
    (
        "bind_keeps_the_value",
        "const f = als.run(1, () => AsyncLocalStorage.bind((x) => [als.getStore(), x])); return json(als.run(2, () => f(9)))",
        "[1,9]",
    ),
    (
        "snapshot_keeps_the_values",
        "const s = als.run(1, () => AsyncLocalStorage.snapshot()); return json(als.run(2, () => s((x) => [als.getStore(), x], 9)))",
        "[1,9]",
    ),
    (
        "an_async_resource_keeps_the_value",
        "const r = als.run(1, () => new AsyncResource('X')); return json(r.runInAsyncScope(function (a) { return [als.getStore(), this.t, a] }, { t: 2 }, 3))",
        "[1,2,3]",
    ),
    (
        "an_async_resource_binds",
        "const f = als.run(1, () => AsyncResource.bind(function (a) { return [als.getStore(), a, this.t] })); return json([f.call({ t: 5 }, 4), f.length])",
        "[[1,4,5],1]",
    ),
    (
        "many_storages",
        "const all = Array.from({ length: 50 }, () => new AsyncLocalStorage()); const go = (i) => i === 50 ? all.map((s) => s.getStore()).reduce((a, b) => a + b) : all[i].run(i, () => go(i + 1)); return json(go(0))",
        "1225",
    ),
    (
        "values_that_change_context_do_not_show_frames",
        "Object.defineProperty(Object.prototype, 'stores', { set(v) { shared.leak = v }, configurable: true }); Object.defineProperty(Object.prototype, 'event', { set(v) { shared.leak = v }, configurable: true }); als.run(1, () => {}); delete Object.prototype.stores; delete Object.prototype.event; return json(shared.leak)",
        "null",
    ),
    (
        "patched_maps_do_not_show_values",
        "const { get, set, forEach } = Map.prototype; Map.prototype.get = Map.prototype.set = Map.prototype.forEach = function () { shared.leak = true }; const v = als.run(1, () => other.run(2, () => als.getStore())); Object.assign(Map.prototype, { get, set, forEach }); return json([v, shared.leak ?? null])",
        "[1,null]",
    ),
    (
        "an_event_emitter_sees_its_caller",
        "const { EventEmitter } = await import('node:events'); const e = new EventEmitter(); let seen; als.run(1, () => e.on('x', () => seen = als.getStore())); als.run(2, () => e.emit('x')); return json(seen)",
        "2",
    ),
];

pub fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = FLOWS
        .iter()
        .map(|(name, body, expected)| {
            trial(&format!("async_context::{name}"), move || async move {
                let reply = with_storage(body).get("/").await.unwrap();
                assert_eq!(reply.text(), *expected);
            })
        })
        .collect();
    trials.extend([
        trial("async_context::events_of_one_isolate_do_not_see_each_other", || async {
            let worker = with_storage(
                "const n = new URL(request.url).pathname.slice(1);
                 return als.run(n, async () => {
                     const seen = [];
                     for (let i = 0; i < 5; i++) { await scheduler.wait(1 + (n % 3)); seen.push(als.getStore()); }
                     return json(seen.every((v) => v === n) && (await fetchNothing()) === n);
                     async function fetchNothing() { await new Response('x').text(); return als.getStore(); }
                 })",
            )
            .build();
            let paths: Vec<_> = (0..20).map(|n| format!("/{n}")).collect();
            let replies = futures_util::future::join_all(paths.iter().map(|path| worker.get(path)));
            for reply in replies.await {
                assert_eq!(reply.unwrap().text(), "true");
            }
        }),
        trial("async_context::an_event_with_a_value_is_charged", || async {
            for burn in [
                "als.run(1, () => { while (true) {} })",
                "await als.run(1, async () => { await 1; while (true) {} })",
                "als.enterWith(1); await 1; while (true) {}",
                "await als.run(1, () => new Promise(() => setTimeout(() => { while (true) {} }, 1)))",
            ] {
                let worker = with_storage(&format!(
                    "if (request.url.endsWith('/ok')) return json(als.getStore()); {burn}"
                ))
                .with_default_limits()
                .build();
                let (burns, fine) = tokio::join!(worker.get("/"), worker.get("/ok"));
                assert!(ended_by_cpu(&burns), "{burn}: {burns:?}");
                if let Ok(fine) = fine {
                    assert_eq!(fine.text(), "null");
                }
                let report = worker.report(|report| report.outcome == Outcome::ExceededCpu).await;
                assert!(report.cpu.as_millis() >= 40, "{:?}", report.cpu);
            }
        }),
        trial("async_context::a_bound_function_is_charged_to_the_event_that_calls_it", || async {
            // The two may get an isolate each, where the first one's shard is busy with another test.
            while !a_bound_function_was_called().await {}
        }),
    ]);
    trials
}

/// Whether an event called what another one in its isolate had bound; asserts who paid.
async fn a_bound_function_was_called() -> bool {
    let worker = with_storage(
        "if (request.url.endsWith('/bind')) {
             shared.burn = als.run('first', () => AsyncLocalStorage.bind(() => { while (true) {} }));
             console.log('bound');
             await scheduler.wait(250);
             return json('alive');
         }
         if (!shared.burn) { return json('elsewhere'); }
         shared.burn();",
    )
    .with_default_limits()
    .build();
    let bind = worker.send(request("/bind"));
    let call = async {
        worker.line("bound").await;
        worker.get("/burn").await
    };
    let (bound, called) = tokio::join!(bind, call);
    if called.is_ok() {
        return false;
    }
    assert!(ended_by_cpu(&called), "{called:?}");
    // The isolate of both is condemned then; the one that bound is not to blame.
    assert!(!ended_by_cpu(&bound), "{bound:?}");
    true
}

fn with_storage(body: &str) -> crate::support::Builder {
    let source =
        format!("{IMPORT} export default {{ async fetch(request, env, ctx) {{ {body} }} }};");
    Worker::from_source(&source).with_node_compat().with_kv("KV")
}

fn ended_by_cpu(result: &Result<crate::support::Reply, Failure>) -> bool {
    matches!(result, Err(failure) if failure.outcome() == Outcome::ExceededCpu)
}
