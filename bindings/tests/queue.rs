//! The binding that sends to a queue from JavaScript. Each file in `queue/cases` is a list of tests, run
//! in an isolate of its own on a broker that keeps what it is sent for the tests to see.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "queue/harness/broker.rs"]
mod broker;
#[path = "queue/harness/isolate.rs"]
mod isolate;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    // V8 wants to be started before there is any other thread.
    deno_core::JsRuntime::init_platform(None);
    let mut trials = Vec::new();
    for file in cases() {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        trials.push(Trial::test(name, move || {
            isolate::run(&std::fs::read_to_string(&file).unwrap()).map_err(Into::into)
        }));
    }
    assert!(!trials.is_empty(), "no case was found");
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/queue/cases");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
