//! What an event may use of the network: its subrequests, its connections, its end; and how far its
//! request has come.

use std::rc::Rc;
use std::sync::Arc;

use deno_core::CancelHandle;
use deno_error::JsErrorBox;
use http::{HeaderName, HeaderValue};

use super::{EventId, Events};
use crate::fetch::{Connections, EventLimits};
use crate::hops::Hops;

impl EventLimits for Events {
    fn subrequest(&self) -> Result<(), JsErrorBox> {
        match self.running() {
            Some(event) if event.charge_subrequest() => Ok(()),
            Some(_) => Err(JsErrorBox::generic("Too many subrequests.")),
            None => Err(self.no_event("fetch()")),
        }
    }

    fn connections(&self) -> Arc<Connections> {
        // Without an event there is no subrequest.
        self.running().map_or_else(|| Connections::new(0), |event| event.connections())
    }

    fn cancel(&self) -> Rc<CancelHandle> {
        self.running().map_or_else(CancelHandle::new_rc, |event| event.cancel_handle())
    }

    fn event(&self) -> Option<EventId> {
        self.running().map(|event| event.id())
    }

    /// To every host: which of them lead back to the node is known to public name servers and
    /// proxies, and not here. A stranger can do nothing with a count but send it back.
    fn extra_headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let hops = self.running().map(|event| event.call.hops.next());
        hops.map(|hops| (Hops::HEADER, hops.value())).into_iter().collect()
    }
}
