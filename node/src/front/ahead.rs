//! What is kept of requests: bodies that are read ahead for their worker, and heads until they are
//! answered. How much of that a client address and the node may have. What a connection may is in
//! `ahead/purse.rs`, and what other threads do with its part in `ahead/account.rs`; what is done where
//! there is no room is `front/upload.rs`'s, `front/service.rs`'s and `front/monitored.rs`'s. Small pieces of
//! bodies in HTTP/2, which cost more than what is in them, are in `ahead/pieces.rs` and `ahead/streams.rs`.

mod account;
mod pieces;
mod purse;
mod streams;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use parking_lot::Mutex;

use super::addresses::Client;
use super::connection::WIDE_WINDOW_BYTES;
use super::pace::Pace;
use crate::config::Limits;

pub(super) use account::{Account, Coming};
pub(super) use purse::{Begun, Purse};

/// What all connections of clients may have together, in bytes; heads of requests have a little more for
/// each.
const NODE_BYTES: usize = 64 << 20;
/// What those of one client address may have.
const ADDRESS_BYTES: usize = 8 << 20;
/// What those of one client address may have with the little that each has of heads, as long as all have
/// no more than that together: behind an address may be a whole office, but the rest is for others.
const CROWD_BYTES: usize = NODE_BYTES / 2;
/// What the connections of trusted proxies may have together. It is counted by itself: however much
/// clients at other addresses have, it stays free.
const PROXIES_BYTES: usize = NODE_BYTES;
/// An address with so little is let into the last part of the node's.
const FEW_BYTES: usize = 256 << 10;
const RESERVED_BYTES: usize = NODE_BYTES / 4;
/// So much each connection has without asking: hyper's first buffer is as large, and requests that come
/// in one piece never have more. So they share nothing with other shards.
const FREE_BYTES: usize = 8 << 10;
/// What is asked for is a multiple of this.
const STEP_BYTES: usize = 4 << 10;
/// So many connections of trusted proxies have the wide window of HTTP/2 at a time, at most; and what they
/// may be sent of bodies that nobody takes is together no more than this part of the node's memory.
const WIDE_CONNECTIONS: usize = 16;
const WIDE_PART: usize = 32;
/// What small pieces of bodies may keep of what was read on all these connections together, beyond what they
/// may keep on each; and no more than the windows that there may be. So the node has for all of them 16 * 16
/// MiB for the slots that h2 has for 32,768 pieces on each, 16 * 8 MiB for what these keep on each, and this.
const WIDE_PIECES_BYTES: usize = NODE_BYTES;

/// What the connections of a node keep beyond what each has without asking.
pub(super) struct Ahead {
    /// Without what trusted proxies have.
    kept: AtomicUsize,
    /// The part of each address, where it has any. Trusted proxies have one together, under `None`.
    of: DashMap<Option<Client>, Part>,
    /// Connections that have the wide window.
    wide: AtomicUsize,
    /// So many may have it.
    most_wide: usize,
    /// These, and those that had it and whose bodies somebody still has.
    of_wide: Mutex<Vec<Weak<Account>>>,
    /// What a head that is not complete may come to in HTTP/2.
    head_bytes: usize,
    /// Connections with too many small pieces of bodies.
    crumbled: Pace,
}

/// What more is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// A body, which can stream, or more heads than the least.
    Any,
    /// A short head that is not complete, of a connection on which nothing was asked for.
    Lone,
    /// The least that heads have: others could have used up what the node has.
    Least,
}

/// What an address has, in bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    held: usize,
    /// What of it counts for the node: less than all where heads are served though the node has none
    /// left, and nothing of trusted proxies' part.
    counted: usize,
}

