//! The arguments by which a command finds its node, and what they lead to: the same for all commands,
//! those of `isolane kv` among them.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use node::{Announcement, Config, Token};

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
    /// The admin API of the node, such as https://10.0.0.5:8788. Without it, --data and
    /// --node-config: that of ISOLANE_NODE, that of `isolane login`, or that of the node on this
    /// machine's data folder.
    #[arg(long, value_name = "URL", conflicts_with_all = ["data", "node_config"])]
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
    pub(crate) node_config: Option<PathBuf>,
    /// Print the result as one JSON document.
    #[arg(long, help_heading = "Options")]
    pub(crate) json: bool,
}

/// Another name of `--node-config`, for commands that are about no project and its `--config`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct OldName {
    /// The configuration of a node that runs on this machine.
    #[arg(
        long = "config",
        hide = true,
        value_name = "FILE",
        conflicts_with_all = ["node", "data", "node_config"]
    )]
    config: Option<PathBuf>,
}

/// Where the node that is meant is to be found.
pub(crate) enum Meant {
    /// At that address: an argument, the environment or a login names it.
    Node(Endpoint),
    /// On this machine, where the data of this configuration is, if it runs.
    Data(Box<Config>),
}

impl fmt::Display for Meant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(endpoint) => f.write_str(endpoint.url()),
            Self::Data(config) => write!(f, "the data in {}", config.data.display()),
        }
    }
}

impl NodeArgs {
    /// The same, with a configuration by the other name of its option.
    pub(crate) fn or(&self, old: &OldName) -> Self {
        Self {
            node_config: self.node_config.clone().or_else(|| old.config.clone()),
            ..self.clone()
        }
    }

    /// The API of the node that is meant. Nothing is sent yet.
    ///
    /// # Errors
    /// As [`for_deploys`](Self::for_deploys).
    pub(crate) async fn api(&self) -> anyhow::Result<Api> {
        Ok(Api::new(self.for_deploys().await?))
    }

    /// Where the node that is meant is, for what is about deployed workers.
    ///
    /// # Errors
    /// When it cannot be told which node is meant, there is none, or it is one for development.
    pub(crate) async fn for_deploys(&self) -> anyhow::Result<Endpoint> {
        let endpoint = self.endpoint().await?;
        if endpoint.is_for_development() {
            bail!(
                "`isolane dev` runs here, which takes no deploys, and no other node is named: name \
                 one with --node URL, or log in with `isolane login URL`"
            );
        }
        Ok(endpoint)
    }

    /// Where the node that is meant is.
    pub(crate) async fn endpoint(&self) -> anyhow::Result<Endpoint> {
        let meant = self.meant()?;
        let nobody = format!(
            "no node is named, and none runs on {meant}: start one with `isolane serve`, name one \
             with --node URL, or log in with `isolane login URL`"
        );
        self.at(meant).await?.with_context(|| nobody)
    }

    /// The same; nothing where no node is named, and none that takes deploys runs on this machine's
    /// data.
    pub(crate) async fn find(&self) -> anyhow::Result<Option<Endpoint>> {
        let found = self.at(self.meant()?).await?;
        Ok(found.filter(|endpoint| !endpoint.is_for_development()))
    }

    /// Where a command has to look: what its arguments name, else what the environment does, else
    /// the last login, else this machine's data.
    ///
    /// # Errors
    /// When what is named is no node, or a file cannot be read.
    pub(crate) fn meant(&self) -> anyhow::Result<Meant> {
        // One that cannot be used is a mistake, whether a token is asked for or not.
        self.token_file.as_deref().map(Token::read).transpose()?;
        let is_local = self.data.is_some() || self.node_config.is_some();
        let variable = || std::env::var(NODE_VARIABLE).ok().filter(|url| !url.is_empty());
        let named = self.node.clone().or_else(|| if is_local { None } else { variable() });
        let logins = Logins::load()?;
        let named = match named {
            None if !is_local => logins.default_url().map(str::to_owned),
            named => named,
        };
        Ok(match named {
            Some(url) => {
                let token = self.token_file.as_deref();
                let endpoint = Endpoint::named(&url, token, self.ca_file.as_deref(), &logins)?;
                Meant::Node(endpoint)
            }
            None => Meant::Data(Box::new(self.local()?)),
        })
    }

    /// The node that has announced itself in its data.
    ///
    /// # Errors
    /// When its certificate or its token cannot be read.
    pub(crate) fn announced(&self, announcement: &Announcement) -> anyhow::Result<Endpoint> {
        let token = match (&self.token_file, &announcement.token_file) {
            (None, Some(file)) => Some(Token::read(file)?),
            (given, _) => token_of(given.as_deref())?,
        };
        Endpoint::announced(announcement, token)
    }

    async fn at(&self, meant: Meant) -> anyhow::Result<Option<Endpoint>> {
        let config = match meant {
            Meant::Node(endpoint) => return Ok(Some(endpoint)),
            Meant::Data(config) => config,
        };
        if !node::store_folder(&config.data).is_dir() {
            return Ok(None);
        }
        match discovery::open(&config).await? {
            Found::Here(_) => Ok(None),
            Found::AtNode(announcement, _) => {
                let data = config.data.display().to_string();
                let endpoint = self.announced(&announcement);
                endpoint.map(Some).with_context(|| format!("the node on the data in {data}"))
            }
        }
    }

    fn local(&self) -> anyhow::Result<Config> {
        let dev = |data| Config::dev(([127, 0, 0, 1], 0).into(), data, Vec::new());
        let here = Path::new(CONFIG_HERE);
        match (&self.node_config, &self.data) {
            (Some(config), _) => Ok(Config::load(config)?),
            (None, Some(data)) => Ok(dev(data.clone())),
            (None, None) if here.is_file() => Ok(Config::load(here)?),
            (None, None) => Ok(dev(PathBuf::from(DEV_DATA))),
        }
    }
}
