//! `isolane serve`: a node as its configuration says. What was started by that command supervises
//! (`serve/supervisor.rs`) another process, which is the node (`serve/node.rs`).

mod channel;
mod link;
pub(crate) mod log;
mod node;
mod stray;
mod supervisor;

use std::process::ExitCode;

use crate::args::ServeArgs;
use crate::failure::BadArgument;

pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    match args.supervised {
        None => supervisor::run(&args.config).map(ExitCode::from),
        Some(channel::PROTOCOL) => node::run(args),
        Some(other) => Err(BadArgument(format!(
            "this release cannot take over from one that speaks protocol {other}: stop the node, and \
             start it again"
        ))
        .into()),
    }
}
