//! What the admin API says and does of crons: which there are, what came of their last runs, and a run by
//! hand. When they are due, and who calls them, is `events`'.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use runtime::Thrown;

use super::answer::{Answer, Fault, json};
use super::callers::Caller;
use super::node::Served as Node;
use super::routes::{Captures, CronOperation};
use super::upload::Upload;
use crate::events::{CronStatus, Events, NotRun, Ran};
use crate::refusal::Served;
use crate::trace::readable;

/// The longest request for a run, in bytes.
const MAX_RUN_BYTES: usize = 16 << 10;

/// One request.
pub(super) async fn call(
    node: &Node,
    events: &Events,
    caller: Caller<'_>,
    operation: CronOperation,
    captures: &Captures<'_>,
    body: Upload,
) -> Result<Answer, Fault> {
    let worker = captures.get("worker");
    match operation {
        CronOperation::ListCrons => Ok(list(events, |name| caller.sees(name))),
        CronOperation::ListCronsOfWorker => {
            exists(node, worker)?;
            Ok(list(events, |name| name == worker))
        }
        CronOperation::RunCron => run(node, events, worker, body).await,
    }
}

fn list(events: &Events, shown: impl Fn(&str) -> bool) -> Answer {
    let crons = events.crons().list(shown);
    json(StatusCode::OK, &api::Crons { crons: crons.into_iter().map(to_api).collect() })
}

async fn run(node: &Node, events: &Events, worker: &str, body: Upload) -> Result<Answer, Fault> {
    exists(node, worker)?;
    let body = body.whole("the request for a run", MAX_RUN_BYTES).await?;
    let wanted = match body.is_empty() {
        true => api::RunCron::default(),
        false => serde_json::from_slice(&body).map_err(|error| {
            Fault::bad_request(format!("the request for a run is malformed: {error}"))
        })?,
    };
    let cron = wanted.cron.map(Arc::<str>::from).or_else(|| events.crons().first_of(worker));
    let cron = cron.ok_or_else(|| {
        Fault::bad_request(format!(
            "{worker} has no crons: say which one its handler is to be told, as \"cron\""
        ))
    })?;
    // What is active now, for the places of its sources.
    let target = node.deployments.callee(&worker.into(), None);
    let served = target.map(|target| target.served().clone());
    let ran = events.crons().run_now(worker, cron, wanted.scheduled_time_ms).await.map_err(told)?;
    let Ran { outcome, no_retry, wall, cpu, exception } = ran;
    let exception = exception.map(|thrown| exception_to_api(node, served.as_ref(), thrown));
    let ran = api::CronRan {
        outcome: outcome.as_str().to_owned(),
        no_retry,
        wall_ms: ms(wall),
        cpu_ms: ms(cpu),
        exception,
    };
    Ok(json(StatusCode::OK, &ran))
}

fn exists(node: &Node, worker: &str) -> Result<(), Fault> {
    match node.deployments.has(worker) {
        true => Ok(()),
        false => Err(Fault::not_found(format!("there is no worker {worker}"))),
    }
}

/// Why an event has not run, for who has asked for it.
fn told(not_run: NotRun) -> Fault {
    let status = match &not_run {
        NotRun::NoWorker(_) => StatusCode::NOT_FOUND,
        NotRun::Failed(failure) => {
            let status = StatusCode::from_u16(failure.status());
            status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        }
    };
    Fault::new(status, not_run.to_string())
}

fn to_api(status: CronStatus) -> api::Cron {
    let CronStatus { worker, cron, next_ms, last } = status;
    let run = |at_ms, outcome: Option<runtime::Outcome>| api::CronRun {
        at_ms,
        outcome: outcome.map(|outcome| outcome.as_str().to_owned()),
    };
    api::Cron {
        worker: worker.to_string(),
        cron: cron.to_string(),
        next_run_ms: next_ms,
        last_run: last.map(|last| run(last.at_ms, last.outcome)),
    }
}

fn exception_to_api(node: &Node, served: Option<&Served>, thrown: Thrown) -> api::CronException {
    let Thrown { message, stack } = thrown;
    let stack = match served {
        Some(served) => readable(&*node.deployments, served, &stack).into_owned(),
        None => stack,
    };
    api::CronException { message, stack }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use runtime::Failure;

    use super::*;

    #[test]
    fn whoever_asks_for_a_run_is_told_why_there_was_none() {
        let nobody = told(NotRun::NoWorker("shop".into()));
        assert_eq!(nobody.message, "there is no worker shop");
        assert_eq!(nobody.into_answer().status(), 404);
        let shed = Failure::LoadShed { what: "worker shop".to_owned() };
        assert_eq!(told(NotRun::Failed(shed)).into_answer().status(), 503);
    }

    #[test]
    fn a_cron_says_when_it_was_run_and_when_it_is_due() {
        let status = CronStatus {
            worker: "shop".into(),
            cron: "* * * * *".into(),
            next_ms: Some(120_000),
            last: None,
        };
        let cron = to_api(status);
        assert_eq!((&*cron.worker, cron.next_run_ms, cron.last_run), ("shop", Some(120_000), None));
    }
}
