//! Calls of methods from worker to worker: what a worker can call of another, and what comes of it. Nearly
//! every test is a row: a module that is called, the body of a function that calls, and what that answers,
//! as JSON. `env.S` is the export `S` of the other worker, `env.D` its default one, `env.O` its `O`;
//! `env.SECOND` is its `Second`, which it can call by the same name.

#[path = "rpc/ends.rs"]
mod ends;
#[path = "rpc/errors.rs"]
mod errors;
#[path = "rpc/exports.rs"]
mod exports;
#[path = "rpc/hostile.rs"]
mod hostile;
#[path = "rpc/order.rs"]
mod order;
#[path = "rpc/reach.rs"]
mod reach;
#[path = "rpc/references.rs"]
mod references;
#[path = "rpc/streams.rs"]
mod streams;
#[path = "rpc/values.rs"]
mod values;

use isolane_runtime::Flag;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::support::{Builder, Worker, trial};

/// What both workers begin with.
const PRELUDE: &str = include_str!("rpc/prelude.js");

/// What the worker that calls goes on with.
const CALLER: &str = "
    export default {
        async fetch(_request, env, ctx) {
            return Response.json(await run(env, ctx) ?? null);
        },
    };";

/// Two workers, of which one can call the other.
pub struct Pair {
    pub callee: Worker,
    pub caller: Worker,
}

/// What a worker is built by: a module, and flags that it does not have.
fn module(source: &str, off: &[Flag]) -> Builder {
    let worker = Worker::from_source(&format!("{PRELUDE}\n{source}"));
    off.iter().fold(worker, |worker, flag| worker.with_flag(*flag, false))
}

/// The same of what stands at its top, and of the body of a function that calls.
pub fn caller(source: &str, body: &str, off: &[Flag]) -> Builder {
    let run = format!("async function run(env, ctx) {{ {body} }}");
    module(&format!("{source}\n{CALLER}\n{run}"), off)
}

/// A worker that can be called, and call itself.
pub fn callee(source: &str, off: &[Flag]) -> Worker {
    let worker = module(source, off);
    let name = worker.name();
    worker.with_service("SECOND", &name, Some("Second")).build_to_be_called()
}

/// With the bindings of whoever calls.
pub fn bound(worker: Builder, callee: &str) -> Builder {
    worker
        .with_service_and_props("S", callee, Some("S"), json!({ "tier": 1 }))
        .with_service("D", callee, None)
        .with_service("O", callee, Some("O"))
        .with_service("SECOND", callee, Some("Second"))
}

impl Pair {
    pub fn new(source: &str, body: &str) -> Pair {
        Pair::without(&[], source, body)
    }

    /// Without these flags.
    pub fn without(off: &[Flag], source: &str, body: &str) -> Pair {
        let callee = callee(source, off);
        let caller = bound(caller("", body, off), callee.name()).build();
        Pair { callee, caller }
    }

    /// What whoever calls answers.
    pub async fn answer(&self) -> Value {
        value(&self.caller).await
    }
}

/// What a worker answers, which is JSON.
pub async fn value(worker: &Worker) -> Value {
    let reply = worker.get("/").await.unwrap();
    serde_json::from_str(reply.text()).unwrap_or_else(|_| reply.text().into())
}

/// Two workers, and what the second one answers.
fn row(name: &str, source: &'static str, body: &'static str, expected: &'static str) -> Trial {
    row_without(name, &[], source, body, expected)
}

/// The same of workers without these flags.
fn row_without(
    name: &str,
    off: &'static [Flag],
    source: &'static str,
    body: &'static str,
    expected: &'static str,
) -> Trial {
    trial(&format!("rpc::{name}"), move || async move {
        let seen = Pair::without(off, source, body).answer().await;
        assert_eq!(seen, serde_json::from_str::<Value>(expected).unwrap());
    })
}

/// A worker that calls itself: what stands at its top, and the body of a function. `env.SELF` is its `S`.
fn own(name: &str, source: &'static str, body: &'static str, expected: &'static str) -> Trial {
    own_with(name, &[], source, body, expected)
}

/// The same of a worker with or without these flags.
fn own_with(
    name: &str,
    flags: &'static [(Flag, bool)],
    source: &'static str,
    body: &'static str,
    expected: &'static str,
) -> Trial {
    trial(&format!("rpc::{name}"), move || async move {
        let worker = caller(source, body, &[]);
        let worker = flags.iter().fold(worker, |worker, (flag, on)| worker.with_flag(*flag, *on));
        let name = worker.name();
        let worker = worker.with_service("SELF", &name, Some("S")).build_to_be_called();
        assert_eq!(value(&worker).await, serde_json::from_str::<Value>(expected).unwrap());
    })
}

pub fn trials() -> Vec<Trial> {
    [
        reach::trials(),
        values::trials(),
        references::trials(),
        order::trials(),
        errors::trials(),
        streams::trials(),
        exports::trials(),
        ends::trials(),
        hostile::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
