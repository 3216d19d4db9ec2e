//! What ends events that go on for too long: a request after its response, one of another kind after
//! its time. How much that is, is the configuration's and the table's in `limits.rs`.

use std::time::Duration;

use bindings::event::EventId;

use super::Slot;
use super::running::WallLimit;
use crate::observers::{ConsoleLevel, ConsoleLine};
use crate::outcome::Outcome;

/// What the worker's console says where `waitUntil` work is cut off: the words of Workers.
const CUT_OFF: &str = "waitUntil() tasks did not complete within the allowed time after invocation end and \
                       have been cancelled. See: \
                       https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil";

impl Slot {
    /// Ends `waitUntil` work that goes on for too long after the response, or after the client has
    /// gone.
    pub(super) fn watch_wait_until(&self, id: EventId) {
        let Some(slot) = self.this.upgrade() else { return };
        let limit = self.shard.services.config.wait_until;
        tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(limit).await;
                let streaming = {
                    let events = slot.events.borrow();
                    let Some(running) = events.get(&id) else { return };
                    running.event.is_streaming()
                };
                if !streaming {
                    slot.cut_off(id);
                    return;
                }
            }
        });
    }

    /// Ends an event that takes longer than its kind may, whatever of it is still to come.
    pub(super) fn watch_wall(&self, id: EventId, limit: Duration) -> WallLimit {
        let slot = self.this.clone();
        let watching = tokio::task::spawn_local(async move {
            tokio::time::sleep(limit).await;
            if let Some(slot) = slot.upgrade() {
                slot.cut_off(id);
            }
        });
        WallLimit(watching.abort_handle())
    }

    /// An event has gone on for too long.
    fn cut_off(&self, id: EventId) {
        let waiting = {
            let mut events = self.events.borrow_mut();
            let Some(running) = events.get_mut(&id) else { return };
            running.outcome = Outcome::ExceededWallTime;
            let is_answered = running.event.is_answered();
            running.event.close();
            // Else it is not `waitUntil` that it waits for.
            is_answered.then_some(running.number)
        };
        if let Some(number) = waiting {
            self.shard.services.observers.console(&ConsoleLine {
                worker: self.version.worker(),
                version: self.version.id(),
                event: Some(number),
                level: ConsoleLevel::Warn,
                text: CUT_OFF,
            });
        }
        self.end(id);
    }
}
