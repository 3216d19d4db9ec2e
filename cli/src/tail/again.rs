//! The way to a node's events, and the way back to them after the node was started anew: by then it may
//! be at another address, which it announces in its data folder.

use std::time::Duration;

use anyhow::Context as _;
use http::{Method, Response};
use hyper::body::Incoming;
use node::Announcement;
use tokio::time::sleep;

use crate::admin::client::Client;
use crate::admin::endpoint::Endpoint;
use crate::admin::{Meant, NodeArgs, refusal};

/// How long is waited before the second attempt; each further wait is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where events are asked for.
pub(super) struct Way {
    node: NodeArgs,
    meant: Meant,
    path: String,
}

impl Way {
    /// To the node that the arguments mean.
    pub(super) fn new(node: NodeArgs, path: String) -> anyhow::Result<Self> {
        let meant = node.meant()?;
        Ok(Self { node, meant, path })
    }

    /// Asks for the first time: a node that is not there is a mistake. Answers its URL, too.
    pub(super) async fn first(&self) -> anyhow::Result<(String, Response<Incoming>)> {
        let endpoint = self.node.endpoint().await?;
        let answer = self.ask(endpoint.connect().await?).await?;
        Ok((endpoint.url().to_owned(), answer))
    }

    /// Asks until there is an answer, or the node refuses for good.
    pub(super) async fn again(&self) -> anyhow::Result<Response<Incoming>> {
        let mut pause = FIRST_PAUSE;
        loop {
            sleep(pause).await;
            match self.attempt().await {
                Err(error) if is_for_now(&error) => pause = (2 * pause).min(LONGEST_PAUSE),
                told => return told,
            }
        }
    }

    async fn attempt(&self) -> anyhow::Result<Response<Incoming>> {
        let client = match &self.meant {
            Meant::Node(endpoint) => endpoint.connect().await?,
            Meant::Data(config) => self.announced(&config.data)?.connect().await?,
        };
        self.ask(client).await
    }

    /// The node that has announced itself by now. The folder is left alone: who opens it may keep the
    /// node from starting.
    fn announced(&self, data: &std::path::Path) -> anyhow::Result<Endpoint> {
        let announcement = Announcement::read(data)?.context("no node has announced itself")?;
        self.node.announced(&announcement)
    }

    async fn ask(&self, mut client: Client) -> anyhow::Result<Response<Incoming>> {
        client.ask(Method::GET, &self.path).await
    }
}

/// Whether the same may go well later: the node is not there yet, or not quite. What it refuses for a
/// reason of its own it refuses again.
fn is_for_now(error: &anyhow::Error) -> bool {
    refusal(error).is_none_or(|refusal| refusal.is_for_now() || refusal.status.is_server_error())
}
