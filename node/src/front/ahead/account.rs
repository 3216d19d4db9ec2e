//! What one connection has of the node's memory, as other threads see it. They give it back where
//! the connection's own thread is lost, and tell the connection to close where memory is short.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;

use super::{Ahead, FREE_BYTES, STEP_BYTES};
use crate::front::addresses::Client;
use crate::front::connection::{CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES};

/// Stands for what was granted once that has been given back for good.
const CLOSED: usize = usize::MAX;

/// No connection holds more of bodies that nobody has taken, in bytes: it is what HTTP/2 lets a client
/// send.
const MOST_UNTAKEN_BYTES: usize = CONNECTION_WINDOW_BYTES as usize;
/// The same of one body.
const MOST_OF_A_BODY_BYTES: usize = STREAM_WINDOW_BYTES as usize;

/// A connection that asks for more has as much again granted as it has, up to so much, in bytes: so it
/// seldom asks.
const MOST_AGAIN_BYTES: usize = 64 << 10;
/// What was granted stays while it is no more than so many times what is kept: so what goes up and down
/// asks for nothing.
const STAYS: usize = 2;

/// The account of one connection. What has been granted to it is given back when it is closed.
pub(in crate::front) struct Account {
    ahead: Arc<Ahead>,
    /// `None` for a trusted proxy, whose share is the node's.
    client: Option<Client>,
    /// In bytes; only the connection's thread changes it, until it is closed.
    granted: AtomicUsize,
    /// What has come of bodies and nobody has taken, in bytes. Where bodies were given up it may be more,
    /// but not more than the others can have.
    untaken: AtomicUsize,
    /// Bodies that have not come in full, or are not taken.
    bodies: AtomicUsize,
    is_dismissed: AtomicBool,
    driver: AtomicWaker,
}

impl Account {
    pub(in crate::front) fn new(ahead: &Arc<Ahead>, client: Option<Client>) -> Arc<Self> {
        Arc::new(Self {
            ahead: Arc::clone(ahead),
            client,
            granted: AtomicUsize::new(0),
            untaken: AtomicUsize::new(0),
            bodies: AtomicUsize::new(0),
            is_dismissed: AtomicBool::new(false),
            driver: AtomicWaker::new(),
        })
    }

    /// Whom the connection is counted to; `None` for a trusted proxy.
    pub(in crate::front) fn client(&self) -> Option<Client> {
        self.client
    }

    /// What the connection holds, in bytes; at least what each holds.
    pub(in crate::front) fn bytes(&self) -> usize {
        let granted = match self.granted.load(Ordering::Relaxed) {
            CLOSED => 0,
            granted => granted,
        };
        FREE_BYTES + granted + self.untaken.load(Ordering::Relaxed)
    }

    /// What a head that is not complete may come to in HTTP/2, in bytes.
    pub(super) fn head_bytes(&self) -> usize {
        self.ahead.head_bytes
    }

    /// Keeps so many bytes, those included that each connection has without asking. Answers whether
    /// there is room for them; `is_least` as for [`Ahead::grant`]. To be called on the connection's thread.
    pub(super) fn keep(&self, bytes: usize, is_least: bool) -> bool {
        let granted = self.granted.load(Ordering::Relaxed);
        if granted == CLOSED {
            return false;
        }
        let needed = beyond(bytes);
        if needed <= granted && granted <= beyond(bytes.saturating_mul(STAYS)) {
            return true;
        }
        let resized = match needed <= granted {
            true => Some(needed),
            false => self.grow(granted, needed, is_least),
        };
        let Some(resized) = resized else { return false };
        let exchanged =
            self.granted.compare_exchange(granted, resized, Ordering::Relaxed, Ordering::Relaxed);
        let surplus = match exchanged {
            Ok(_) => granted.saturating_sub(resized),
            // It was closed meanwhile, without what has been granted just now.
            Err(_) => resized.saturating_sub(granted),
        };
        if surplus > 0 {
            self.ahead.take_back(self.client, surplus);
        }
        exchanged.is_ok()
    }

    /// Has more granted than it has. Answers what it has then; `None` where there is no room.
    fn grow(&self, granted: usize, needed: usize, is_least: bool) -> Option<usize> {
        let ample = needed.max(granted + granted.min(MOST_AGAIN_BYTES));
        if self.ahead.grant(self.client, ample - granted, false) {
            return Some(ample);
        }
        self.ahead.grant(self.client, needed - granted, is_least).then_some(needed)
    }

    /// Gives back what it has, for good.
    pub(in crate::front) fn close(&self) {
        match self.granted.swap(CLOSED, Ordering::Relaxed) {
            0 | CLOSED => {}
            granted => self.ahead.take_back(self.client, granted),
        }
    }

    /// So many bytes of bodies have come.
    pub(super) fn body_came(&self, bytes: usize) {
        let more = |untaken: usize| Some(untaken.saturating_add(bytes).min(MOST_UNTAKEN_BYTES));
        let _ = self.untaken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// A body comes from now on, or will.
    pub(in crate::front) fn body(self: &Arc<Self>) -> Coming {
        self.bodies.fetch_add(1, Ordering::Relaxed);
        Coming { account: Arc::clone(self) }
    }

    /// Forgets what has come of bodies that are given up: those that are left have no more than HTTP/2 lets
    /// a client send of each.
    pub(super) fn forget_bodies(&self) {
        if self.untaken.load(Ordering::Relaxed) == 0 {
            return;
        }
        let less = |untaken: usize| {
            let bodies = self.bodies.load(Ordering::Relaxed);
            Some(untaken.min(bodies.saturating_mul(MOST_OF_A_BODY_BYTES)))
        };
        let _ = self.untaken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Tells the connection to close.
    pub(in crate::front) fn dismiss(&self) {
        self.is_dismissed.store(true, Ordering::Release);
        self.driver.wake();
    }

    /// Whether it was told to close.
    pub(in crate::front) fn is_dismissed(&self) -> bool {
        self.is_dismissed.load(Ordering::Acquire)
    }

    /// Has the task of the connection's driver woken when it is told later.
    pub(in crate::front) fn wake_when_dismissed(&self, driver: &Waker) {
        self.driver.register(driver);
    }
}

/// A body that counts for its connection until this is dropped: by then it is taken or given up, and
/// nothing of it is kept.
pub(in crate::front) struct Coming {
    account: Arc<Account>,
}

impl Coming {
    /// So many bytes of it were taken.
    pub(in crate::front) fn taken(&self, bytes: usize) {
        let less = |untaken: usize| Some(untaken.saturating_sub(bytes));
        let _ = self.account.untaken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.account.bodies.fetch_sub(1, Ordering::Relaxed);
        self.account.forget_bodies();
    }
}

/// What so many bytes are beyond what each connection has, in whole steps.
fn beyond(bytes: usize) -> usize {
    bytes.saturating_sub(FREE_BYTES).next_multiple_of(STEP_BYTES)
}
