//! The KV binding from JavaScript. Each file in `kv/cases` is a list of tests, run in an isolate of
//! its own: once on a store that answers at once, once on one that always lets the script wait, and once on
//! the one that nodes have.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "kv/harness/isolate.rs"]
mod isolate;
#[path = "kv/harness/later.rs"]
mod later;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use isolate::Answers;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    // V8 wants to be started before there is any other thread.
    deno_core::JsRuntime::init_platform(None);
    let mut trials = Vec::new();
    for file in cases() {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        for (when, answers) in [
            ("at once", Answers::AtOnce),
            ("later", Answers::Later),
            ("from disk", Answers::FromDisk),
        ] {
            let file = file.clone();
            let trial = Trial::test(format!("{name}, answered {when}"), move || {
                isolate::run(&std::fs::read_to_string(&file).unwrap(), answers).map_err(Into::into)
            });
            trials.push(trial);
        }
    }
    assert!(!trials.is_empty(), "no case was found");
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kv/cases");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
