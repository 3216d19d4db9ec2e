//! Where the data is: at a node that is named, at the node that runs on a data folder, or in the
//! folder itself. In the last case this process serves the admin API to itself, in memory: each
//! command is written once.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use node::{Admin, Announcement, Config, EmbeddedStore, OpenError, Token};
use tokio::net::TcpStream;
use tokio::time::sleep;
use url::{Position, Url};

use super::args::Target;
use super::client::Client;
use crate::failure::BadArgument;

/// How long the folder may be somebody's who announces nothing.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is looked whether that is so.
const LOOKED_EACH: Duration = Duration::from_millis(50);
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

/// What has a data folder.
enum Found {
    /// This process, from now on.
    Here(Arc<EmbeddedStore>),
    /// A node, as it says, and as the folder says.
    AtNode(Announcement, OpenError),
}

/// Finds the data.
pub(super) async fn connect(target: &Target, access: Access) -> anyhow::Result<Client> {
    let token = target.token_file.as_deref().map(Token::read).transpose()?;
    if let Some(url) = &target.node {
        return to_node(&addresses(url)?, token.as_ref()).await;
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
            let token = match (token, &announcement.token_file) {
                (None, Some(file)) => Some(Token::read(file)?),
                (token, _) => token,
            };
            let client = to_node(&[announcement.address], token.as_ref()).await;
            client.with_context(|| held.to_string())
        }
    }
}

/// Opens the folder, or finds the node that has it. A node that is starting, or another command,
/// is waited for a while.
async fn open(config: &Config) -> anyhow::Result<Found> {
    let end = Instant::now() + PATIENCE;
    loop {
        let held = match node::open_store(config) {
            Ok(store) => return Ok(Found::Here(store)),
            Err(held @ OpenError::Held { .. }) => held,
            Err(error) => return Err(error).context("the KV store cannot be opened"),
        };
        let OpenError::Held { process, .. } = &held else { continue };
        if let Some(announcement) = announced(&config.data, *process)? {
            return Ok(Found::AtNode(announcement, held));
        }
        if Instant::now() >= end {
            return Err(held).context(
                "the KV store cannot be opened, and no admin API is announced in the data folder",
            );
        }
        sleep(LOOKED_EACH).await;
    }
}

/// What the process that has the folder has announced; what another has left behind is not that.
fn announced(data: &Path, process: Option<u32>) -> anyhow::Result<Option<Announcement>> {
    let found = Announcement::read(data)
        .with_context(|| format!("cannot read where the admin API is in {}", data.display()))?;
    Ok(found.filter(|found| process.is_none_or(|process| process == found.pid)))
}

/// What a node's URL leads to, one address or more.
fn addresses(url: &str) -> anyhow::Result<Vec<SocketAddr>> {
    let unfit = || BadArgument(format!("expected --node http://ADDRESS:PORT, found {url:?}"));
    let url = Url::parse(url).map_err(|_| unfit())?;
    let is_bare = matches!(&url[Position::BeforePath..], "" | "/");
    if url.scheme() != "http" || !is_bare || !url.username().is_empty() {
        return Err(unfit().into());
    }
    let host = url.host_str().ok_or_else(unfit)?;
    let port = url.port_or_known_default().ok_or_else(unfit)?;
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let found = (name, port).to_socket_addrs().with_context(|| format!("cannot find {host}"))?;
    Ok(found.collect())
}

async fn to_node(addresses: &[SocketAddr], token: Option<&Token>) -> anyhow::Result<Client> {
    let stream = TcpStream::connect(addresses).await.with_context(|| {
        let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        format!("no node answers at {}", addresses.join(" or "))
    })?;
    stream.set_nodelay(true)?;
    // A node takes an address for its host, and no name.
    let host = stream.peer_addr()?.to_string();
    Client::over(stream, &host, token.map(Token::secret)).await
}

async fn in_this_process(admin: Admin) -> anyhow::Result<Client> {
    let (ours, its) = tokio::io::duplex(IN_MEMORY_BYTES);
    tokio::spawn(Arc::new(admin).serve(its));
    Client::over(ours, "localhost", None).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_named_by_an_address_and_a_port() {
        for (url, expected) in [
            ("http://127.0.0.1:8788", "127.0.0.1:8788"),
            ("http://127.0.0.1:8788/", "127.0.0.1:8788"),
            ("http://[::1]:1", "[::1]:1"),
            ("http://127.0.0.1", "127.0.0.1:80"),
        ] {
            assert_eq!(addresses(url).unwrap(), [expected.parse().unwrap()], "{url}");
        }
        for url in ["", "127.0.0.1:8788", "https://127.0.0.1", "http://127.0.0.1/v1", "http://u@h"]
        {
            let error = addresses(url).unwrap_err();
            assert!(error.is::<BadArgument>(), "{url}: {error}");
        }
    }
}
