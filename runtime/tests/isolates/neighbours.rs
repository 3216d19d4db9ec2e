//! Workers that call each other by name: those that a test says are to be called. Each name stands for the
//! version that was built last.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{self, LocalBoxFuture};
use isolane_runtime::{
    Address, Call, CallContext, CallError, Dispatcher, EnvEntry, Failure, Reply, Trigger, Version,
    kinds,
};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{Builder, Worker, runtime};

/// Those that can be called.
static CALLABLE: Mutex<BTreeMap<String, Arc<Version>>> = Mutex::new(BTreeMap::new());

struct ByName;

impl Dispatcher for ByName {
    fn dispatch(
        &self,
        to: Address,
        trigger: Trigger,
        context: CallContext,
    ) -> LocalBoxFuture<'static, Result<Reply, CallError>> {
        if context.hops.are_too_many() {
            return future::ready(Err(CallError::TooManyHops)).boxed_local();
        }
        let version = CALLABLE.lock().get(&*to.worker).cloned();
        let call = async move {
            let Some(version) = version else {
                return Err(CallError::NoWorker { worker: to.worker });
            };
            let context = CallContext { entrypoint: to.entrypoint, ..context };
            let ran = runtime().run(&version, Call::new(trigger, context)).await;
            ran.map_err(|failure: Failure| CallError::Failed { message: failure.to_string() })
        };
        call.boxed_local()
    }
}

/// What leads calls to them.
pub(super) fn dispatcher() -> Arc<dyn Dispatcher> {
    Arc::new(ByName)
}

impl Builder {
    /// With a binding to an entrypoint of a worker, by its name; nothing is the default one.
    pub fn with_service(self, name: &str, worker: &str, entrypoint: Option<&str>) -> Builder {
        self.with_service_and_props(name, worker, entrypoint, json!({}))
    }

    /// The same, which gives it `ctx.props`.
    pub fn with_service_and_props(
        self,
        name: &str,
        worker: &str,
        entrypoint: Option<&str>,
        props: Value,
    ) -> Builder {
        let config = json!({ "service": worker, "entrypoint": entrypoint, "props": props });
        self.with_env(EnvEntry::new(name, kinds::SERVICE, config))
    }

    /// The name that it will have.
    pub fn name(&self) -> String {
        self.definition.worker.to_string()
    }

    /// Builds it, and has it be called by its name.
    pub fn build_to_be_called(self) -> Worker {
        let worker = self.build();
        CALLABLE.lock().insert(worker.name().to_owned(), Arc::clone(&worker.version));
        worker
    }
}
