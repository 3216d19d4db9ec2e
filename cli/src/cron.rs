//! `isolane cron`: when workers are called, and a run of one now. How moments are read and written is in
//! `cron/when.rs`.

pub(crate) mod when;

use std::cell::Cell;
use std::process::ExitCode;

use api::{Cron, CronRan, Crons, RunCron};
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use crate::admin::client::{Client, read};
use crate::admin::exchange::{get, segment, send};
use crate::admin::{self, Anywhere};
use crate::output::{Output, plain, say, table};
use crate::terminal::{DIM, ERROR, harmless};
use crate::who;

const EXAMPLES: &str = "Examples:
  isolane cron list                                all crons of the node, and when they are due
  isolane cron list --worker shop                  those of one worker
  isolane cron run shop                            its first cron, now
  isolane cron run shop '0 9 * * MON-FRI'          another one of it
  isolane cron run shop --time '2026-12-24 09:00'  as if it were that time

All times are UTC, as those of the expressions are. A run by hand is one more: it changes nothing about
when the crons are due. Its exit code is 1 where scheduled() has failed.";

/// See when crons are due, and run one now.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CronArgs {
    #[command(flatten)]
    target: Anywhere,
    /// Print results as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: CronCommand,
}

#[derive(Debug, Subcommand)]
enum CronCommand {
    /// List the crons with when they are due next, and what became of the last run.
    List {
        /// Those of one worker.
        #[arg(short, long, value_name = "WORKER")]
        worker: Option<String>,
    },
    /// Run the scheduled() of a worker now, and wait for its end.
    Run(RunArgs),
}

/// Arguments of `isolane cron run`.
#[derive(Debug, Args)]
struct RunArgs {
    /// The worker.
    worker: String,
    /// The expression that scheduled() is told; without it, the worker's first.
    cron: Option<String>,
    /// The time that scheduled() is told: '2026-12-24 09:00' (UTC), or milliseconds since 1970.
    /// Without it, now.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    time: Option<u64>,
}

pub(crate) fn run(args: &CronArgs) -> anyhow::Result<ExitCode> {
    let has_failed = Cell::new(false);
    let code = admin::run(args.json, execute(args, &has_failed))?;
    Ok(if has_failed.get() { ExitCode::FAILURE } else { code })
}

async fn execute(args: &CronArgs, has_failed: &Cell<bool>) -> anyhow::Result<()> {
    let endpoint = args.target.node_args().endpoint().await?;
    let mut client = endpoint.connect().await?;
    match &args.command {
        CronCommand::List { worker } => {
            list(&mut client, worker.as_deref(), endpoint.url(), args.json).await
        }
        CronCommand::Run(run) => {
            let is_ok = run_now(&mut client, run, args.json).await?;
            has_failed.set(!is_ok);
            Ok(())
        }
    }
}

async fn list(
    client: &mut Client,
    worker: Option<&str>,
    url: &str,
    as_json: bool,
) -> anyhow::Result<()> {
    let path = match worker {
        Some(worker) => format!("/v1/workers/{}/crons", segment(worker)),
        None => "/v1/crons".to_owned(),
    };
    if as_json {
        return say(true, &get::<Value>(client, &path).await?, String::new);
    }
    let Crons { crons } = get(client, &path).await?;
    if crons.is_empty() {
        return say(false, &json!(null), || match worker {
            Some(worker) => format!("{} has no crons on {url}", plain(worker)),
            None => format!("no worker of {url} has crons"),
        });
    }
    let now_ms = when::now_ms();
    let mut output = Output::to(None)?;
    let head = ["WORKER", "CRON", "NEXT RUN", "LAST RUN"];
    let rows = crons.iter().map(|cron| row(cron, now_ms));
    output.write(table(&head, rows).as_bytes())?;
    output.finish()
}

fn row(cron: &Cron, now_ms: u64) -> Vec<String> {
    let next = cron.next_run_ms.map(|next_ms| when::due(next_ms, now_ms));
    let last = cron.last_run.as_ref().map(|last| {
        let outcome = last.outcome.as_deref().unwrap_or("its end is not known");
        format!("{}, {}", plain(outcome), who::ago(last.at_ms))
    });
    vec![
        plain(&cron.worker),
        plain(&cron.cron),
        next.unwrap_or_else(|| "not by itself".to_owned()),
        last.unwrap_or_default(),
    ]
}

/// Runs one; answers whether it went well.
async fn run_now(client: &mut Client, args: &RunArgs, as_json: bool) -> anyhow::Result<bool> {
    let RunArgs { worker, cron, time } = args;
    let path = format!("/v1/workers/{}/crons", segment(worker));
    let ask = RunCron { cron: cron.clone(), scheduled_time_ms: *time };
    let ran: CronRan = read(send(client, Method::POST, &path, &ask).await?).await?;
    let is_ok = ran.outcome == "ok";
    match (as_json, is_ok) {
        (true, _) => say(true, &serde_json::to_value(&ran)?, String::new)?,
        (false, true) => say(false, &json!(null), || done(worker, &ran))?,
        (false, false) => complain(worker, &ran),
    }
    Ok(is_ok)
}

fn done(worker: &str, ran: &CronRan) -> String {
    let CronRan { wall_ms, cpu_ms, no_retry, .. } = ran;
    let said = if *no_retry { "; it does not want to be tried again" } else { "" };
    format!("ok: {} ran for {wall_ms} ms, {cpu_ms} ms of CPU time{said}", plain(worker))
}

/// Says on the standard error what has failed.
fn complain(worker: &str, ran: &CronRan) {
    let outcome = harmless(&ran.outcome);
    let worker = plain(worker);
    match &ran.exception {
        None => anstream::eprintln!("{ERROR}error{ERROR:#}: {worker}: {outcome}"),
        Some(exception) => {
            let message = harmless(&exception.message);
            anstream::eprintln!("{ERROR}error{ERROR:#}: {worker}: {outcome}: {message}");
            let frames = exception.stack.lines().filter(|line| line.starts_with("    at "));
            for frame in frames {
                anstream::eprintln!("{DIM}{}{DIM:#}", harmless(frame));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use api::CronRun;

    use super::*;

    #[test]
    fn a_cron_is_shown_with_its_next_and_its_last_run() {
        let mut cron = Cron {
            worker: "shop".to_owned(),
            cron: "0 9 * * *".to_owned(),
            next_run_ms: Some(1_700_000_100_000),
            last_run: None,
        };
        let shown = row(&cron, 1_700_000_000_000);
        assert_eq!(shown, ["shop", "0 9 * * *", "2023-11-14 22:15 UTC, in 1 min", ""]);
        cron.next_run_ms = None;
        cron.last_run = Some(CronRun { at_ms: 0, outcome: Some("exception".to_owned()) });
        let shown = row(&cron, 0);
        assert_eq!(shown[2], "not by itself");
        assert!(shown[3].starts_with("exception, ") && shown[3].ends_with(" days ago"));
    }

    #[test]
    fn a_run_that_went_well_says_what_it_took() {
        let ran = CronRan { wall_ms: 12, cpu_ms: 3, no_retry: true, ..CronRan::default() };
        let told = done("shop", &ran);
        assert!(told.starts_with("ok: shop ran for 12 ms, 3 ms of CPU time; "), "{told}");
    }
}
