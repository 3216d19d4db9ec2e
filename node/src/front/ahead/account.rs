//! What one connection has of the node's memory, as other threads see it. They give it back where
//! the connection's own thread is lost, and tell the connection to close where memory is short.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;

use super::pieces::{MOST_BUFFER_BYTES, PIECE_BYTES};
use super::streams::Taken;
use super::{Ahead, FREE_BYTES, Need, STEP_BYTES};
use crate::front::addresses::Client;
use crate::front::connection::{CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES, WIDE_WINDOW_BYTES};
use crate::front::frames::is_small;

/// Stands for what was granted once that has been given back for good.
const CLOSED: usize = usize::MAX;

/// No connection holds more of bodies that nobody has taken, in bytes: it is what HTTP/2 lets a client
/// send.
const MOST_UNTAKEN_BYTES: usize = CONNECTION_WINDOW_BYTES as usize;
/// The same where it has the wide window.
const MOST_UNTAKEN_OF_WIDE_BYTES: usize = WIDE_WINDOW_BYTES as usize;
/// The same of one body.
const MOST_OF_A_BODY_BYTES: usize = STREAM_WINDOW_BYTES as usize;

/// A connection that holds more small pieces than would fill its window with 256 bytes each is told to
/// close, and cut off where twice as many come.
pub(super) const MOST_PIECES: usize = MOST_UNTAKEN_BYTES / 256;
/// The same where it has the wide window: with it the clients of a proxy lose what they have asked for.
/// What h2 keeps for so many is no more than the window.
pub(super) const MOST_PIECES_OF_WIDE: usize = MOST_UNTAKEN_OF_WIDE_BYTES / PIECE_BYTES;
/// The same where what its small pieces keep of what was read is more than so many bytes. Where it has the
/// wide window, what is more comes out of a figure that all those have together, see [`Ahead`].
pub(super) const MOST_KEPT_BYTES: usize = 8 << 20;

/// A connection that asks for more has as much again granted as it has, up to so much, in bytes: so it
/// seldom asks.
const MOST_AGAIN_BYTES: usize = 64 << 10;
/// What was granted stays while it is no more than so many times what is kept: so what goes up and down
/// asks for nothing.
const STAYS: usize = 2;

