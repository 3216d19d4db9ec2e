//! The connections of all workers that are open or being made: which have a request, and which one
//! without is closed when there is room for no more. Each request has a share (`shares.rs`) and at
//! most one connection, so there always is such a one: what is open is bounded by what may be in use.
//! Not here: who may have one more request under way.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use deno_core::parking_lot::Mutex;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::shares::Shortage;

/// What is counted here, for messages.
const WHAT: &str = "outgoing connections";

/// The bounds, and what is open. Clones share it.
#[derive(Clone)]
pub(crate) struct Sockets(Arc<Inner>);

struct Inner {
    all: usize,
    per_worker: usize,
    clock: AtomicU64,
    next_id: AtomicU64,
    open: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// Those that are not being closed.
    count: usize,
    workers: HashMap<Arc<str>, HashMap<u64, Wire>>,
}

/// The room of one connection, given back when it is dropped.
pub(crate) struct Room {
    sockets: Sockets,
    worker: Arc<str>,
    id: u64,
}

/// What is known of a connection wherever one of its requests is.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Known>);

struct Known {
    sockets: Sockets,
    responses: AtomicUsize,
    cut: CancellationToken,
    state: Mutex<State>,
}

struct State {
    users: usize,
    /// One of the users is the request for which the connection is being made.
    is_being_made: bool,
    idle_since: u64,
    evicted: bool,
}

/// A request's use of a connection, which is idle when the last one is dropped.
pub(crate) struct Using {
    wire: Wire,
}

impl Sockets {
    pub(crate) fn new(all: usize, per_worker: usize) -> Self {
        Self(Arc::new(Inner {
            all,
            per_worker,
            clock: AtomicU64::new(0),
            next_id: AtomicU64::new(0),
            open: Mutex::default(),
        }))
    }

    /// The connections that are open.
    pub(crate) fn count(&self) -> usize {
        self.0.open.lock().count
    }

    /// Makes room for one more connection of the worker, by closing one of its own that has no
    /// request, or one of whoever has most of those, if need be.
    ///
    /// # Errors
    ///
    /// When there is no such connection.
    pub(crate) fn enter(&self, worker: &Arc<str>) -> Result<(Wire, Room), Shortage> {
        let wire = Wire(Arc::new(Known {
            sockets: self.clone(),
            responses: AtomicUsize::new(0),
            cut: CancellationToken::new(),
            state: Mutex::new(State {
                users: 1,
                is_being_made: true,
                idle_since: 0,
                evicted: false,
            }),
        }));
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let mut table = self.0.open.lock();
        let (what, waited) = (WHAT, Duration::ZERO);
        let own = table.workers.get(worker).map_or(0, HashMap::len);
        if own >= self.0.per_worker {
            if !table.evict_from(worker) {
                return Err(Shortage::Worker { what, count: own, waited });
            }
        } else if table.count >= self.0.all {
            let greediest = table.greediest();
            if !greediest.is_some_and(|greediest| table.evict_from(&greediest)) {
                return Err(Shortage::Node { what, count: table.count, own, waited });
            }
        }
        table.workers.entry(worker.clone()).or_default().insert(id, wire.clone());
        table.count += 1;
        Ok((wire, Room { sockets: self.clone(), worker: worker.clone(), id }))
    }

    fn tick(&self) -> u64 {
        self.0.clock.fetch_add(1, Ordering::Relaxed)
    }
}

impl Table {
    /// Who has most connections without a request.
    fn greediest(&self) -> Option<Arc<str>> {
        let spare = |wires: &HashMap<u64, Wire>| {
            wires.values().filter(|wire| wire.spare_since().is_some()).count()
        };
        let most = self.workers.iter().map(|(name, wires)| (spare(wires), name)).max();
        most.filter(|(spare, _)| *spare > 0).map(|(_, name)| name.clone())
    }

    /// Closes the worker's connection that has been without a request for longest; answers whether
    /// there was one.
    fn evict_from(&mut self, worker: &Arc<str>) -> bool {
        let Some(wires) = self.workers.get(worker) else { return false };
        let spare = wires.iter().filter_map(|(id, wire)| Some((wire.spare_since()?, *id)));
        let Some((_, id)) = spare.min() else { return false };
        let is_evicted = wires.get(&id).is_some_and(Wire::evict);
        if is_evicted {
            self.remove(worker, id);
        }
        is_evicted
    }

