//! `isolane list` and `isolane delete`: the workers of a node.

use std::process::ExitCode;

use api::Consumer;
use clap::Args;
use serde_json::json;

use crate::admin::{self, Expected, NodeArgs, OldName};
use crate::output::{Output, plain, say, short, table};
use crate::{prompt, who};

/// List the workers that are deployed to a node.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    old: OldName,
}

/// Delete a worker from a node, with its versions and its secrets. What it put into KV stays.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The worker.
    worker: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    old: OldName,
}

pub(crate) fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    admin::run(args.node.json, list_all(args))
}

pub(crate) fn delete(args: &DeleteArgs) -> anyhow::Result<ExitCode> {
    admin::run(args.node.json, delete_one(args))
}

async fn list_all(args: &ListArgs) -> anyhow::Result<()> {
    let mut api = args.node.or(&args.old).api().await?;
    let workers = api.workers().await?;
    if args.node.json {
        return say(true, &json!({ "node": api.url(), "workers": workers }), String::new);
    }
    if workers.is_empty() {
        return say(false, &json!(null), || format!("no worker is deployed to {}", api.url()));
    }
    let rows = workers.iter().map(|worker| {
        let active = &worker.active;
        vec![
            worker.name.clone(),
            short(&active.version).to_owned(),
            who::ago(active.activated_at_ms),
            active.who.as_deref().map(plain).unwrap_or_default(),
            active.routes.join(" "),
            called_for(&worker.crons, &worker.consumes),
        ]
    });
    let mut output = Output::to(None)?;
    let mut head = vec!["WORKER", "VERSION", "DEPLOYED", "BY", "ROUTES"];
    // Most nodes have workers for requests alone.
    if workers.iter().any(|worker| !worker.crons.is_empty() || !worker.consumes.is_empty()) {
        head.push("CRONS AND QUEUES");
    }
    let width = head.len();
    let rows = rows.map(|row| row.into_iter().take(width).collect());
    output.write(table(&head, rows).as_bytes())?;
    output.finish()
}

/// What a worker is called for beside requests, in a line.
pub(crate) fn called_for(crons: &[String], consumes: &[Consumer]) -> String {
    let crons = crons.iter().map(|cron| format!("cron {}", plain(cron)));
    let queues = consumes.iter().map(|consumer| format!("queue {}", plain(&consumer.queue)));
    crons.chain(queues).collect::<Vec<_>>().join(", ")
}

async fn delete_one(args: &DeleteArgs) -> anyhow::Result<()> {
    let worker = &args.worker;
    let mut api = args.node.or(&args.old).api().await?;
    let record = api.deployed(worker).await?;
    if !args.yes {
        let serves = match record.active.routes.as_slice() {
            [] => "No route leads to it".to_owned(),
            routes => format!("It serves {}", routes.join(" ")),
        };
        let also = match called_for(&record.crons, &record.consumes) {
            called_for if called_for.is_empty() => String::new(),
            called_for => format!(", and is called for {called_for}"),
        };
        let question = format!(
            "Delete {worker} from {}, with its versions and secrets? {serves}{also}.",
            api.url(),
        );
        prompt::confirm(&question, "a worker is deleted for good", "nothing was deleted")?;
    }
    api.delete_worker(worker, Expected::Revision(record.revision)).await?;
    let done = json!({ "node": api.url(), "worker": worker, "deleted": true });
    say(args.node.json, &done, || format!("deleted {worker} from {}", api.url()))
}
