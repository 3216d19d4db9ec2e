//! The `isolane` command: arguments, terminal, exit codes. What it does is in the crates it
//! calls; here is nothing of V8.
#![forbid(unsafe_code)]

mod admin;
mod args;
mod check;
mod cron;
mod deploy;
mod dev;
mod failure;
mod harden;
mod init;
mod kv;
mod login;
mod output;
mod progress;
mod project;
mod prompt;
mod queue;
mod running;
mod secret;
mod serve;
mod tail;
mod terminal;
mod versions;
mod who;
mod workers;

use std::process::ExitCode;

use clap::Parser as _;

/// A plain `main`: V8 wants to be initialised before any other thread exists.
fn main() -> ExitCode {
    let result = match args::Args::parse().command {
        args::Command::Dev(args) => dev::run(&args),
        args::Command::Serve(args) => serve::run(&args),
        args::Command::Check(args) => check::run(&args),
        args::Command::Init(args) => init::run(&args),
        args::Command::Deploy(args) => deploy::run(&args),
        args::Command::Versions(args) => versions::versions(&args),
        args::Command::Rollback(args) => versions::rollback(&args),
        args::Command::List(args) => workers::list(&args),
        args::Command::Delete(args) => workers::delete(&args),
        args::Command::Secret(args) => secret::run(&args),
        args::Command::Kv(args) => kv::run(&args),
        args::Command::Queue(args) => queue::run(&args),
        args::Command::Cron(args) => cron::run(&args),
        args::Command::Tail(args) => tail::run(&args),
        args::Command::Login(args) => login::login(&args),
        args::Command::Logout(args) => login::logout(&args),
        args::Command::Whoami(args) => login::whoami(&args),
    };
    result.unwrap_or_else(|error| {
        terminal::leave();
        failure::report(&error)
    })
}
