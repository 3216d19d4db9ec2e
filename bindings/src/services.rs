//! The binding that calls another worker
//! (<https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/>). Its `fetch` is
//! deno_fetch's, with a worker in the place of the network: what a worker calls is in
//! `services/services.js`, how the request comes to the other worker in `fetch/service.rs`. Who finds
//! that is a [`Dispatcher`].

mod ops;

use std::sync::Arc;

use deno_core::{Extension, OpState};
use serde::Deserialize;

use crate::binding::{Binding, Grant, GrantError, Grantee, Inside, Late, kinds};
use crate::dispatch::{Address, Dispatcher};

/// What the configuration may call the default export.
const DEFAULT: &str = "default";

/// The workers that the process has.
pub(crate) struct Services(Late<dyn Dispatcher>);

/// Which worker a version calls.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The worker's name.
    service: String,
    /// The export that is called.
    #[serde(default)]
    entrypoint: Option<String>,
    /// What that finds in `ctx.props`.
    #[serde(default)]
    props: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A worker that a version calls.
#[derive(Clone)]
pub(crate) struct Service {
    /// Whom calls are for.
    pub(crate) to: Address,
    /// What the entrypoint finds in `ctx.props`, as JSON.
    pub(crate) props: Option<Arc<str>>,
    /// The worker that calls.
    pub(crate) caller: Arc<str>,
    dispatcher: Late<dyn Dispatcher>,
}

/// A request that `op_fetch` is about to be called for, in the same turn.
pub(crate) struct Departing {
    pub(crate) service: Service,
    /// What the other worker finds in `request.cf`, as JSON.
    pub(crate) cf: Option<String>,
}

/// What an isolate keeps for the binding.
#[derive(Default)]
struct ServicesState {
    /// What the worker's slots stand for.
    services: Vec<Service>,
    departing: Option<Departing>,
}

impl Services {
    pub(crate) fn new(dispatcher: Late<dyn Dispatcher>) -> Self {
        Self(dispatcher)
    }
}

impl Service {
    /// Who runs events of other workers, if somebody does already.
    pub(crate) fn dispatcher(&self) -> Option<Arc<dyn Dispatcher>> {
        self.dispatcher.get().cloned()
    }
}

impl Binding for Services {
    const KIND: &'static str = kinds::SERVICE;
    type Config = Config;

    fn grant(&self, config: Config, to: &Grantee<'_>) -> Result<Box<dyn Grant>, GrantError> {
        let entrypoint = config.entrypoint.filter(|name| name != DEFAULT).map(Into::into);
        let props = config.props.map(|props| serde_json::Value::Object(props).to_string().into());
        Ok(Box::new(Service {
            to: Address { worker: config.service.into(), entrypoint },
            props,
            caller: Arc::clone(to.worker),
            dispatcher: self.0.clone(),
        }))
    }
}

impl Grant for Service {
    fn script(&self) -> &'static str {
        "ext:isolane_services/services.js"
    }

    fn install(&self, inside: &mut Inside<'_>) -> u32 {
        if !inside.state.has::<ServicesState>() {
            inside.state.put(ServicesState::default());
        }
        let services = &mut inside.state.borrow_mut::<ServicesState>().services;
        services.push(self.clone());
        (services.len() - 1) as u32
    }
}

/// Takes the request that the script has announced.
pub(crate) fn take_departing(state: &mut OpState) -> Option<Departing> {
    state.try_borrow_mut::<ServicesState>()?.departing.take()
}

/// The extension with the script `ext:isolane_services/services.js`, whose export is
/// `bind(slot, name)`.
pub fn extension() -> Extension {
    script::isolane_services::init()
}

#[allow(missing_docs, unreachable_pub, reason = "the macro's items are not ours to document")]
mod script {
    use super::ops::op_services_depart;

    deno_core::extension!(
        isolane_services,
        deps = [deno_webidl, deno_web, deno_fetch, isolane_env],
        ops = [op_services_depart],
        lazy_loaded_js = [dir "src/services", "services.js"],
    );
}
