//! Events that nobody's request and nobody's code asks for: the node finds the worker by its name and runs
//! one of it. Calls between workers are in `dispatch/calls.rs`.

use std::sync::Arc;

use runtime::{Call, CallContext, Ended, Failure, Outcome, Reply, Trigger};
use thiserror::Error;

use crate::deployments::Deployments;

/// Why an event has not run.
#[derive(Debug, Error)]
pub(crate) enum NotRun {
    /// There is no worker of that name.
    #[error("there is no worker {0}")]
    NoWorker(Arc<str>),
    /// The worker cannot start, the node has no room for it, or has lost it.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl NotRun {
    /// The outcome that is counted and remembered.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::NoWorker(_) => Outcome::ScriptNotFound,
            Self::Failed(failure) => failure.outcome(),
        }
    }

    /// Whether it may have run all the same: nothing is known of what was lost with its shard.
    pub(super) fn may_have_run(&self) -> bool {
        matches!(self, Self::Failed(Failure::IsolateLost { .. }))
    }
}

/// Runs an event of the worker of that name, which must not be a request, and waits for its end. Whoever
/// drops the future cancels the event.
pub(super) async fn call(
    deployments: &Arc<Deployments>,
    worker: &Arc<str>,
    trigger: Trigger,
) -> Result<Ended, NotRun> {
    let target = deployments.callee(worker, None);
    let target = target.ok_or_else(|| NotRun::NoWorker(Arc::clone(worker)))?;
    // From here on the event is this version's, whatever is activated meanwhile.
    let version = deployments.ready(&target).await?;
    let call = Call::new(trigger, CallContext::default());
    match deployments.runtime().submit(&version, call).await? {
        Reply::Ended(ended) => Ok(ended),
        Reply::Response(_) | Reply::Upgrade(_) => {
            Err(Failure::IsolateLost { reason: "it was no request" }.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_with_its_shard_may_have_run_and_nothing_else() {
        assert!(NotRun::from(Failure::IsolateLost { reason: "its shard is gone" }).may_have_run());
        for failure in [Failure::ShuttingDown, Failure::LoadShed { what: "the node".to_owned() }] {
            let not_run = NotRun::from(failure);
            assert!(!not_run.may_have_run(), "{not_run}");
            assert_eq!(not_run.outcome(), Outcome::LoadShed);
        }
        let nobody = NotRun::NoWorker("shop".into());
        assert_eq!((nobody.outcome(), nobody.may_have_run()), (Outcome::ScriptNotFound, false));
        assert_eq!(nobody.to_string(), "there is no worker shop");
    }
}
