//! Calls of workers by their names: those of other workers, and those of the node itself. Who calls has
//! no part in where a worker runs: it is found, loaded and run like one that a route leads to. What a
//! call looks like to the worker that calls is the bindings'.

use std::future::Future;
use std::sync::{Arc, Weak};

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use runtime::{
    Address, Call, CallContext, CallError, Dispatcher, Failure, Reply, Runtime, Thrown, Trigger,
    Version,
};

use crate::config::Mode;
use crate::deployments::Deployments;

/// Leads calls to the workers of a node, for as long as there is the node.
struct Calls(Weak<Deployments>);

impl Dispatcher for Calls {
    fn dispatch(
        &self,
        to: Address,
        trigger: Trigger,
        context: CallContext,
    ) -> LocalBoxFuture<'static, Result<Reply, CallError>> {
        let deployments = self.0.upgrade();
        let call = async move {
            let Callee { runtime, version } = find(deployments, &to, &context).await?;
            let call = Call::new(trigger, of(to, context));
            runtime.run(&version, call).await.map_err(told)
        };
        call.boxed_local()
    }
}

impl Deployments {
    /// What finds these workers by their names and runs events of them, for as long as they are there.
    pub fn dispatcher(self: &Arc<Self>) -> Arc<dyn Dispatcher> {
        Arc::new(Calls(Arc::downgrade(self)))
    }

    /// Runs an event of a worker like the [`dispatcher`](Self::dispatcher), always by a message: from
    /// any thread, and the future may go from one thread to another.
    ///
    /// # Errors
    /// Why the event has not run.
    pub fn send(
        self: &Arc<Self>,
        to: Address,
        trigger: Trigger,
        context: CallContext,
    ) -> impl Future<Output = Result<Reply, CallError>> + Send + use<> {
        let deployments = Some(Arc::clone(self));
        async move {
            let Callee { runtime, version } = find(deployments, &to, &context).await?;
            let call = Call::new(trigger, of(to, context));
            runtime.submit(&version, call).await.map_err(told)
        }
    }
}

/// Who is called. From here on the call is this version's, whatever is activated meanwhile.
struct Callee {
    runtime: Runtime,
    version: Arc<Version>,
}

async fn find(
    deployments: Option<Arc<Deployments>>,
    to: &Address,
    context: &CallContext,
) -> Result<Callee, CallError> {
    let deployments = deployments.ok_or_else(|| told(Failure::ShuttingDown))?;
    if context.hops.are_too_many() {
        return Err(CallError::TooManyHops);
    }
    let target = deployments
        .callee(&to.worker, context.caller.as_ref())
        .ok_or_else(|| missing(deployments.mode(), &to.worker))?;
    let version = deployments.ready(&target).await.map_err(told)?;
    Ok(Callee { runtime: deployments.runtime().clone(), version })
}

fn of(to: Address, context: CallContext) -> CallContext {
    CallContext { entrypoint: to.entrypoint, ..context }
}

fn missing(mode: Mode, worker: &Arc<str>) -> CallError {
    match mode {
        Mode::Dev => CallError::NoWorker { worker: Arc::clone(worker) },
        // Also where it is another's: nobody is to know of that.
        Mode::Serve => CallError::Failed {
            message: format!("Worker \"{worker}\" not found. Deploy it to this node first."),
        },
    }
}

/// What a caller is told of an event that has no answer: what the callee has thrown without its stack,
/// which is the callee's alone, and nothing of its inside.
fn told(failure: Failure) -> CallError {
    match failure {
        Failure::Threw { message, .. } => {
            CallError::Threw(Thrown { message, stack: String::new() })
        }
        other => CallError::Failed { message: other.told() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_told_what_was_thrown_and_nothing_of_the_inside() {
        let (message, stack) = ("RangeError: no".to_owned(), "at secret.js:1:1".to_owned());
        let CallError::Threw(thrown) = told(Failure::Threw { message, stack }) else {
            panic!("it was thrown")
        };
        assert_eq!((&*thrown.message, &*thrown.stack), ("RangeError: no", ""));
        let failed = |failure| match told(failure) {
            CallError::Failed { message } => message,
            other => panic!("{other:?}"),
        };
        assert!(failed(Failure::NeverResponds).starts_with("The Workers runtime canceled"));
        let cannot_start = Failure::CannotStart {
            worker: "auth".to_owned(),
            version: "1".to_owned(),
            message: "Error: hunter2".to_owned(),
            stack: String::new(),
        };
        let message = failed(cannot_start);
        assert!(message.contains("auth") && !message.contains("hunter2"), "{message}");
    }

    #[test]
    fn a_worker_that_there_is_not_is_named() {
        let auth: Arc<str> = "auth".into();
        let local = missing(Mode::Dev, &auth);
        assert!(matches!(local, CallError::NoWorker { worker } if worker == auth));
        let deployed = missing(Mode::Serve, &auth).to_string();
        assert!(deployed.contains("Worker \"auth\" not found."), "{deployed}");
    }
}
