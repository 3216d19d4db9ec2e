//! The runtime: V8's platform, the shards, the watchdog; the way in for events.

mod floor;
mod lanes;
mod lost;
mod shared;
mod succession;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use bindings::event::outgoing::{Outgoing, Pool, Untaken};
use bindings::kv::KvNamespaces;
use deno_core::{JsRuntime, v8};
use tokio::sync::oneshot;

use crate::code_cache::CodeCache;
use crate::config::{Config, Observer};
use crate::definition::Definition;
use crate::event::{FetchEvent, ResponseBody};
use crate::incident::Resource;
use crate::isolate::{Loaded, fatal, icu, process};
use crate::memory::{self, MemoryFigures};
use crate::outcome::Failure;
use crate::placement;
use crate::quarantine::Purpose;
use crate::shard::{Answer, CheckJob, Job, Message, Shard, ShardHandle, Started, Ticket};
use crate::version::Version;
use crate::watchdog;

pub(crate) use shared::Shared;
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

/// How long a check may wait for others and for the machine. It is ended by its own limits long
/// before, unless the machine has no time at all for it.
const CHECK_PATIENCE: Duration = Duration::from_secs(60);

/// A running runtime. Clones share it.
#[derive(Clone)]
pub struct Runtime {
    shared: Arc<Shared>,
}

/// What a version needed to start.
#[derive(Debug, Clone)]
pub struct StartReport {
    /// CPU time of its top-level code, compilation included.
    pub cpu: Duration,
    /// From the request to the end.
    pub wall: Duration,
    /// The names of its handlers.
    pub handlers: Vec<String>,
}

