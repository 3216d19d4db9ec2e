//! `isolane queue`: the queues of a node and their messages. Every operation is a request to the admin
//! API: what looks is in `queue/show.rs`, what changes something in `queue/change.rs`.

mod args;
mod change;
mod show;

use std::process::ExitCode;

use crate::admin::exchange::segment;
use crate::admin::{self, Meant};

pub(crate) use self::args::QueueArgs;

use self::args::QueueCommand;

pub(crate) fn run(args: &QueueArgs) -> anyhow::Result<ExitCode> {
    // With --json, too, a failure is told on the standard error: the output may be a file.
    admin::run(false, execute(args))
}

async fn execute(args: &QueueArgs) -> anyhow::Result<()> {
    let node = args.target.node_args();
    let meant = node.meant()?;
    change::confirm(&args.command, &meant)?;
    // What is said behind what was done: where, if not on this machine.
    let place = match &meant {
        Meant::Node(endpoint) => format!(" at {}", endpoint.url()),
        Meant::Data(_) => String::new(),
    };
    let endpoint = node.endpoint().await?;
    let mut client = endpoint.connect().await?;
    let as_json = args.json;
    match &args.command {
        QueueCommand::List => show::list(&mut client, endpoint.url(), as_json).await,
        QueueCommand::Info { queue } => show::info(&mut client, queue, as_json).await,
        QueueCommand::Peek { queue, limit } => {
            show::peek(&mut client, queue, *limit, as_json).await
        }
        command => change::run(&mut client, command, &place, as_json).await,
    }
}

/// The path of a queue.
fn queue_path(queue: &str) -> String {
    format!("/v1/queues/{}", segment(queue))
}
