//! An isolate with the binding, two namespaces of an empty store, and a clock that tests move.

use std::sync::Arc;
use std::time::Duration;

use compatibility::Compatibility;
use deno_core::{Extension, JsRuntime, OpState, PollEventLoopOptions, RuntimeOptions, op2, v8};
use isolane_bindings::binding::{
    self, BindingKinds, EnvEntry, Environment, Grantee, Inside, kinds,
};
use isolane_bindings::memory::Meter;
use kv::{
    Clock, EmbeddedOptions, EmbeddedStore, ManualClock, MemoryOptions, MemoryStore, Store,
    UnixSeconds,
};
use serde_json::json;
use tokio::time::timeout;

use crate::later::{Later, UnderWay};

/// When the store answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    AtOnce,
    Later,
    /// At once what is in memory, and later what is on disk.
    FromDisk,
}

/// Room for two of the largest values, and not for three.
const STORE_BYTES: u64 = 60 * 1024 * 1024;

/// No script takes so long; one that is waited for in vain has failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs the tests of a script and tells which have failed.
pub(crate) fn run(script: &str, answers: Answers) -> Result<(), String> {
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let failures = executor.block_on(async {
        let failures = timeout(PATIENCE, failures(script.to_owned(), answers)).await;
        failures.unwrap_or_else(|_| "the script does not end".to_owned())
    });
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

async fn failures(script: String, answers: Answers) -> String {
    let mut runtime =
        JsRuntime::new(RuntimeOptions { extensions: extensions(), ..RuntimeOptions::default() });
    let clock = Arc::new(ManualClock::new(UnixSeconds(1_000_000_000)));
    let folder = tempfile::tempdir().unwrap();
    let options = MemoryOptions { clock: clock.clone(), max_bytes: Some(STORE_BYTES) };
    let memory = MemoryStore::new(options);
    let under_way = Arc::<UnderWay>::default();
    let store: Arc<dyn Store> = match answers {
        Answers::AtOnce => Arc::new(memory),
        Answers::Later => {
            Arc::new(Later { store: Arc::new(memory), under_way: Arc::clone(&under_way) })
        }
        Answers::FromDisk => {
            // A cache so small that some values do not fit.
            let options =
                EmbeddedOptions { clock: clock.clone(), cache_bytes: 4096, ..Default::default() };
            Arc::new(EmbeddedStore::open(folder.path(), options).unwrap())
        }
    };
    {
        let state = runtime.op_state();
        let mut state = state.borrow_mut();
        state.put(clock);
        state.put(under_way);
        state.put(Meter::default());
        environment(store).prepare(Inside { state: &mut state, belongings: &Arc::default() });
    }
    let when = format!(
        "const ANSWERS_LATER = {}, ON_DISK = {};",
        answers != Answers::AtOnce,
        answers == Answers::FromDisk
    );
    runtime.execute_script("when.js", when).unwrap();
    runtime.execute_script("case.js", script).unwrap();
    let promise = runtime.execute_script("run.js", "runTests()").unwrap();
    let resolved = runtime.resolve(promise);
    let report =
        runtime.with_event_loop_promise(resolved, PollEventLoopOptions::default()).await.unwrap();
    deno_core::scope!(scope, runtime);
    v8::Local::new(scope, report).to_rust_string_lossy(scope)
}

/// Two namespaces, in this order.
fn environment(store: Arc<dyn Store>) -> Environment {
    let entries = [("KV", "first"), ("SECOND", "second")]
        .map(|(name, id)| EnvEntry::new(name, kinds::KV_NAMESPACE, json!({ "id": id })));
    let to = Grantee {
        worker: &"worker".into(),
        compatibility: Compatibility::default(),
        on_full: Arc::new(|_: String| ()),
    };
    BindingKinds::new(store, None, None).grant(&entries, &to).unwrap()
}

fn extensions() -> Vec<Extension> {
    let broadcast = deno_web::InMemoryBroadcastChannel::default();
    vec![
        deno_webidl::deno_webidl::init(),
        deno_web::deno_web::init(deno_web::BlobStore::default_arc(), None, false, broadcast),
        binding::extension(),
        isolane_bindings::kv::extension(),
        event::isolane_bindings::init(),
        harness::kv_test::init(),
    ]
}

#[op2(fast)]
fn op_test_advance(state: &mut OpState, seconds: f64) {
    state.borrow::<Arc<ManualClock>>().advance(seconds as u64);
}

#[op2(fast)]
fn op_test_now(state: &mut OpState) -> f64 {
    state.borrow::<Arc<ManualClock>>().now().0 as f64
}

/// The most operations that the store has ever had under way at a time, if it answers later.
#[op2(fast)]
fn op_test_most_under_way(state: &mut OpState) -> f64 {
    state.borrow::<Arc<UnderWay>>().most() as f64
}

/// The bytes that are charged to the isolate.
#[op2(fast)]
fn op_test_charged(state: &mut OpState) -> f64 {
    state.borrow::<Meter>().queued_bytes() as f64
}

/// What the event provides: here a plain counter.
#[allow(missing_docs, unreachable_pub, reason = "the macro's items are not ours to document")]
mod event {
    deno_core::extension!(
        isolane_bindings,
        lazy_loaded_js = [
            dir ".",
            "ext:isolane_bindings/bytes.js" = "src/global/bytes.js",
            "ext:isolane_bindings/event.js" = "tests/kv/harness/event.js",
        ],
    );
}

#[allow(missing_docs, unreachable_pub, reason = "the macro's items are not ours to document")]
mod harness {
    use super::{op_test_advance, op_test_charged, op_test_most_under_way, op_test_now};

    deno_core::extension!(
        kv_test,
        deps = [deno_web, isolane_kv],
        ops = [op_test_advance, op_test_charged, op_test_most_under_way, op_test_now],
        esm_entry_point = "ext:kv_test/harness.js",
        esm = [dir "tests/kv/harness", "checks.js", "harness.js"],
    );
}
