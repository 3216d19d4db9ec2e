//! `fetch()` out of a worker. deno_fetch's JavaScript does what the Fetch standard says about
//! redirects, headers and bodies; here are the ops below it, which reach the network through
//! a client for each worker; all of them keep to one [`OutboundPolicy`] and share what the node
//! has of connections and look-ups.
//!
//! The three lives: the process holds an [`Outbound`], a worker a [`WorkerOutbound`], an event
//! what its [`EventLimits`] count.
//! Not here: `Request`, `Response` and `Headers` (deno_fetch), what an event may use (whoever
//! implements [`EventLimits`]).

mod client;
mod connections;
mod connector;
mod content;
mod dial;
mod error;
mod limits;
mod names;
mod network;
mod ops;
mod outbound;
mod pieces;
mod policy;
mod request;
mod response_body;
mod service;
pub(crate) mod shares;
mod sockets;
mod upload;

pub use connections::Connections;
pub use limits::{EventLimits, Unlimited};
pub use outbound::{
    IoPayer, OnRefusal, Outbound, OutboundError, OutboundLimits, Refused, WorkerOutbound,
};
pub use policy::OutboundPolicy;

use deno_core::{Extension, OpState};
use std::rc::Rc;

/// Puts our ops in the place of those of deno_fetch that touch the network. To be called on
/// the extension both when the snapshot is made and when it is loaded.
///
/// # Panics
///
/// When the extension is not the deno_fetch that these ops were written for: an op that is
/// not replaced would reach the network past the policy.
pub fn replace_ops(extension: &mut Extension) {
    crate::extensions::replace(extension, &ops::declarations());
}

/// Gives an isolate its way out: without it each `fetch()` to the network is a `TypeError`.
pub fn connect(state: &mut OpState, outbound: WorkerOutbound, limits: Rc<dyn EventLimits>) {
    state.put(outbound);
    state.put(limits);
}
