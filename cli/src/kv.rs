//! `isolane kv`: namespaces, keys, bulk files, exports. Every operation is a request to the admin
//! API, whether a node serves it or this process does (`kv/connect.rs`); V8 is never started.

mod args;
mod bulk;
mod client;
mod connect;
mod key;
mod namespace;
mod output;
mod progress;
mod records;

use std::process::ExitCode;

pub(crate) use self::args::KvArgs;

use self::args::{BulkCommand, KeyCommand, KvCommand, NamespaceCommand};
use self::connect::{Access, connect};
use self::output::ReaderGone;

pub(crate) fn run(args: &KvArgs) -> anyhow::Result<ExitCode> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match tokio.block_on(execute(args)) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // Whoever reads the output, such as `head`, has enough of it.
        Err(error) if error.is::<ReaderGone>() => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
    }
}

async fn execute(args: &KvArgs) -> anyhow::Result<()> {
    if let KvCommand::Namespace(command) = &args.command {
        namespace::confirm(command)?;
    }
    let mut client = connect(&args.target, access(&args.command)).await?;
    match &args.command {
        KvCommand::Namespace(command) => namespace::run(&mut client, command, args.json).await,
        KvCommand::Key(command) => key::run(&mut client, command, args.json).await,
        KvCommand::Bulk(command) => bulk::run(&mut client, command, args.json).await,
        KvCommand::Export(export) => bulk::export(&mut client, export, args.json).await,
        KvCommand::Import(import) => bulk::import(&mut client, import, args.json).await,
    }
}

fn access(command: &KvCommand) -> Access {
    match command {
        KvCommand::Namespace(NamespaceCommand::Create { .. })
        | KvCommand::Key(KeyCommand::Put(_))
        | KvCommand::Bulk(BulkCommand::Put(_))
        | KvCommand::Import(_) => Access::Write,
        KvCommand::Namespace(NamespaceCommand::List | NamespaceCommand::Delete { .. })
        | KvCommand::Key(_)
        | KvCommand::Bulk(_)
        | KvCommand::Export(_) => Access::Read,
    }
}
