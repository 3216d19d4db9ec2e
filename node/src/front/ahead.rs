//! What is kept of requests that no worker has yet: bodies that are read ahead, and heads that are not
//! complete. How much of that a connection, a client address and the node may have; what is done where
//! there is no room is `front/upload.rs`'s and `front/monitored.rs`'s.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::addresses::Client;
use crate::config::Limits;

/// What all connections may have together, in bytes.
const NODE_BYTES: usize = 64 << 20;
/// What those of one client address may have.
const ADDRESS_BYTES: usize = 8 << 20;
/// An address with so little is let into the last part of the node's.
const FEW_BYTES: usize = 256 << 10;
const RESERVED_BYTES: usize = NODE_BYTES / 4;
/// What the bodies on one connection may have, in bytes.
const CONNECTION_BYTES: usize = 1 << 20;
/// So much each connection has without asking: hyper's first buffer is as large, and requests that come
/// in one piece never have more. So they share nothing with other shards.
const FREE_BYTES: usize = 8 << 10;
/// What is asked for is a multiple of this.
const STEP_BYTES: usize = 4 << 10;

/// What the connections of a node keep beyond what each has without asking.
pub(super) struct Ahead {
    kept: AtomicUsize,
    /// The part of each address, where it has any.
    of: DashMap<Client, usize>,
    /// What a head that is not complete may come to in HTTP/2.
    head_bytes: usize,
}

/// What one connection keeps.
pub(super) struct Purse {
    ahead: Arc<Ahead>,
    /// `None` for a trusted proxy, whose share is the node's.
    client: Option<Client>,
    bodies: Cell<usize>,
    head: Cell<usize>,
    granted: Cell<usize>,
}

/// Bytes of a request that count until this is dropped.
pub(super) struct Kept {
    purse: Rc<Purse>,
    bytes: usize,
}

