//! What is known of the client of a request: `request.cf`. Asked for when a worker reads it.
//! Not here: how a node knows it.

use std::fmt;

use deno_core::{OpState, op2};
use http::request::Parts;

/// The client of a request, and the connection that the request came on.
pub trait Client: fmt::Debug + Send + Sync {
    /// The properties of `request.cf`, for a request with this head: the text of a JSON object.
    fn cf(&self, head: &Parts) -> String;
}

/// The text of a JSON object. One without properties where nothing is known of the client, or where the
/// event is over.
#[op2]
#[string]
pub(super) fn op_event_cf(state: &mut OpState, #[smi] id: u32) -> String {
    let event = super::ops::find(state, id);
    let cf = event.and_then(|event| {
        let request = event.fetch()?.request.borrow();
        Some(request.client.as_ref()?.cf(&request.head))
    });
    cf.unwrap_or_else(|| "{}".to_owned())
}
