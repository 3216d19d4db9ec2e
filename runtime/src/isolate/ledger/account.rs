//! CPU time that was used, and the limit of it: of one event or of the start, and of code that is
//! nobody's.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// What has been used of a limit.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) used_ns: Cell<u64>,
    pub(super) limit_ns: Cell<u64>,
}

impl Account {
    pub(super) fn with_limit(limit: Duration) -> Account {
        let account = Account::default();
        account.limit_ns.set(limit.as_nanos() as u64);
        account
    }

    pub(super) fn charge(&self, ns: u64) {
        self.used_ns.set(self.used_ns.get().saturating_add(ns));
    }

    pub(super) fn is_overdrawn(&self) -> bool {
        self.used_ns.get() > self.limit_ns.get()
    }

    pub(super) fn left_ns(&self) -> u64 {
        self.limit_ns.get().saturating_sub(self.used_ns.get())
    }
}

/// CPU time that nobody's code can be charged with: of code that outlived its event, and of looks
/// that fall between two events, which are many in a busy isolate. So it is not the sum that is
/// bounded, which grows with the isolate's age, but the share.
#[derive(Debug, Default)]
pub(super) struct Stray {
    pub(super) account: Rc<Account>,
    /// Since when the account counts, on the thread's CPU clock.
    since_ns: Cell<u64>,
}

/// The account begins anew when it has not been overdrawn in so many times its limit of CPU time:
/// a twentieth of the thread's time is what stray code may use.
const STRAY_WINDOW_LIMITS: u64 = 20;

impl Stray {
    /// Charges the time up to `now_ns`; answers whether it is too much.
    pub(super) fn charge(&self, now_ns: u64, elapsed_ns: u64) -> bool {
        let window_ns = self.account.limit_ns.get().saturating_mul(STRAY_WINDOW_LIMITS);
        if now_ns.saturating_sub(self.since_ns.get()) > window_ns {
            self.since_ns.set(now_ns);
            self.account.used_ns.set(0);
        }
        self.account.charge(elapsed_ns);
        self.account.is_overdrawn()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn stray(limit_ms: u64) -> Stray {
        let stray = Stray::default();
        stray.account.limit_ns.set(limit_ms * MS);
        stray
    }

    #[test]
    fn looks_between_events_do_not_add_up_for_ever() {
        let stray = stray(50);
        for hundredth in 0..100_000 {
            assert!(!stray.charge(hundredth * 100 * MS, MS), "after {hundredth} looks");
        }
    }

    #[test]
    fn code_that_outlived_its_event_is_stopped() {
        for limit_ms in [1, 50, 30_000] {
            let stray = stray(limit_ms);
            let stopped = (1..).find(|look| stray.charge(1_000_000 * MS + look * MS, MS));
            assert_eq!(stopped, Some(limit_ms + 1));
        }
    }
}
