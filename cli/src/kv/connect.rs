//! Where the data is: at a node that is named, at the node that runs on a data folder, or in the
//! folder itself. In the last case this process serves the admin API to itself, in memory: each
//! command is written once. Which node or folder is meant is `admin`'s.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use node::Admin;

use crate::admin::client::Client;
use crate::admin::discovery::{Found, open};
use crate::admin::{Meant, NodeArgs};

/// What the connection in memory holds of each direction.
const IN_MEMORY_BYTES: usize = 256 << 10;

/// What a command does to the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// A folder without data is a mistake.
    Read,
    /// A folder without data gets some.
    Write,
}

/// Connects to the data that is meant.
pub(super) async fn connect(
    args: &NodeArgs,
    meant: Meant,
    access: Access,
) -> anyhow::Result<Client> {
    let config = match meant {
        Meant::Node(endpoint) => return endpoint.connect().await,
        Meant::Data(config) => config,
    };
    if access == Access::Read && !node::store_folder(&config.data).is_dir() {
        bail!(
            "there is no KV data in {} (see --node, --data and --node-config)",
            config.data.display()
        );
    }
    match open(&config).await? {
        Found::Here(store) => in_this_process(Admin::new(store)).await,
        Found::AtNode(announcement, held) => {
            let endpoint = args.announced(&announcement)?;
            endpoint.connect().await.with_context(|| held.to_string())
        }
    }
}

async fn in_this_process(admin: Admin) -> anyhow::Result<Client> {
    let (ours, its) = tokio::io::duplex(IN_MEMORY_BYTES);
    tokio::spawn(Arc::new(admin).serve(its));
    Client::over(ours, "localhost", None).await
}
