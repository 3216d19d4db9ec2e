//! A cron that is run because somebody says so. When one is due by itself is the scheduler's.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use runtime::{
    Call, CallContext, Ended, Failure, KindResult, Outcome, Reply, Scheduled, Thrown, Trigger,
};

use crate::deployments::Deployments;

/// What a run of a cron has come to.
#[derive(Debug)]
pub struct CronRan {
    /// How it has ended, or why it has not begun.
    pub outcome: Outcome,
    /// Whether the worker does not want it to be tried again.
    pub no_retry: bool,
    /// What it threw, or why it has not begun: a line.
    pub exception: Option<String>,
    /// V8's stack of that, as the isolate has it; may be empty.
    pub stack: String,
}

/// Calls `scheduled()` of a worker, as if that expression were due at that time, in milliseconds since
/// the UNIX epoch; without one, now. Whoever drops the future cancels the event.
pub async fn run_cron(
    deployments: Arc<Deployments>,
    worker: Arc<str>,
    cron: Arc<str>,
    scheduled_time_ms: Option<u64>,
) -> CronRan {
    let scheduled_time_ms = scheduled_time_ms.unwrap_or_else(now_ms);
    let trigger = Trigger::Scheduled(Scheduled { cron, scheduled_time_ms });
    let Some(target) = deployments.callee(&worker, None) else {
        let message = format!("there is no worker {worker}");
        return CronRan::not_begun(Outcome::ScriptNotFound, message, String::new());
    };
    let ended = async {
        let version = deployments.ready(&target).await?;
        deployments.runtime().submit(&version, Call::new(trigger, CallContext::default())).await
    };
    match ended.await {
        Ok(Reply::Ended(Ended { outcome, exception, result })) => {
            let no_retry = matches!(result, KindResult::Scheduled { no_retry: true });
            let (exception, stack) = match exception {
                Some(Thrown { message, stack }) => (Some(message), stack),
                None => (None, String::new()),
            };
            CronRan { outcome, no_retry, exception, stack }
        }
        // It was no request: there is no response.
        Ok(Reply::Response(_) | Reply::Upgrade(_)) => {
            let message = "the worker has answered with a response".to_owned();
            CronRan::not_begun(Outcome::InternalError, message, String::new())
        }
        Err(failure) => {
            let (outcome, message) = (failure.outcome(), failure.to_string());
            let stack = match failure {
                Failure::CannotStart { stack, .. } => stack,
                _ => String::new(),
            };
            CronRan::not_begun(outcome, message, stack)
        }
    }
}

impl CronRan {
    fn not_begun(outcome: Outcome, message: String, stack: String) -> Self {
        Self { outcome, no_retry: false, exception: Some(message), stack }
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
