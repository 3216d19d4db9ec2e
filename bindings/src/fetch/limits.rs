//! What an event may use of the network, as the ops ask for it. Not here: the counting, which
//! is the business of whoever runs events.

use std::rc::Rc;
use std::sync::Arc;

use deno_core::CancelHandle;
use deno_error::JsErrorBox;
use http::{HeaderName, HeaderValue};
use tokio::sync::Semaphore;

use super::connections::Connections;
use crate::event::EventId;

/// The limits of events. Every method speaks for the event that is running when it is
/// called; the ops call them inside the worker's call of `fetch()`.
pub trait EventLimits {
    /// Charges one subrequest; each hop of a redirect is one.
    ///
    /// # Errors
    ///
    /// What the worker's `fetch()` is to throw when the event may not make another one.
    fn subrequest(&self) -> Result<(), JsErrorBox>;

    /// The connections that the event may have open at a time.
    fn connections(&self) -> Arc<Connections>;

    /// Cancelled when the event ends: what it still has on the network ends with it.
    fn cancel(&self) -> Rc<CancelHandle>;

    /// The event, as whoever counts its CPU time knows it; `None` where nobody does.
    fn event(&self) -> Option<EventId> {
        None
    }

    /// Headers that go out with the request; they replace the worker's own of the same name.
    fn extra_headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        Vec::new()
    }
}

/// No limits and no end, for tests and for code of our own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

impl EventLimits for Unlimited {
    fn subrequest(&self) -> Result<(), JsErrorBox> {
        Ok(())
    }

    fn connections(&self) -> Arc<Connections> {
        Connections::new(Semaphore::MAX_PERMITS)
    }

    fn cancel(&self) -> Rc<CancelHandle> {
        CancelHandle::new_rc()
    }
}
