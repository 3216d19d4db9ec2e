//! Kills a process that writes, at random moments and again and again on one folder: every write
//! that was answered is there, whole, nothing else is, and the store opens.
//!
//! `KV_CRASH_KILLS` sets how often. The writing process is this program, started with `--child`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash {
    //! The process that is killed, what it writes, and the one that checks.
    pub(crate) mod check;
    pub(crate) mod child;
    pub(crate) mod plan;
}

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, child, folder, round] = arguments.as_slice()
        && child == "--child"
    {
        crash::child::write_until_killed(Path::new(folder), round.parse().unwrap());
    }
    let trial = Trial::test("what_was_answered_survives_kill_9", || {
        crash::check::run();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}
