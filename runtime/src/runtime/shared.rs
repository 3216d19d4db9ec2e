//! What the shards, the watchdog and the runtime's callers share: the lists of shards, and
//! the moves between them.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use bindings::event::outgoing::Pool;
use bindings::fetch::{Outbound, Refused};
use bindings::kv::OnFull;
use parking_lot::Mutex;

use super::floor::FloorHandle;
use crate::caution::Caution;
use crate::code_cache::CodeCaches;
use crate::config::{Config, SharedObserver};
use crate::eviction::Evictions;
use crate::incident::{Incident, IncidentKind, Resource};
use crate::isolate::process;
use crate::isolate::turns::Turns;
use crate::memory::Memory;
use crate::outcome::Failure;
use crate::quarantine::Losses;
use crate::shard::{self, Kind, Message, ShardHandle, Ticket};
use crate::version::Version;
use crate::watchdog::Watchdog;

/// How much lower than the front shards the threads run that drive the connections of `fetch()`.
const OUTBOUND_NICE: i32 = 5;

pub(super) type Shards = Vec<Arc<ShardHandle>>;
type OnFrontReplaced = Box<dyn Fn(Arc<ShardHandle>, bool) + Send + Sync>;
type OnClientsToBlame = Box<dyn Fn() -> bool + Send + Sync>;

/// The state of a runtime.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn kv::Store>,
    pub(crate) code_caches: CodeCaches,
    pub(crate) outbound: Outbound,
    /// The bodies of answers on their way to clients, of all workers.
    pub(crate) outgoing: Arc<Pool>,
    pub(crate) observer: SharedObserver,
    pub(crate) watchdog: Arc<Watchdog>,
    pub(crate) memory: Memory,
    /// Isolates with a worker in them, on all shards.
    pub(crate) isolates: AtomicUsize,
    /// Isolates that were given up.
    pub(crate) evictions: Evictions,
    /// Shards that were given up.
    pub(crate) abandoned: AtomicUsize,
    /// Those of them whose threads still run.
    pub(super) runaways: Mutex<Vec<Arc<ShardHandle>>>,
    /// Events that wait whose worker has a KV namespace.
    pub(super) waiting_with_kv: Arc<AtomicUsize>,
    pub(crate) losses: Losses,
    /// After trusted code has held up a front shard.
    pub(crate) caution: Caution,
    /// Workers and versions whose slices were short before this process, and which it has not seen.
    pub(super) proven_before: Mutex<HashSet<(Arc<str>, Arc<str>)>>,
    front: ArcSwap<Shards>,
    pub(super) back: ArcSwap<Shards>,
    /// For workers that have used up their share; grows and shrinks.
    pub(super) slow: ArcSwap<Shards>,
    pub(super) starts_slow: Mutex<()>,
    /// Those of slow shards.
    pub(crate) turns: Arc<Turns>,
    pub(super) floor: FloorHandle,
    check: ArcSwapOption<ShardHandle>,
    on_front_replaced: OnceLock<OnFrontReplaced>,
    on_clients_to_blame: OnceLock<OnClientsToBlame>,
}

impl Shared {
    /// Starts the shards.
    pub(super) fn new(
        config: Config,
        store: Arc<dyn kv::Store>,
        observer: SharedObserver,
    ) -> std::io::Result<Arc<Shared>> {
        let outbound = Outbound::new(config.outbound.clone(), config.outbound_roots.clone())
            .map_err(std::io::Error::other)?;
        let outbound = outbound
            .telling(Box::new(told(observer.clone())))
            .preparing(|| process::set_thread_nice(OUTBOUND_NICE));
        let code_caches = CodeCaches::new(config.cache_dir.clone());
        let outgoing = Pool::new(config.outgoing_bytes);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shared = Arc::new(Shared {
            memory: Memory::new(config.memory_bytes),
            waiting_with_kv: Arc::default(),
            losses: Losses::new(config.lost_shards),
            caution: Caution::default(),
            outgoing,
            config,
            code_caches,
            store,
            outbound,
            observer,
            watchdog: Arc::default(),
            isolates: AtomicUsize::new(0),
            evictions: Evictions::default(),
            abandoned: AtomicUsize::new(0),
            runaways: Mutex::default(),
            proven_before: Mutex::default(),
            front: ArcSwap::default(),
            back: ArcSwap::default(),
            slow: ArcSwap::default(),
            starts_slow: Mutex::default(),
            turns: Arc::new(Turns::new(cores)),
            floor: FloorHandle::default(),
            check: ArcSwapOption::empty(),
            on_front_replaced: OnceLock::new(),
            on_clients_to_blame: OnceLock::new(),
        });
        let start = |kind: Kind, count: usize| {
            (0..count.max(1))
                .map(|index| shard::spawn(index, kind, &shared))
                .collect::<std::io::Result<Shards>>()
        };
        shared.front.store(Arc::new(start(Kind::Front, shared.config.front_shards)?));
        shared.back.store(Arc::new(start(Kind::Back, shared.config.back_shards)?));
        shared.check.store(Some(shard::spawn(0, Kind::Check, &shared)?));
        Ok(shared)
    }