/// Why a runtime should be started anew: what it lost comes back with the end of the process only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartReason {
    /// More shards were lost than may be.
    LostShards,
    /// Shards that were given up have a large part of the node's memory, or nobody who runs is to
    /// blame for what is in use.
    LostMemory,
    /// They have less, but enough to be worth a new process now that no more are lost.
    Rest,
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
    /// in a process, on the main thread.
    ///
    /// # Errors
    /// Where the system refuses a thread.
    pub fn start(
        config: Config,
        store: Arc<dyn kv::Store>,
        observer: Arc<dyn Observer>,
    ) -> std::io::Result<Runtime> {
        Self::initialise();
        let shared = Shared::new(config.with_patience(), store, observer)?;
        watchdog::spawn(&shared)?;
        memory::spawn(&shared)?;
        floor::spawn(&shared)?;
        bindings::crypto::prepare_threads(|| process::set_thread_nice(CRYPTO_NICE));
        Ok(Runtime { shared })
    }

    /// The shards that are to run the sockets.
    pub fn front(&self) -> Vec<FrontShard> {
        self.shared
            .front()
            .iter()
            .map(|handle| FrontShard { handle: handle.clone(), replaces_stopped: false })
            .collect()
    }

    /// Sets what is called with the replacement of a front shard that had to be given up:
    /// its sockets are gone.
    pub fn on_front_replaced(&self, call: impl Fn(FrontShard) + Send + Sync + 'static) {
        self.shared.on_front_replaced(Box::new(move |handle, replaces_stopped| {
            call(FrontShard { handle, replaces_stopped });
        }));
    }

    /// Makes a version known. Makes no isolate: that happens with its first event, or when
    /// it is warmed.
    pub fn version(&self, mut definition: Definition) -> Arc<Version> {
        if self.shared.config.inspect.is_some() {
            definition.limits.cpu = self.shared.config.max_cpu;
        }
        let cache = match &self.shared.cache_folder {
            Some(folder) => {
                CodeCache::kept(Arc::clone(folder), &definition.worker, &definition.version)
            }
            None => CodeCache::in_memory(),
        };
        let namespaces = definition
            .kv_namespaces
            .iter()
            .map(|(_, id)| kv::Namespace::new(id.as_str()))
            .collect();
        let kv = KvNamespaces { store: self.shared.store.clone(), namespaces };
        let standing = self.shared.losses.standing(&definition.worker);
        let worker = Pool::new(self.shared.config.outgoing_worker_bytes);
        let outgoing = Outgoing::new(worker, self.shared.outgoing.clone());
        let waiting_with_kv = &self.shared.waiting_with_kv;
        let version = Version::new(definition, cache, kv, standing, outgoing, waiting_with_kv);
        let version = Arc::new(version);
        self.recognise(&version);
        version
    }

    /// Runs a `fetch` event. On a front shard a trusted worker runs inline, by a function
    /// call; every other goes to a back shard. Dropping the future before it is ready
    /// cancels the event: the client has gone away.
    ///
    /// # Errors
    /// Where there is no response of the worker's own; see [`Failure`].
    pub async fn fetch(
        &self,
        version: &Arc<Version>,
        event: FetchEvent,
    ) -> Result<http::Response<ResponseBody>, Failure> {
        if let Some(failure) = version.recent_failure() {
            return Err(failure);
        }
        if let Some(untaken) = version.outgoing.is_full() {
            return Err(self.refuse_untaken(version, untaken));
        }
        if let Some(shard) = Shard::current().filter(|shard| shard.handle().is_front()) {
            if shard.has_ready(version.key) && !version.standing.is_deaf() {
                return self.call(&shard, version, event).await;
            }
            if self.shared.config.inspect.is_none() && placement::should_promote(version) {
                // Made while this event and the next ones run on a back shard.
                let version = version.clone();
                tokio::task::spawn_local(async move { shard.warm(&version) });
            }
        }
        self.submit(version, event).await
    }

    #[cold]
    fn refuse_untaken(&self, version: &Version, untaken: Untaken) -> Failure {
        let failure = Failure::untaken(untaken);
        self.shared.tell_refused(Resource::ClientBytes, version, &failure);
        failure
    }

    async fn call(
        &self,
        shard: &std::rc::Rc<Shard>,
        version: &Arc<Version>,
        event: FetchEvent,
    ) -> Answer {
        let ticket = Ticket::new();
        match shard.call(job(version, event, ticket.clone(), None)) {
            Started::Done(answer) => answer,
            Started::Waiting(answer) => {
                let on_drop = OnDrop::new(|| shard.cancel(version.key, ticket.number));
                let answer = answer.await.unwrap_or(Err(LOST));
                on_drop.disarm();
                answer
            }
        }
    }

    async fn submit(&self, version: &Arc<Version>, event: FetchEvent) -> Answer {
        let waiting = version.begin_to_wait();
        if waiting >= self.shared.config.queue_per_worker {
            version.end_to_wait();
            return Err(Failure::LoadShed { what: format!("worker {}", version.worker()) });
        }
        let (reply, mut answer) = oneshot::channel();
        let ticket = Ticket::new();
        let job = job(version, event, ticket.clone(), Some(reply));
        let Some(shard) = self.shared.place(version, Message::Event(Box::new(job))) else {
            version.end_to_wait();
            return Err(Failure::ShuttingDown);
        };
        let on_drop = OnDrop::new(|| self.shared.cancel(version.key, &ticket));
        let answer = self.wait(&mut answer, &ticket, shard).await;
        on_drop.disarm();
        answer
    }

    /// Waits for an answer from wherever the event is, until that shard is given up.
    async fn wait(
        &self,
        answer: &mut oneshot::Receiver<Answer>,
        ticket: &Ticket,
        mut shard: Arc<ShardHandle>,
    ) -> Answer {
        loop {
            tokio::select! {
                biased;
                answer = &mut *answer => {
                    let answer = answer.unwrap_or(Err(LOST));
                    return answer.map(|response| {
                        response.map(|body| body.lost_with(shard.abandoned()))
                    });
                }
                () = shard.abandoned().cancelled() => {
                    match self.shared.back_shard(ticket) {
                        // It had been moved before its first shard was given up.
                        Some(now) if now.is_usable() => shard = now,
                        _ => return Err(STUCK),
                    }
                }
            }
        }
    }

    /// Loads a version ahead of its first event. Returns at once.
    pub fn warm(&self, version: &Arc<Version>) {
        if version.residences().is_empty() && version.recent_failure().is_none() {
            self.shared.place(version, Message::Warm(version.clone()));
        }
    }

    /// Starts a version in an isolate of its own, which is thrown away, on a shard of its own that
    /// has less of the machine than those that serve. One at a time; always ends. Needs a tokio
    /// runtime.
    ///
    /// # Errors
    /// Why it cannot serve.
    pub async fn check(&self, version: &Arc<Version>) -> Result<StartReport, Failure> {
        let began = Instant::now();
        let patience = CHECK_PATIENCE + 2 * self.shared.config.start_cpu;
        let loaded = tokio::time::timeout(patience, self.load_for_check(version)).await;
        let loaded = loaded.unwrap_or_else(|_| {
            Err(Failure::LoadShed { what: "the shard that starts new versions".to_owned() })
        })?;
        Ok(StartReport { cpu: loaded.cpu, wall: began.elapsed(), handlers: loaded.handlers })
    }

    async fn load_for_check(&self, version: &Arc<Version>) -> Result<Loaded, Failure> {
        loop {
            if let Some(failure) = version.standing.refusal(Purpose::Check) {
                return Err(failure);
            }
            let shard = self.shared.check_shard();
            let (reply, mut result) = oneshot::channel();
            shard.send(Message::Check(CheckJob { version: version.clone(), reply }));
            tokio::select! {
                biased;
                result = &mut result => return result.unwrap_or(Err(LOST)),
                () = shard.abandoned().cancelled() => {
                    // The start that cost the shard is answered before.
                    if let Ok(result) = result.try_recv() {
                        return result;
                    }
                }
            }
        }
    }

    /// Whether it should be started anew, and why.
    pub fn wants_restart(&self) -> Option<RestartReason> {
        let Shared { losses, memory, .. } = &*self.shared;
        if losses.have_ended() && memory.is_lost(true) {
            return Some(RestartReason::Rest);
        }
        if losses.were_too_many() {
            return Some(RestartReason::LostShards);
        }
        memory.is_lost(false).then_some(RestartReason::LostMemory)
    }

    /// Whether an event runs or waits whose worker has a KV namespace.
    pub fn uses_kv(&self) -> bool {
        self.shared.waiting_with_kv.load(Ordering::Relaxed) > 0 || self.shared.memory.uses_kv()
    }

    /// No new events will come for a version: its isolates go when their events are over.
    pub fn retire(&self, version: &Arc<Version>) {
        version.retired.store(true, Ordering::Relaxed);
        for residence in version.residences().iter() {
            residence.shard.send(Message::Retire(version.clone()));
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
        self.shared.memory.figures()
    }

    /// Figures of this moment.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            abandoned_shards: self.shared.abandoned.load(Ordering::Relaxed),
            ..Stats::default()
        };
        for shard in self.shared.all_shards() {
            stats.isolates += shard.isolate_count();
            stats.spares += shard.spare_count();
            stats.events += shard.load();
        }
        stats
    }
}

const LOST: Failure = Failure::IsolateLost { reason: "the event was dropped" };
const STUCK: Failure = Failure::IsolateLost { reason: "its shard did not come back" };

fn job(
    version: &Arc<Version>,
    event: FetchEvent,
    ticket: Arc<Ticket>,
    reply: Option<oneshot::Sender<Answer>>,
) -> Job {
    let submitted = Instant::now();
    Job { version: version.clone(), event, reply, ticket, submitted, cold: false }
}

/// Calls a function when it is dropped, unless disarmed.
struct OnDrop<F: FnMut()>(Option<F>);

impl<F: FnMut()> OnDrop<F> {
    fn new(call: F) -> OnDrop<F> {
        OnDrop(Some(call))
    }

    fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(mut call) = self.0.take() {
            call();
        }
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
