//! The open connections of all workers: which are in use, which are idle, and which idle one is
//! closed when there is room for no more. Not here: who may have one more in use (`shares.rs`).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use deno_core::parking_lot::Mutex;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::shares::Share;

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
    /// The share that one of the requests on a shared connection left to it.
    share: Option<Share>,
    idle_since: u64,
    evicted: bool,
}

/// A request's use of a connection, which is idle when the last one is dropped.
pub(crate) struct Using {
    wire: Wire,
    share: Option<Share>,
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

    /// Makes room for one more connection of the worker, by closing its idle connection, or
    /// that of whoever has most, if need be. What is in use is bounded by shares.
    pub(crate) fn enter(&self, worker: &Arc<str>) -> (Wire, Room) {
        let wire = Wire(Arc::new(Known {
            sockets: self.clone(),
            responses: AtomicUsize::new(0),
            cut: CancellationToken::new(),
            // Its maker is its first user.
            state: Mutex::new(State { users: 1, share: None, idle_since: 0, evicted: false }),
        }));
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let mut table = self.0.open.lock();
        let own = table.workers.get(worker).map_or(0, HashMap::len);
        if own >= self.0.per_worker {
            table.evict_from(&worker.clone());
        } else if table.count >= self.0.all
            && let Some(greediest) = table.greediest()
        {
            table.evict_from(&greediest);
        }
        table.workers.entry(worker.clone()).or_default().insert(id, wire.clone());
        table.count += 1;
        (wire, Room { sockets: self.clone(), worker: worker.clone(), id })
    }

    fn tick(&self) -> u64 {
        self.0.clock.fetch_add(1, Ordering::Relaxed)
    }
}

impl Table {
    fn greediest(&self) -> Option<Arc<str>> {
        let idle = |wires: &HashMap<u64, Wire>| {
            wires.values().filter(|wire| wire.idle_since().is_some()).count()
        };
        let most = self.workers.iter().map(|(name, wires)| (idle(wires), name)).max();
        most.filter(|(idle, _)| *idle > 0).map(|(_, name)| name.clone())
    }

    /// Closes the worker's connection that has been idle for longest.
    fn evict_from(&mut self, worker: &Arc<str>) {
        let Some(wires) = self.workers.get(worker) else { return };
        let idle = wires.iter().filter_map(|(id, wire)| Some((wire.idle_since()?, *id)));
        let Some((_, id)) = idle.min() else { return };
        if wires.get(&id).is_some_and(Wire::evict) {
            self.remove(worker, id);
        }
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
        self.leave();
    }

    /// Marks the connection as used by a request that has this share. A connection that
    /// requests share has one share for all of them.
    pub(crate) fn used_by(&self, mut share: Option<Share>, is_shared: bool) -> Using {
        let mut state = self.0.state.lock();
        state.users += 1;
        if is_shared && state.share.is_none() {
            state.share = share.take();
        }
        drop(state);
        if is_shared {
            drop(share.take());
        }
        Using { wire: self.clone(), share }
    }

    fn leave(&self) {
        let mut state = self.0.state.lock();
        state.users = state.users.saturating_sub(1);
        if state.users == 0 {
            state.idle_since = self.0.sockets.tick();
            let share = state.share.take();
            drop(state);
            drop(share);
        }
    }

    fn idle_since(&self) -> Option<u64> {
        let state = self.0.state.lock();
        (state.users == 0).then_some(state.idle_since)
    }

    fn evict(&self) -> bool {
        let mut state = self.0.state.lock();
        if state.users > 0 {
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

    /// Takes the share, for another connection.
    pub(crate) fn take_share(&mut self) -> Option<Share> {
        self.share.take()
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
        let (kept, _room) = sockets.enter(&quiet);
        kept.opened();
        let (old, _old) = sockets.enter(&greedy);
        let (young, _young) = sockets.enter(&greedy);
        old.opened();
        young.opened();
        let (_new, _new_room) = sockets.enter(&quiet);
        assert_eq!((old.is_cut(), young.is_cut(), kept.is_cut()), (true, false, false));
        assert_eq!(sockets.count(), 3);
    }

    #[test]
    fn a_connection_in_use_is_not_closed_and_a_worker_makes_room_for_itself() {
        let sockets = Sockets::new(100, 2);
        let worker: Arc<str> = "worker".into();
        let (busy, busy_room) = sockets.enter(&worker);
        let (idle, _idle) = sockets.enter(&worker);
        busy.opened();
        idle.opened();
        let using = busy.used_by(None, false);
        let (_new, _new_room) = sockets.enter(&worker);
        assert_eq!((busy.is_cut(), idle.is_cut()), (false, true));
        drop(using);
        drop(busy_room);
        assert_eq!(sockets.count(), 1);
    }
}