impl Ahead {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let head_bytes = limits.url_bytes + limits.headers_bytes;
        let (kept, wide) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let most_wide = most_wide(limits.memory_bytes);
        let (of, of_wide, crumbled) = (DashMap::new(), Mutex::default(), Pace::new());
        Arc::new(Self { kept, of, wide, most_wide, of_wide, head_bytes, crumbled })
    }

    /// Whether this connection may have the wide window, too, which then counts.
    fn widen(&self, account: &Arc<Account>) -> bool {
        let more = |wide: usize| (wide < self.most_wide).then_some(wide + 1);
        let is_one = self.wide.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if is_one {
            let mut of_wide = self.of_wide.lock();
            of_wide.retain(|account| account.strong_count() > 0);
            of_wide.push(Arc::downgrade(account));
        }
        is_one
    }

    /// How many connections were told to close for their small pieces.
    pub(super) fn crumbled(&self) -> u64 {
        self.crumbled.times()
    }

    /// Whether small pieces keep more than so many times what they may on all that have the wide window.
    fn pieces_keep_too_much(&self, times: usize) -> bool {
        let most = WIDE_PIECES_BYTES.min(self.most_wide * WIDE_WINDOW_BYTES as usize);
        self.kept_by_pieces() > times * most
    }

    /// What small pieces keep on those that have the wide window, or had, beyond what they may on each, in
    /// bytes.
    fn kept_by_pieces(&self) -> usize {
        let of_wide = self.of_wide.lock();
        of_wide.iter().filter_map(Weak::upgrade).map(|account| account.kept_beyond()).sum()
    }

    /// A connection that has the wide window needs it no more.
    fn narrow(&self) {
        self.wide.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether so much more may be kept, which then counts. The least is refused only where the address has
    /// its part, not where the node has. Where the node has room, the part is larger for that and for a lone
    /// head. Of trusted proxies the least is never refused.
    fn grant(&self, client: Option<Client>, bytes: usize, need: Need) -> bool {
        match self.of.entry(client) {
            Entry::Vacant(entry) => {
                let part = self.with(client, Part::default(), bytes, need);
                part.map(|part| entry.insert(part)).is_some()
            }
            Entry::Occupied(mut entry) => {
                let part = self.with(client, *entry.get(), bytes, need);
                part.map(|part| entry.insert(part)).is_some()
            }
        }
    }

    /// A part with so much more; `None` where there is no room.
    fn with(&self, client: Option<Client>, part: Part, bytes: usize, need: Need) -> Option<Part> {
        let held = part.held + bytes;
        if client.is_none() {
            return (need == Need::Least || held <= PROXIES_BYTES).then_some(Part { held, ..part });
        }
        let most_of_address = if need == Need::Any { ADDRESS_BYTES } else { CROWD_BYTES };
        if held > most_of_address {
            return None;
        }
        let most = if held <= FEW_BYTES {
            NODE_BYTES
        } else if held <= ADDRESS_BYTES {
            NODE_BYTES - RESERVED_BYTES
        } else {
            CROWD_BYTES
        };
        match self.count(held - part.counted, most) {
            true => Some(Part { held, counted: held }),
            false => {
                (need == Need::Least && held <= ADDRESS_BYTES).then_some(Part { held, ..part })
            }
        }
    }

    /// Counts more bytes, unless there would be more than `most`.
    fn count(&self, bytes: usize, most: usize) -> bool {
        let more = |kept: usize| kept.checked_add(bytes).filter(|kept| *kept <= most);
        self.kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn take_back(&self, client: Option<Client>, bytes: usize) {
        if let Entry::Occupied(mut entry) = self.of.entry(client) {
            let part = entry.get_mut();
            part.held -= bytes;
            let counted = part.counted.min(part.held);
            self.kept.fetch_sub(part.counted - counted, Ordering::Relaxed);
            part.counted = counted;
            if part.held == 0 {
                entry.remove();
            }
        }
    }
}

/// How many connections may have the wide window where the node may use so much memory, in bytes; none
/// where that is not known.
fn most_wide(memory_bytes: Option<usize>) -> usize {
    let all = memory_bytes.unwrap_or_default() / WIDE_PART;
    (all / WIDE_WINDOW_BYTES as usize).min(WIDE_CONNECTIONS)
}
