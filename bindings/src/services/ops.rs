//! What `services.js` calls.

use deno_core::url::Url;
use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;

use super::{Departing, Own, ServicesState};
use crate::event::GivenProps;

/// `op_fetch` takes it for no client: the request goes to the network.
const NETWORK: i32 = -1;

/// Announces a request, for which `op_fetch` is called next. `first` is the URL that was called, where
/// this is what a redirect has led to: to another origin, that goes out to the network. Answers what
/// `op_fetch` is to get as its client, or -1 for none.
#[op2(nofast)]
#[smi]
pub(super) fn op_services_depart<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] slot: u32,
    url: v8::Local<'s, v8::Value>,
    first: v8::Local<'s, v8::Value>,
    cf: v8::Local<'s, v8::Value>,
) -> i32 {
    let text = |value: v8::Local<'s, v8::Value>| {
        let text = v8::Local::<v8::String>::try_from(value).ok()?;
        Some(text.to_rust_string_lossy(scope))
    };
    if let Some(first) = text(first)
        && !are_of_one_origin(&first, &text(url).unwrap_or_default())
    {
        return NETWORK;
    }
    let cf = text(cf);
    let Some(services) = state.try_borrow_mut::<ServicesState>() else { return NETWORK };
    let service = services.get(slot).cloned();
    services.departing = service.map(|service| Departing { service, cf });
    i32::try_from(slot).unwrap_or(i32::MAX)
}

/// A slot for an export of the worker's own, the default one where there is no name. With `has_props` it
/// finds in `ctx.props` what lies written, which refers to the workers in these slots.
#[op2]
#[smi]
pub(super) fn op_services_own(
    state: &mut OpState,
    #[string] entrypoint: &str,
    has_props: bool,
    #[serde] slots: Vec<u32>,
) -> Result<u32, JsErrorBox> {
    let own = state.try_borrow::<Own>().cloned();
    let own = own.ok_or_else(|| JsErrorBox::generic("No worker can be called here."))?;
    let services = slots.iter().map(|slot| super::at(state, *slot)).collect::<Option<Vec<_>>>();
    let services =
        services.ok_or_else(|| JsErrorBox::generic("A worker in ctx.props is not there."))?;
    let given = has_props
        .then(|| GivenProps { data: crate::rpc::take_written(state), services: services.into() });
    let entrypoint = (!entrypoint.is_empty()).then(|| entrypoint.into());
    Ok(super::add(state, own.export(entrypoint, given)))
}

/// Nobody has the stub of a slot any more.
#[op2(fast)]
pub(super) fn op_services_release(state: &mut OpState, #[smi] slot: u32) {
    if let Some(services) = state.try_borrow_mut::<ServicesState>() {
        services.release(slot);
    }
}

fn are_of_one_origin(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin() == other.origin(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(worker: &str) -> crate::services::Service {
        Own::new(worker.into(), crate::binding::Late::new(None)).export(None, None)
    }

    #[test]
    fn slots_are_used_again_when_nobody_has_what_was_in_them() {
        let mut services = ServicesState::default();
        let slots = ["a", "b"].map(|worker| services.add(service(worker)));
        assert_eq!(slots, [0, 1]);
        services.release(0);
        services.release(0);
        services.release(7);
        assert!(services.get(0).is_none() && services.get(7).is_none());
        assert_eq!(services.add(service("c")), 0);
        assert_eq!(services.add(service("d")), 2);
        assert_eq!(services.get(0).map(|it| &*it.to.worker), Some("c"));
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for other in ["http://a.b/x?y", "http://a.b:80/", "http://A.b/"] {
            assert!(are_of_one_origin("http://a.b/", other), "{other}");
        }
        for other in ["https://a.b/", "http://a.b:81/", "http://b.b/", "data:,x", ""] {
            assert!(!are_of_one_origin("http://a.b/", other), "{other}");
        }
    }
}
