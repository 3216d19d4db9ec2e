//! Compiled code comes to its file: of a start, of a check, and of what is imported later.

use std::future::pending;
use std::time::Duration;

use isolane_runtime::ModuleSource;
use libtest_mimic::Trial;
use sha2::{Digest, Sha256};

use crate::support::{Worker, cache_dir, channel, runtime, trial};

const MAIN: &str = "worker:///index.js";
const LATE: &str = "worker:///late.js";

/// Another test may cost the shard on which the isolate is, or make it a slow one, which the isolate
/// leaves; and no other follows that would write. Whatever takes so long is tried with another worker.
const TRY: Duration = Duration::from_secs(20);
const TRIES: usize = 6;

async fn in_some_try<Fut: Future<Output = ()>>(test: impl Fn() -> Fut) {
    for _ in 0..TRIES {
        if tokio::time::timeout(TRY, test()).await.is_ok() {
            return;
        }
    }
    panic!("it is never written");
}

/// Waits until the file of a worker's version has the code of a module, where it is served.
async fn has_file(worker: &Worker, url: &str) {
    has_file_named(worker, "v8cache", url).await;
}

/// The same, by how the file's name ends.
async fn has_file_named(worker: &Worker, end: &str, url: &str) {
    let named = format!("{}\0{}", worker.version.worker(), worker.version.id());
    let digest = Sha256::digest(named);
    let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let file = cache_dir().join(name).with_extension(end);
    let is_there = || {
        let bytes = std::fs::read(&file).unwrap_or_default();
        bytes.windows(url.len()).any(|window| window == url.as_bytes())
    };
    while !is_there() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A worker that imports more than its main module when it is asked to. What its start has compiled is
/// written, so nothing more would be.
async fn started() -> Worker {
    let source = "export default { async fetch(request) {
        if (!request.url.endsWith('/late')) return new Response('early');
        const { said } = await import('./late.js');
        await request.text();
        return new Response(said);
    } };";
    let late = ModuleSource::EsModule("export const said = 'late';".into());
    let worker = Worker::from_source(source).with_module("./late.js", late).build();
    let _ = worker.get("/").await;
    has_file(&worker, MAIN).await;
    worker
}

async fn what_is_imported_long_after_a_start_is_kept_too() {
    let worker = started().await;
    let _ = worker.get("/late").await;
    has_file(&worker, LATE).await;
}

/// Such an isolate may never be one in which nothing runs.
async fn what_is_imported_is_kept_while_its_event_goes_on() {
    let worker = started().await;
    let (_unfinished, body) = channel();
    let goes_on = async {
        let _ = worker.post("/late", body).await;
        // It was lost.
        pending::<()>().await;
    };
    tokio::select! {
        () = goes_on => {}
        () = has_file(&worker, LATE) => {}
    }
}

/// The version may have left the memory when its first event comes. Until one comes, what other workers
/// have compiled is kept before that.
async fn what_a_check_has_compiled_is_kept() {
    let worker = Worker::with_handler("return new Response('good')").build();
    let _ = runtime().check(&worker.version).await;
    has_file_named(&worker, "checked.v8cache", MAIN).await;
    let _ = worker.get("/").await;
    has_file(&worker, MAIN).await;
}

/// It goes before the file is there.
async fn what_a_start_has_compiled_is_kept_when_its_isolate_goes_at_once() {
    let worker = Worker::with_handler("return new Response('good')").build();
    let _ = worker.get("/").await;
    runtime().retire(&worker.version);
    has_file(&worker, MAIN).await;
}

pub fn trials() -> Vec<Trial> {
    vec![
        trial("compiled::what_is_imported_long_after_a_start_is_kept_too", || {
            in_some_try(what_is_imported_long_after_a_start_is_kept_too)
        }),
        trial("compiled::what_is_imported_is_kept_while_its_event_goes_on", || {
            in_some_try(what_is_imported_is_kept_while_its_event_goes_on)
        }),
        trial("compiled::what_a_check_has_compiled_is_kept", || {
            in_some_try(what_a_check_has_compiled_is_kept)
        }),
        trial("compiled::what_a_start_has_compiled_is_kept_when_its_isolate_goes_at_once", || {
            in_some_try(what_a_start_has_compiled_is_kept_when_its_isolate_goes_at_once)
        }),
    ]
}
