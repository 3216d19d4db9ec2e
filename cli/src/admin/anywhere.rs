//! The arguments by which a command finds its node whose commands have commands: they may stand behind
//! the last of these, too.

use std::path::PathBuf;

use clap::Args;

use super::args::NodeArgs;

/// Which node is meant; `isolane dev` has one, too.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which node")]
pub(crate) struct Anywhere {
    /// The admin API of the node, such as https://10.0.0.5:8788. Without it, --data and
    /// --node-config: that of ISOLANE_NODE, that of `isolane login`, or that of the node on this
    /// machine's data folder.
    #[arg(long, global = true, value_name = "URL", conflicts_with_all = ["data", "node_config"])]
    node: Option<String>,
    /// The file with the token of the node. Without it: ISOLANE_TOKEN, or that of `isolane login`.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A file with certificates to trust beside the public ones, in PEM.
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The data folder of a node that runs on this machine.
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The configuration of a node that runs on this machine.
    #[arg(long, alias = "config", global = true, value_name = "FILE", conflicts_with = "data")]
    node_config: Option<PathBuf>,
}

impl Anywhere {
    /// The same as other commands have it.
    pub(crate) fn node_args(&self) -> NodeArgs {
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
