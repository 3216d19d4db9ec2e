//! `isolane kv`: namespaces, keys, bulk files, exports. Every operation is a request to the admin
//! API, whether a node serves it or this process does (`kv/connect.rs`); V8 is never started.

mod args;
mod bulk;
mod connect;
mod key;
mod namespace;
mod records;

use std::process::ExitCode;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::admin::{self, Meant};

pub(crate) use self::args::KvArgs;

use self::args::{BulkCommand, KeyCommand, KvCommand, NamespaceCommand};
use self::connect::{Access, connect};

pub(crate) fn run(args: &KvArgs) -> anyhow::Result<ExitCode> {
    // With --json, too, a failure is told on the standard error: the output may be a file.
    admin::run(false, execute(args))
}

async fn execute(args: &KvArgs) -> anyhow::Result<()> {
    let node = args.target.node_args();
    let meant = node.meant()?;
    if let KvCommand::Namespace(command) = &args.command {
        namespace::confirm(command, &meant)?;
    }
    let place = place_of(&meant);
    let mut client = connect(&node, meant, access(&args.command)).await?;
    match &args.command {
        KvCommand::Namespace(command) => {
            namespace::run(&mut client, command, &place, args.json).await
        }
        KvCommand::Key(command) => key::run(&mut client, command, &place, args.json).await,
        KvCommand::Bulk(command) => bulk::run(&mut client, command, &place, args.json).await,
        KvCommand::Export(export) => bulk::export(&mut client, export, args.json).await,
        KvCommand::Import(import) => bulk::import(&mut client, import, &place, args.json).await,
    }
}

/// What is said behind what was done: where, if not on this machine. A login of some time ago is easily
/// forgotten.
fn place_of(meant: &Meant) -> String {
    match meant {
        Meant::Node(endpoint) => format!(" at {}", endpoint.url()),
        Meant::Data(_) => String::new(),
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

/// The path of a namespace.
fn namespace_path(id: &str) -> String {
    format!("/v1/kv/namespaces/{}", utf8_percent_encode(id, NON_ALPHANUMERIC))
}

/// The path of a value.
fn value_path(namespace: &str, key: &str) -> String {
    let key = utf8_percent_encode(key, NON_ALPHANUMERIC);
    format!("{}/values/{key}", namespace_path(namespace))
}
