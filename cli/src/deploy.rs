//! `isolane deploy`: a project becomes a version on a node, and the version the active one. What
//! is said of it in the end is in `deploy/summary.rs`, what becomes of it where there is no node in
//! `deploy/rehearsal.rs`.

mod outdir;
mod rehearsal;
mod summary;
mod targets;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::{Uploaded, Version, Worker};
use bundle::{Bundle, Project};
use bytes::Bytes;
use clap::Args;
use http::StatusCode;

use crate::admin::{self, Api, Expected, NodeArgs, Refusal};
use crate::output::short;
use crate::progress::Progress;
use crate::project::build::{self, Purpose};
use crate::project::{self, OfProject};
use crate::terminal::WARNING;
use crate::who;

use self::summary::Summary;

const EXAMPLES: &str = "Examples:
  isolane deploy                                   the project in this folder
  isolane deploy api/ --message 'Faster search'    with a word about it
  isolane deploy --dry-run                         does the node take it? without one: does it start?
  isolane deploy -c wrangler.prod.toml             with a configuration of another name
  isolane deploy --node https://node.example.com:8788

A deploy uploads the bundle, starts it once on the node, and makes it the active version: new
requests go to it, and those that are running end on the version before. When somebody else has
deployed meanwhile, nothing is made active; the message says who.";

/// Deploy a project to a node.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeployArgs {
    /// The project's folder, or its main module. Without it, the current folder.
    #[arg(value_name = "FILE OR FOLDER")]
    path: Option<PathBuf>,
    #[command(flatten)]
    project: OfProject,
    /// What for; it is shown by `isolane versions`.
    #[arg(short, long)]
    message: Option<String>,
    /// Who deploys. Without it: $USER@HOSTNAME.
    #[arg(long)]
    who: Option<String>,
    /// Bundle and validate on the node, and change nothing there. Where no node is named and none
    /// runs here but `isolane dev`, validate on this machine.
    #[arg(long)]
    dry_run: bool,
    /// Write the bundle's modules and source maps into this folder, too.
    #[arg(long, value_name = "FOLDER")]
    outdir: Option<PathBuf>,
    /// Make it active whatever somebody else has deployed meanwhile, and also where a worker that it
    /// calls, or that is told of its events, is not there yet.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

/// A project that was bundled.
struct Bundled {
    bundle: Bundle,
    took: Duration,
    warnings: Vec<String>,
}

pub(crate) fn run(args: &DeployArgs) -> anyhow::Result<std::process::ExitCode> {
    admin::run(args.node.json, deploy(args))
}

async fn deploy(args: &DeployArgs) -> anyhow::Result<()> {
    let (of_project, node) = args.project.settle(&args.node)?;
    let project = of_project.meant(args.path.as_deref())?;
    build::make([&project], Purpose::Deploy)?;
    let project = project::open(&project)?;
    let found = match args.dry_run {
        true => node.find().await?,
        false => Some(node.for_deploys().await?),
    };
    let Some(endpoint) = found else {
        let Bundled { bundle, took, mut warnings } = bundled(args, &project)?;
        let rehearsed = rehearsal::rehearse(&bundle).await?;
        tell(args, &mut warnings, rehearsed.warnings);
        let summary = Summary {
            at: None,
            version: &rehearsed.version,
            modules: bundle.modules.len(),
            bundled_in: took,
            before: None,
            active: None,
            warnings: &warnings,
        };
        return summary.print(args.node.json);
    };
    let mut api = Api::new(endpoint);
    let node = api.node().await?;
    // What somebody else does from now on shows when the version is made active.
    let before = api.worker(project.name()).await?;

    let Bundled { bundle, took, mut warnings } = bundled(args, &project)?;
    let missing = targets::missing(&mut api, &bundle).await?;
    match args.dry_run || args.force {
        true => warnings.extend(missing),
        false => targets::refuse(&bundle.name, &missing)?,
    }
    let uploaded = upload(args, &mut api, &bundle).await?;
    tell(args, &mut warnings, uploaded.warnings);
    let active = match args.dry_run {
        true => None,
        false => Some(activate(args, &mut api, &uploaded.version, before.as_ref()).await?),
    };
    let summary = Summary {
        at: Some((api.url(), &node)),
        version: &uploaded.version,
        modules: bundle.modules.len(),
        bundled_in: took,
        before: before.as_ref(),
        active: active.as_ref(),
        warnings: &warnings,
    };
    summary.print(args.node.json)
}

