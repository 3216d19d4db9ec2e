//! What one connection keeps of its requests, on the connection's own thread: how much of each kind,
//! and how much that may be.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::Need;
use super::account::{Account, Coming};
use super::streams::Streams;
use crate::front::frames::OfBodies;
use crate::front::heads::Complete;

/// What the bodies on one connection may have, in bytes.
pub(super) const CONNECTION_BODIES_BYTES: usize = 1 << 20;
/// What the heads of its requests may have until they are answered, in bytes: twenty kilobytes for each
/// that may run in HTTP/2.
pub(super) const CONNECTION_HEADS_BYTES: usize = 4 << 20;
/// So much of them is served though the node has no room left, in bytes: who has used that up is seldom
/// who would be refused. Of a trusted proxy, one head more that is not complete.
pub(super) const LEAST_HEADS_BYTES: usize = 64 << 10;

/// What one connection keeps.
pub(in crate::front) struct Purse {
    account: Arc<Account>,
    kept: Cell<Amounts>,
    /// Requests that are not answered.
    running: Cell<usize>,
    /// Nothing in HTTP/1.
    streams: RefCell<Streams>,
}

/// What is kept, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Amounts {
    bodies: usize,
    /// Of requests that are not answered.
    heads: usize,
    /// Heads that wait behind another request.
    behind: Complete,
    /// What has come of a head that is not complete.
    unfinished: usize,
}

/// A body that counts until this is dropped.
pub(in crate::front) struct Kept {
    purse: Rc<Purse>,
    bytes: usize,
}

/// A request that runs until this is dropped. Its head counts for as long.
pub(in crate::front) struct Begun {
    purse: Rc<Purse>,
    /// `None` where there was no room for it.
    head_bytes: Option<usize>,
}

impl Purse {
    pub(in crate::front) fn new(account: Arc<Account>) -> Rc<Self> {
        let streams = RefCell::new(Streams::new(Arc::clone(&account)));
        Rc::new(Self { account, kept: Cell::default(), running: Cell::new(0), streams })
    }

    /// What the connection has, for other threads.
    pub(in crate::front) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// What a head that is not complete may come to in HTTP/2, in bytes.
    pub(in crate::front) fn head_bytes(&self) -> usize {
        self.account.head_bytes()
    }

    /// Keeps a body that has so many bytes; `None` where there is no room.
    pub(in crate::front) fn keep(self: &Rc<Self>, bytes: usize) -> Option<Kept> {
        let kept = self.kept.get();
        let bodies = kept.bodies.saturating_add(bytes);
        let amounts = Amounts { bodies, ..kept };
        let has_room = bodies <= CONNECTION_BODIES_BYTES && self.settle(amounts, Need::Any);
        has_room.then(|| Kept { purse: Rc::clone(self), bytes })
    }

    /// Something has come, and with it these heads; and so many bytes are there of one that is not
    /// complete, 0 where none is. Answers whether there is room for them. No other heads wait: hyper reads
    /// nothing as long as it has one that it can begin.
    pub(in crate::front) fn came(&self, complete: Complete, unfinished: usize) -> bool {
        if complete.heads > 0 {
            // None are seen to be complete in HTTP/2.
            self.account.narrow();
        }
        // Where nothing runs the first is begun at once.
        let is_begun = self.running.get() == 0 && complete.heads <= 1;
        let behind = if is_begun { Complete::default() } else { complete };
        let amounts = Amounts { behind, unfinished, ..self.kept.get() };
        self.settle(amounts, self.need(amounts))
    }

    /// Of what follows a request that asks for an upgrade so many bytes wait. Answers whether there is room
    /// for them.
    pub(in crate::front) fn wait_early(&self, bytes: usize) -> bool {
        let amounts = Amounts { unfinished: bytes, ..self.kept.get() };
        self.settle(amounts, self.need(amounts))
    }

