//! Events for whose answer nobody waits any more.

use bindings::event::Event;

use super::Slot;
use crate::isolate::ledger::Payer;
use crate::outcome::Outcome;

impl Slot {
    /// Who waits for an event that may have begun here has gone away.
    pub(in crate::shard) fn cancel(&self, number: u64) {
        let found = self.events.borrow_mut().iter_mut().find_map(|(id, running)| {
            let is_it = running.number == number && !running.event.is_answered();
            is_it.then(|| {
                running.outcome = Outcome::Canceled;
                running.reply = None;
                (*id, running.event.clone())
            })
        });
        let Some((id, event)) = found else { return };
        event.close();
        event.abort();
        self.tell_abort(&event);
        if !self.end_if_over(id) && self.events.borrow().contains_key(&id) {
            self.watch_wait_until(id);
        }
        self.wake_loop();
    }

    /// Tells JavaScript that the client of an event has gone away, where it wants to know.
    pub(super) fn tell_abort(&self, event: &Event) {
        let id = event.id();
        if !event.owes_abort() || !self.events.borrow().contains_key(&id) {
            return;
        }
        let mut isolate = self.isolate.borrow_mut();
        self.shard.handle.set_running(Some(self.version.clone()));
        let end = isolate
            .as_mut()
            .map(|inside| inside.enter(Payer::Event(id), |slice| slice.abort(id)).1);
        drop(isolate);
        if let Some(end) = end {
            self.after_slice(end, None);
        }
    }
}
