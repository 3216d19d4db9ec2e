//! The arguments by which a command finds its node, and what they lead to.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use node::{Config, Token};

use super::api::Api;
use super::discovery::{self, Found};
use super::endpoint::{Endpoint, token_of};
use super::logins::Logins;

/// The configuration that a node in the current folder would have.
const CONFIG_HERE: &str = "node.toml";
/// The data folder of `isolane dev`.
const DEV_DATA: &str = ".isolane";
/// The variable that names a node.
const NODE_VARIABLE: &str = "ISOLANE_NODE";

/// Which node is meant.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which node")]
pub(crate) struct NodeArgs {
    /// The admin API of the node, such as https://10.0.0.5:8788. Without it: that of
    /// ISOLANE_NODE, that of `isolane login`, or that of the node on this machine's data folder.
    #[arg(long, value_name = "URL", conflicts_with_all = ["data", "config"])]
    pub(crate) node: Option<String>,
    /// The file with the token of the node. Without it: ISOLANE_TOKEN, or that of `isolane login`.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A file with certificates to trust beside the public ones, in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The data folder of a node that runs on this machine.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// The configuration of a node that runs on this machine.
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    pub(crate) config: Option<PathBuf>,
    /// Print the result as one JSON document.
    #[arg(long, help_heading = "Options")]
    pub(crate) json: bool,
}

impl NodeArgs {
    /// The API of the node that is meant. Nothing is sent yet.
    ///
    /// # Errors
    /// When it cannot be told which node is meant, or there is none.
    pub(crate) async fn api(&self) -> anyhow::Result<Api> {
        Ok(Api::new(self.endpoint().await?))
    }

    /// Where the node that is meant is.
    pub(crate) async fn endpoint(&self) -> anyhow::Result<Endpoint> {
        let is_local = self.data.is_some() || self.config.is_some();
        let variable = || std::env::var(NODE_VARIABLE).ok().filter(|url| !url.is_empty());
        let named = self.node.clone().or_else(|| if is_local { None } else { variable() });
        let logins = Logins::load()?;
        let named = match named {
            None if !is_local => logins.default_url().map(str::to_owned),
            named => named,
        };
        match named {
            Some(url) => {
                let token = self.token_file.as_deref();
                Endpoint::named(&url, token, self.ca_file.as_deref(), &logins)
            }
            None => self.on_this_machine().await,
        }
    }

    async fn on_this_machine(&self) -> anyhow::Result<Endpoint> {
        let config = self.local()?;
        let data = config.data.display().to_string();
        let nobody = || {
            format!(
                "no node is named, and none runs on the data in {data}: start one with \
                 `isolane serve`, name one with --node URL, or log in with `isolane login URL`"
            )
        };
        if !node::store_folder(&config.data).is_dir() {
            bail!(nobody());
        }
        match discovery::open(&config).await? {
            Found::Here(_) => bail!(nobody()),
            Found::AtNode(announcement, _) => {
                let token = match (&self.token_file, &announcement.token_file) {
                    (None, Some(file)) => Some(Token::read(file)?),
                    (given, _) => token_of(given.as_deref())?,
                };
                Endpoint::announced(&announcement, token)
                    .with_context(|| format!("the node on the data in {data}"))
            }
        }
    }

    fn local(&self) -> anyhow::Result<Config> {
        let dev = |data| Config::dev(([127, 0, 0, 1], 0).into(), data, Vec::new());
        let here = Path::new(CONFIG_HERE);
        match (&self.config, &self.data) {
            (Some(config), _) => Ok(Config::load(config)?),
            (None, Some(data)) => Ok(dev(data.clone())),
            (None, None) if here.is_file() => Ok(Config::load(here)?),
            (None, None) => Ok(dev(PathBuf::from(DEV_DATA))),
        }
    }
}
