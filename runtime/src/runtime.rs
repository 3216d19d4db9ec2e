//! The runtime: V8's platform, the shards, the watchdog; the way in for events. What its parts share is in
//! `services.rs`, its shards are in `fleet.rs`.

mod check;
mod restart;
mod run;
mod succession;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use bindings::binding::{BindingKinds, GrantError};
use deno_core::{JsRuntime, v8};

use crate::config::Config;
use crate::definition::Definition;
use crate::eviction::Eviction;
use crate::fleet::{self, Fleet};
use crate::isolate::{cores, fatal, icu, process};
use crate::memory::{self, MemoryFigures, ProgramMemory};
use crate::observers::{Observer, Observers};
use crate::outcome::Failure;
use crate::services::Services;
use crate::shard::{Message, ShardHandle};
use crate::version::Version;
use crate::watchdog;

pub use check::StartReport;
pub use restart::RestartReason;
pub use succession::{Offender, Succession};

/// Stack traces as long as a developer needs them (V8's default is 10). And no unrolling of
/// loops: where V8 finds a short inner loop without a check of its own (`new Array(100)` has
/// one), it takes the check for interrupts out of the loop around it, and then neither a limit
/// nor anything else stops `for (;;) kept.push(new Array(100))` (V8 15.0,
/// LoopStackCheckElisionReducer). An isolate's garbage is collected on its own thread, at its
/// priority and on its account: other threads would do that at the expense of everybody.
const V8_FLAGS: &str = "--stack-trace-limit=30 --no-turboshaft-loop-unrolling \
                        --no-wasm-loop-unrolling --single-threaded-gc";

/// How much lower than the front shards V8's own threads run, which compile what gets hot.
const COMPILERS_NICE: i32 = 5;

/// The same for the threads of Web Crypto.
const CRYPTO_NICE: i32 = 10;

/// How often `drain` looks whether the events are over.
const DRAIN_TICK: Duration = Duration::from_millis(5);

/// A running runtime. Clones share it.
#[derive(Clone)]
pub struct Runtime {
    services: Arc<Services>,
    fleet: Arc<Fleet>,
}

/// Figures of a running runtime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Isolates with a worker in them.
    pub isolates: usize,
    /// Isolates made ahead.
    pub spares: usize,
    /// Events that run or wait.
    pub events: usize,
    /// Shards given up because a tenant's code did not return.
    pub abandoned_shards: usize,
    /// 1 while no worker runs inline, because one has kept a front shard from its sockets.
    pub paused: usize,
    /// Isolates given up since the start, for each reason in the order of [`Eviction::ALL`].
    pub evicted: [u64; Eviction::ALL.len()],
}

