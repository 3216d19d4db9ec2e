//! Workers that keep, request by request, what V8's heap does not show. Each isolate has its limit:
//! it is replaced, or the event fails for its memory, long before the node has none left.

#[path = "hoards/kept.rs"]
mod kept;
#[path = "hoards/modules.rs"]
mod modules;
#[path = "hoards/stacks.rs"]
mod stacks;

use std::collections::{HashMap, HashSet};

use isolane_runtime::{Failure, ModuleSource};
use libtest_mimic::Trial;

use self::kept::HOARDS;
use self::modules::{CALLS, GROWS, MANY, STARTS};
use crate::memory::{address_space_mb, mappings, resident_mb};
use crate::support::{Builder, Worker, trial};

/// Compiles the module of [`CALLS`] with a section that makes it another each time.
const COMPILED: &str = "function compiled() {
    const bytes = new Uint8Array(CALLS.length + 10);
    bytes.set(CALLS);
    bytes.set([0, 8, 1, 97], CALLS.length);
    crypto.getRandomValues(bytes.subarray(CALLS.length + 4));
    return new WebAssembly.Module(bytes); }";

fn hoarder(keeps: &str) -> Builder {
    Worker::from_source(&format!(
        "import calls from './calls.wasm'; import grows from './grows.wasm';
         import many from './many.wasm'; import starts from './starts.wasm'; const K = [], id = Math.random();
         export default {{ async fetch(request) {{ {keeps}; return new Response(String(id)) }} }}"
    ))
    .with_module("./calls.wasm", ModuleSource::Wasm(CALLS.into()))
    .with_module("./grows.wasm", ModuleSource::Wasm(GROWS.into()))
    .with_module("./many.wasm", ModuleSource::Wasm(MANY.into()))
    .with_module("./starts.wasm", ModuleSource::Wasm(STARTS.into()))
}

/// The worker has an isolate on each shard, at most: those that are beyond have replaced others.
const ISOLATES: usize = 5;

/// Asks until the worker has lost an isolate; each has made up a number.
async fn hoard(keeps: &str, requests: usize) {
    let bystander = Worker::with_handler("return new Response('fine')").build();
    let (before, mappings_before) = (resident_mb(), mappings());
    let compiles = keeps.contains("compiled()");
    let setup = match compiles {
        true => format!("const CALLS = [{}]; {COMPILED} {keeps}", list(CALLS)),
        false => keeps.to_owned(),
    };
    let mut worker = hoarder(&setup);
    if compiles {
        worker = worker.with_unsafe_eval();
    }
    if keeps.contains("SharedArrayBuffer") {
        worker = worker.with_shared_memory();
    }
    let worker = worker.build();
    let mut failures = 0;
    let mut served: HashMap<String, usize> = HashMap::new();
    for _ in 0..requests * (ISOLATES + 1) {
        match worker.get("/").await {
            Ok(reply) => *served.entry(reply.text().to_owned()).or_default() += 1,
            Err(Failure::ExceededMemory { .. }) => failures += 1,
            Err(failure) => panic!("after {served:?}: {failure}"),
        }
        if failures > 0 || served.len() > ISOLATES {
            break;
        }
    }
    let grown = resident_mb().saturating_sub(before);
    let mapped = mappings().saturating_sub(mappings_before);
    let most = served.values().copied().max().unwrap_or_default();
    assert!(failures > 0 || served.len() > ISOLATES, "{served:?}, {grown} MB more");
    assert!(most < requests, "{most} requests in one isolate, {grown} MB more");
    assert!(grown < 800, "{grown} MB more: {served:?}");
    assert!(mapped < 10_000, "{mapped} mappings more: {served:?}");
    assert_eq!(bystander.get("/").await.unwrap().text(), "fine");
    // The worker itself goes on, though each of its isolates may be about to have too much.
    let mut again = worker.get("/").await;
    for _ in 0..ISOLATES {
        if matches!(again, Err(Failure::ExceededMemory { .. })) {
            again = worker.get("/").await;
        }
    }
    assert!(again.is_ok(), "{again:?}");
}

