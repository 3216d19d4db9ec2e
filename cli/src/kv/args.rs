//! The arguments of `isolane kv`, and what `--help` says of them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::de::IgnoredAny;

use crate::admin::NodeArgs;

const EXAMPLES: &str = "Examples:
  isolane kv namespace list                       what is kept, and how much
  isolane kv key put -n SESSIONS ada '{\"id\":1}'   store a value
  isolane kv key put -n ASSETS logo --path a.png  store a file
  isolane kv key get -n SESSIONS ada              print a value
  isolane kv key list -n SESSIONS --prefix a      keys that begin with a
  isolane kv bulk put -n SESSIONS users.json      many keys at once
  isolane kv export -n SESSIONS dump.ndjson       all of a namespace, to a file
  isolane kv import -n COPY dump.ndjson           and back, into another one
  isolane kv key list -n KV --node-config node.toml   the data of a node of `isolane serve`

Which data: that of the node at --node, or in the folder of --data or of --node-config; without
these, that of the node that ISOLANE_NODE names, else of the last `isolane login`; else that of this
machine: of node.toml here, else in .isolane, which is where `isolane dev` keeps it. A node that is
running on the folder is asked. A command that changes data elsewhere than here says where.";

const BULK_EXAMPLES: &str =
    "A FILE for put holds records, as a JSON array or one per line (NDJSON):
  {\"key\": \"a\", \"value\": \"text\"}
  {\"key\": \"b\", \"value\": \"AAEC\", \"base64\": true, \"expiration_ttl\": 3600}
  {\"key\": \"c\", \"value\": \"x\", \"expiration\": 2000000000, \"metadata\": {\"by\": \"ada\"}}

A FILE for get and delete holds keys in the same two ways: \"a\", or {\"key\": \"a\"}.
`-` is the standard input.

What comes before a record at fault is stored; the message names the record.";

/// Look into the KV store and change it: namespaces, keys, bulk files, exports.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KvArgs {
    #[command(flatten)]
    pub(super) target: Target,
    /// Print results as JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: KvCommand,
}

/// Which node or folder is meant.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which data")]
pub(super) struct Target {
    /// The data folder.
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The node's configuration that names the data folder.
    #[arg(long, alias = "config", global = true, value_name = "FILE", conflicts_with = "data")]
    node_config: Option<PathBuf>,
    /// The admin API of a running node, such as http://127.0.0.1:8788. Without it, --data and
    /// --node-config: that of ISOLANE_NODE, or that of `isolane login`.
    #[arg(long, global = true, value_name = "URL", conflicts_with_all = ["data", "node_config"])]
    node: Option<String>,
    /// The file with the token of the node; without it, ISOLANE_TOKEN or `isolane login` has it.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A file with certificates to trust beside the public ones, in PEM.
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Target {
    /// What every command is told of its node. Here the options may stand behind the commands of
    /// commands, too, so they are declared anew.
    pub(super) fn node_args(&self) -> NodeArgs {
        NodeArgs {
            node: self.node.clone(),
            token_file: self.token_file.clone(),
            ca_file: self.ca_file.clone(),
            data: self.data.clone(),
            node_config: self.node_config.clone(),
            json: false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum KvCommand {
    /// Namespaces: list, create, delete.
    #[command(subcommand)]
    Namespace(NamespaceCommand),
    /// One key: get, put, delete; or a list of them.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Many keys from a file: get, put, delete.
    #[command(subcommand)]
    Bulk(BulkCommand),
    /// Write all of a namespace, a record per line.
    Export(ExportArgs),
    /// Bring the records of an export into a namespace; those that have expired are left out.
    Import(ImportArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum NamespaceCommand {
    /// List the namespaces with what they hold.
    List,
    /// Make an empty namespace. A first `put` makes one, too.
    Create {
        /// The namespace.
        #[arg(value_name = "NAMESPACE")]
        id: String,
    },
    /// Remove a namespace with all its keys.
    Delete {
        /// The namespace.
        #[arg(value_name = "NAMESPACE")]
        id: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
}

/// The namespace that a command works on.
#[derive(Debug, Clone, Args)]
pub(super) struct InNamespace {
    /// The namespace: the `id` in a worker's configuration; in `isolane dev` without one, the
    /// binding's name.
    #[arg(short, long, visible_alias = "namespace-id", value_name = "NAMESPACE")]
    pub(super) namespace: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Print the value of a key as it is, or write it to a file.
    Get {
        #[command(flatten)]
        at: InNamespace,
        /// The key.
        key: String,
        /// Write the value to this file; `-` is the standard output.
        #[arg(long, value_name = "FILE")]
        path: Option<PathBuf>,
    },
    /// Store a value: the argument, a file, or the standard input.
    Put(PutArgs),
    /// Remove a key. One that is not there is no mistake.
    Delete {
        #[command(flatten)]
        at: InNamespace,
        /// The key.
        key: String,
    },
    /// Print the names of keys, in the order of their bytes; with --json all there is about them.
    List {
        #[command(flatten)]
        at: InNamespace,
        /// Only keys that begin with this.
        #[arg(long, default_value = "")]
        prefix: String,
        /// At most so many keys; without it, all.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        limit: Option<u64>,
    },
}

/// Arguments of `isolane kv key put`.
#[derive(Debug, Args)]
pub(super) struct PutArgs {
    #[command(flatten)]
    pub(super) at: InNamespace,
    /// The key.
    pub(super) key: String,
    /// The value; without it and --path, the standard input is.
    #[arg(conflicts_with = "path")]
    pub(super) value: Option<String>,
    /// Read the value from this file; `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    pub(super) path: Option<PathBuf>,
    /// Seconds until the key expires, at least 60.
    #[arg(long, value_name = "SECONDS", conflicts_with = "expiration")]
    pub(super) ttl: Option<i64>,
    /// The second since the UNIX epoch at which the key expires.
    #[arg(long, value_name = "SECOND")]
    pub(super) expiration: Option<i64>,
    /// JSON that is kept with the value, at most 1,024 bytes.
    #[arg(long, value_name = "JSON", value_parser = json)]
    pub(super) metadata: Option<String>,
}

#[derive(Debug, Subcommand)]
#[command(after_help = BULK_EXAMPLES)]
pub(super) enum BulkCommand {
    /// Store the records of a file.
    Put(BulkArgs),
    /// Print the records of the keys in a file, one per line; `"value":null` for what is not there.
    Get(BulkArgs),
    /// Remove the keys in a file.
    Delete(BulkArgs),
}

/// Arguments of `isolane kv bulk ...`.
#[derive(Debug, Args)]
#[command(after_help = BULK_EXAMPLES)]
pub(super) struct BulkArgs {
    #[command(flatten)]
    pub(super) at: InNamespace,
    /// The file.
    pub(super) file: PathBuf,
}

/// Arguments of `isolane kv export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    pub(super) at: InNamespace,
    /// Write to this file; `-` is the standard output.
    #[arg(default_value = "-")]
    pub(super) file: PathBuf,
}

/// Arguments of `isolane kv import`.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    #[command(flatten)]
    pub(super) at: InNamespace,
    /// Read this file; `-` is the standard input.
    #[arg(default_value = "-")]
    pub(super) file: PathBuf,
}

fn json(text: &str) -> Result<String, String> {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("expected JSON (a text needs quotes of its own): {error}")),
    }
}