    /// The front shards.
    pub(super) fn front(&self) -> Arc<Shards> {
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

    pub(super) fn on_front_replaced(&self, call: OnFrontReplaced) {
        // The first one stays: there is one owner of the sockets.
        let _ = self.on_front_replaced.set(call);
    }

    pub(super) fn on_clients_to_blame(&self, call: OnClientsToBlame) {
        // The first one stays, as above.
        let _ = self.on_clients_to_blame.set(call);
    }

    /// Asks the owner of the sockets to take memory from clients. Answers whether some is given back.
    pub(crate) fn take_from_clients(&self) -> bool {
        self.on_clients_to_blame.get().is_some_and(|call| call())
    }

    /// The back shard that an event was sent to last, unless that was given up.
    pub(super) fn back_shard(&self, ticket: &Ticket) -> Option<Arc<ShardHandle>> {
        let id = ticket.shard.load(Ordering::Relaxed);
        let find = |shards: &Shards| shards.iter().find(|shard| shard.id() == id).cloned();
        find(&self.back.load()).or_else(|| find(&self.slow.load()))
    }

    /// Tells the observer that a worker's event does not get what it needs of the node.
    pub(crate) fn tell_refused(&self, resource: Resource, version: &Version, failure: &Failure) {
        let detail = failure.to_string();
        self.tell(IncidentKind::Refused(resource), version.worker(), detail);
    }

    /// Tells the observer that an event of a worker is refused before it runs.
    pub(crate) fn tell_turned_away(&self, worker: &Arc<str>, failure: &Failure) {
        let Some(resource) = Resource::lacking(failure) else { return };
        let detail = match resource {
            // What a start has failed with may be a text of the tenant's.
            Resource::Starts => {
                "it has failed to start a moment ago, and is not started again yet".to_owned()
            }
            _ => failure.to_string(),
        };
        self.tell(IncidentKind::Refused(resource), worker, detail);
    }

    /// Tells the observer that a call of a worker into WebAssembly cannot be suspended, because the node
    /// has so many of them already.
    pub(crate) fn tell_no_stack(&self, version: &Version, stacks: usize) {
        let detail = format!(
            "the node has {stacks} suspended calls into WebAssembly, as many as its memory mappings \
             allow: the isolate that was to have one more was ended"
        );
        self.tell(IncidentKind::Refused(Resource::Mappings), version.worker(), detail);
    }

    /// Tells the observer that so many events of a version were ended, because too many versions came
    /// after it.
    pub(crate) fn tell_outstayed(&self, version: &Version, events: usize) {
        let detail = format!(
            "{events} event(s) of version {} were ended: it was replaced, and so were too many after it",
            version.id()
        );
        self.tell(IncidentKind::Evicted(Resource::Versions), version.worker(), detail);
    }

    /// What tells the observer that the KV store has no room for what a worker writes.
    pub(super) fn on_kv_full(&self, worker: &Arc<str>) -> OnFull {
        let (observer, worker) = (self.observer.clone(), worker.clone());
        Arc::new(move |detail| {
            let kind = IncidentKind::Refused(Resource::Kv);
            observer.incident(&Incident { kind, worker: Some(worker.clone()), detail });
        })
    }

    fn tell(&self, kind: IncidentKind, worker: &Arc<str>, detail: String) {
        self.observer.incident(&Incident { kind, worker: Some(worker.clone()), detail });
    }

    /// Cancels an event, wherever it is.
    pub(super) fn cancel(&self, version: u64, ticket: &Ticket) {
        if let Some(shard) = self.back_shard(ticket) {
            shard.send(Message::Cancel { version, ticket: ticket.number });
        }
    }

    pub(super) fn move_messages(self: &Arc<Self>, from: &Arc<ShardHandle>) {
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
    pub(super) fn check_shard(&self) -> Arc<ShardHandle> {
        self.check.load_full().expect("set before the runtime is there")
    }

    /// Another shard takes the place of one.
    pub(super) fn replace(&self, shard: &Arc<ShardHandle>, new: &Arc<ShardHandle>) {
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
    pub(super) fn front_replaced(&self, shard: &ShardHandle, new: &Arc<ShardHandle>) {
        if shard.is_front()
            && let Some(call) = self.on_front_replaced.get()
        {
            call(new.clone(), shard.is_stopped());
        }
    }
}

/// Tells the observer what the way out refuses.
fn told(observer: SharedObserver) -> impl Fn(&Arc<str>, Refused, String) + Send + Sync {
    move |worker, what, detail| {
        let resource = match what {
            Refused::Connections => Resource::Connections,
            Refused::Lookups => Resource::Lookups,
        };
        let kind = IncidentKind::Refused(resource);
        observer.incident(&Incident { kind, worker: Some(worker.clone()), detail });
    }
}
