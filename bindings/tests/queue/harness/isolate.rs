//! An isolate with the binding, in which there are no events.

use std::sync::Arc;
use std::time::Duration;

use compatibility::{Compatibility, Flag};
use deno_core::{Extension, JsRuntime, OpState, PollEventLoopOptions, RuntimeOptions, op2, v8};
use isolane_bindings::binding::{self, BindingKinds, EnvEntry, Grantee, Inside, kinds};
use isolane_bindings::memory::Meter;
use serde_json::json;
use tokio::time::timeout;

use crate::broker::Kept;

/// No script takes so long; one that is waited for in vain has failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs the tests of a script and tells which have failed.
pub(crate) fn run(script: &str) -> Result<(), String> {
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let failures = executor.block_on(async {
        let failures = timeout(PATIENCE, failures(script.to_owned())).await;
        failures.unwrap_or_else(|_| "the script does not end".to_owned())
    });
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

async fn failures(script: String) -> String {
    let mut runtime =
        JsRuntime::new(RuntimeOptions { extensions: extensions(), ..RuntimeOptions::default() });
    {
        let state = runtime.op_state();
        let mut state = state.borrow_mut();
        let kept = Arc::<Kept>::default();
        state.put(Arc::clone(&kept));
        state.put(Meter::default());
        prepare(&mut state, kept);
    }
    runtime.execute_script("case.js", script).unwrap();
    let promise = runtime.execute_script("run.js", "runTests()").unwrap();
    let resolved = runtime.resolve(promise);
    let report =
        runtime.with_event_loop_promise(resolved, PollEventLoopOptions::default()).await.unwrap();
    deno_core::scope!(scope, runtime);
    v8::Local::new(scope, report).to_rust_string_lossy(scope)
}

/// Binds queues, in the order of the slots that `harness.js` takes: those of a new worker, and then
/// those of an old one.
fn prepare(state: &mut OpState, kept: Arc<Kept>) {
    let queue = |name: &str| EnvEntry::new(name, kinds::QUEUE, json!({ "queue": name }));
    let slow = json!({ "queue": "slow", "delivery_delay": 7 });
    let new = [
        queue("q"),
        queue("full"),
        queue("missing"),
        queue("empty"),
        EnvEntry::new("slow", kinds::QUEUE, slow),
    ];
    let old = [queue("q"), queue("full")];
    let store = Arc::new(kv::MemoryStore::new(kv::MemoryOptions::default()));
    let bindings = BindingKinds::new(store, Some(kept), None);
    let compatibility = Compatibility::default();
    for (entries, compatibility) in [
        (&new[..], compatibility),
        (&old[..], compatibility.with(Flag::QueueExposeErrorCodes, false)),
    ] {
        let to =
            Grantee { worker: &"worker".into(), compatibility, on_full: Arc::new(|_: String| ()) };
        let environment = bindings.grant(entries, &to).unwrap();
        environment.prepare(Inside { state: &mut *state, belongings: &Arc::default() });
    }
}

fn extensions() -> Vec<Extension> {
    let broadcast = deno_web::InMemoryBroadcastChannel::default();
    vec![
        deno_webidl::deno_webidl::init(),
        deno_web::deno_web::init(deno_web::BlobStore::default_arc(), None, false, broadcast),
        binding::extension(),
        isolane_bindings::queue::extension(),
        event::isolane_bindings::init(),
        harness::queue_test::init(),
    ]
}

/// What was sent since the last time, as JSON.
#[op2]
#[string]
fn op_test_sent(state: &mut OpState) -> String {
    state.borrow::<Arc<Kept>>().take()
}

/// The most calls that the broker has ever had under way at a time.
#[op2(fast)]
fn op_test_most_under_way(state: &mut OpState) -> f64 {
    state.borrow::<Arc<Kept>>().most_under_way() as f64
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
            "ext:isolane_bindings/event.js" = "tests/kv/harness/event.js",
            "ext:isolane_bindings/switches.js" = "src/global/switches.js",
        ],
    );
}

#[allow(missing_docs, unreachable_pub, reason = "the macro's items are not ours to document")]
mod harness {
    use super::{op_test_charged, op_test_most_under_way, op_test_sent};

    deno_core::extension!(
        queue_test,
        deps = [deno_web, isolane_queue],
        ops = [op_test_charged, op_test_most_under_way, op_test_sent],
        esm_entry_point = "ext:queue_test/harness.js",
        esm = [
            dir "tests",
            "ext:queue_test/checks.js" = "kv/harness/checks.js",
            "ext:queue_test/harness.js" = "queue/harness/harness.js",
        ],
    );
}