impl Ahead {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let head_bytes = limits.url_bytes + limits.headers_bytes;
        Arc::new(Self { kept: AtomicUsize::new(0), of: DashMap::new(), head_bytes })
    }

    /// Whether so much more may be kept, which then counts.
    fn grant(&self, client: Option<Client>, bytes: usize) -> bool {
        let Some(client) = client else { return self.count(bytes, NODE_BYTES - RESERVED_BYTES) };
        let fits = |held: usize| {
            let most = if held <= FEW_BYTES { NODE_BYTES } else { NODE_BYTES - RESERVED_BYTES };
            held <= ADDRESS_BYTES && self.count(bytes, most)
        };
        match self.of.entry(client) {
            Entry::Vacant(entry) => {
                let granted = fits(bytes);
                if granted {
                    entry.insert(bytes);
                }
                granted
            }
            Entry::Occupied(mut entry) => {
                let held = *entry.get() + bytes;
                let granted = fits(held);
                if granted {
                    *entry.get_mut() = held;
                }
                granted
            }
        }
    }

    /// Counts more bytes, unless there would be more than `most`.
    fn count(&self, bytes: usize, most: usize) -> bool {
        let more = |kept: usize| kept.checked_add(bytes).filter(|kept| *kept <= most);
        self.kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn take_back(&self, client: Option<Client>, bytes: usize) {
        self.kept.fetch_sub(bytes, Ordering::Relaxed);
        let Some(client) = client else { return };
        if let Entry::Occupied(mut entry) = self.of.entry(client) {
            *entry.get_mut() -= bytes;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

impl Purse {
    pub(super) fn new(ahead: &Arc<Ahead>, client: Option<Client>) -> Rc<Self> {
        Rc::new(Self {
            ahead: Arc::clone(ahead),
            client,
            bodies: Cell::new(0),
            head: Cell::new(0),
            granted: Cell::new(0),
        })
    }

    /// What a head that is not complete may come to in HTTP/2, in bytes.
    pub(super) fn head_bytes(&self) -> usize {
        self.ahead.head_bytes
    }

    /// Keeps a request whose head and body have so many bytes; `None` where there is no room.
    pub(super) fn keep(self: &Rc<Self>, bytes: usize) -> Option<Kept> {
        let bodies = self.bodies.get().saturating_add(bytes);
        let has_room = bodies <= CONNECTION_BYTES && self.settle(bodies, self.head.get());
        has_room.then(|| Kept { purse: Rc::clone(self), bytes })
    }

    /// So many bytes have come of a head that is not complete; 0 where there is none. Answers whether
    /// there is room for them.
    pub(super) fn keep_head(&self, bytes: usize) -> bool {
        bytes == self.head.get() || self.settle(self.bodies.get(), bytes)
    }

    /// Asks for what is lacking, or gives back what is not needed.
    fn settle(&self, bodies: usize, head: usize) -> bool {
        let beyond = (bodies + head).saturating_sub(FREE_BYTES);
        let (needed, granted) = (beyond.next_multiple_of(STEP_BYTES), self.granted.get());
        if needed > granted && !self.ahead.grant(self.client, needed - granted) {
            return false;
        }
        if needed < granted {
            self.ahead.take_back(self.client, granted - needed);
        }
        self.granted.set(needed);
        self.bodies.set(bodies);
        self.head.set(head);
        true
    }
}

impl Drop for Purse {
    fn drop(&mut self) {
        let granted = self.granted.get();
        if granted > 0 {
            self.ahead.take_back(self.client, granted);
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let purse = &self.purse;
        // Less is always granted.
        let _ = purse.settle(purse.bodies.get() - self.bytes, purse.head.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY_BYTES: usize = 64 << 10;

    fn ahead() -> Arc<Ahead> {
        Ahead::new(&Limits::default())
    }

    fn client(last: u32) -> Option<Client> {
        Some(Client::of(std::net::Ipv4Addr::from_bits(0x0a00_0000 + last).into()))
    }

    /// The bodies that one client gets read ahead, each on a connection of its own.
    fn bodies(ahead: &Arc<Ahead>, client: Option<Client>) -> Vec<Kept> {
        std::iter::from_fn(|| Purse::new(ahead, client).keep(BODY_BYTES)).collect()
    }

    #[test]
    fn what_comes_in_one_piece_is_not_counted() {
        let ahead = ahead();
        let purse = Purse::new(&ahead, client(1));
        let kept = purse.keep(FREE_BYTES - 100).unwrap();
        assert!(purse.keep_head(100));
        assert_eq!((ahead.kept.load(Ordering::Relaxed), ahead.of.len()), (0, 0));
        assert!(purse.keep_head(101));
        assert_eq!((ahead.kept.load(Ordering::Relaxed), ahead.of.len()), (STEP_BYTES, 1));
        drop(kept);
        assert_eq!((ahead.kept.load(Ordering::Relaxed), ahead.of.len()), (0, 0));
    }

    #[test]
    fn a_connection_keeps_no_more_than_its_part() {
        let ahead = ahead();
        let purse = Purse::new(&ahead, client(1));
        let kept: Vec<_> = std::iter::from_fn(|| purse.keep(BODY_BYTES)).collect();
        assert_eq!(kept.len(), CONNECTION_BYTES / BODY_BYTES);
    }

    #[test]
    fn an_address_has_a_share_and_leaves_the_rest_to_others() {
        let ahead = ahead();
        let kept = bodies(&ahead, client(1));
        assert_eq!(kept.len(), ADDRESS_BYTES / (BODY_BYTES - FREE_BYTES));
        assert!(!Purse::new(&ahead, client(1)).keep_head(BODY_BYTES));
        assert!(Purse::new(&ahead, client(2)).keep(BODY_BYTES).is_some());
        drop(kept);
        assert_eq!((ahead.kept.load(Ordering::Relaxed), ahead.of.len()), (0, 0));
    }

    #[test]
    fn the_nodes_last_part_is_for_addresses_that_have_little() {
        let ahead = ahead();
        let many: Vec<_> = (0..20).map(|last| bodies(&ahead, client(last))).collect();
        assert!(ahead.kept.load(Ordering::Relaxed) <= NODE_BYTES);
        let late = many.last().unwrap().len() * (BODY_BYTES - FREE_BYTES);
        assert!(late > 0 && late <= FEW_BYTES, "{late} bytes");
        assert!(Purse::new(&ahead, None).keep(BODY_BYTES).is_none());
    }

    #[test]
    fn a_connection_that_ends_in_a_head_gives_its_bytes_back() {
        let ahead = ahead();
        let purse = Purse::new(&ahead, None);
        assert!(purse.keep_head(100 << 10));
        assert!(ahead.kept.load(Ordering::Relaxed) > 0);
        drop(purse);
        assert_eq!(ahead.kept.load(Ordering::Relaxed), 0);
    }
}
