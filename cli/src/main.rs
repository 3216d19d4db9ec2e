//! The `isolane` command: arguments, terminal, exit codes. What it does is in the crates it
//! calls; here is nothing of V8.
#![forbid(unsafe_code)]

mod args;
mod check;
mod dev;
mod failure;
mod kv;
mod running;
mod serve;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

/// A plain `main`: V8 wants to be initialised before any other thread exists.
fn main() -> ExitCode {
    let result = match args::Args::parse().command {
        args::Command::Dev(args) => dev::run(&args),
        args::Command::Serve(args) => serve::run(&args),
        args::Command::Check(args) => check::run(&args),
        args::Command::Kv(args) => kv::run(&args),
    };
    result.unwrap_or_else(|error| {
        terminal::leave();
        failure::report(&error)
    })
}
