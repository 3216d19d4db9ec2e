//! Events that are no requests, of deployed workers on a node with real isolates: by which name they find their
//! version, and how they end. One runtime serves all tests, which lets no event take long; the harness is
//! not the usual one, because V8 has to be initialised on the main thread before any other thread exists.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "events/ends.rs"]
mod ends;
#[path = "events/support.rs"]
mod support;
#[path = "events/versions.rs"]
mod versions;

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    support::start();
    let mut trials = ends::trials();
    trials.extend(versions::trials());
    libtest_mimic::run(&arguments, trials).exit();
}
