//! Calls every function that a worker can reach with odd and huge arguments, and looks for what a
//! tenant must not be able to do: lose a shard, panic, end the process. With the tests it takes a fixed
//! number of steps; for hours it is run by hand:
//!
//! ```text
//! ISOLANE_FUZZ_MINUTES=60 ISOLANE_FUZZ_SEED=7 cargo test --release --workspace --test fuzz -- --nocapture
//! ```

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "modules of one test program")]

#[path = "isolates/support.rs"]
mod support;

use std::time::{Duration, Instant};

use isolane_runtime::Failure;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::time::timeout;

use self::support::Worker;

/// Events that one isolate serves: calls change its globals, and in a broken one nothing is found.
const EVENTS_PER_ISOLATE: u64 = 100;

/// Calls that the tests make, always the same ones.
const STEPS: u64 = 1500;

/// What a call may take in one piece: some seconds of a slow machine are no end of the world, and what
/// takes longer would take as long as its arguments are.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// An event that takes longer, with a shard that is given up on the way, is never answered.
const PATIENCE: Duration = Duration::from_secs(180);

/// What one event may use. Most calls take microseconds.
const CPU_MS: u64 = 100;

fn main() {
    let arguments = Arguments::from_args();
    support::start_with(STUCK_AFTER);
    let trial = Trial::test("fuzz::no_function_costs_a_shard", || {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ends = setting("ISOLANE_FUZZ_MINUTES")
            .map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
        tokio.block_on(run(|step| match ends {
            Some(ends) => Instant::now() < ends,
            None => step < STEPS,
        }))
    });
    let ended = libtest_mimic::run(&arguments, vec![trial]);
    support::clean_up();
    ended.exit();
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Calls one function after the other for as long as `goes_on` says so of the step.
async fn run(goes_on: impl Fn(u64) -> bool) -> Result<(), Failed> {
    let seed = setting("ISOLANE_FUZZ_SEED").unwrap_or(1);
    let count = ask(&worker(), "/count").await.map_err(|error| error.to_string())?;
    let count: u64 = count.parse()?;
    let mut found = Vec::new();
    let mut hostile = worker();
    let mut step = 0;
    while goes_on(step) {
        if step % EVENTS_PER_ISOLATE == 0 {
            hostile = worker();
        }
        // A prime, so that neighbours in the list, which are of one kind, come apart.
        let function = step * 7919 % count;
        let path = format!("/call?function={function}&seed={}", seed + step / count);
        if let Err(failure @ Failure::IsolateLost { .. }) = ask(&hostile, &path).await {
            let name = ask(&worker(), &format!("/name?function={function}")).await;
            let name = name.unwrap_or_else(|error| error.to_string());
            eprintln!("{name}, {path}: {failure}");
            found.push(format!("{name}, {path}: {failure}"));
            hostile = worker();
        }
        step += 1;
    }
    let lost = support::stats().abandoned_shards;
    eprintln!("{count} functions, {step} events, {lost} lost shards");
    if found.is_empty() { Ok(()) } else { Err(found.join("\n").into()) }
}

fn worker() -> Worker {
    Worker::from_source(include_str!("fuzz/worker.js"))
        .with_node_compat()
        .with_cpu_ms(CPU_MS)
        .build()
}

async fn ask(worker: &Worker, path: &str) -> Result<String, Failure> {
    let reply = timeout(PATIENCE, worker.get(path)).await;
    let reply = reply.unwrap_or_else(|_| panic!("{path} is not answered in time"))?;
    Ok(String::from_utf8_lossy(&reply.body.unwrap_or_default()).into_owned())
}
