//! What an event may use of the network: its subrequests, its connections, its end.

use std::rc::Rc;
use std::sync::Arc;

use deno_core::CancelHandle;
use deno_error::JsErrorBox;

use super::Events;
use crate::fetch::{Connections, EventLimits};

impl EventLimits for Events {
    fn subrequest(&self) -> Result<(), JsErrorBox> {
        match self.running() {
            Some(event) if event.charge_subrequest() => Ok(()),
            Some(_) => Err(JsErrorBox::generic("Too many subrequests.")),
            None => Err(JsErrorBox::generic("The event is over: it makes no more subrequests.")),
        }
    }

    fn connections(&self) -> Arc<Connections> {
        // Without an event there is no subrequest.
        self.running().map_or_else(|| Connections::new(0), |event| event.connections())
    }

    fn cancel(&self) -> Rc<CancelHandle> {
        self.running().map_or_else(CancelHandle::new_rc, |event| event.cancel_handle())
    }
}
