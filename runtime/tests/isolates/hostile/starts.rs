//! The same attacks as top-level code, which runs when the first request comes and when a version
//! is checked, as every deploy does: each start ends, and nobody else notices.

use isolane_runtime::Failure;
use libtest_mimic::Trial;

use super::cases::{CASES, End};
use crate::support::{Builder, Worker, runtime, trial};

/// A worker whose top-level code does what the handler of a case does.
fn worker(body: &str) -> Builder {
    Worker::from_source(&format!(
        "import {{ env }} from 'cloudflare:workers';
         const request = new Request('http://worker.test/bad');
         const ctx = {{ waitUntil() {{}} }};
         await (async () => {{ {body} }})();
         export default {{ fetch() {{ return new Response('started') }} }};"
    ))
    .with_default_limits()
    .with_kv("KV")
}

/// A limit that ends a handler ends a start, too. What the start of a worker may not do at all
/// ends it as well.
fn must_fail(end: End) -> bool {
    match end {
        End::Cpu | End::Memory | End::CpuOrMemory | End::Limit | End::Shard | End::Never => true,
        End::Threw | End::Harmless(_) => false,
    }
}

fn is_of_a_start(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::CannotStart { .. } | Failure::StartExceeded { .. } | Failure::IsolateLost { .. }
    )
}

async fn bystander_answers(bystander: &Worker) {
    assert_eq!(bystander.get("/").await.unwrap().text(), "fine");
}

async fn at_the_first_request(body: &str, end: End) {
    let bystander = Worker::with_handler("return new Response('fine')").build();
    bystander_answers(&bystander).await;
    let hostile = worker(body).build();
    let (result, ()) = tokio::join!(hostile.get("/"), bystander_answers(&bystander));
    match result {
        Ok(reply) => {
            assert!(!must_fail(end), "it started");
            assert_eq!(reply.text(), "started");
        }
        Err(failure) => assert!(is_of_a_start(&failure), "{failure:?}"),
    }
    bystander_answers(&bystander).await;
}

async fn in_a_check(body: &str, end: End) {
    let bystander = Worker::with_handler("return new Response('fine')").build();
    let hostile = worker(body).build();
    let (result, ()) =
        tokio::join!(runtime().check(&hostile.version), bystander_answers(&bystander));
    match result {
        Ok(_) => assert!(!must_fail(end), "it started"),
        Err(failure) => assert!(is_of_a_start(&failure), "{failure:?}"),
    }
    // The next one does not wait for what the last one left behind.
    let good = Worker::with_handler("return new Response('good')").build();
    runtime().check(&good.version).await.unwrap();
    bystander_answers(&bystander).await;
}

pub fn trials() -> impl Iterator<Item = Trial> {
    CASES.iter().flat_map(|&(name, body, end)| {
        [
            trial(&format!("hostile::at_the_first_request::{name}"), move || {
                at_the_first_request(body, end)
            }),
            trial(&format!("hostile::in_a_check::{name}"), move || in_a_check(body, end)),
        ]
    })
}
