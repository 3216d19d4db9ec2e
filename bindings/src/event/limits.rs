//! What an event may use of the network: its subrequests, its connections, its end.

use std::any::Any;
use std::rc::Rc;

use deno_core::CancelHandle;
use deno_error::JsErrorBox;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;

use super::Events;
use crate::fetch::EventLimits;

impl EventLimits for Events {
    fn subrequest(&self) -> Result<(), JsErrorBox> {
        match self.running() {
            Some(event) if event.charge_subrequest() => Ok(()),
            Some(_) => Err(JsErrorBox::generic("Too many subrequests.")),
            None => Err(JsErrorBox::generic("The event is over: it makes no more subrequests.")),
        }
    }

    fn connection(&self) -> LocalBoxFuture<'static, Box<dyn Any>> {
        let Some(event) = self.running() else {
            return async { Box::new(()) as Box<dyn Any> }.boxed_local();
        };
        let connections = event.connections();
        async move { Box::new(connections.acquire_owned().await) as Box<dyn Any> }.boxed_local()
    }

    fn cancel(&self) -> Rc<CancelHandle> {
        self.running().map_or_else(CancelHandle::new_rc, |event| event.cancel_handle())
    }
}
