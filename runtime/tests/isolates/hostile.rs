//! Workers that try to take the node down, or to run where they must not. After each of them
//! every other worker is still answered, and so is the next request of the same worker.

#[path = "hostile/bounds.rs"]
mod bounds;
#[path = "hostile/cases.rs"]
mod cases;

use isolane_runtime::{Failure, ModuleSource, Outcome};
use libtest_mimic::Trial;

use self::bounds::{BOUNDS, STARTS};
use self::cases::{CASES, End};
use crate::support::{Builder, Worker, trial};

fn worker(body: &str, end: End) -> Builder {
    let worker = Worker::with_handler(&format!(
        "if (request.url.endsWith('/ok')) return new Response('ok'); {body}"
    ));
    match end {
        End::Threw | End::Harmless(_) | End::Never => worker,
        _ => worker.with_default_limits(),
    }
    .with_kv("KV")
    .with_shared_memory()
}

fn fits(end: End, result: &Result<crate::support::Reply, Failure>) -> bool {
    match (end, result) {
        (End::Cpu, Err(Failure::ExceededCpu { .. }))
        | (End::Memory, Err(Failure::ExceededMemory { .. }))
        | (End::CpuOrMemory, Err(Failure::ExceededCpu { .. } | Failure::ExceededMemory { .. }))
        | (
            End::Limit,
            Err(
                Failure::ExceededCpu { .. }
                | Failure::ExceededMemory { .. }
                | Failure::IsolateLost { .. },
            ),
        )
        | (End::Threw, Err(Failure::Threw { .. }))
        | (End::Never, Err(Failure::NeverResponds))
        | (End::Shard, Err(Failure::IsolateLost { .. })) => true,
        (End::Harmless(text), Ok(reply)) => reply.text() == text,
        _ => false,
    }
}

/// The failure has the code and outcome of product.md.
fn check_mapping(failure: &Failure) {
    let expected = match failure {
        Failure::ExceededCpu { .. } => (503, 1102, Outcome::ExceededCpu),
        Failure::ExceededMemory { .. } => (503, 1102, Outcome::ExceededMemory),
        Failure::IsolateLost { .. } => (503, 1104, Outcome::InternalError),
        _ => (500, 1101, Outcome::Exception),
    };
    assert_eq!((failure.status(), failure.code(), failure.outcome()), expected);
}

/// What loads a script of the bindings, or makes an object of the host, is called with ever more of
/// the stack left. The first call in an isolate matters most, so each is tried in a fresh one.
async fn the_bindings_are_used_at_the_end_of_the_stack() {
    for code in [
        "port.postMessage(1)",
        "structuredClone(new ArrayBuffer(1))",
        "process.getBuiltinModule('node:crypto')",
        "Buffer.from('x')",
        "console.log({ a: [new Map([[1, request]])] }, new Error('x'))",
        "console.dir(deep, { depth: 50 })",
        "process.getBuiltinModule('node:util').inspect(deep, { depth: Infinity })",
        "new Response('x', { headers: { a: 'b' } }).clone()",
        "new URL('http://a/?b=c').searchParams.get('b')",
        "new Blob(['x']).stream()",
        "new TextDecoder().decode(new TextEncoder().encode('x'))",
        "crypto.subtle.digest('SHA-256', new Uint8Array(1)).catch(() => {})",
        "setTimeout(() => {}, 1)",
        "env.KV.get('x').catch(() => {})",
        "fetch('http://x.invalid').catch(() => {})",
        "Error.prepareStackTrace = (e, sites) => sites.map((s) => s.toString()); new Error().stack",
    ] {
        let body = format!(
            "const port = new MessageChannel().port1;
             let deep = {{}};
             for (let i = 0; i < 45; i++) deep = {{ deep, get [Symbol.toStringTag]() {{ return 'T' }} }};
             let n = 0;
             const f = () => {{
                 try {{ f() }} catch {{}}
                 if (++n % 8 === 0 && n < 1200) try {{ {code} }} catch {{}}
             }};
             f();
             return new Response('x')"
        );
        for with_kv in [false, true] {
            let worker = Worker::with_handler(&body).with_node_compat();
            let worker = if with_kv { worker.with_kv("KV") } else { worker };
            let result = worker.get("/").await;
            let is_whole = !matches!(result, Err(Failure::IsolateLost { .. }));
            assert!(is_whole, "{code}: {result:?}");
        }
    }
}

