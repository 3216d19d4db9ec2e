//! `isolane secret`: values that a worker sees in `env` and that nobody is shown again. They come
//! from the terminal or a pipe, never from an argument, which every process could read.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::admin::{self, Api, NodeArgs};
use crate::output::{Output, say};
use crate::project::OfProject;
use crate::prompt;

const EXAMPLES: &str = "Examples:
  isolane secret put API_KEY                        asks for the value, and does not show it
  printf %s \"$KEY\" | isolane secret put API_KEY     takes it from a pipe
  isolane secret list --worker api";

/// The secrets of a deployed worker: set, list, delete.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SecretArgs {
    #[command(subcommand)]
    command: SecretCommand,
}

#[derive(Debug, Subcommand)]
enum SecretCommand {
    /// Set a secret. The value is typed, or comes from the standard input, where a line end at
    /// its end does not count.
    Put {
        /// The property of `env`.
        name: String,
        #[command(flatten)]
        of: Of,
    },
    /// List the names.
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Delete a secret.
    Delete {
        /// The property of `env`.
        name: String,
        #[command(flatten)]
        of: Of,
    },
}

/// Whose secrets.
#[derive(Debug, Args)]
struct Of {
    /// The worker; without it, that of the project in this folder.
    #[arg(short, long)]
    worker: Option<String>,
    #[command(flatten)]
    project: OfProject,
    #[command(flatten)]
    node: NodeArgs,
}

impl Of {
    /// The worker's name, and its node.
    async fn settled(&self) -> anyhow::Result<(String, Api)> {
        let (project, node) = self.project.settle(&self.node)?;
        let worker = project.worker(self.worker.as_deref())?;
        Ok((worker, node.api().await?))
    }
}

pub(crate) fn run(args: &SecretArgs) -> anyhow::Result<ExitCode> {
    let (SecretCommand::Put { of, .. }
    | SecretCommand::List { of }
    | SecretCommand::Delete { of, .. }) = &args.command;
    admin::run(of.node.json, execute(&args.command))
}

async fn execute(command: &SecretCommand) -> anyhow::Result<()> {
    match command {
        SecretCommand::Put { name, of } => put(name, of).await,
        SecretCommand::List { of } => list(of).await,
        SecretCommand::Delete { name, of } => delete(name, of).await,
    }
}

async fn put(name: &str, of: &Of) -> anyhow::Result<()> {
    let (worker, mut api) = of.settled().await?;
    // Nobody types a secret for a worker that is not there.
    api.deployed(&worker).await?;
    let value = prompt::secret(&format!("the value of {name}"))?;
    api.put_secret(&worker, name, value).await?;
    let done = json!({ "node": api.url(), "worker": worker, "secret": name, "set": true });
    say(of.node.json, &done, || format!("set the secret {name} of {worker}"))
}

async fn list(of: &Of) -> anyhow::Result<()> {
    let (worker, mut api) = of.settled().await?;
    let secrets = api.secrets(&worker).await?;
    if of.node.json {
        return say(true, &json!({ "worker": worker, "secrets": secrets }), String::new);
    }
    let mut output = Output::to(None)?;
    for name in secrets {
        output.write(format!("{name}\n").as_bytes())?;
    }
    output.finish()
}

async fn delete(name: &str, of: &Of) -> anyhow::Result<()> {
    let (worker, mut api) = of.settled().await?;
    api.delete_secret(&worker, name).await?;
    let done = json!({ "node": api.url(), "worker": worker, "secret": name, "deleted": true });
    say(of.node.json, &done, || format!("deleted the secret {name} of {worker}"))
}