impl Runtime {
    /// Initialises V8, once. To be called on the main thread before any other thread exists: V8
    /// protects its memory with keys that only the threads started after it get.
    pub fn initialise() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            process::prepare_heap();
            icu::install();
            v8::V8::set_flags_from_string(V8_FLAGS);
            JsRuntime::init_platform(None);
            process::lower_other_threads(COMPILERS_NICE);
            fatal::install();
        });
    }

    /// Starts the shards, and [initialises](Self::initialise) V8 if nobody has. To be called once
    /// in a process, on the main thread. Workers can have in `env` what these bindings grant; every
    /// observer learns of everything.
    ///
    /// # Errors
    /// Where the system refuses a thread.
    pub fn start(
        config: Config,
        bindings: Arc<BindingKinds>,
        observers: Vec<Arc<dyn Observer>>,
    ) -> std::io::Result<Runtime> {
        Self::initialise();
        let observers = Observers::new(observers);
        let services = Services::new(config.with_patience(), bindings, observers)?;
        let fleet = Fleet::start(&services)?;
        // Not by the first shard that needs them: threads inherit how they are scheduled.
        services.outbound.start().map_err(std::io::Error::other)?;
        watchdog::spawn(&fleet)?;
        memory::spawn(&fleet)?;
        fleet::spawn_floor(&fleet)?;
        bindings::crypto::prepare_threads(|| {
            cores::use_all();
            process::set_thread_nice(CRYPTO_NICE);
        });
        Ok(Runtime { services, fleet })
    }

    /// The shards that are to run the sockets.
    pub fn front(&self) -> Vec<FrontShard> {
        self.fleet
            .front()
            .iter()
            .map(|handle| FrontShard { handle: handle.clone(), replaces_stopped: false })
            .collect()
    }

    /// Sets what is called with the replacement of a front shard that had to be given up:
    /// its sockets are gone.
    pub fn on_front_replaced(&self, call: impl Fn(FrontShard) + Send + Sync + 'static) {
        self.fleet.on_front_replaced(move |handle, replaces_stopped| {
            call(FrontShard { handle, replaces_stopped });
        });
    }

    /// Sets what is called, again and again, while memory is short and no worker has most of it. It
    /// answers whether it has something given back. Called on the thread that guards the memory: it must
    /// not block for long.
    pub fn on_clients_to_blame(&self, call: impl Fn() -> bool + Send + Sync + 'static) {
        self.services.on_clients_to_blame(Box::new(call));
    }

    /// Makes a version known, with what the node grants of its environment. Makes no isolate: that
    /// happens with its first event, or when it is warmed.
    ///
    /// # Errors
    /// What of its environment cannot be granted.
    pub fn version(&self, definition: Definition) -> Result<Arc<Version>, GrantError> {
        self.services.version(definition)
    }

    /// Takes note of what a program of that worker has in memory beside isolates, in bytes.
    pub fn program(&self, worker: &Arc<str>, bytes: usize) -> ProgramMemory {
        self.services.memory.program(self.services.losses.standing(worker), bytes)
    }

    /// Sets what is called where the node is short of memory, again as long as it is: it gives up what is
    /// kept only to be quick, answers whether that was so much that it is worth giving back to the system,
    /// which takes a while, and must not block. The first one stays.
    pub fn when_short_of_memory(&self, give_up: impl Fn() -> bool + Send + Sync + 'static) {
        self.services.memory.when_short(Box::new(give_up));
    }

    /// Loads a version ahead of its first event. Returns at once.
    pub fn warm(&self, version: &Arc<Version>) {
        if version.residences().is_empty() && version.recent_failure().is_none() {
            self.fleet.place(version, Message::Warm(version.clone()));
        }
    }

    /// Takes note of a request that is refused before there is a version of the worker to run it.
    pub fn turned_away(&self, worker: &Arc<str>, failure: &Failure) {
        self.services.tell_turned_away(worker, failure);
    }

    /// Whether an event runs or waits whose worker has something in the data folder.
    pub fn needs_data(&self) -> bool {
        self.services.needs_data()
    }

    /// No new events will come for a version: its isolates go when their events are over.
    pub fn retire(&self, version: &Arc<Version>) {
        version.retired.store(true, Ordering::Relaxed);
        for residence in version.residences().iter() {
            residence.shard.send(Message::Retire(version.clone()));
        }
    }

    /// Another version has the place of one that is [retired](Self::retire): where memory is short, what
    /// still runs of it goes before what runs of others.
    pub fn mark_replaced(&self, version: &Arc<Version>) {
        version.replaced.store(true, Ordering::Relaxed);
    }

    /// Ends what still runs of a version that was [retired](Self::retire): too many others of its
    /// worker were since.
    pub fn end(&self, version: &Arc<Version>) {
        for shard in self.services.memory.shards_of(version) {
            shard.send(Message::End { version: version.key });
        }
    }

    /// Waits until no event runs, at most for the time given; answers whether none does.
    pub async fn drain(&self, limit: Duration) -> bool {
        let ends = Instant::now() + limit;
        while self.stats().events > 0 {
            if Instant::now() >= ends {
                return false;
            }
            tokio::time::sleep(DRAIN_TICK).await;
        }
        true
    }

    /// What the process uses of the system at this moment. Reads several files of `/proc`.
    pub fn memory(&self) -> MemoryFigures {
        self.services.memory.figures()
    }

    /// Figures of this moment.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            abandoned_shards: self.fleet.abandoned(),
            paused: usize::from(self.services.caution.is_on()),
            evicted: self.services.evictions.counts(),
            ..Stats::default()
        };
        for shard in self.fleet.all_shards() {
            stats.isolates += shard.isolate_count();
            stats.spares += shard.spare_count();
            stats.events += shard.load();
        }
        stats
    }
}

/// A shard that runs sockets.
#[derive(Clone)]
pub struct FrontShard {
    handle: Arc<ShardHandle>,
    replaces_stopped: bool,
}

impl FrontShard {
    /// Runs a future on the shard. It is made on the shard's thread and need not be `Send`.
    pub fn spawn<F, Fut>(&self, make: F)
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        self.handle.send(Message::Run(Box::new(move || {
            Box::pin(make()) as Pin<Box<dyn Future<Output = ()>>>
        })));
    }

    /// Whether it replaces one whose thread never runs again, so that nobody but its successor can
    /// close what that had open.
    pub fn replaces_stopped(&self) -> bool {
        self.replaces_stopped
    }

    /// Its number among the front shards; its replacement has the same.
    pub fn index(&self) -> usize {
        self.handle.index()
    }
}