/// A worker that does at its top level what costs no shard in a handler.
async fn a_start_that_fails_costs_no_shard() {
    let bystander = Worker::with_handler("return new Response('fine')").build();
    for source in STARTS {
        let source =
            format!("{source}; export default {{ fetch() {{ return new Response('x') }} }}");
        let result = Worker::from_source(&source).get("/").await;
        assert!(
            matches!(result, Err(Failure::CannotStart { .. } | Failure::StartExceeded { .. })),
            "{source}: {result:?}"
        );
        assert_eq!(bystander.get("/").await.unwrap().text(), "fine");
    }
}

/// deno_core panics where nothing of V8's is below: the panic may not unwind into the shard.
async fn a_panic_costs_the_shard_and_nothing_else() {
    let worker = Worker::from_source(
        "export default { async fetch(request) {
             if (request.url.endsWith('/ok')) return new Response('ok');
             const late = import('./late.js');
             await scheduler.wait(20);
             await Promise.all([late, import('./late.js').then(() => import('./third.js'))]);
             return new Response('loaded');
         } }",
    )
    .with_module("./late.js", ModuleSource::EsModule("await scheduler.wait(200)".into()))
    .with_module("./third.js", ModuleSource::EsModule("export const a = 1".into()))
    .build();
    let bystander = Worker::with_handler("return new Response('fine')").build();
    let result = worker.get("/").await;
    assert!(matches!(result, Err(Failure::IsolateLost { .. })), "{result:?}");
    for _ in 0..20 {
        assert_eq!(bystander.get("/").await.unwrap().text(), "fine");
    }
    while worker.get("/ok").await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

pub fn trials() -> Vec<Trial> {
    CASES
        .iter()
        .chain(BOUNDS)
        .map(|(name, body, end)| {
            trial(&format!("hostile::{name}"), move || async move {
                let bystander = Worker::with_handler("return new Response('fine')").build();
                let hostile = worker(body, *end).build();
                assert_eq!(hostile.get("/ok").await.unwrap().text(), "ok");
                let (result, aside) = tokio::join!(hostile.get("/bad"), bystander.get("/"));
                assert!(fits(*end, &result), "expected {end:?}, got {result:?}");
                if let Err(failure) = &result {
                    check_mapping(failure);
                    if !matches!(end, End::Shard | End::Limit) {
                        let report = hostile.report(|report| report.outcome != Outcome::Ok).await;
                        assert_eq!(report.outcome, failure.outcome());
                    }
                }
                assert_eq!(aside.unwrap().text(), "fine");
                assert_eq!(bystander.get("/").await.unwrap().text(), "fine");
                // A worker that cost a shard is not started again for a while.
                let mut again = hostile.get("/ok").await;
                while matches!(end, End::Shard | End::Limit) && again.is_err() {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    again = hostile.get("/ok").await;
                }
                if *name != "a_deleted_global" {
                    assert_eq!(again.unwrap().text(), "ok");
                }
            })
        })
        .chain([trial(
            "hostile::the_bindings_are_used_at_the_end_of_the_stack",
            the_bindings_are_used_at_the_end_of_the_stack,
        )])
        .chain([trial(
            "hostile::a_start_that_fails_costs_no_shard",
            a_start_that_fails_costs_no_shard,
        )])
        .chain([trial(
            "hostile::a_panic_costs_the_shard_and_nothing_else",
            a_panic_costs_the_shard_and_nothing_else,
        )])
        .collect()
}
