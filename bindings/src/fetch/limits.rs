//! What an event may use of the network, as the ops ask for it. Not here: the counting, which
//! is the business of whoever runs events.

use std::any::Any;
use std::rc::Rc;

use deno_core::CancelHandle;
use deno_error::JsErrorBox;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use http::{HeaderName, HeaderValue};

/// The limits of events. Every method speaks for the event that is running when it is
/// called; the ops call them inside the worker's call of `fetch()`.
pub trait EventLimits {
    /// Charges one subrequest; each hop of a redirect is one.
    ///
    /// # Errors
    ///
    /// What the worker's `fetch()` is to throw when the event may not make another one.
    fn subrequest(&self) -> Result<(), JsErrorBox>;

    /// Resolves when the event may open one more connection. What it resolves to is held
    /// until the head of the response has arrived (Workers, "Simultaneous open connections").
    fn connection(&self) -> LocalBoxFuture<'static, Box<dyn Any>>;

    /// Cancelled when the event ends: what it still has on the network ends with it.
    fn cancel(&self) -> Rc<CancelHandle>;

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

    fn connection(&self) -> LocalBoxFuture<'static, Box<dyn Any>> {
        async { Box::new(()) as Box<dyn Any> }.boxed_local()
    }

    fn cancel(&self) -> Rc<CancelHandle> {
        CancelHandle::new_rc()
    }
}
