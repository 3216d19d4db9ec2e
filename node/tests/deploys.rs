//! Deploys on a node with real isolates: versions come, are made active, are taken back, and are
//! still there after a restart. One runtime serves all tests, for a process has one; what a test
//! restarts is the node on it. The harness is not the usual one, because V8 has to be initialised
//! on the main thread before any other thread exists.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "deploys/calls.rs"]
mod calls;
#[path = "deploys/changes.rs"]
mod changes;
#[path = "deploys/leaving.rs"]
mod leaving;
#[path = "deploys/memory.rs"]
mod memory;
#[path = "deploys/scale.rs"]
mod scale;
#[path = "deploys/secrets.rs"]
mod secrets;
#[path = "deploys/support.rs"]
mod support;
#[path = "deploys/traffic.rs"]
mod traffic;
#[path = "deploys/triggers.rs"]
mod triggers;

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    support::start();
    let mut trials = Vec::new();
    trials.extend(calls::trials());
    trials.extend(changes::trials());
    trials.extend(leaving::trials());
    trials.extend(memory::trials());
    trials.extend(scale::trials());
    trials.extend(secrets::trials());
    trials.extend(traffic::trials());
    trials.extend(triggers::trials());
    libtest_mimic::run(&arguments, trials).exit();
}
