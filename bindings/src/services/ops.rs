//! What `services.js` calls.

use deno_core::url::Url;
use deno_core::{OpState, op2, v8};

use super::{Departing, ServicesState};

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
    let service = services.services.get(slot as usize).cloned();
    services.departing = service.map(|service| Departing { service, cf });
    i32::try_from(slot).unwrap_or(i32::MAX)
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
