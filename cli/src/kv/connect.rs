//! Where the data is: at a node that is named, at the node that runs on a data folder, or in the
//! folder itself. In the last case this process serves the admin API to itself, in memory: each
//! command is written once.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use node::{Admin, Config, Token};

use super::args::Target;
use crate::admin::client::Client;
use crate::admin::discovery::{Found, open};
use crate::admin::endpoint::{Endpoint, token_of};
use crate::admin::logins::Logins;

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

/// Finds the data.
pub(super) async fn connect(target: &Target, access: Access) -> anyhow::Result<Client> {
    let token_file = target.token_file.as_deref();
    // One that cannot be used is a mistake, whether a token is asked for or not.
    token_file.map(Token::read).transpose()?;
    if let Some(url) = &target.node {
        let ca_file = target.ca_file.as_deref();
        return Endpoint::named(url, token_file, ca_file, &Logins::load()?)?.connect().await;
    }
    let config = match &target.config {
        Some(path) => Config::load(path)?,
        None => Config::dev(([127, 0, 0, 1], 0).into(), target.data.clone(), Vec::new()),
    };
    if access == Access::Read && !node::store_folder(&config.data).is_dir() {
        bail!("there is no KV data in {} (see --data and --config)", config.data.display());
    }
    match open(&config).await? {
        Found::Here(store) => in_this_process(Admin::new(store)).await,
        Found::AtNode(announcement, held) => {
            let token = match (token_file, &announcement.token_file) {
                (None, Some(file)) => Some(Token::read(file)?),
                (given, _) => token_of(given)?,
            };
            let endpoint = Endpoint::announced(&announcement, token)?;
            endpoint.connect().await.with_context(|| held.to_string())
        }
    }
}

async fn in_this_process(admin: Admin) -> anyhow::Result<Client> {
    let (ours, its) = tokio::io::duplex(IN_MEMORY_BYTES);
    tokio::spawn(Arc::new(admin).serve(its));
    Client::over(ours, "localhost", None).await
}