    /// So many bytes of bodies have come.
    pub(in crate::front) fn body_came(&self, bytes: usize) {
        if bytes > 0 {
            self.account.body_came(bytes);
        }
    }

    /// So many bytes have come on the connection, and that of bodies. Answers whether it may go on.
    pub(in crate::front) fn bodies_came(&self, bytes: usize, of_bodies: &OfBodies) -> bool {
        self.body_came(of_bodies.bytes);
        self.streams.borrow_mut().have_come(bytes, &of_bodies.seen)
    }

    /// hyper has asked for more than has come.
    pub(in crate::front) fn all_is_read(&self) {
        self.streams.borrow_mut().are_read();
    }

    /// The next request in HTTP/2 begins, and this is its body.
    pub(in crate::front) fn begin_on_a_stream(&self, coming: Option<&mut Coming>) {
        self.streams.borrow_mut().begin(coming);
    }

    /// hyper has begun all requests that it could, and nobody has got to their bodies yet.
    pub(in crate::front) fn settle_streams(&self) {
        self.streams.borrow_mut().settle();
    }

    /// A request begins, whose head takes so many bytes.
    pub(in crate::front) fn begin(self: &Rc<Self>, head_bytes: usize) -> Begun {
        self.running.set(self.running.get() + 1);
        let kept = self.kept.get();
        let before = Amounts { behind: kept.behind.without_one(), ..kept };
        let heads = before.heads.saturating_add(head_bytes);
        let amounts = Amounts { heads, ..before };
        let has_room = heads <= CONNECTION_HEADS_BYTES && self.settle(amounts, self.need(amounts));
        if !has_room {
            self.reduce(before);
        }
        Begun { purse: Rc::clone(self), head_bytes: has_room.then_some(head_bytes) }
    }

    /// What those heads need. Few are served though the node has no room left; but of others than trusted
    /// proxies, whose connections are many clients', only where something was asked for: where a head that
    /// is not complete is alone, no answer is cut off with it.
    fn need(&self, amounts: Amounts) -> Need {
        let is_proxy = self.account.client().is_none();
        let most = LEAST_HEADS_BYTES + if is_proxy { self.head_bytes() } else { 0 };
        let is_alone = amounts.heads == 0 && amounts.behind.heads == 0;
        match amounts.all_heads() <= most {
            false => Need::Any,
            true if is_alone && !is_proxy => Need::Lone,
            true => Need::Least,
        }
    }

    /// Keeps so much, if there is room.
    fn settle(&self, amounts: Amounts, need: Need) -> bool {
        let has_room = self.account.keep(amounts.all(), need);
        if has_room {
            self.set(amounts);
        }
        has_room
    }

    /// Keeps so much, which is less than before.
    fn reduce(&self, amounts: Amounts) {
        self.set(amounts);
        // Less is always granted, unless the account is closed.
        let _ = self.account.keep(amounts.all(), Need::Any);
    }

    fn set(&self, amounts: Amounts) {
        self.kept.set(amounts);
        self.account.wait_behind(amounts.behind.heads);
    }
}

impl Amounts {
    fn all(&self) -> usize {
        self.bodies + self.all_heads()
    }

    fn all_heads(&self) -> usize {
        self.heads + self.behind.bytes + self.unfinished
    }
}

impl Begun {
    /// Whether there was room for its head.
    pub(in crate::front) fn has_room(&self) -> bool {
        self.head_bytes.is_some()
    }
}

impl Drop for Purse {
    fn drop(&mut self) {
        // Others may have the account for longer.
        self.account.close();
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let kept = self.purse.kept.get();
        self.purse.reduce(Amounts { bodies: kept.bodies - self.bytes, ..kept });
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let purse = &self.purse;
        let kept = purse.kept.get();
        let heads = kept.heads - self.head_bytes.unwrap_or_default();
        purse.reduce(Amounts { heads, ..kept });
        purse.running.set(purse.running.get() - 1);
        // What is on its way of a body that was given up may have come after that.
        purse.account.forget_bodies();
    }
}
