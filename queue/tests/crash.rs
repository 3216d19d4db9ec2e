//! Kills a process that sends and consumes, at random moments and again and again on one folder: every
//! message that was stored and not acked is there, whole and once, what was acked is not, nothing
//! else is, and the queues open.
//!
//! `QUEUE_CRASH_KILLS` sets how often. The process that is killed is this program, started with
//! `--child`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash {
    //! The process that is killed, what it sends, and the one that checks.
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
        crash::child::work_until_killed(Path::new(folder), round.parse().unwrap());
    }
    let trial = Trial::test("what_was_answered_survives_kill_9", || {
        crash::check::run();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}
