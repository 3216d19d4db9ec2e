//! The shards of a runtime, and the moves between them: which there are (here), which one an event goes to
//! and what becomes of a stuck one (`fleet/lanes.rs`), what is done with a lost one (`fleet/lost.rs`), and what
//! those of idle priority get (`fleet/floor.rs`). It stands above the shards and on the services; the
//! policy is `placement.rs`'s.

mod floor;
mod lanes;
mod lost;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;

use self::floor::FloorHandle;
use crate::isolate::turns::Turns;
use crate::services::Services;
use crate::shard::{self, Kind, Message, ShardHandle, Ticket};
use crate::watchdog::Watchdog;

pub(crate) use self::floor::spawn as spawn_floor;

pub(crate) type Shards = Vec<Arc<ShardHandle>>;
type OnFrontReplaced = Box<dyn Fn(Arc<ShardHandle>, bool) + Send + Sync>;

/// The shards of a runtime.
pub(crate) struct Fleet {
    pub(crate) services: Arc<Services>,
    pub(crate) watchdog: Arc<Watchdog>,
    /// Shards that were given up.
    abandoned: AtomicUsize,
    /// Those of them whose threads still run.
    runaways: Mutex<Vec<Arc<ShardHandle>>>,
    front: ArcSwap<Shards>,
    back: ArcSwap<Shards>,
    /// For workers that have used up their share; grows and shrinks.
    slow: ArcSwap<Shards>,
    starts_slow: Mutex<()>,
    /// Those of slow shards.
    pub(crate) turns: Arc<Turns>,
    floor: FloorHandle,
    check: ArcSwapOption<ShardHandle>,
    on_front_replaced: OnceLock<OnFrontReplaced>,
}

impl Fleet {
    /// Starts the shards.
    pub(crate) fn start(services: &Arc<Services>) -> std::io::Result<Arc<Fleet>> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let fleet = Arc::new(Fleet {
            services: services.clone(),
            watchdog: Arc::default(),
            abandoned: AtomicUsize::new(0),
            runaways: Mutex::default(),
            front: ArcSwap::default(),
            back: ArcSwap::default(),
            slow: ArcSwap::default(),
            starts_slow: Mutex::default(),
            turns: Arc::new(Turns::new(cores)),
            floor: FloorHandle::default(),
            check: ArcSwapOption::empty(),
            on_front_replaced: OnceLock::new(),
        });
        let start = |kind: Kind, count: usize| {
            (0..count.max(1))
                .map(|index| shard::spawn(index, kind, &fleet))
                .collect::<std::io::Result<Shards>>()
        };
        fleet.front.store(Arc::new(start(Kind::Front, services.config.front_shards)?));
        fleet.back.store(Arc::new(start(Kind::Back, services.config.back_shards)?));
        fleet.check.store(Some(shard::spawn(0, Kind::Check, &fleet)?));
        Ok(fleet)
    }

    /// The front shards.
    pub(crate) fn front(&self) -> Arc<Shards> {
        self.front.load_full()
    }

    /// All shards.
    pub(crate) fn all_shards(&self) -> Shards {
        let mut shards = Shards::clone(&self.front.load());
        shards.extend(self.back.load().iter().cloned());
        shards.extend(self.check.load_full());
        shards.extend(self.slow.load().iter().cloned());
        shards
    }

    /// How many shards were given up.
    pub(crate) fn abandoned(&self) -> usize {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Sets who is told of front shards that are replaced. The first one stays: there is one owner of the
    /// sockets.
    pub(crate) fn on_front_replaced(
        &self,
        call: impl Fn(Arc<ShardHandle>, bool) + Send + Sync + 'static,
    ) {
        let _ = self.on_front_replaced.set(Box::new(call));
    }

    /// The back shard that an event was sent to last, unless that was given up.
    pub(crate) fn back_shard(&self, ticket: &Ticket) -> Option<Arc<ShardHandle>> {
        let id = ticket.shard.load(Ordering::Relaxed);
        let find = |shards: &Shards| shards.iter().find(|shard| shard.id() == id).cloned();
        find(&self.back.load()).or_else(|| find(&self.slow.load()))
    }

    /// Cancels an event, wherever it is.
    pub(crate) fn cancel(&self, version: u64, ticket: &Ticket) {
        if let Some(shard) = self.back_shard(ticket) {
            shard.send(Message::Cancel { version, number: ticket.number });
        }
    }

    fn move_messages(self: &Arc<Self>, from: &Arc<ShardHandle>) {
        for message in from.steal() {
            let version = match &message {
                Message::Event(job) => job.version.clone(),
                Message::Warm(version) => version.clone(),
                // Who asked for a check asks the next shard.
                Message::Check(_)
                | Message::Cancel { .. }
                | Message::Evict { .. }
                | Message::Leave
                | Message::Retire(_)
                | Message::End { .. }
                | Message::Run(_) => continue,
            };
            let waits = matches!(message, Message::Event(_));
            if self.place(&version, message).is_none() && waits {
                version.end_to_wait();
            }
        }
    }

    /// The shard that versions are checked on.
    pub(crate) fn check_shard(&self) -> Arc<ShardHandle> {
        self.check.load_full().expect("set before the runtime is there")
    }

    /// Another shard takes the place of one.
    fn replace(&self, shard: &Arc<ShardHandle>, new: &Arc<ShardHandle>) {
        let list = match shard.kind() {
            Kind::Front => &self.front,
            Kind::Back => &self.back,
            Kind::Check => return self.check.store(Some(new.clone())),
        };
        list.rcu(|shards| {
            let replace = |old: &Arc<ShardHandle>| {
                if Arc::ptr_eq(old, shard) { new.clone() } else { old.clone() }
            };
            shards.iter().map(replace).collect::<Shards>()
        });
    }

    /// Tells the owner of the sockets that a front shard is lost, and which one is new.
    fn front_replaced(&self, shard: &ShardHandle, new: &Arc<ShardHandle>) {
        if shard.is_front()
            && let Some(call) = self.on_front_replaced.get()
        {
            call(new.clone(), shard.is_stopped());
        }
    }
}
