//! How an event was called, the same for every kind of event.

use std::sync::Arc;

use deno_core::{OpState, op2};

use crate::hops::Hops;

/// Whom an event is for within its worker, and who called.
#[derive(Clone, Debug, Default)]
pub struct CallContext {
    /// The entrypoint: the name of an export. `None` is the default export.
    pub entrypoint: Option<Arc<str>>,
    /// What the caller's configuration gives it: `ctx.props`, as JSON. `None` is `{}`.
    pub props: Option<Arc<str>>,
    /// The workers that the call has come through.
    pub hops: Hops,
    /// The worker that calls; `None` where it is nobody's code.
    pub caller: Option<Arc<str>>,
}

/// `ctx.props` of an event as JSON; empty where there are none, or where the event is over.
#[op2]
#[string]
pub(super) fn op_event_props(state: &mut OpState, #[smi] id: u32) -> String {
    let event = super::ops::find(state, id);
    event.and_then(|event| event.call().props.as_deref().map(str::to_owned)).unwrap_or_default()
}
