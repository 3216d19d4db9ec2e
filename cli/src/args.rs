//! The arguments of the command, and what `--help` says of them.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::cron::CronArgs;
use crate::deploy::DeployArgs;
use crate::init::InitArgs;
use crate::kv::KvArgs;
use crate::login::{LoginArgs, LogoutArgs, WhoamiArgs};
use crate::queue::QueueArgs;
use crate::secret::SecretArgs;
use crate::tail::TailArgs;
use crate::versions::{RollbackArgs, VersionsArgs};
use crate::workers::{DeleteArgs, ListArgs};

/// One process, many workers: each in its own V8 isolate, found by hostname, bounded in CPU
/// and memory.
#[derive(Debug, Parser)]
#[command(name = "isolane", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "Examples:
  isolane dev                          serve the project in this folder, reload on change
  isolane dev hello.ts                 serve a file at http://localhost:8787
  isolane dev api/ shop/               two workers: api.localhost and shop.localhost
  isolane dev -c wrangler.test.toml    the project with that configuration
  isolane serve --config node.toml     run a node
  isolane check api/                   does it load and start?
  isolane init hello                   a new project
  isolane deploy                       put it on a node, while that serves
  isolane rollback                     and the version before back
  isolane kv namespace list            what workers keep in KV
  isolane queue send mail 'hello'      a message for the worker that consumes the queue
  isolane cron run shop                scheduled() of a worker, now
  isolane tail shop                    what becomes of its events, as they end

Exit codes: 0 success, 1 failure, 2 bad arguments or configuration.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve workers for development: reload on change, errors with their source lines.
    Dev(DevArgs),
    /// Run a node as its configuration says.
    ///
    /// SIGTERM and SIGINT let running requests finish, SIGHUP reads the certificates again. SIGUSR2
    /// starts the node anew while it serves, with the configuration and the program as they are on
    /// disk by then.
    Serve(ServeArgs),
    /// Load workers as a node would, and start each once in an isolate, without serving them.
    ///
    /// The `[build]` command of a project is run first, in a shell: look at the configuration of a
    /// project that you do not know. Variables of development (.dev.vars, .env) do not count.
    Check(CheckArgs),
    Init(InitArgs),
    Deploy(DeployArgs),
    Versions(VersionsArgs),
    Rollback(RollbackArgs),
    List(ListArgs),
    Delete(DeleteArgs),
    Secret(SecretArgs),
    Kv(KvArgs),
    Queue(QueueArgs),
    Cron(CronArgs),
    Tail(TailArgs),
    Login(LoginArgs),
    Logout(LogoutArgs),
    Whoami(WhoamiArgs),
}

/// Arguments of `isolane dev`.
#[derive(Debug, ClapArgs)]
pub(crate) struct DevArgs {
    /// Files (JavaScript, TypeScript) or project folders; each is a worker at
    /// NAME.localhost, and the first is also at localhost. Without any, the current folder.
    #[arg(value_name = "FILE OR FOLDER")]
    pub(crate) workers: Vec<PathBuf>,
    /// Configuration of a project, instead of the one in its folder. May be repeated, a worker for
    /// each.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
    /// Environment of the configuration ([env.NAME]) to use.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Port to listen on: by default the first worker's dev.port, else 8787 or the next free one;
    /// 0 takes any.
    #[arg(short, long)]
    pub(crate) port: Option<u16>,
    /// Address to listen on: by default the first worker's dev.ip, else 127.0.0.1. Or a hostname
    /// that is answered beside localhost, *.localhost, addresses and the hosts of routes. May be
    /// repeated.
    #[arg(long, value_name = "ADDRESS OR NAME")]
    pub(crate) host: Vec<DevHost>,
    /// Folder for data that is kept between runs, such as what workers put into KV.
    #[arg(long, default_value = ".isolane", value_name = "FOLDER")]
    pub(crate) data: PathBuf,
    /// Let debuggers connect: Chrome DevTools (chrome://inspect), VS Code, WebStorm. Breakpoints
    /// work in the sources and outlive a reload; CPU limits are lifted.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "127.0.0.1:9229"
    )]
    pub(crate) inspect: Option<SocketAddr>,
    /// Serve HTTPS, with a certificate that a local authority in the data folder signs.
    #[arg(long)]
    pub(crate) https: bool,
    /// Serve HTTPS with this certificate (PEM, the leaf first).
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "https")]
    pub(crate) cert: Option<PathBuf>,
    /// The private key of that certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Take no single keys as commands.
    #[arg(long)]
    pub(crate) no_keys: bool,
    /// Run crons when they are due. Without this they are run where somebody asks for it: with the
    /// key t, or at /cdn-cgi/local/scheduled?cron=... of a worker.
    #[arg(long)]
    pub(crate) crons: bool,
    /// Have /__scheduled?cron=... of each worker run a cron of it, too.
    #[arg(long)]
    pub(crate) test_scheduled: bool,
}

/// What `--host` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DevHost {
    /// Where to listen.
    Address(IpAddr),
    /// Which host is answered.
    Name(String),
}

impl DevArgs {
    /// The address to listen on.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        let mut addresses = self.host.iter().filter_map(|host| match host {
            DevHost::Address(address) => Some(*address),
            DevHost::Name(_) => None,
        });
        addresses.next_back()
    }

    /// Hosts that are answered beside those that always are.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = self.host.iter().filter_map(|host| match host {
            DevHost::Address(_) => None,
            DevHost::Name(name) => Some(name.clone()),
        });
        names.collect()
    }
}

impl FromStr for DevHost {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let name = text.to_ascii_lowercase();
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
        if name.is_empty() || !name.bytes().all(plain) {
            return Err("expected an address such as 0.0.0.0 or a hostname".to_owned());
        }
        Ok(Self::Name(name))
    }
}

/// Arguments of `isolane serve`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ServeArgs {
    /// The node's configuration.
    #[arg(short, long, default_value = "node.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Set by `isolane serve` itself, for the process that is the node.
    #[arg(long, hide = true, value_name = "PROTOCOL", require_equals = true)]
    pub(crate) supervised: Option<u32>,
}

/// Arguments of `isolane check`.
#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    /// Files or project folders.
    #[arg(required_unless_present_any = ["config", "node_config"], value_name = "FILE OR FOLDER")]
    pub(crate) workers: Vec<PathBuf>,
    /// Configuration of a project, instead of the one in its folder. May be repeated.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
    /// Environment of the configuration ([env.NAME]) to use.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Check a node's configuration and the workers it names.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["workers", "config", "env"])]
    pub(crate) node_config: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
