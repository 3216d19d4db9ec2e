//! What is kept of requests: bodies that are read ahead for their worker, and heads until they are
//! answered. How much of that a client address and the node may have. What a connection may is in
//! `ahead/purse.rs`, and what other threads do with its part in `ahead/account.rs`; what is done where
//! there is no room is `front/upload.rs`'s, `front/service.rs`'s and `front/monitored.rs`'s.

mod account;
mod purse;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::addresses::Client;
use crate::config::Limits;

pub(super) use account::{Account, Coming};
pub(super) use purse::{Begun, Purse};

/// What all connections may have together, in bytes; heads of requests have a little more for each.
const NODE_BYTES: usize = 64 << 20;
/// What those of one client address may have.
const ADDRESS_BYTES: usize = 8 << 20;
/// An address with so little is let into the last part of the node's.
const FEW_BYTES: usize = 256 << 10;
const RESERVED_BYTES: usize = NODE_BYTES / 4;
/// So much each connection has without asking: hyper's first buffer is as large, and requests that come
/// in one piece never have more. So they share nothing with other shards.
const FREE_BYTES: usize = 8 << 10;
/// What is asked for is a multiple of this.
const STEP_BYTES: usize = 4 << 10;

/// What the connections of a node keep beyond what each has without asking.
pub(super) struct Ahead {
    kept: AtomicUsize,
    /// The part of each address, where it has any. Trusted proxies have one together, under `None`.
    of: DashMap<Option<Client>, Part>,
    /// What a head that is not complete may come to in HTTP/2.
    head_bytes: usize,
}

/// What an address has, in bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    held: usize,
    /// What of it counts for the node: less than all where heads are served though the node has none
    /// left.
    counted: usize,
}

impl Ahead {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let head_bytes = limits.url_bytes + limits.headers_bytes;
        Arc::new(Self { kept: AtomicUsize::new(0), of: DashMap::new(), head_bytes })
    }

    /// Whether so much more may be kept, which then counts. What `is_least` is refused only where the
    /// address has its part, not where the node has: others could have used that up.
    fn grant(&self, client: Option<Client>, bytes: usize, is_least: bool) -> bool {
        match self.of.entry(client) {
            Entry::Vacant(entry) => {
                let part = self.with(client, Part::default(), bytes, is_least);
                part.map(|part| entry.insert(part)).is_some()
            }
            Entry::Occupied(mut entry) => {
                let part = self.with(client, *entry.get(), bytes, is_least);
                part.map(|part| entry.insert(part)).is_some()
            }
        }
    }

    /// A part with so much more; `None` where there is no room.
    fn with(
        &self,
        client: Option<Client>,
        part: Part,
        bytes: usize,
        is_least: bool,
    ) -> Option<Part> {
        let held = part.held + bytes;
        let most = match client {
            None => NODE_BYTES - RESERVED_BYTES,
            Some(_) if held > ADDRESS_BYTES => return None,
            Some(_) if held > FEW_BYTES => NODE_BYTES - RESERVED_BYTES,
            Some(_) => NODE_BYTES,
        };
        match self.count(held - part.counted, most) {
            true => Some(Part { held, counted: held }),
            false => is_least.then_some(Part { held, ..part }),
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
