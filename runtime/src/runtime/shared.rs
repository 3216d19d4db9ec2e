//! What the shards, the watchdog and the runtime's callers share: the lists of shards, and
//! the moves between them.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use bindings::fetch::{Outbound, Refused};

use crate::code_cache::CacheFolder;
use crate::config::{Config, SharedObserver};
use crate::incident::{Incident, IncidentKind, Resource};
use crate::isolate::process;
use crate::memory::Memory;
use crate::outcome::Failure;
use crate::placement;
use crate::shard::{self, Message, ShardHandle, Ticket};
use crate::version::Version;
use crate::watchdog::Watchdog;

type Shards = Vec<Arc<ShardHandle>>;
type OnFrontReplaced = Box<dyn Fn(Arc<ShardHandle>) + Send + Sync>;

/// The state of a runtime.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn kv::Store>,
    pub(crate) cache_folder: Option<Arc<CacheFolder>>,
    pub(crate) outbound: Outbound,
    pub(crate) observer: SharedObserver,
    pub(crate) watchdog: Arc<Watchdog>,
    pub(crate) memory: Memory,
    /// Isolates with a worker in them, on all shards.
    pub(crate) isolates: AtomicUsize,
    /// Shards that were given up.
    pub(crate) abandoned: AtomicUsize,
    front: ArcSwap<Shards>,
    back: ArcSwap<Shards>,
    on_front_replaced: OnceLock<OnFrontReplaced>,
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
        let outbound = outbound.telling(Box::new(told(observer.clone())));
        let cache_folder = config.cache_dir.clone().map(|path| Arc::new(CacheFolder::new(path)));
        let shared = Arc::new(Shared {
            memory: Memory::new(config.memory_bytes),
            config,
            cache_folder,
            store,
            outbound,
            observer,
            watchdog: Arc::default(),
            isolates: AtomicUsize::new(0),
            abandoned: AtomicUsize::new(0),
            front: ArcSwap::default(),
            back: ArcSwap::default(),
            on_front_replaced: OnceLock::new(),
        });
        let start = |front: bool, count: usize| {
            (0..count.max(1))
                .map(|index| shard::spawn(index, front, &shared))
                .collect::<std::io::Result<Shards>>()
        };
        shared.front.store(Arc::new(start(true, shared.config.front_shards)?));
        shared.back.store(Arc::new(start(false, shared.config.back_shards)?));
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
        shards
    }

    pub(super) fn on_front_replaced(&self, call: OnFrontReplaced) {
        // The first one stays: there is one owner of the sockets.
        let _ = self.on_front_replaced.set(call);
    }

    /// Sends a message that concerns a version to a back shard. Answers which.
    pub(crate) fn place(
        &self,
        version: &Arc<Version>,
        message: Message,
    ) -> Option<Arc<ShardHandle>> {
        let shards = self.back.load();
        let shard = match self.config.inspect {
            None => placement::choose(version, &shards),
            Some(_) => placement::choose_home(version, &shards),
        }?;
        if let Message::Event(job) = &message {
            job.ticket.shard.store(shard.id(), Ordering::Relaxed);
        }
        shard.send(message);
        Some(shard)
    }

    /// The back shard that an event was sent to last, unless that was given up.
    pub(super) fn back_shard(&self, ticket: &Ticket) -> Option<Arc<ShardHandle>> {
        let id = ticket.shard.load(Ordering::Relaxed);
        self.back.load().iter().find(|shard| shard.id() == id).cloned()
    }

    /// Cancels an event, wherever it is.
    pub(super) fn cancel(&self, version: u64, ticket: &Ticket) {
        if let Some(shard) = self.back_shard(ticket) {
            shard.send(Message::Cancel { version, ticket: ticket.number });
        }
    }

    /// Sends what waits in a stuck shard's inbox to other shards, where there is one that
    /// has time.
    pub(crate) fn rescue(&self, stuck: &Arc<ShardHandle>) {
        if self.config.inspect.is_some() {
            // It may be at a breakpoint, and the events are to meet that, too.
            return;
        }
        let shards = self.back.load();
        let free = shards.iter().any(|shard| shard.is_usable() && !shard.is_stuck());
        if free {
            self.move_messages(stuck);
        }
    }

    fn move_messages(&self, from: &Arc<ShardHandle>) {
        for message in from.steal() {
            let version = match &message {
                Message::Event(job) => job.version.clone(),
                Message::Warm(version) => version.clone(),
                Message::Check(job) => job.version.clone(),
                Message::Cancel { .. }
                | Message::Evict { .. }
                | Message::Retire(_)
                | Message::Run(_) => {
                    continue;
                }
            };
            self.place(&version, message);
        }
    }

    /// Gives up a shard that does not come back from a tenant's code, and starts another in
    /// its place. The worker whose code it was is not started again for a while.
    pub(crate) fn abandon(self: &Arc<Self>, shard: &Arc<ShardHandle>) {
        let Ok(new) = shard::spawn(shard.index(), shard.is_front(), self) else { return };
        let list = if shard.is_front() { &self.front } else { &self.back };
        list.rcu(|shards| {
            let replace = |old: &Arc<ShardHandle>| {
                if Arc::ptr_eq(old, shard) { new.clone() } else { old.clone() }
            };
            shards.iter().map(replace).collect::<Shards>()
        });
        let culprit = shard.running_version();
        shard.abandon();
        self.abandoned.fetch_add(1, Ordering::Relaxed);
        if let Some(thread) = shard.thread() {
            process::make_idle_priority(thread);
        }
        if let Some(version) = &culprit {
            version.trust.offend();
            version.quarantine(Failure::ExceededCpu {
                limit_ms: version.definition.limits.cpu.as_millis() as u64,
            });
            self.observer.incident(&Incident {
                kind: IncidentKind::ShardLost,
                worker: Some(version.worker().clone()),
                detail: "its code did not return and could not be stopped; its shard was replaced"
                    .to_owned(),
            });
        }
        self.move_messages(shard);
        if shard.is_front()
            && let Some(call) = self.on_front_replaced.get()
        {
            call(new);
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