/// Bundles a project, and writes what comes out where that is asked for.
fn bundled(args: &DeployArgs, project: &Project) -> anyhow::Result<Bundled> {
    let progress = Progress::of("bundling");
    let began = Instant::now();
    let mut bundle = project.load()?;
    let warnings = std::mem::take(&mut bundle.warnings).iter().map(ToString::to_string).collect();
    if let Some(outdir) = &args.outdir {
        outdir::write(&bundle, outdir)
            .with_context(|| format!("cannot write the bundle into {}", outdir.display()))?;
    }
    drop(progress);
    Ok(Bundled { bundle, took: began.elapsed(), warnings })
}

/// Shows what there is to know of a version, each once.
fn tell(args: &DeployArgs, warnings: &mut Vec<String>, more: Vec<String>) {
    for warning in more {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    if !args.node.json {
        for warning in warnings {
            anstream::eprintln!("{WARNING}warning{WARNING:#}: {warning}");
        }
    }
}

async fn upload(args: &DeployArgs, api: &mut Api, bundle: &Bundle) -> anyhow::Result<Uploaded> {
    let id = bundle.id();
    let archive = Bytes::from(bundle.to_archive());
    let progress = Arc::new(Progress::of("uploading"));
    let total = archive.len() as u64;
    progress.expect_bytes(total);
    let counter = Arc::clone(&progress);
    let sent = move |bytes| {
        counter.add(bytes);
        if counter.done() >= total {
            counter.then("starting");
        }
    };
    let who = args.who.clone().or_else(who::here);
    let mut change: Vec<(&str, &str)> = Vec::new();
    if args.dry_run {
        change.push(("dry_run", "true"));
    }
    change.extend(who.as_deref().map(|who| ("who", who)));
    change.extend(args.message.as_deref().map(|message| ("message", message)));
    api.upload((&bundle.name, id.as_str()), archive, &change, sent).await
}

async fn activate(
    args: &DeployArgs,
    api: &mut Api,
    version: &Version,
    before: Option<&Worker>,
) -> anyhow::Result<Worker> {
    let expected = match before {
        _ if args.force => Expected::Any,
        Some(worker) => Expected::Revision(worker.revision),
        None => Expected::Absent,
    };
    let who = args.who.clone().or_else(who::here);
    let Version { worker, id, .. } = version;
    let change = (who.as_deref(), args.message.as_deref());
    api.activate((worker, id), expected, change).await.map_err(|error| {
        let refusal = admin::refusal(&error);
        let overtaken = refusal
            .filter(|refusal| refusal.status == StatusCode::PRECONDITION_FAILED)
            .map(|refusal| overtaken(worker, id, refusal));
        match overtaken {
            Some(message) => error.context(message),
            None => error,
        }
    })
}

/// What to say when the worker has changed since the deploy began.
fn overtaken(worker: &str, version: &str, refusal: &Refusal) -> String {
    let who = refusal.detail("who").unwrap_or("somebody who gave no name");
    let at = refusal.details.get("changed_at_ms").and_then(serde_json::Value::as_u64);
    let now = match at {
        Some(at) => format!("its active version is by {who}, {}", who::ago(at)),
        None => "it has no active version now".to_owned(),
    };
    format!(
        "{worker} was changed while this deploy was running ({now}), so version {} is uploaded \
         and not active: look at `isolane versions {worker}`, then deploy again, or with --force",
        short(version)
    )
}
