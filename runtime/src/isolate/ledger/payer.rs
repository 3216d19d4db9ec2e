//! What other threads do for the events of an isolate, and the bindings on its own: who pays for it, and
//! whether there is enough left for it.

use std::time::Duration;

use bindings::crypto::{Calls, CpuPayer};
use bindings::event::EventId;

use super::{Ledger, Verdict};
use crate::isolate::clock::thread_cpu_ns;

impl Ledger {
    /// Charges events with what calls have taken that other threads made for them.
    pub(super) fn settle_calls(&self) {
        if self.calls.is_empty() {
            return;
        }
        for call in self.calls.take_ended() {
            let (reserved, took) = (ns_of(call.reserved), ns_of(call.took));
            let account = call.event.and_then(|id| self.events.borrow().get(&id).cloned());
            match account {
                Some(account) => {
                    let used = account.used_ns.get().saturating_add(took);
                    account.used_ns.set(used.saturating_sub(reserved));
                }
                // Nobody gets back what an event that is over has reserved.
                None => self.stray.account.charge(took.saturating_sub(reserved)),
            }
        }
    }
}

impl CpuPayer for Ledger {
    fn charge(&self, event: Option<EventId>, time: Duration) -> bool {
        self.settle_calls();
        let (account, verdict) = self.account_of(event);
        let Some(account) = account else { return false };
        account.charge(ns_of(time));
        if account.is_overdrawn() {
            self.note(verdict);
        }
        account.is_overdrawn() || self.is_judged()
    }

    fn left(&self, event: Option<EventId>) -> Duration {
        self.settle_calls();
        let (account, _) = self.account_of(event);
        // What a slice has taken since the last look, nobody has paid yet.
        let unpaid_ns = if self.in_slice.get() {
            thread_cpu_ns().saturating_sub(self.mark_ns.get())
        } else {
            0
        };
        let left_ns = account.map_or(0, |account| account.left_ns().saturating_sub(unpaid_ns));
        Duration::from_nanos(left_ns)
    }

    fn limit(&self, event: Option<EventId>) -> Duration {
        let (account, _) = self.account_of(event);
        Duration::from_nanos(account.map_or(0, |account| account.limit_ns.get()))
    }

    fn is_running(&self) -> bool {
        self.in_slice.get()
    }

    fn use_up(&self, event: EventId) {
        let account = self.events.borrow().get(&event).cloned();
        let Some(account) = account else { return };
        account.charge(account.left_ns().saturating_add(1));
        self.note(Verdict::EventCpu(event));
    }

    fn calls(&self) -> &Calls {
        &self.calls
    }
}

fn ns_of(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