    fn remove(&mut self, worker: &Arc<str>, id: u64) {
        let Some(wires) = self.workers.get_mut(worker) else { return };
        if wires.remove(&id).is_some() {
            self.count -= 1;
        }
        if wires.is_empty() {
            self.workers.remove(worker);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.sockets.0.open.lock().remove(&self.worker, self.id);
    }
}

impl Wire {
    /// Counts a response. The count tells a connection that grew old in the pool from one
    /// that never worked.
    pub(crate) fn answered(&self) {
        self.0.responses.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a failure of the connection says nothing about the server: it has brought
    /// responses before, or it was closed here while it was idle.
    pub(crate) fn was_pooled(&self) -> bool {
        self.0.responses.load(Ordering::Relaxed) > 0 || self.0.state.lock().evicted
    }

    /// Closes the connection, whatever it is doing.
    pub(crate) fn cut(&self) {
        self.0.cut.cancel();
    }

    /// Whether it was cut.
    pub(crate) fn is_cut(&self) -> bool {
        self.0.cut.is_cancelled()
    }

    /// Resolves when it is cut.
    pub(crate) fn when_cut(&self) -> WaitForCancellationFutureOwned {
        self.0.cut.clone().cancelled_owned()
    }

    /// The connection is there, and idle until a request uses it.
    pub(crate) fn opened(&self) {
        self.made_for_nobody();
    }

    /// The request for which it is being made has got another one.
    pub(crate) fn made_for_nobody(&self) {
        let was_being_made = std::mem::take(&mut self.0.state.lock().is_being_made);
        if was_being_made {
            self.leave();
        }
    }

    /// Marks the connection as used by a request.
    pub(crate) fn used(&self) -> Using {
        self.0.state.lock().users += 1;
        Using { wire: self.clone() }
    }

    fn leave(&self) {
        let mut state = self.0.state.lock();
        state.users = state.users.saturating_sub(1);
        if state.users == 0 {
            state.idle_since = self.0.sockets.tick();
        }
    }

    /// Since when no request has it; those that are being closed come first.
    fn spare_since(&self) -> Option<u64> {
        if self.is_cut() {
            return Some(0);
        }
        let state = self.0.state.lock();
        (state.users == 0).then_some(state.idle_since)
    }

    fn evict(&self) -> bool {
        let mut state = self.0.state.lock();
        if state.users > 0 && !self.is_cut() {
            return false;
        }
        state.evicted = true;
        drop(state);
        self.cut();
        true
    }
}

impl Using {
    /// Whether it is this connection that is used.
    pub(crate) fn is_of(&self, wire: &Wire) -> bool {
        Arc::ptr_eq(&self.wire.0, &wire.0)
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        self.wire.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_connection_of_the_greediest_makes_room() {
        let sockets = Sockets::new(3, 3);
        let (greedy, quiet): (Arc<str>, Arc<str>) = ("greedy".into(), "quiet".into());
        let (kept, _room) = sockets.enter(&quiet).unwrap();
        kept.opened();
        let (old, _old) = sockets.enter(&greedy).unwrap();
        let (young, _young) = sockets.enter(&greedy).unwrap();
        old.opened();
        young.opened();
        let (_new, _new_room) = sockets.enter(&quiet).unwrap();
        assert_eq!((old.is_cut(), young.is_cut(), kept.is_cut()), (true, false, false));
        assert_eq!(sockets.count(), 3);
    }

    #[test]
    fn a_connection_in_use_is_not_closed_and_a_worker_makes_room_for_itself() {
        let sockets = Sockets::new(100, 2);
        let worker: Arc<str> = "worker".into();
        let (busy, busy_room) = sockets.enter(&worker).unwrap();
        let (idle, _idle) = sockets.enter(&worker).unwrap();
        busy.opened();
        idle.opened();
        let using = busy.used();
        let (_new, _new_room) = sockets.enter(&worker).unwrap();
        assert_eq!((busy.is_cut(), idle.is_cut()), (false, true));
        drop(using);
        drop(busy_room);
        assert_eq!(sockets.count(), 1);
    }

    #[test]
    fn there_is_no_room_where_every_connection_has_a_request() {
        let sockets = Sockets::new(2, 2);
        let (greedy, quiet): (Arc<str>, Arc<str>) = ("greedy".into(), "quiet".into());
        let (made, _made) = sockets.enter(&greedy).unwrap();
        let (used, _used) = sockets.enter(&greedy).unwrap();
        used.opened();
        let _using = used.used();
        let own = sockets.enter(&greedy).err();
        let (what, count, waited) = (WHAT, 2, Duration::ZERO);
        assert_eq!(own, Some(Shortage::Worker { what, count, waited }));
        let others = sockets.enter(&quiet).err();
        assert_eq!(others, Some(Shortage::Node { what, count, own: 0, waited }));
        assert_eq!((made.is_cut(), used.is_cut(), sockets.count()), (false, false, 2));
    }

    #[test]
    fn one_that_was_made_for_nobody_is_in_use_as_soon_as_a_request_has_it() {
        let sockets = Sockets::new(1, 1);
        let worker: Arc<str> = "worker".into();
        let (wire, _room) = sockets.enter(&worker).unwrap();
        wire.made_for_nobody();
        let _using = wire.used();
        // Nobody leaves it twice.
        wire.opened();
        assert!(sockets.enter(&worker).is_err());
        assert!(!wire.is_cut());
    }

    #[test]
    fn one_that_is_made_for_nobody_or_being_closed_makes_room() {
        let sockets = Sockets::new(2, 2);
        let worker: Arc<str> = "worker".into();
        let (unwanted, _unwanted) = sockets.enter(&worker).unwrap();
        let (closing, _closing) = sockets.enter(&worker).unwrap();
        closing.opened();
        let _using = closing.used();
        closing.cut();
        unwanted.made_for_nobody();
        assert!(!unwanted.is_cut());
        // The one that is being closed is first.
        let (_first, _first_room) = sockets.enter(&worker).unwrap();
        assert!(!unwanted.is_cut());
        let (_second, _second_room) = sockets.enter(&worker).unwrap();
        assert!(unwanted.is_cut());
        assert_eq!(sockets.count(), 2);
        assert!(sockets.enter(&worker).is_err());
    }
}
