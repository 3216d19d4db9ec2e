//! `fetch()` of a binding of another worker, in whole isolates, with workers that are functions of the
//! test.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "services/bodies.rs"]
mod bodies;
#[path = "services/calls.rs"]
mod calls;
#[path = "services/dispatcher.rs"]
mod dispatcher;
#[path = "services/ends.rs"]
mod ends;
#[path = "whole/isolate.rs"]
mod isolate;
#[path = "services/stubs.rs"]
mod stubs;

use std::process::ExitCode;
use std::sync::Arc;

use compatibility::Compatibility;
use deno_core::Extension;
use isolane_bindings::binding::{BindingKinds, EnvEntry, kinds};
use libtest_mimic::Arguments;
use serde_json::json;

use dispatcher::Fake;
use isolate::{Worker, granted};

/// Nothing beside what a worker sees.
fn extra() -> Vec<Extension> {
    Vec::new()
}

/// A worker whose `env.S` is another one, and `env.API` an entrypoint of that with `ctx.props`.
fn worker_with(dispatcher: &Arc<Fake>, compatibility: Compatibility, handler: &str) -> Worker {
    let store = Arc::new(kv::MemoryStore::new(kv::MemoryOptions::default()));
    let bindings = BindingKinds::new(store, None, None);
    bindings.set_dispatcher(dispatcher.clone());
    let props = json!({ "tier": 1 });
    let entries = [
        EnvEntry::new("S", kinds::SERVICE, json!({ "service": "callee", "entrypoint": "default" })),
        EnvEntry::new(
            "API",
            kinds::SERVICE,
            json!({ "service": "callee", "entrypoint": "Api", "props": props }),
        ),
    ];
    Worker::new(extra, &granted(&bindings, &entries, compatibility), handler)
}

fn worker(dispatcher: &Arc<Fake>, handler: &str) -> Worker {
    worker_with(dispatcher, Compatibility::default(), handler)
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    isolate::prepare(extra);
    let trials = [bodies::trials(), calls::trials(), ends::trials(), stubs::trials()];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit_code()
}
