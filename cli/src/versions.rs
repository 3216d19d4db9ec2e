//! `isolane versions` and `isolane rollback`: what was uploaded, and the way back to it.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use api::{Version, Worker};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::admin::{self, Api, Expected, NodeArgs};
use crate::output::{Output, plain, say, short, size, table};
use crate::project::OfProject;
use crate::{prompt, who, workers};

/// Where the column of crons and queues is, where there is one: before the message.
const TRIGGERS_AT: usize = 5;

/// List the versions of a worker, the newest first; `*` is the active one.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct VersionsArgs {
    /// The worker; without it, that of the project in this folder.
    worker: Option<String>,
    #[command(flatten)]
    project: OfProject,
    #[command(flatten)]
    node: NodeArgs,
    #[command(subcommand)]
    command: Option<VersionsCommand>,
}

#[derive(Debug, Subcommand)]
enum VersionsCommand {
    /// Show one version with its bindings and routes.
    Show {
        /// The version, or the first digits of it.
        version: String,
        /// The worker; without it, that of the project in this folder.
        #[arg(short, long)]
        worker: Option<String>,
        #[command(flatten)]
        project: OfProject,
        #[command(flatten)]
        node: NodeArgs,
    },
}

/// Make an older version of a worker the active one.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The worker; without it, that of the project in this folder. Where no worker has that name,
    /// it is the version of the project's worker.
    worker: Option<String>,
    /// The version, or at least 6 digits of it; without it, the one that was active before.
    version: Option<String>,
    /// What for.
    #[arg(short, long)]
    message: Option<String>,
    /// Who asks for it. Without it: $USER@HOSTNAME.
    #[arg(long)]
    who: Option<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    project: OfProject,
    #[command(flatten)]
    node: NodeArgs,
}

pub(crate) fn versions(args: &VersionsArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        Some(VersionsCommand::Show { version, worker, project, node }) => {
            admin::run(node.json, show((project, node), worker.as_deref(), version))
        }
        None => admin::run(args.node.json, list(args)),
    }
}

pub(crate) fn rollback(args: &RollbackArgs) -> anyhow::Result<ExitCode> {
    admin::run(args.node.json, roll_back(args))
}

async fn list(args: &VersionsArgs) -> anyhow::Result<()> {
    let (project, node) = args.project.settle(&args.node)?;
    let worker = project.worker(args.worker.as_deref())?;
    let mut api = node.api().await?;
    let (versions, record) = (api.versions(&worker).await?, api.worker(&worker).await?);
    if versions.is_empty() {
        bail!("there is no worker {worker} on {}", api.url());
    }
    let active = record.as_ref().map(|record| record.active.version.as_str());
    if args.node.json {
        let all = json!({ "worker": worker, "active": active, "versions": versions });
        return say(true, &all, String::new);
    }
    // Most workers are for requests alone.
    let is_called = |version: &Version| !called_for(version).is_empty();
    let with_triggers = versions.iter().any(is_called);
    let rows = versions.iter().map(|version| {
        let mut row = row(version, active);
        if with_triggers {
            row.insert(TRIGGERS_AT, called_for(version));
        }
        row
    });
    let mut output = Output::to(None)?;
    let mut head = vec!["", "VERSION", "UPLOADED", "BY", "SIZE>", "MESSAGE"];
    if with_triggers {
        head.insert(TRIGGERS_AT, "CRONS AND QUEUES");
    }
    output.write(table(&head, rows).as_bytes())?;
    output.finish()
}

/// What a version is called for beside requests.
fn called_for(version: &Version) -> String {
    workers::called_for(version.crons.as_deref().unwrap_or_default(), &version.consumes)
}

fn row(version: &Version, active: Option<&str>) -> Vec<String> {
    let said = |text: &Option<String>| text.as_deref().map(plain).unwrap_or_default();
    let mark = if active == Some(&version.id) { "*" } else { " " };
    vec![
        mark.to_owned(),
        short(&version.id).to_owned(),
        who::ago(version.created_at_ms),
        said(&version.who),
        size(version.size_bytes),
        said(&version.message),
    ]
}

async fn show(
    (project, node): (&OfProject, &NodeArgs),
    worker: Option<&str>,
    version: &str,
) -> anyhow::Result<()> {
    let (project, node) = project.settle(node)?;
    let worker = project.worker(worker)?;
    let mut api = node.api().await?;
    let found = api.version(&worker, version).await?;
    if node.json {
        return say(true, &found, String::new);
    }
    let mut text = String::new();
    for (name, value) in found.as_object().context("the version is no object")? {
        let value = match value {
            serde_json::Value::String(text) => plain(text),
            serde_json::Value::Null => continue,
            serde_json::Value::Array(list) if name == "crons" || name == "tails" => {
                let texts = list.iter().filter_map(serde_json::Value::as_str).map(plain);
                texts.collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        text.push_str(&format!("{name:<20}{value}\n"));
    }
    let mut output = Output::to(None)?;
    output.write(text.as_bytes())?;
    output.finish()
}

async fn roll_back(args: &RollbackArgs) -> anyhow::Result<()> {
    let (project, node) = args.project.settle(&args.node)?;
    let mut api = node.api().await?;
    let (mut worker, mut version) = (args.worker.as_deref(), args.version.as_deref());
    if let (Some(one), None) = (worker, version)
        && is_digits(one)
        && api.worker(one).await?.is_none()
    {
        (worker, version) = (None, Some(one));
    }
    let worker = project.worker(worker)?;
    let record = api.deployed(&worker).await?;
    let version = target(&mut api, &record, version).await?;
    if version.id == record.active.version {
        bail!("version {} of {worker} is the active one already", short(&version.id));
    }
    if !args.yes {
        let question = format!(
            "Make version {} of {worker} active ({}{}) in place of {}?",
            short(&version.id),
            who::ago(version.created_at_ms),
            version.message.as_deref().map(|it| format!(", {}", plain(it))).unwrap_or_default(),
            short(&record.active.version),
        );
        prompt::confirm(&question, "a rollback changes what is served", "nothing was changed")?;
    }
    let who = args.who.clone().or_else(who::here);
    let change = (who.as_deref(), args.message.as_deref());
    let expected = Expected::Revision(record.revision);
    let now = api.activate((&worker, &version.id), expected, change).await?;
    let done = json!({ "node": api.url(), "worker": worker, "version": version, "active": now,
        "previous": record.active.version });
    say(args.node.json, &done, || {
        let (version, before) = (short(&version.id), short(&record.active.version));
        format!(
            "{worker} is at version {version} again (revision {}), before: {before}",
            now.revision
        )
    })
}

/// Whether a text can be the first digits of a version.
fn is_digits(text: &str) -> bool {
    text.len() >= 6 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The version to go back to: the one that begins with those digits, or the one that was active
/// before.
async fn target(api: &mut Api, record: &Worker, digits: Option<&str>) -> anyhow::Result<Version> {
    let worker = &record.name;
    if let Some(digits) = digits {
        return Ok(serde_json::from_value(api.version(worker, digits).await?)?);
    }
    let versions = api.versions(worker).await?;
    let history = api.deployments(worker).await?;
    let before = history
        .iter()
        .filter(|deployment| deployment.version != record.active.version)
        .find_map(|deployment| versions.iter().find(|version| version.id == deployment.version));
    before.cloned().with_context(|| {
        format!("no other version of {worker} was active before: name one of `isolane versions {worker}`")
    })
}
