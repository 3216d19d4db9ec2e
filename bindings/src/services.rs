//! The binding that calls another worker
//! (<https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/>). Its `fetch` is
//! deno_fetch's, with a worker in the place of the network: what a worker calls is in
//! `services/services.js`, how the request comes to the other worker in `fetch/service.rs`, how a call of
//! its methods does in `rpc`. Who finds that is a [`Dispatcher`]. A worker calls its own exports in the same
//! way (`ctx.exports`).

mod ops;

use std::sync::Arc;

use deno_core::{Extension, OpState};
use serde::Deserialize;

use crate::binding::{Binding, Grant, GrantError, Grantee, Inside, Late, kinds};
use crate::dispatch::{Address, Dispatcher};
use crate::event::GivenProps;

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
    /// What it finds there instead, where the worker's own code says so.
    pub(crate) given: Option<GivenProps>,
    /// The worker that calls.
    pub(crate) caller: Arc<str>,
    dispatcher: Late<dyn Dispatcher>,
}

/// The worker itself, as one that it can call. Every isolate of a version has it.
#[derive(Clone)]
pub(crate) struct Own {
    worker: Arc<str>,
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
    services: Vec<Option<Service>>,
    /// Slots that stand for nothing any more.
    free: Vec<u32>,
    departing: Option<Departing>,
}

impl ServicesState {
    fn add(&mut self, service: Service) -> u32 {
        if let Some(slot) = self.free.pop()
            && let Some(place) = self.services.get_mut(slot as usize)
        {
            *place = Some(service);
            return slot;
        }
        self.services.push(Some(service));
        (self.services.len() - 1) as u32
    }

    fn get(&self, slot: u32) -> Option<&Service> {
        self.services.get(slot as usize)?.as_ref()
    }

    fn release(&mut self, slot: u32) {
        let place = self.services.get_mut(slot as usize);
        if place.and_then(Option::take).is_some() {
            self.free.push(slot);
        }
    }
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

impl Own {
    pub(crate) fn new(worker: Arc<str>, dispatcher: Late<dyn Dispatcher>) -> Self {
        Self { worker, dispatcher }
    }

    /// One of its exports; nothing is the default one.
    fn export(self, entrypoint: Option<Arc<str>>, given: Option<GivenProps>) -> Service {
        Service {
            to: Address { worker: Arc::clone(&self.worker), entrypoint },
            props: None,
            given,
            caller: self.worker,
            dispatcher: self.dispatcher,
        }
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
            given: None,
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
        add(inside.state, self.clone())
    }
}

/// Gives an isolate a worker that it can call; answers its slot.
pub(crate) fn add(state: &mut OpState, service: Service) -> u32 {
    if !state.has::<ServicesState>() {
        state.put(ServicesState::default());
    }
    state.borrow_mut::<ServicesState>().add(service)
}

/// The worker in a slot.
pub(crate) fn at(state: &OpState, slot: u32) -> Option<Service> {
    state.try_borrow::<ServicesState>()?.get(slot).cloned()
}

/// Takes the request that the script has announced.
pub(crate) fn take_departing(state: &mut OpState) -> Option<Departing> {
    state.try_borrow_mut::<ServicesState>()?.departing.take()
}

/// The extension with the script `ext:isolane_services/services.js`, whose export is
/// `bind(slot, name)` among others.
pub fn extension() -> Extension {
    script::isolane_services::init()
}

#[allow(missing_docs, unreachable_pub, reason = "the macro's items are not ours to document")]
mod script {
    use super::ops::{op_services_depart, op_services_own, op_services_release};

    deno_core::extension!(
        isolane_services,
        deps = [deno_webidl, deno_web, deno_fetch, isolane_env],
        ops = [op_services_depart, op_services_own, op_services_release],
        lazy_loaded_js = [dir "src/services", "services.js"],
    );
}