/// The account of one connection. What has been granted to it is given back when it is closed.
pub(in crate::front) struct Account {
    ahead: Arc<Ahead>,
    /// `None` for a trusted proxy, which shares one part with all others.
    client: Option<Client>,
    /// In bytes; only the connection's thread changes it, until it is closed.
    granted: AtomicUsize,
    /// What has come of bodies and nobody has taken, in bytes. Where bodies were given up it may be more:
    /// the rest of them comes until their client knows, and is thrown away.
    untaken: AtomicUsize,
    /// Small pieces of bodies that have come and nobody has taken. Some that came when a body was given up
    /// may be among them until the connection looks.
    pieces: AtomicUsize,
    /// What they kept of what was read when the connection looked, in bytes.
    buffers: AtomicUsize,
    /// Bodies that have not come in full, or are not taken.
    bodies: AtomicUsize,
    /// Requests that wait behind another one: each may have a body, of which some has come.
    behind: AtomicUsize,
    /// It is one of those that have the wide window.
    is_wide: AtomicBool,
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
            pieces: AtomicUsize::new(0),
            buffers: AtomicUsize::new(0),
            bodies: AtomicUsize::new(0),
            behind: AtomicUsize::new(0),
            is_wide: AtomicBool::new(false),
            is_dismissed: AtomicBool::new(false),
            driver: AtomicWaker::new(),
        })
    }

    /// Whom the connection is counted to; `None` for a trusted proxy.
    pub(in crate::front) fn client(&self) -> Option<Client> {
        self.client
    }

    /// The same for the log.
    pub(in crate::front) fn whose(&self) -> String {
        self.client.map_or_else(|| "trusted proxies".to_owned(), |client| client.to_string())
    }

    /// What the connection holds, in bytes; at least what each holds.
    pub(in crate::front) fn bytes(&self) -> usize {
        let granted = match self.granted.load(Ordering::Relaxed) {
            CLOSED => 0,
            granted => granted,
        };
        // Looked at here and not where it comes: HTTP/2 reads on before it begins the requests that it has
        // read, so that what comes of their bodies comes before these are known.
        let untaken = self.untaken.load(Ordering::Relaxed).min(self.most_untaken());
        let pieces = self.pieces.load(Ordering::Relaxed).saturating_mul(PIECE_BYTES);
        FREE_BYTES + granted + untaken + pieces + self.kept_by_pieces()
    }

    /// What its small pieces keep of what was read, in bytes: no more than those that are left can.
    fn kept_by_pieces(&self) -> usize {
        let pieces = self.pieces.load(Ordering::Relaxed);
        self.buffers.load(Ordering::Relaxed).min(pieces.saturating_mul(MOST_BUFFER_BYTES))
    }

    /// What of that is more than the connection may have by itself, in bytes.
    pub(super) fn kept_beyond(&self) -> usize {
        self.kept_by_pieces().saturating_sub(MOST_KEPT_BYTES)
    }

    /// What its bodies may have that is not taken, in bytes: no more than HTTP/2 lets a client send of each.
    fn most_untaken(&self) -> usize {
        let bodies = self.bodies.load(Ordering::Relaxed) + self.behind.load(Ordering::Relaxed);
        bodies.saturating_mul(MOST_OF_A_BODY_BYTES)
    }

    /// What the connection holds beyond what each has without asking, in bytes.
    pub(in crate::front) fn bytes_of_note(&self) -> usize {
        self.bytes().saturating_sub(FREE_BYTES)
    }

    /// Whether the connection is to have the wide window, because it is a trusted proxy's and not too many
    /// have it. To be asked once, before anything has come.
    pub(in crate::front) fn widen(self: &Arc<Self>) -> bool {
        let is_wide = self.client.is_none() && self.ahead.widen(self);
        self.is_wide.store(is_wide, Ordering::Relaxed);
        is_wide
    }

    /// Whether it has the wide window.
    fn is_wide(&self) -> bool {
        self.is_wide.load(Ordering::Relaxed)
    }

    /// It has no use for the wide window: it is one of HTTP/1, or over.
    pub(super) fn narrow(&self) {
        // Most have none, which costs no more than a look.
        if self.is_wide() && self.is_wide.swap(false, Ordering::Relaxed) {
            self.ahead.narrow();
        }
    }

    /// What a head that is not complete may come to in HTTP/2, in bytes.
    pub(super) fn head_bytes(&self) -> usize {
        self.ahead.head_bytes
    }

    /// Keeps so many bytes, those included that each connection has without asking. Answers whether
    /// there is room for them. To be called on the connection's thread.
    pub(super) fn keep(&self, bytes: usize, need: Need) -> bool {
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
            false => self.grow(granted, needed, need),
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
    fn grow(&self, granted: usize, needed: usize, need: Need) -> Option<usize> {
        let ample = needed.max(granted + granted.min(MOST_AGAIN_BYTES));
        if self.ahead.grant(self.client, ample - granted, Need::Any) {
            return Some(ample);
        }
        self.ahead.grant(self.client, needed - granted, need).then_some(needed)
    }

    /// Gives back what it has, for good.
    pub(in crate::front) fn close(&self) {
        self.narrow();
        match self.granted.swap(CLOSED, Ordering::Relaxed) {
            0 | CLOSED => {}
            granted => self.ahead.take_back(self.client, granted),
        }
    }

    /// So many bytes of bodies have come.
    pub(super) fn body_came(&self, bytes: usize) {
        let most = match self.is_wide() {
            true => MOST_UNTAKEN_OF_WIDE_BYTES,
            false => MOST_UNTAKEN_BYTES,
        };
        let more = |untaken: usize| Some(untaken.saturating_add(bytes).min(most));
        let _ = self.untaken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// So many small pieces of bodies have come.
    pub(super) fn pieces_came(&self, pieces: usize) {
        self.pieces.fetch_add(pieces, Ordering::Relaxed);
    }

    /// So many of them were taken, or thrown away.
    pub(super) fn pieces_went(&self, pieces: usize) {
        if pieces > 0 {
            let fewer = |all: usize| Some(all.saturating_sub(pieces));
            let _ = self.pieces.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        }
    }

    /// They keep so many bytes of what was read. To be called on the connection's thread.
    pub(super) fn keep_buffers(&self, bytes: usize) {
        self.buffers.store(bytes, Ordering::Relaxed);
    }

    /// Tells the connection to close where it holds too many small pieces, or they keep too much. Answers
    /// whether it may go on until then.
    pub(super) fn may_hold_pieces(&self) -> bool {
        if !self.holds_too_much(1) {
            return true;
        }
        if !self.is_dismissed() {
            if let Some(connections) = self.ahead.crumbled.again() {
                let pieces = self.pieces.load(Ordering::Relaxed);
                let kept_mb = self.kept_by_pieces() >> 20;
                tracing::warn!(address = %self.whose(), pieces, kept_mb, connections,
                    "connections are closed: nobody has taken so many small pieces of the bodies on one, \
                     or they keep too much of what was read");
            }
            self.dismiss();
        }
        !self.holds_too_much(2)
    }

    /// Whether its small pieces, or what they keep, are more than so many times what they may be.
    pub(super) fn holds_too_much(&self, times: usize) -> bool {
        let is_wide = self.is_wide();
        let most_pieces = if is_wide { MOST_PIECES_OF_WIDE } else { MOST_PIECES };
        let keeps_too_much = match is_wide {
            false => self.kept_by_pieces() > times * MOST_KEPT_BYTES,
            true => self.kept_beyond() > 0 && self.ahead.pieces_keep_too_much(times),
        };
        keeps_too_much || self.pieces.load(Ordering::Relaxed) > times * most_pieces
    }

    /// So many requests wait behind another one.
    pub(super) fn wait_behind(&self, requests: usize) {
        self.behind.store(requests, Ordering::Relaxed);
    }

    /// A body comes from now on, or will.
    pub(in crate::front) fn body(self: &Arc<Self>) -> Coming {
        self.bodies.fetch_add(1, Ordering::Relaxed);
        Coming { account: Arc::clone(self), taken: None }
    }

    /// Forgets what has come of bodies that are given up, so far as the others cannot have it.
    pub(super) fn forget_bodies(&self) {
        if self.untaken.load(Ordering::Relaxed) > 0 {
            let less = |untaken: usize| Some(untaken.min(self.most_untaken()));
            let _ = self.untaken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
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
    /// Its small pieces that were taken; `None` in HTTP/1, which has none.
    taken: Option<Taken>,
}

impl Coming {
    /// It comes on a stream of HTTP/2. Answers what tells how much of it was taken, and, by being nobody
    /// else's, that it is over.
    pub(super) fn on_a_stream(&mut self) -> Taken {
        Arc::clone(self.taken.get_or_insert_default())
    }

    /// Whether some of it may have come that is not taken: some of a body on its connection has.
    pub(in crate::front) fn may_have_come(&self) -> bool {
        let (untaken, pieces) = (&self.account.untaken, &self.account.pieces);
        untaken.load(Ordering::Relaxed) > 0 || pieces.load(Ordering::Relaxed) > 0
    }

    /// A piece of it with so many bytes was taken, which in HTTP/2 has come in one frame.
    pub(in crate::front) fn taken(&self, bytes: usize) {
        let less = |untaken: usize| Some(untaken.saturating_sub(bytes));
        let _ = self.account.untaken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if is_small(bytes)
            && let Some(taken) = &self.taken
        {
            taken.fetch_add(1, Ordering::Relaxed);
            self.account.pieces_went(1);
        }
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