pub fn trials() -> Vec<Trial> {
    // First, while nobody else has many mappings.
    let stacks = trial("hoards::stacks_of_many_workers_have_a_bound", stacks::of_many_workers);
    let hoards = HOARDS.iter().map(|(name, keeps, requests)| {
        trial(&format!("hoards::{name}"), move || hoard(keeps, *requests))
    });
    std::iter::once(stacks)
        .chain(hoards)
        .chain([
            trial("hoards::a_wasm_memory_is_refused_before_it_is_given", || async {
                let before = resident_mb();
                let reply = hoarder(
                    "const m = new WebAssembly.Memory({ initial: 1 });
                     try { for (;;) { m.grow(256); new Uint8Array(m.buffer).fill(1); K.push(1) } }
                     catch (error) { return new Response(`${error.name} ${K.length}`) }",
                )
                .get("/")
                .await
                .unwrap();
                let (name, grown) = reply.text().split_once(' ').unwrap();
                assert_eq!(name, "RangeError");
                assert!((4..=8).contains(&grown.parse::<usize>().unwrap()), "{}", reply.text());
                assert!(resident_mb().saturating_sub(before) < 200);
                for source in ["{ initial: 4096 }", "{ initial: 4096, maximum: 4096 }"] {
                    let body = format!("new WebAssembly.Memory({source})");
                    let result = hoarder(&body).get("/").await;
                    assert!(matches!(result, Err(Failure::ExceededMemory { .. })), "{result:?}");
                }
            }),
            trial("hoards::a_buffer_that_may_grow_is_refused_before_it_does", || async {
                let reply = hoarder(
                    "const size = 80 << 20, make = (length) => new ArrayBuffer(length, { maxByteLength: size });
                     const tried = (f) => { try { f(); return 'made' } catch (error) { return error.name } };
                     const a = make(0), b = make(0), c = make(0);
                     return new Response([
                        () => a.resize(size), () => b.resize(size), () => c.transfer(size), () => make(size),
                        () => structuredClone(a), () => new ArrayBuffer(0, { maxByteLength: 1 << 30 }),
                        () => a.resize(0), () => b.resize(size),
                     ].map(tried).join())",
                )
                .get("/")
                .await
                .unwrap();
                let expected = "made,RangeError,RangeError,RangeError,RangeError,RangeError,made,made";
                assert_eq!(reply.text(), expected);
            }),
            trial("hoards::a_buffer_that_is_refused_is_an_error_that_can_be_caught", || async {
                let worker = Worker::from_source(
                    "let events = 0;
                     const kinds = [
                        () => new Uint8Array(3e9),
                        () => new ArrayBuffer(1e9),
                        () => new Float64Array(2e8),
                        () => new Uint8Array(8).buffer.transfer(3e9),
                        () => crypto.getRandomValues(new Uint8Array(2e9)),
                     ];
                     export default { fetch() {
                        events += 1;
                        const names = kinds.map((make) => {
                            try { make(); return 'made' } catch (error) { return error.name }
                        });
                        const small = new Uint8Array(1 << 20).length;
                        return new Response(`${events} ${new Set(names).keys().toArray()} ${small}`) } }",
                )
                .with_cpu_ms(5_000)
                .build();
                // The isolate lives, and so does what it has in memory: there may be another one, where
                // its shard had much to do, but not one for each event.
                let mut most = 0;
                for _ in 0..8 {
                    let reply = worker.get("/").await.unwrap();
                    let (events, rest) = reply.text().split_once(' ').unwrap();
                    assert_eq!(rest, "RangeError 1048576");
                    most = most.max(events.parse().unwrap());
                }
                assert!(most >= 3, "{most}");
            }),
            trial("hoards::an_isolate_that_misses_buffers_for_what_it_holds_is_replaced", || async {
                let worker = Worker::from_source(
                    "const held = []; let events = 0;
                     export default { fetch() {
                        events += 1;
                        try { for (;;) held.push(new Uint8Array(1 << 20)) } catch {}
                        return new Response(`${events}`) } }",
                )
                .with_cpu_ms(5_000)
                .build();
                for _ in 0..3 {
                    assert_eq!(worker.get("/").await.unwrap().text(), "1");
                }
            }),
            trial("hoards::a_heap_that_is_used_up_after_a_refused_buffer_ends_the_event", || async {
                let source = "const heap = []; try { new Uint8Array(3e9) } catch {}
                     for (;;) heap.push(new Array(1000).fill({}))";
                let worker = Worker::with_handler(source).with_cpu_ms(20_000).build();
                for _ in 0..3 {
                    let result = worker.get("/").await;
                    assert!(matches!(result, Err(Failure::ExceededMemory { .. })), "{result:?}");
                }
            }),
            trial("hoards::the_instruction_that_grows_a_memory_answers_minus_one", || async {
                let reply = hoarder(
                    "const { g } = new WebAssembly.Instance(grows).exports;
                     while (g(256) !== -1) K.push(1);
                     return new Response(String(K.length))",
                )
                .get("/")
                .await;
                // 127 pages of 16 MiB beside the heap may be a little too much already.
                match reply {
                    Ok(reply) => assert_eq!(reply.text(), "7"),
                    Err(failure) => {
                        assert!(matches!(failure, Failure::ExceededMemory { .. }), "{failure}");
                    }
                }
                let reply = hoarder(
                    "const { g } = new WebAssembly.Instance(grows).exports;
                     return new Response(String(g(4096)))",
                )
                .get("/")
                .await;
                assert_eq!(reply.unwrap().text(), "-1");
            }),
            trial("hoards::modules_from_bytes_are_bounded_too", || async {
                let bytes = format!("new Uint8Array([{}])", list(GROWS));
                for module in [
                    format!("new WebAssembly.Instance(new WebAssembly.Module({bytes}))"),
                    format!("new WebAssembly.Instance(await WebAssembly.compile({bytes}.buffer))"),
                    format!("(await WebAssembly.instantiate({bytes})).instance"),
                ] {
                    let body = format!("return new Response(String(({module}).exports.g(4096)))");
                    let reply = hoarder(&body).with_unsafe_eval().get("/").await.unwrap();
                    assert_eq!(reply.text(), "-1", "{module}");
                }
            }),
            trial("hoards::memories_take_little_address_space", || async {
                let before = address_space_mb();
                let worker = hoarder(
                    "for (let i = 0; i < 100; i++) K.push(new WebAssembly.Memory({ initial: 0, maximum: 65536 }))",
                )
                .build();
                for _ in 0..40 {
                    let _ = worker.get("/").await;
                }
                let grown = address_space_mb().saturating_sub(before);
                assert!(grown < 256 << 10, "{grown} MB of address space more");
            }),
            trial("hoards::suspended_calls_come_back", || async {
                let reply = hoarder(
                    "const i = new WebAssembly.Instance(calls, { m: { f: new WebAssembly.Suspending(() => Promise.resolve()) } });
                     const g = WebAssembly.promising(i.exports.g);
                     for (let n = 0; n < 2000; n++) await g();
                     for (let n = 0; n < 20; n++) await Promise.all(Array.from({ length: 200 }, () => g()));
                     const e = new WebAssembly.Instance(calls, { m: { f: new WebAssembly.Suspending(async () => { throw new Error('no') }) } });
                     const h = WebAssembly.promising(e.exports.g);
                     for (let n = 0; n < 1000; n++) await h().catch((error) => K.push(error.message));
                     return new Response(K[0] + K.length + g.length)",
                )
                .get("/")
                .await
                .unwrap();
                assert_eq!(reply.text(), "no10000");
            }),
            trial("hoards::what_is_let_go_is_not_counted", || async {
                let worker = hoarder(
                    "for (let i = 0; i < 60; i++) { const c = new CompressionStream('gzip'); const w = c.writable.getWriter(); w.write(new Uint8Array(1)); w.close(); await new Response(c.readable).bytes() }
                     const { port1, port2 } = new MessageChannel();
                     const read = new Promise((resolve) => { let left = 20; port2.onmessage = () => --left || resolve() });
                     for (let i = 0; i < 20; i++) port1.postMessage('x'.repeat(1 << 20));
                     await read; port1.close(); port2.close();
                     for (let i = 0; i < 4; i++) new WebAssembly.Memory({ initial: 256 });
                     ",
                )
                .build();
                let mut isolates = HashSet::new();
                for _ in 1..=20 {
                    isolates.insert(worker.get("/").await.unwrap().text().to_owned());
                }
                // One on each shard, at most: none was lost.
                assert!(isolates.len() <= 5, "{isolates:?}");
            }),
            trial("hoards::web_assembly_looks_as_it_does", || async {
                let reply = hoarder(
                    "class M extends WebAssembly.Memory { constructor(d) { super(d) } };
                     const m = new M({ initial: 1, maximum: 3 });
                     const error = (f) => { try { f(); return '' } catch (e) { return e.name } };
                     return Response.json([m instanceof M, m instanceof WebAssembly.Memory, m.constructor === M, new WebAssembly.Memory({ initial: 1 }).constructor === WebAssembly.Memory, m.grow(1), m.buffer.byteLength, error(() => m.grow(2)), error(() => WebAssembly.Memory({ initial: 1 })), error(() => new WebAssembly.Memory()), error(() => new WebAssembly.Memory({ initial: 2, maximum: 1 })), WebAssembly.Memory.name, WebAssembly.Memory.length, WebAssembly.instantiate.name, WebAssembly.instantiate.length, Object.keys(WebAssembly).length, error(() => new WebAssembly.Instance(1)), await WebAssembly.instantiate(1).catch((e) => e.name), new WebAssembly.Memory({ address: 'i64', initial: 1n }).grow(1n).toString()])",
                )
                .get("/")
                .await
                .unwrap();
                let expected = serde_json::json!([
                    true, true, true, true, 1, 131_072, "RangeError", "TypeError", "TypeError",
                    "RangeError", "Memory", 1, "instantiate", 1, 4, "TypeError", "TypeError", "1"
                ]);
                assert_eq!(serde_json::from_str::<serde_json::Value>(reply.text()).unwrap(), expected);
            }),
        ])
        .collect()
}

fn list(bytes: &[u8]) -> String {
    bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(",")
}
