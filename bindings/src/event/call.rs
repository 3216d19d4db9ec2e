//! How an event was called, the same for every kind of event.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use deno_core::{OpState, op2};

use crate::hops::Hops;
use crate::services::Service;

/// Of `op_event_props`: there are some that are no JSON (`context.js`).
const GIVEN: &str = "given";

/// Whom an event is for within its worker, and who called.
#[derive(Clone, Debug, Default)]
pub struct CallContext {
    /// The entrypoint: the name of an export. `None` is the default export.
    pub entrypoint: Option<Arc<str>>,
    /// What the caller's configuration gives it: `ctx.props`, as JSON. `None` is `{}`.
    pub props: Option<Arc<str>>,
    /// What the worker itself gives it instead: only its own code can.
    pub given: Option<GivenProps>,
    /// The workers that the call has come through.
    pub hops: Hops,
    /// The worker that calls; `None` where it is nobody's code.
    pub caller: Option<Arc<str>>,
}

/// `ctx.props` that a worker gives one of its own exports. It may refer to other workers, which the worker
/// can call.
#[derive(Clone)]
pub struct GivenProps {
    /// In V8's format.
    pub(crate) data: Bytes,
    /// What it refers to, by index.
    pub(crate) services: Arc<[Service]>,
}

/// It is the worker's business what it says.
impl fmt::Debug for GivenProps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenProps").field("bytes", &self.data.len()).finish_non_exhaustive()
    }
}

/// `ctx.props` of an event as JSON; empty where there are none, or where the event is over.
#[op2]
#[string]
pub(super) fn op_event_props(state: &mut OpState, #[smi] id: u32) -> String {
    let Some(event) = super::ops::find(state, id) else { return String::new() };
    let call = event.call();
    match &call.given {
        Some(_) => GIVEN.to_owned(),
        None => call.props.as_deref().unwrap_or_default().to_owned(),
    }
}
